"""Numbers that one assistant declares and another one has: of a project that is read as a whole, its source tells."""

from __future__ import annotations

from dataclasses import replace

from agentctl.errors import AgentctlError, NotFound, SyncError
from agentctl.resources import agent, phone_number
from agentctl.sources.source import Gone
from agentctl.sync.plan import Change, Failure
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.wiring import Control


async def undisputed(control: Control, plan: ProjectPlan) -> ProjectPlan:
    """The plan without the numbers that are taken from an assistant which declares them, too: each is a failure.

    One that the other has given up moves, and one that is disabled has no say in an enabled one's. Raises what a look
    at the other's agent or declaration may raise.
    """
    if control.part is None:
        return plan
    lost, yielded = {}, set()
    for change in plan.changes:
        if change.desired.kind == phone_number.KIND and (other := await _declarer(control, change)):
            if change.desired.body.get("agent_id") is None:
                yielded.add(change.desired.ref)
                continue
            what = f"phone.numbers: {change.desired.key} is declared by {other}, too, where it rings"
            lost[change.desired.ref] = Failure(change.desired.ref, change.desired.where, SyncError(what))
    kept = tuple(one for one in plan.changes if one.desired.ref not in lost.keys() | yielded)
    return replace(plan, changes=kept, failures=(*plan.failures, *lost.values())) if lost or yielded else plan


async def _declarer(control: Control, change: Change) -> str:
    """The key of the other assistant of this project at whose agent the number rings and that declares it."""
    rings = change.observed.body.get("agent_id") if change.observed else None
    assert control.part is not None
    key = await _key(control, str(rings)) if rings else ""
    if key in ("", control.part.key):
        return ""
    try:
        declared = await control.source.one(key)
    except AgentctlError:
        return key  # as long as nobody can tell, it stays where it is
    if isinstance(declared, Gone):
        return ""
    if any(one.key == key for one in declared.assistants):
        has = any(one.enabled and change.desired.key in one.phone.numbers for one in declared.assistants)
        return key if has else ""
    return key


async def _key(control: Control, agent_id: str) -> str:
    """Of which key of this project it carries the tag."""
    ours = agent.Agent(control.api, control.scope)
    try:
        tags = (await ours.read(agent_id)).body.get("tags") or ()
    except NotFound:
        return ""
    prefix = ours.tag("")
    return next((str(tag).removeprefix(prefix) for tag in tags if str(tag).startswith(prefix)), "")
