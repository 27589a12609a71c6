"""Whose a content is that only a stand-in tells of: ours is what a write of ours has left there, and nothing else.

A mark says what a resource is to be, and anybody may write it, or edit what is under it. So one that claims to be ours
by its mark, and is not the one that is bound, is looked at before it is taken for that or deleted: its content must be
one that we have written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from agentctl.errors import AgentctlError, NotFound
from agentctl.sync import touch
from agentctl.sync.bindings import Bindings
from agentctl.sync.entries import at
from agentctl.sync.kind import Desired, Kind, Legible, Observed, Ref, Shared, Sighting


def ours(kind: Kind[Any], ref: Ref, one: Observed, bindings: Bindings) -> str:
    """The fingerprint that it has if its content is ours; empty: not known."""
    field, memory = kind.traits.opaque, bindings.recall(ref, one.remote_id)
    content = one.body.get(field)
    if memory.fingerprint and content in (None, memory.applied.get(field, content)):
        return memory.fingerprint
    bound = bindings.recall(ref, bindings.get(ref) or "")
    # An earlier version has remembered what is bound alone.
    is_last = bool(content) and not bound.found and bound.applied.get(field) == content
    return bindings.own(ref).get(str(content), bound.fingerprint if is_last else "")


def is_said(kind: Kind[Any], ref: Ref, one: Observed, bindings: Bindings) -> bool:
    """Whether a create has said its content whose id never became known: that counts as ours."""
    content, said = one.body.get(kind.traits.opaque), bindings.said(ref, one.remote_id)
    return content in bindings.own(ref) or (said is not None and said.words.get(kind.traits.opaque) == content)


def attempted(kind: Kind[Any], ref: Ref, bindings: Bindings) -> Mapping[str, str]:
    """What such a create has said, as of `Bindings.bind`: no fingerprint of it is known."""
    content = bindings.attempted(ref).get(kind.traits.opaque)
    return {} if content is None or content in bindings.own(ref) else {str(content): ""}


def is_foreign(kind: Kind[Any], desired: Desired, now: Observed, bindings: Bindings) -> bool:
    """Whether it holds neither what we wrote under its mark nor, where that is not known, what is declared."""
    if known := ours(kind, desired.ref, now, bindings):
        return now.fingerprint != known
    return says_declared(kind, desired, now) is False


def says_declared(kind: Kind[Any], desired: Desired, now: Observed) -> bool | None:
    """Whether its content is what is declared, whoever wrote it; None: that cannot be told."""
    declared = kind.reads(desired) if isinstance(kind, Legible) else ""
    return now.reads == declared if declared else None


def marked_as(kind: Kind[Any], one: Observed, bindings: Bindings) -> Ref | None:
    """What is bound and carries this mark; None: nothing is."""
    marks = [tuple(path.split(".")) for path in kind.traits.marks]
    for key in bindings.of(kind.name):
        applied = bindings.applied(ref := Ref(kind.name, key))
        if all(at(applied, mark) == at(one.body, mark) for mark in marks):
            return ref
    return None


async def disowned(
    kind: Kind[Any],
    wanted: Mapping[str, Desired],
    seen: Mapping[str, Sighting],
    bindings: Bindings,
    mine: Collection[str] = (),
) -> Mapping[str, Sighting]:
    """What was seen, each key without what claims to be it and holds what no write of ours has left there.

    That is found under its whole mark, as what else has the key is; and in its place is what is bound, if it is there.
    Where nothing is, as in a store without a memory, the one that `mine` use already is taken for ours, and edited.
    """
    doubted = [
        (desired, one)
        for desired in (wanted.values() if kind.traits.opaque else ())
        if not isinstance(sighting := seen.get(desired.key, ()), AgentctlError)
        for one in sighting
        if _is_doubtful(kind, desired, one, bindings)
    ]
    looks = await asyncio.gather(*(_look(kind, one) for _, one in doubted))
    found, foreign = dict(seen), list[tuple[Desired, Observed]]()
    for (desired, one), now in zip(doubted, looks, strict=True):
        if isinstance(now, AgentctlError):
            found[desired.key] = now
        elif is_foreign(kind, desired, now, bindings):
            foreign.append((desired, now))
        else:
            _put(found, desired.key, one, now)
    for desired, now in foreign:
        await _apart(kind, desired, now, found, bindings, mine)
    return found


def _is_doubtful(kind: Kind[Any], desired: Desired, one: Observed, bindings: Bindings) -> bool:
    """Whether it stands beside what is bound, in its place, or where nothing is. What a write without an answer left
    does so too.
    """
    if bindings.get(desired.ref) == one.remote_id:
        return False
    return bool(ours(kind, desired.ref, one, bindings)) or not is_said(kind, desired.ref, one, bindings)


async def _apart(
    kind: Kind[Any],
    desired: Desired,
    now: Observed,
    found: dict[str, Sighting],
    bindings: Bindings,
    mine: Collection[str],
) -> None:
    """Set it aside, unless it is all that there is, and in use: then it is ours, with content that somebody edited."""
    field, sighting = kind.traits.opaque, found[desired.key]
    alone = not isinstance(sighting, AgentctlError) and [one.remote_id for one in sighting] == [now.remote_id]
    try:
        if bindings.get(desired.ref) is None and alone and await _is_used(kind, now, mine):
            told = touch.edited(now) if now.body.get(field) == desired.body[field] else now.body.get(field)
            _put(found, desired.key, now, replace(now, body={**now.body, field: told}))
            return
    except AgentctlError as error:
        found[desired.key] = error
        return
    await _set_aside(kind, desired.ref, now, found, bindings)


async def _is_used(kind: Kind[Any], one: Observed, mine: Collection[str]) -> bool:
    return isinstance(kind, Shared) and any(user.remote_id in mine for user in await kind.users(one.remote_id))


def _put(found: dict[str, Sighting], key: str, before: Observed, now: Observed) -> None:
    """What was read stands for what was listed; a list tells more of who uses it."""
    sighting = found[key]
    if not isinstance(sighting, AgentctlError):
        now = replace(now, told=before.told or now.told)
        found[key] = [now if one.remote_id == now.remote_id else one for one in sighting]


async def _look(kind: Kind[Any], one: Observed) -> Observed | AgentctlError:
    try:
        return one if one.fingerprint else await kind.read(one.remote_id)
    except AgentctlError as error:
        return error


async def _set_aside(kind: Kind[Any], ref: Ref, one: Observed, found: dict[str, Sighting], bindings: Bindings) -> None:
    sighting = found[ref.key]
    if isinstance(sighting, AgentctlError):
        return
    left = [other for other in sighting if other.remote_id != one.remote_id]
    try:
        found[ref.key] = left or await _bound(kind, ref, found, bindings)
    except AgentctlError as error:
        found[ref.key] = error
        return
    whole = f"{ref.key}@{one.body[kind.traits.opaque]}"
    others = found.get(whole, ())
    found[whole] = (*(() if isinstance(others, AgentctlError) else others), one)


async def _bound(kind: Kind[Any], ref: Ref, found: dict[str, Sighting], bindings: Bindings) -> Sighting:
    """The bound one, which has stood aside for what claimed to be it."""
    if (bound := bindings.get(ref)) is None:
        return []
    for key, sighting in found.items():
        there = () if isinstance(sighting, AgentctlError) else sighting
        if mine := [one for one in there if one.remote_id == bound]:
            found[key] = [one for one in there if one not in mine]
            return mine
    try:
        return [await kind.read(bound)]
    except NotFound:
        return []
