"""Content that does not come back as it was sent: whether somebody has edited it at the platform.

A field of the body stands for it (`Traits.opaque`), and an edit there leaves that as it is. What the platform gives
back of the content has a fingerprint, which is remembered with each write of ours. Where the platform says that the
resource was touched since, it is looked at alone: the same fingerprint was the platform's own work, reading or
indexing, and another one is an edit, however soon after ours it was made. What is adopted is looked at too: what it
holds then is what later edits are told by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypedDict

from agentctl.errors import AgentctlError, NotFound, Problem, Stale
from agentctl.sync import touch
from agentctl.sync.bindings import Bindings
from agentctl.sync.diff import Edit, diff
from agentctl.sync.fresh import PLAN_AGAIN
from agentctl.sync.interrupted import Said
from agentctl.sync.kind import Desired, Kind, Observed, Ref, Sighting
from agentctl.sync.memory import NOTHING, Memory
from agentctl.sync.plan import Change
from agentctl.sync.provenance import is_foreign, says_declared


@dataclass(frozen=True)
class Look:
    """What a plan has to remember of when it was touched and of its content, and what a person should know.

    `basis`: the stand-in of what is adopted, which counts as applied: what differs from that later is an edit.
    `own`: as of `Bindings.bind`.
    """

    touched: int = 0
    fingerprint: str | None = None
    notice: Problem | None = None
    basis: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)


async def looked_into(
    kind: Kind[Any],
    wanted: Mapping[str, Desired],
    seen: Mapping[str, Sighting],
    bindings: Bindings,
    taken: Collection[Ref] = (),
) -> Mapping[str, Sighting]:
    """What was seen, with what was edited inside of it; only what may have been is asked for, and what is adopted.

    So is what is about to be written anew, to be replaced, or to be `taken` on: two edits of one second have one time.
    """
    field = kind.traits.opaque
    if not field:
        return seen
    doubted = [
        desired
        for desired in wanted.values()
        if not isinstance(sighting := seen.get(desired.key, ()), AgentctlError)
        and any(_is_doubtful(kind, desired, one, bindings, taken) for one in sighting)
    ]
    looks = await asyncio.gather(*(_look(kind, one, seen[one.key], bindings, taken) for one in doubted))
    return {**seen, **{one.key: look for one, look in zip(doubted, looks, strict=True)}}


def edited(field: str, now: Observed, memory: Memory) -> Observed:
    """A look at it alone, with words in the place of the stand-in where the content is not what was remembered.

    One that has lost its stand-in, as with a name that somebody changed, is known by its content alone.
    """
    applied = memory.applied.get(field)
    if not memory.fingerprint or now.body.get(field) not in (None, applied):
        return now
    same = now.fingerprint == memory.fingerprint
    return replace(now, body={**now.body, field: applied if same else touch.edited(now)})


def content_of(remote_id: str, ref: Ref, bindings: Bindings) -> str:
    """The fingerprint that the content of what was replaced had after our last write; empty: unknown."""
    return bindings.recall(ref, remote_id).fingerprint


def replaced_edits(kind: Kind[Any], ref: Ref, now: Observed, bindings: Bindings) -> tuple[Edit, ...]:
    """What somebody has changed of the content of what was replaced, and would go with it."""
    if now.fingerprint == content_of(now.remote_id, ref, bindings):
        return ()
    return (Edit((kind.traits.opaque,), touch.edited(now), None, "there"),)


def unknown_edits(kind: Kind[Any], now: Observed) -> tuple[Edit, ...]:
    """What would go with one of which nothing is remembered: all that it holds.

    What tells no time is changed by others than people.
    """
    if not now.touched:
        return ()
    return (
        Edit(
            (kind.traits.opaque,), f"not known to be ours, last touched on {touch.moment(now.touched)}", None, "there"
        ),
    )


def look(
    kind: Kind[Any], desired: Desired, observed: Observed, memory: Memory, edits: Collection[Edit], said: Said | None
) -> Look:
    """What follows from how a plan saw it. `edits`: what differs; `said`: by a write that nobody saw the end of.

    An edit there is drift, which the next plan has to find as well. Where no fingerprint is known, the time has to do.
    """
    name, ref, learnt = kind.traits.opaque, desired.ref, observed.fingerprint or None
    if memory.fingerprint and any(edit.path == name and edit.origin != "here" for edit in edits):
        return Look()
    adopted = _is_adopted(kind, observed, memory, said)
    ends = (adopted or memory.found) and _ends(kind, desired, frozenset(edit.path for edit in edits))
    is_told = observed.body.get(name) == touch.edited(observed)
    notice = _found(ref, observed) if ends and not is_told else None
    if adopted:
        there = observed.body.get(name)
        return Look(observed.touched, observed.fingerprint, notice, {} if there is None else {name: there})
    if learnt == memory.fingerprint:
        return Look(observed.touched if observed.touched != memory.touched else 0, notice=notice)
    if said and learnt:
        return Look(observed.touched, learnt, _unseen(ref), own=_own(name, observed.body, learnt))
    if memory.fingerprint and learnt:  # Another store has written it as it is declared here.
        return Look(observed.touched, learnt, own=_own(name, observed.body, learnt))
    if touch.is_news(memory.touched, observed, overwrites=bool(edits)):
        return Look(observed.touched, learnt, touch.notice(ref, observed))
    return Look(0 if memory.touched else observed.touched, notice=notice)


class Kept(TypedDict, total=False):
    """What `Bindings.bind` is told of a look."""

    touched: int
    fingerprint: str
    made: Mapping[str, Any]
    own: Mapping[str, str]


def afterwards(
    kind: Kind[Any],
    written: Observed,
    kept: Mapping[str, Any],
    memory: Memory,
    said: Collection[tuple[str, ...]] | None,
) -> Kept:
    """What is to be remembered after a write. `kept`: what is as declared now; `said`: paths written; None: all.

    A write that did not say the content does not make ours what somebody has put there meanwhile.
    """
    field = kind.traits.opaque
    if not field:
        return {"touched": written.touched}
    wrote = (field,) in (said or ())
    if wrote and field in kept and not written.fingerprint:
        # Its answer was lost: the next plan looks at it, and says so.
        return {"touched": written.touched, "fingerprint": "", "made": {field: kept[field]}}
    # Where the stand-in was not kept, what is there comes of our write all the same.
    if wrote or (field in kept and (not memory.fingerprint or said is None)):
        own = _own(field, kept, written.fingerprint)
        return {"touched": written.touched, "fingerprint": written.fingerprint, "own": own}
    return {"touched": written.touched if written.fingerprint == memory.fingerprint else 0}


def as_kept(kind: Kind[Any], desired: Desired, before: Observed, after: Observed, said: Said) -> Observed:
    """What is there after an edit, without a stand-in where the content itself was not kept.

    What is there then is what was there before it, and does not say what is declared.
    """
    field = kind.traits.opaque
    same = before.fingerprint and before.fingerprint == after.fingerprint
    if not field or not said.names((field,)) or not same or says_declared(kind, desired, after) is not False:
        return after
    return replace(after, body={**after.body, field: None})


async def must_be_as_seen(kind: Kind[Any], change: Change, old_id: str, bindings: Bindings) -> None:
    """Raise Stale where somebody has edited the content of what is replaced since the plan was made.

    A plan that read it has seen what goes with it, and somebody has said yes to that.
    """
    seen = change.observed.fingerprint if change.observed and change.observed.remote_id == old_id else ""
    content = seen or content_of(old_id, change.desired.ref, bindings)
    if not content:
        return
    with suppress(NotFound):
        if (await kind.read(old_id)).fingerprint != content:
            name = f"{change.desired.kind} {change.desired.key}"
            raise Stale(f"{name}: the one that was replaced was edited at the platform meanwhile; it stays", PLAN_AGAIN)


async def _look(
    kind: Kind[Any], desired: Desired, sighting: Sighting, bindings: Bindings, taken: Collection[Ref]
) -> Sighting:
    found: list[Observed] = []
    assert not isinstance(sighting, AgentctlError)
    for one in sighting:
        if _is_doubtful(kind, desired, one, bindings, taken):
            try:
                now = one if one.fingerprint else await kind.read(one.remote_id)
            except AgentctlError as error:
                # Not there, though it was listed, too: taken for gone, it would be made a second time.
                return error
            # A list tells more of who uses it.
            now = replace(now, told=one.told or now.told)
            one = _known(kind, desired, now, bindings)
        found.append(one)
    return found


def _known(kind: Kind[Any], desired: Desired, now: Observed, bindings: Bindings) -> Observed:
    """Also what passes for declared and is not: it was not kept when we wrote it, or edited after another store did."""
    field, memory = kind.traits.opaque, bindings.recall(desired.ref, now.remote_id)
    applied = memory.applied.get(field)
    if not memory.fingerprint or now.body.get(field) != desired.body[field] or desired.body[field] == applied:
        return edited(field, now, memory)
    if now.fingerprint != memory.fingerprint:
        theirs = memory.said is None and is_foreign(kind, desired, now, bindings)
        return replace(now, body={**now.body, field: touch.edited(now)}) if theirs else now
    stayed = applied is not None and says_declared(kind, desired, now) is False
    return replace(now, body={**now.body, field: applied}) if stayed else now


def _is_doubtful(kind: Kind[Any], desired: Desired, one: Observed, bindings: Bindings, taken: Collection[Ref]) -> bool:
    """Whether its content has to be looked at."""
    field, memory = kind.traits.opaque, bindings.recall(desired.ref, one.remote_id)
    stand_in = one.body.get(field)
    if memory.fingerprint:
        if stand_in != memory.applied.get(field):
            return True  # Whoever has changed what stands for it may have changed the content as well.
        changed = frozenset(edit.path for edit in diff(desired.body, one.body, kind.lists))
        return one.touched != memory.touched or desired.ref in taken or _ends(kind, desired, changed)
    said = bindings.said(desired.ref, one.remote_id)
    if _is_adopted(kind, one, memory, said):
        return True
    if said is not None and stand_in is not None and said.words.get(field) == stand_in:
        return True  # It has arrived, and nobody has seen what became of it.
    return touch.is_news(memory.touched, one)


def _is_adopted(kind: Kind[Any], one: Observed, memory: Memory, said: Said | None) -> bool:
    """Whether nothing is remembered of it. A kind whose resources tell no time is not looked into."""
    return bool(kind.traits.opaque and one.touched) and memory == NOTHING and said is None


def _ends(kind: Kind[Any], desired: Desired, changed: frozenset[str]) -> bool:
    """Whether a write of these paths ends what it holds."""
    return kind.traits.opaque in changed or kind.replaces(desired, changed)


def _own(field: str, body: Mapping[str, Any], fingerprint: str) -> Mapping[str, str]:
    return {body[field]: fingerprint} if fingerprint and body.get(field) else {}


def _found(ref: Ref, observed: Observed) -> Problem:
    what = f"was found with what it holds, last touched on {touch.moment(observed.touched)}, and is about to be written"
    return Problem(f"{ref.kind} {ref.key}", f"{what}; look whether somebody edited it before it was adopted")


def _unseen(ref: Ref) -> Problem:
    what = "was last written without an answer, and what it holds now counts as ours; look whether "
    return Problem(f"{ref.kind} {ref.key}", f"{what}somebody edited it since")
