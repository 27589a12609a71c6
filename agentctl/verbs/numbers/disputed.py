"""Numbers that one assistant declares and another one has."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace

from agentctl.errors import AgentctlError, NotFound, SyncError
from agentctl.resources import agent, phone_number
from agentctl.sources.source import Gone
from agentctl.sync.bindings import Bindings
from agentctl.sync.plan import Change, Failure, Planned
from agentctl.verbs.flow.given_up import tenant_of
from agentctl.wiring import Control

_ANOTHER_TENANTS = "\0"  # no key is so


async def undisputed(control: Control, plan: Planned, bindings: Bindings) -> Planned:
    """The plan without the numbers that a row would take from tenant_of they are: each is a failure.

    From tenant to tenant none moves by what rows say: whoever edits a row of their own would get the other's callers.
    One that another assistant of the same tenant has given up moves, and one that is disabled has no say in an enabled
    one's. Raises what a look at the other's agent or declaration may raise.
    """
    loaded = control.loaded
    rows = loaded.rows_keys or ({loaded.target.key} if loaded.target else ())
    numbers = [one for one in plan.changes if one.desired.kind == phone_number.KIND and one.action != "delete"]
    asked = [one for one in numbers if one.desired.payload.key in rows]
    lost, yielded = {}, set()
    for change, key in zip(asked, await _holders(control, asked, bindings), strict=True):
        if not (other := await _declarer(control, change, key)):
            continue
        if change.desired.body.get("agent_id") is None:
            yielded.add(change.desired.ref)
        else:
            lost[change.desired.ref] = Failure(change.desired.ref, change.desired.where, _lost(change, other))
    kept = tuple(one for one in plan.changes if one.desired.ref not in lost.keys() | yielded)
    return replace(plan, changes=kept, failures=(*plan.failures, *lost.values())) if lost or yielded else plan


def _lost(change: Change, other: str) -> SyncError:
    number = change.desired.key
    if other == _ANOTHER_TENANTS:
        way = f"agentctl import-number {number} --assistant KEY gives it to this one"
        return SyncError(f"phone.numbers: {number} is another tenant's; {way}")
    return SyncError(f"phone.numbers: {number} is declared by {other}, too, which has it")


async def _declarer(control: Control, change: Change, key: str) -> str:
    """Which other assistant keeps the number, of which `key` has it: by that, if it is the same tenant's.

    Of a project that is read as a whole, its source has told of two of one tenant that declare it.
    """
    mine = change.desired.payload
    if key in ("", mine.key):
        return ""
    if await tenant_of(control, key) not in (None, mine.tenant):
        return _ANOTHER_TENANTS
    if control.target is None:
        return ""
    try:
        declared = await control.source.one(key)
    except AgentctlError:
        return key  # as long as nobody can tell, it stays where it is
    if isinstance(declared, Gone):
        return ""
    for one in declared.assistants:
        if one.key == key:
            has = change.desired.key in one.phone.numbers and (one.enabled or one.tenant != mine.tenant)
            return (key if one.tenant == mine.tenant else "another assistant") if has else ""
    return key


async def _holders(control: Control, asked: Sequence[Change], bindings: Bindings) -> list[str]:
    """By its key, the assistant of this project that has each number; empty: none.

    It is who it rings at, else who was applied with it last, as one that is disabled meanwhile.
    """
    rings = {one.desired.key: str(one.observed.body.get("agent_id") or "") for one in asked if one.observed}
    silent = [one.desired.key for one in asked if not rings.get(one.desired.key)]
    terms = {**asdict(control.scope), "numbers": silent}
    last = await (await control.store()).call("number_holders", terms) if silent else {}
    ids = sorted({one for one in rings.values() if one})
    known = dict(zip(ids, await asyncio.gather(*(_key(control, one, bindings) for one in ids)), strict=True))
    return [str(last.get(one.desired.key, "")) or known.get(rings.get(one.desired.key, ""), "") for one in asked]


async def _key(control: Control, agent_id: str, bindings: Bindings) -> str:
    """Of which key of this project it is: what is bound here, else as its tag says."""
    if bound := next((key for key, one in bindings.of(agent.KIND).items() if one == agent_id), ""):
        return bound
    ours = agent.Agent(control.api, control.scope)
    try:
        tags = (await ours.read(agent_id)).body.get("tags") or ()
    except NotFound:
        return ""
    prefix = ours.tag("")
    return next((str(tag).removeprefix(prefix) for tag in tags if str(tag).startswith(prefix)), "")
