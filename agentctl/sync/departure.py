"""What is ours and declared no longer: whether it is there still, and whether somebody has changed it meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from typing import Any

from agentctl.errors import AgentctlError, NotFound
from agentctl.sync import touch
from agentctl.sync.bindings import Bindings
from agentctl.sync.claims import ids_of
from agentctl.sync.diff import Edit, diff, overlaid
from agentctl.sync.interrupted import believed
from agentctl.sync.kind import Desired, Kind, Observed, Ref, Sighting
from agentctl.sync.opaque import content_of, edited, replaced_edits, unknown_edits
from agentctl.sync.plan import Change, Plan
from agentctl.sync.provenance import is_said, marked_as, ours

_TOUCHED = ("touched",)


async def lapsed(
    kinds: Mapping[str, Kind[Any]],
    wanted: Mapping[str, Mapping[str, Desired]],
    seen: Mapping[str, Mapping[str, Sighting]],
    bindings: Bindings,
) -> Mapping[Ref, str]:
    """What is bound, wanted by nobody and there no more, with its id: somebody deleted it, or we did and never heard.

    Only what the kind's look did not show is asked for; what cannot be looked at counts as there. What referred to it
    is known to refer to nothing.
    """
    unseen: list[tuple[Kind[Any], Ref, str]] = []
    for name, kind in kinds.items():
        known = {i for sighting in seen[name].values() for i in ids_of(sighting)}
        for key, remote_id in bindings.of(name).items():
            if key not in wanted[name] and remote_id not in known:
                unseen.append((kind, Ref(name, key), remote_id))
    gone = await asyncio.gather(*(_is_gone(kind, remote_id) for kind, _, remote_id in unseen))
    found = {ref: remote_id for (_, ref, remote_id), is_gone in zip(unseen, gone, strict=True) if is_gone}
    for kind, ref, remote_id in unseen:
        whole = bindings.applied(ref).get(kind.traits.part_of, remote_id)
        # A part may not be seen alone. Of what we deleted ourselves, nothing is remembered but that it was there.
        if whole is None or whole in found.values():
            found[ref] = remote_id
    bindings.lapse(nameable(found, kinds))
    return found


def nameable(gone: Mapping[Ref, str], kinds: Mapping[str, Kind[Any]]) -> set[str]:
    """The ids by which others may have named them. Those of our own store are words, which may stand anywhere."""
    return {remote_id for ref, remote_id in gone.items() if not kinds[ref.kind].traits.internal}


def with_lapsed(plan: Plan, gone: Mapping[Ref, str], *, forget: bool) -> Plan:
    """The plan with what lapsed: `forget` is for whoever may delete, since the key might open another workspace."""
    absent = tuple(ref for ref in gone if ref not in plan.orphans)
    if forget:
        return replace(plan, lapsed=tuple(gone.items()))
    return replace(plan, orphans=(*plan.orphans, *absent), absent=absent)


async def let_go(plan: Plan, kinds: Sequence[Kind[Any]], bindings: Bindings) -> None:
    """Of what was remembered: the creates that nobody will look for again, and what is gone already."""
    await bindings.abandon(plan.abandoned)
    for ref, remote_id in plan.lapsed:
        await bindings.forget(ref, remote_id)
    await bindings.detach(nameable(dict(plan.lapsed), {kind.name: kind for kind in kinds}))


async def _is_gone(kind: Kind[Any], remote_id: str) -> bool:
    try:
        await kind.read(remote_id)
    except NotFound:
        return True
    except AgentctlError:
        pass
    return False


async def as_they_are(
    kinds: Mapping[str, Kind[Any]], doomed: Sequence[Change], bindings: Bindings, gone: AbstractSet[str]
) -> Sequence[Change | AgentctlError]:
    """Each deletion with its resource as it is now, and as edits what somebody changed of it; or why it is not seen.

    One that is gone meanwhile is as it was. `gone`: ids that are no more; what named them was changed by nobody.
    """
    return await asyncio.gather(*(_as_it_is(kinds[change.desired.kind], change, bindings, gone) for change in doomed))


async def _as_it_is(
    kind: Kind[Any], change: Change, bindings: Bindings, gone: AbstractSet[str]
) -> Change | AgentctlError:
    assert change.observed is not None
    ref, remote_id = change.desired.ref, change.observed.remote_id
    if change.replaces and not content_of(remote_id, ref, bindings):
        return change  # Nothing is known that it could be compared with.
    try:
        now = await kind.read(remote_id)
    except NotFound:
        return change
    except AgentctlError as error:
        return error
    if change.replaces:
        return replace(change, observed=now, edits=replaced_edits(kind, ref, now, bindings))
    if bindings.memory(ref, remote_id) is not None or not kind.traits.opaque:
        return replace(change, observed=now, edits=_changed_there(kind, ref, now, bindings, gone))
    try:
        return await _claiming(kind, replace(change, observed=now), now, bindings)
    except AgentctlError as error:
        return error


async def _claiming(kind: Kind[Any], change: Change, now: Observed, bindings: Bindings) -> Change:
    """The deletion of what only its mark says to be ours: whatever it is called, its content has to be.

    What holds something else than we wrote was made by somebody, but for one of ours that was edited. A create of which
    the answer was lost leaves what holds the same as the bound one, or what it has said itself.
    """
    own = marked_as(kind, now, bindings)
    ref = own or change.desired.ref
    known = ours(kind, ref, now, bindings) or (await _bound_content(kind, own, now, bindings) if own else "")
    if known and now.remote_id in bindings.former(ref):
        return replace(change, edits=replaced_edits(kind, ref, now, bindings))
    if known:
        barred = "" if known == now.fingerprint else _of_somebody(kind, ref, str(bindings.get(ref)), now.remote_id)
        return replace(change, barred=barred)
    return change if is_said(kind, ref, now, bindings) else replace(change, edits=unknown_edits(kind, now))


async def _bound_content(kind: Kind[Any], ref: Ref, now: Observed, bindings: Bindings) -> str:
    """The fingerprint of what is bound, if that is to hold the same; empty: it is not, or nobody knows."""
    bound, content = bindings.get(ref) or "", kind.traits.opaque
    if bindings.applied(ref).get(content) != now.body.get(content):
        return ""
    with suppress(NotFound):
        return content_of(bound, ref, bindings) or (await kind.read(bound)).fingerprint
    return ""


def _of_somebody(kind: Kind[Any], own: Ref, bound: str, other: str) -> str:
    mark = f"carries the mark of {own.kind} {own.key}, which is {bound}"
    what = f"the {own.kind} {other} {mark}, and holds something else, so it is not known to be ours"
    way = f"to keep it, take our mark off it in the dashboard ({kind.traits.mark}), else delete it there"
    return f"{what}, and no sync deletes it: {way}"


def _changed_there(
    kind: Kind[Any], ref: Ref, now: Observed, bindings: Bindings, gone: AbstractSet[str]
) -> tuple[Edit, ...]:
    """What differs from what was last applied, so far as that is known; nothing where nothing is remembered.

    `before` is what is there, `after` what was last applied. Of what neither its body tells nor a fingerprint, the time
    has to do: a deletion cannot be taken back.
    """
    memory, recalled = bindings.memory(ref, now.remote_id), bindings.recall(ref, now.remote_id)
    if memory is None or kind.traits.internal:
        return ()
    now = edited(kind.traits.opaque, now, recalled)
    known = overlaid(memory, believed(bindings.said(ref, now.remote_id), memory, now, kind))
    there = _less(now.body, gone)
    news = {edit.keys for edit in diff(_less(known, gone), there, kind.lists, memory)}
    edits = [edit for edit in diff(known, now.body, kind.lists, memory) if edit.keys in news]
    found = [replace(edit, origin="there") for edit in edits if edit.before is not None or edit.after is not None]
    if not found and not recalled.fingerprint and touch.is_news(recalled.written, now):
        found.append(Edit(_TOUCHED, touch.moment(now.touched), touch.moment(recalled.written), "there"))
    return tuple(found)


def staying(plan: Plan, kinds: Sequence[Kind[Any]], is_held: Callable[[Change], bool]) -> list[Change]:
    """The deletions that are held back, and those of what goes with such a resource or that it still leans on."""
    attached = {kind.name for kind in kinds if kind.traits.internal or kind.traits.part_of}
    internal = {kind.name for kind in kinds if kind.traits.internal}
    leaving = [change for change in plan.changes if change.action == "delete"]
    doomed = [change for change in leaving if not change.replaces]
    old = [change for change in leaving if change.replaces and is_held(change)]
    # By resource: of several objects that claim to be one, none goes while another is held back. One that is barred
    # holds none: it is not ours whatever it claims, or the plan ends nothing of what goes with it.
    theirs = [change for change in doomed if change.barred]
    stay = {change.desired.ref for change in doomed if is_held(change) and not change.barred}
    while True:
        kept = [one for one in doomed if one.desired.ref in stay or one in theirs]
        ids = {one.observed.remote_id for one in kept if one.observed}
        used = set[str]().union(*(words(one.observed.body) for one in kept if one.observed))
        more = {
            one.desired.ref
            for one in doomed
            if one.observed and one.desired.ref not in stay
            # Ids of our own store are words that may stand anywhere.
            if (one.observed.remote_id in used and one.desired.kind not in internal)
            or (one.desired.kind in attached and ids & words(one.observed.body))
        }
        if not more:
            return [*kept, *old]
        stay |= more


def named_in(observed: Observed | None) -> set[str]:
    """Every text in what was seen; of what is not there, none."""
    return words(observed.body) if observed else set()


def words(tree: Any) -> set[str]:
    """Every text in it, among which are the ids that it names."""
    if isinstance(tree, str):
        return {tree}
    parts = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ()
    return set[str]().union(*map(words, parts))


def _less(tree: Any, gone: AbstractSet[str]) -> Any:
    """It without what names one of these ids."""
    if isinstance(tree, Mapping):
        return {key: _less(value, gone) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_less(entry, gone) for entry in tree if not words(entry) & gone]
    return None if isinstance(tree, str) and tree in gone else tree
