"""Rows that live in another workspace: what is here of them stays until they have an agent there."""

from __future__ import annotations

from dataclasses import asdict, replace

from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.sources.loaded import Loaded
from agentctl.sync.bindings import Bindings
from agentctl.sync.plan import Plan
from agentctl.verbs.rows.wrong import belonging
from agentctl.wiring import Control


async def spared(control: Control, plan: Plan, loaded: Loaded, bindings: Bindings) -> Plan:
    """The plan without the end of anything whose assistant has no agent in its own workspace yet: it is an orphan.

    Whatever keeps that one from being made, such as a key that opens nothing, there is somebody to answer its callers.
    Raises StoreError.
    """
    ends = [one for one in plan.changes if one.action == "delete"]
    if not ends or not (homeless := await _homeless(control, loaded)):
        return plan
    is_theirs = belonging(homeless, bindings)
    kept = [one for one in ends if is_theirs(one.desired.ref)]
    changes = tuple(one for one in plan.changes if one not in kept)
    return replace(plan, changes=changes, orphans=(*plan.orphans, *(one.desired.ref for one in kept)))


async def _homeless(control: Control, loaded: Loaded) -> set[str]:
    """The keys of assistants of other workspaces that have no agent there."""
    if not loaded.elsewhere:
        return set()
    tenants, store = await control.households(), await control.store()
    found = set(loaded.elsewhere)
    for tenant in {*loaded.elsewhere.values()}:
        keys = [key for key, whose in loaded.elsewhere.items() if whose == tenant]
        async with control.within(tenants.home(tenant)) as there:
            asked = {**asdict(there.scope), "kind": AGENT_KIND, "keys": keys}
            found -= {*await store.call("bound_ids", asked)}
    return found
