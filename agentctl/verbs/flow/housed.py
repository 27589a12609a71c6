"""The sync of one assistant in the workspace where it lives."""

from __future__ import annotations

from agentctl.resources import agent
from agentctl.resources.part import OPERATOR
from agentctl.sources.loaded import Loaded
from agentctl.sources.source import Outcome
from agentctl.sync.kind import Ref
from agentctl.sync.part import Part
from agentctl.tenants import Access, Tenants
from agentctl.verbs.flow.one import sync_one
from agentctl.wiring import Control


async def sync_housed(control: Control, key: str) -> Outcome:
    """As `sync_one`, with the credentials of its tenant. One that is gone leaves wherever it has an agent."""
    tenants = await control.tenants()
    if not tenants.apart:
        return await sync_one(control, key)
    outcomes = []
    for access in await _homes(control, tenants, key):
        async with control.within(access) as there:
            outcomes.append(await sync_one(there, key))
    errors = "\n".join(one.error for one in outcomes if one.error)
    return Outcome(errors, held=any(one.held for one in outcomes))


async def _homes(control: Control, tenants: Tenants, key: str) -> list[Access]:
    found = await control.source.one(key)
    if isinstance(found, Loaded):
        return [tenants.home(_tenant(found, key))]
    bound = []
    for access in tenants.workspaces:
        async with control.within(access) as there:
            there.part = Part(key)
            if (await there.bindings()).get(Ref(agent.KIND, key)) is not None:
                bound.append(access)
    return bound or [tenants.project]


def _tenant(found: Loaded, key: str) -> str:
    rows = found.rows.rows if found.rows else ()
    known = {one.key: one.tenant for one in found.assistants} | {row.key: row.tenant for row in rows}
    return known.get(key, OPERATOR)
