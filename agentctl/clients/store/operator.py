"""The store as it answers the operator: whoever opens the database as the owner of our tables, in person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentctl.clients.store.postgres import PostgresStore

# The database believes it of an owner's connection alone, whatever a token says: agentctl.my_memberships().
_CLAIMS = '{"agentctl": "operator"}'


@dataclass(frozen=True)
class OperatorStore:
    """`store`, asked in the operator's name: functions for signed-in people answer of every tenant."""

    store: PostgresStore

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """As the store's own."""
        return await self.store.call(function, args, timeout=timeout, claims=_CLAIMS)
