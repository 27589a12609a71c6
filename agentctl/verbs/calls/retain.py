"""How long a project keeps what callers said: declared by a sync, carried out by every worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentctl.calls import retention
from agentctl.calls.retention import Retained
from agentctl.calls.tenant import recordings_of, store_of
from agentctl.errors import Problem
from agentctl.sources.project import AUDIT_DAYS, FILENAME
from agentctl.wiring import Control


async def retain(control: Control, *, of: str | None = None) -> Retained:
    """Erase what is older than its project keeps it, of each tenant, or of one alone. Raises StoreError."""
    store, recordings = await control.store(), control.workshop.recordings
    found = [of] if of else [row["tenant"] for row in await store.call("tenants", {})]
    done = [await retention.retain(store_of(store, one), recordings_of(recordings, one)) for one in found]
    return retention.added(done)


async def spare(control: Control) -> int:
    """Of each tenant, drop what was delivered of recordings that are proven to be kept. Raises StoreError."""
    from agentctl.calls import doubled

    store, recordings, budget = await control.store(), control.workshop.recordings, doubled.Budget()
    found = [row["tenant"] for row in await store.call("tenants", {})]
    return sum([await doubled.spare(store_of(store, one), recordings_of(recordings, one), budget) for one in found])


async def limits(control: Control) -> list[dict[str, Any]]:
    """The limits in force, in days, of each project and environment of the store. Raises StoreError."""
    found: list[dict[str, Any]] = await (await control.store()).call("retention", {})
    return found


async def declare(control: Control, declared: Mapping[str, int | None]) -> None:
    """Keep the project's limits where workers read them. Raises StoreError."""
    row = {"project": control.scope.project, "environment": control.scope.environment, **declared}
    await (await control.store()).call("save_retention", row)


async def notices(control: Control, declared: Mapping[str, int | None]) -> Iterator[Problem]:
    """What a sync would change of the limits: whatever is older is erased for good. Raises StoreError."""
    asked = {"project": control.scope.project, "environment": control.scope.environment}
    rows = await (await control.store()).call("retention", asked)
    changed = retention.changes(rows[0] if rows else {"audit": AUDIT_DAYS}, declared)
    return iter(
        [Problem(FILENAME, f"retention: {what}, from this sync on; what is older is erased") for what in changed]
    )
