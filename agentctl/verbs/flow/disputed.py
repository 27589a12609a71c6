"""Numbers that one assistant declares and another one has: of a project that is read as a whole, its source tells."""

from __future__ import annotations

from dataclasses import asdict, replace

from agentctl.errors import AgentctlError, NotFound, SyncError
from agentctl.resources import agent, phone_number
from agentctl.sources.source import Gone
from agentctl.sync.plan import Change, Failure
from agentctl.verbs.flow.given_up import tenant_of
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.wiring import Control

_ANOTHER_TENANTS = "\0"  # no key is so


async def undisputed(control: Control, plan: ProjectPlan) -> ProjectPlan:
    """The plan without the numbers that are taken from an assistant which declares them, too: each is a failure.

    One that the other has given up moves, and one that is disabled has no say in an enabled one's of its own tenant.
    From tenant to tenant none moves by what rows say: whoever edits a row of their own would get the other's callers.
    Raises what a look at the other's agent or declaration may raise.
    """
    if control.target is None:
        return plan
    lost, yielded = {}, set()
    for change in plan.changes:
        if change.desired.kind == phone_number.KIND and (other := await _declarer(control, change)):
            if change.desired.body.get("agent_id") is None:
                yielded.add(change.desired.ref)
                continue
            lost[change.desired.ref] = Failure(change.desired.ref, change.desired.where, _lost(change, other))
    kept = tuple(one for one in plan.changes if one.desired.ref not in lost.keys() | yielded)
    return replace(plan, changes=kept, failures=(*plan.failures, *lost.values())) if lost or yielded else plan


def _lost(change: Change, other: str) -> SyncError:
    number = change.desired.key
    if other == _ANOTHER_TENANTS:
        way = f"agentctl import-number {number} --assistant KEY gives it to this one"
        return SyncError(f"phone.numbers: {number} is another tenant's; {way}")
    return SyncError(f"phone.numbers: {number} is declared by {other}, too, which has it")


async def _declarer(control: Control, change: Change) -> str:
    """The other assistant of this project that has the number and declares it: by its key, if it is the same tenant's.

    Who has it is who it rings at, else who was applied with it last, as one that is disabled meanwhile.
    """
    rings = change.observed.body.get("agent_id") if change.observed else None
    assert control.target is not None
    key = await _key(control, str(rings)) if rings else await _last(control, change.desired.key)
    if key in ("", control.target.key):
        return ""
    (mine,) = {one.tenant for one in control.loaded.assistants if one.key == control.target.key}
    if await tenant_of(control, key) not in (None, mine):
        return _ANOTHER_TENANTS
    try:
        declared = await control.source.one(key)
    except AgentctlError:
        return key  # as long as nobody can tell, it stays where it is
    if isinstance(declared, Gone):
        return ""
    for one in declared.assistants:
        if one.key == key:
            has = change.desired.key in one.phone.numbers and (one.enabled or one.tenant != mine)
            return (key if one.tenant == mine else "another assistant") if has else ""
    return key


async def _last(control: Control, number: str) -> str:
    asked = {**asdict(control.scope), "numbers": [number]}
    return str((await (await control.store()).call("number_holders", asked)).get(number, ""))


async def _key(control: Control, agent_id: str) -> str:
    """Of which key of this project it carries the tag."""
    ours = agent.Agent(control.api, control.scope)
    try:
        tags = (await ours.read(agent_id)).body.get("tags") or ()
    except NotFound:
        return ""
    prefix = ours.tag("")
    return next((str(tag).removeprefix(prefix) for tag in tags if str(tag).startswith(prefix)), "")
