"""Numbers of rows in a plan: each is given to whose it is, by `succession`, and to nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from agentctl.errors import AgentctlError, NotFound, SyncError
from agentctl.resources import agent, phone_number
from agentctl.sources.source import Gone
from agentctl.sources.table.divided import claim_of, named
from agentctl.sources.table.rows import holding
from agentctl.sources.table.succession import Claim, Holder, has_say, is_foreign, refusal
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Change, Failure, Planned
from agentctl.verbs.owner import tenant_of
from agentctl.verbs.reading import read
from agentctl.wiring import Control

_NOTHING: frozenset[str] = frozenset()  # that whoever names a number in vain has of it


async def undisputed(control: Control, plan: Planned, bindings: Bindings, keys: Collection[str]) -> Planned:
    """The plan without the numbers that a row would take from whose they are: each is a failure.

    `keys`: of the assistants that it is about. Raises what a look at an agent or at all that is declared may raise.
    """
    loaded = control.loaded
    rows = loaded.rows_keys or ({loaded.target.key} if loaded.target else ())
    numbers = [one for one in plan.changes if one.desired.kind == phone_number.KIND and one.action != "delete"]
    asked = [one for one in numbers if one.desired.payload.key in rows]
    holders = await _holders(control, asked, bindings)
    claims = await _claims(control, asked, holders)
    lost, dropped = list[Failure](), set[Ref]()
    for change in asked:
        number, mine = change.desired.key, claim_of(change.desired.payload)
        holder, among = holders.get(number), _with(mine, claims.get(number, ()))
        if has_say(holder, among, mine):
            continue
        dropped.add(change.desired.ref)
        if why := refusal(number, holder, among, mine):
            lost.append(Failure(change.desired.ref, change.desired.where, _error(why), names=_NOTHING))
    kept = tuple(one for one in plan.changes if one.desired.ref not in dropped)
    waiting, denied = await _denied(control, keys)
    return replace(plan, changes=kept, waiting=(*plan.waiting, *waiting), failures=(*plan.failures, *lost, *denied))


def _error(why: str) -> SyncError:
    return SyncError(f"phone.numbers: {why}")


def _with(mine: Claim, claims: Sequence[Claim]) -> Sequence[Claim]:
    return claims if any(one.key == mine.key for one in claims) else (*claims, mine)


async def _denied(control: Control, keys: Collection[str]) -> tuple[list[Failure], list[Failure]]:
    """The numbers that rows with these keys name in vain: those that wait for an import, and the others."""
    rows = control.loaded.rows.rows if control.loaded.rows else ()
    asked = [(row, number, why) for row in rows if row.key in keys for number, why in row.denied.items() if why]
    there = await phone_number.PhoneNumber(control.api).ringing() if asked else {}
    waiting = [
        Failure(Ref(phone_number.KIND, number), row.where, phone_number.missing(number, row.key))
        for row, number, _ in asked
        if number not in there
    ]
    # Several rows may name one: what is told of it to one is nothing of another's.
    denied = [
        Failure(Ref(phone_number.KIND, f"{row.key}/{number}"), row.key, _error(why), names=_NOTHING)
        for row, number, why in asked
        if number in there
    ]
    return waiting, denied


async def _claims(
    control: Control, asked: Sequence[Change], holders: Mapping[str, Holder]
) -> Mapping[str, Sequence[Claim]]:
    """By number, who names it. Of one assistant alone, everything is read where others than the holder have a say."""
    if control.target is None:
        return named(control.loaded, holders)
    passing = [one for one in asked if _passes(one, holders.get(one.desired.key))]
    kept = {one.desired.key: await _kept(control, one, holders.get(one.desired.key)) for one in passing}
    known = {number: [claim] for number, claim in kept.items() if claim}
    if known.keys() == kept.keys():
        return known
    async with control.afresh() as fresh:
        return {**named(await read(fresh), holders), **known}


async def _kept(control: Control, change: Change, holder: Holder | None) -> Claim | None:
    """The claim of another one that has the number, if it is live, or as long as nobody can tell."""
    if holder is None or holder.key in ("", change.desired.payload.key):
        return None
    try:
        declared = await control.source.one(holder.key)
    except AgentctlError:
        return Claim(holder.key, holder.tenant or "")
    if isinstance(declared, Gone):
        return None
    own = next((one for one in declared.assistants if one.key == holder.key), None)
    if own is None:
        return Claim(holder.key, holder.tenant or "")
    return claim_of(own) if own.enabled and change.desired.key in own.phone.numbers else None


def _passes(change: Change, holder: Holder | None) -> bool:
    """Whether the number would go from somebody to somebody, or to nobody, and others have a say in it."""
    mine = claim_of(change.desired.payload)
    owns = holder is not None and holder.key == mine.key
    return mine.enabled != owns and not is_foreign(holder, mine)


async def _holders(control: Control, asked: Sequence[Change], bindings: Bindings) -> dict[str, Holder]:
    """By number, the assistant of this project that has it: at which it rings, else the one that had it ring last."""
    rings = {one.desired.key: str(one.observed.body.get("agent_id") or "") for one in asked if one.observed}
    ids = sorted({one for one in rings.values() if one})
    keys = dict(zip(ids, await asyncio.gather(*(_key(control, one, bindings) for one in ids)), strict=True))
    found = {number: keys[agent_id] for number, agent_id in rings.items() if keys.get(agent_id)}
    tenants = {key: await tenant_of(control, key) for key in sorted({*found.values()})}
    others = [one.desired.key for one in asked if one.desired.key not in found]
    last = await holding(await control.store(), control.scope, others) if others else {}
    return last | {number: Holder(key, tenants[key]) for number, key in found.items()}


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
