"""Whose calls these are. A tenant is a customer of whoever runs agentctl; the operator is one, too.

The store says of each piece of work whose it is, and all further steps of it are taken in that tenant's name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentctl.calls.inbox import Store
from agentctl.resources.part import OPERATOR as OPERATOR

if TYPE_CHECKING:
    from agentctl.calls.process import Recordings


@dataclass(frozen=True)
class TenantStore:
    """`store` for what is one tenant's: it says so with each call."""

    store: Store
    tenant: str

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """As the store's own."""
        return await self.store.call(function, {**args, "tenant": self.tenant}, timeout=timeout)


def store_of(store: Store, tenant: str) -> Store:
    """The store for the work of a tenant; the operator's is what it takes a call for that names nobody."""
    return store if tenant == OPERATOR else TenantStore(store, tenant)


def recordings_of(recordings: Recordings, tenant: str) -> Recordings:
    """Where the sound of a tenant's calls is kept; `recordings` is the operator's part of that place."""
    return recordings if tenant == OPERATOR else recordings.of(tenant)
