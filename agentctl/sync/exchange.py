"""What a resource would let go of, or take on, has to be as it was seen last.

Who hears of an object hears of its content. So what somebody has edited of it is neither taken from its users nor given
to them before a person has decided: what would do so waits, as it waits for what is held back. What is edited while a
person or a gate decides stops the exchange.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from agentctl.errors import AgentctlError, NotFound, Stale
from agentctl.sync.bindings import Bindings
from agentctl.sync.departure import words
from agentctl.sync.diff import Edit
from agentctl.sync.entries import at, postponed
from agentctl.sync.fresh import PLAN_AGAIN
from agentctl.sync.kind import Desired, Kind, Ref, Sighting
from agentctl.sync.opaque import content_of, replaced_edits
from agentctl.sync.plan import Change, Failure, Plan, refs
from agentctl.sync.task import all_of


@dataclass(frozen=True)
class _Edited:
    """An object that somebody has edited there, and the fingerprint of its content.

    `replaced`: whoever refers to `ref` would get a new one instead.
    """

    ref: Ref
    remote_id: str
    content: str
    replaced: bool = False


def taken_on(
    kinds: Mapping[str, Kind[Any]],
    wanted: Mapping[str, Mapping[str, Desired]],
    seen: Mapping[str, Mapping[str, Sighting]],
    bindings: Bindings,
) -> set[Ref]:
    """What is there with content that only a look tells of, and that some resource refers to and does not have yet."""
    found: set[Ref] = set()
    opaque = {name for name, kind in kinds.items() if kind.traits.opaque}
    users = [name for name, kind in kinds.items() if opaque and not kind.traits.part_of]
    for desired in (one for name in users for one in wanted[name].values()):
        ids = {ref: i for ref in refs(desired.body) if ref.kind in opaque and (i := bindings.get(ref))}
        sighting = seen[desired.kind].get(desired.key, ())
        if ids and not isinstance(sighting, AgentctlError):
            parts = postponed(desired.body, set(ids), kinds[desired.kind].lists)
            has = set[str]().union(*(words(at(one.body, part)) for one in sighting for part in parts))
            found |= {ref for ref, i in ids.items() if i not in has}
    return found


async def awaiting(plan: Plan, kinds: Mapping[str, Kind[Any]], bindings: Bindings) -> Plan:
    """The plan in which each exchange of what somebody has edited is a conflict, and says what it waits for.

    What is let go of is looked at where the plan has not done so yet; a change of which that cannot be seen fails.
    """
    going = [_let_go(change) if _is_user(kinds, change) else set[str]() for change in plan.changes]
    looks = await _looks(set[str]().union(*going), plan.changes, kinds, bindings)
    edited = [*_known(plan.changes, kinds), *(one for one in looks.values() if isinstance(one, _Edited))]
    changes, failures = list[Change](), list[Failure]()
    for change, ids in zip(plan.changes, going, strict=True):
        errors = [look for i in ids & looks.keys() if isinstance(look := looks[i], AgentctlError)]
        if errors:
            failures.append(Failure(change.desired.ref, change.desired.where, errors[0]))
        else:
            changes.append(_weighed(change, edited) if _is_user(kinds, change) else change)
    contents = {one.remote_id: one.content for one in edited}
    return replace(plan, changes=tuple(changes), failures=(*plan.failures, *failures), contents=contents)


class Exchange:
    """Looks once more at what is exchanged, right before its user is written.

    What the run has made itself is as it was made, unless a gate has `judged` it meanwhile: tests take minutes. Of
    the rest, what it remembers having written is nobody's edit, and whoever said yes to the plan has seen what the plan
    saw.
    """

    def __init__(self, plan: Plan, kinds: Iterable[Kind[Any]], bindings: Bindings, *, judged: bool) -> None:
        self._seen = plan.contents
        self._bindings = bindings
        self._users = {kind.name for kind in kinds if not kind.traits.part_of}
        self._opaque = [kind for kind in kinds if kind.traits.opaque]
        self._judged = judged
        self._there = self._known()

    def _known(self) -> Mapping[str, tuple[Kind[Any], Ref]]:
        return {
            remote_id: (kind, Ref(kind.name, key))
            for kind in self._opaque
            for key, bound in self._bindings.of(kind.name).items()
            for remote_id in (bound, *self._bindings.former(Ref(kind.name, key)))
        }

    async def must_be_as_seen(self, user: Ref, before: Any, after: Any) -> None:
        """Raise Stale where somebody has edited what `user` lets go of, or takes on, since the plan was made."""
        if self._judged:
            self._there = self._known()
        if self._there and user.kind in self._users:
            moved = words(before) ^ words(after)
            await all_of(self._must_be_as_seen(user, remote_id) for remote_id in moved & self._there.keys())

    async def _must_be_as_seen(self, user: Ref, remote_id: str) -> None:
        kind, ref = self._there[remote_id]
        written = content_of(remote_id, ref, self._bindings)
        if not written:
            return
        with suppress(NotFound):
            if (await kind.read(remote_id)).fingerprint not in (written, self._seen.get(remote_id)):
                what = f"{ref.kind} {ref.key} was edited at the platform meanwhile"
                raise Stale(f"{what}; {user.kind} {user.key} was not written", PLAN_AGAIN)


def _is_user(kinds: Mapping[str, Kind[Any]], change: Change) -> bool:
    """Whether it is heard of what it refers to; a part goes with what it is a part of."""
    return change.action != "delete" and not kinds[change.desired.kind].traits.part_of


def _let_go(change: Change) -> set[str]:
    """The words of it that would go, among which are the ids of what it would refer to no longer."""
    return set[str]().union(*(words(edit.before) - words(edit.after) for edit in change.edits if edit.before))


def _known(changes: Iterable[Change], kinds: Mapping[str, Kind[Any]]) -> Iterator[_Edited]:
    """What the plan has seen to be edited."""
    for change in changes:
        content = kinds[change.desired.kind].traits.opaque
        if content and change.observed and any(edit.path == content for edit in change.foreign):
            replaced = change.replaces and change.action != "delete"
            yield _Edited(change.desired.ref, change.observed.remote_id, change.observed.fingerprint, replaced)


async def _looks(
    going: set[str], changes: Iterable[Change], kinds: Mapping[str, Kind[Any]], bindings: Bindings
) -> Mapping[str, _Edited | AgentctlError | None]:
    """By id what has come of a look at each of these of which the content is remembered, and was not seen yet."""
    seen = {change.observed.remote_id for change in changes if change.observed and change.observed.version}
    unseen = going - seen
    asked = [
        (kind, Ref(kind.name, key), i)
        for kind in kinds.values()
        if kind.traits.opaque and unseen
        for key, i in bindings.of(kind.name).items()
        if i in unseen and bindings.recall(Ref(kind.name, key), i).fingerprint
    ]
    looks = await asyncio.gather(*(_look(*one, bindings) for one in asked))
    return {i: look for (_, _, i), look in zip(asked, looks, strict=True)}


async def _look(kind: Kind[Any], ref: Ref, remote_id: str, bindings: Bindings) -> _Edited | AgentctlError | None:
    try:
        now = await kind.read(remote_id)
    except NotFound:
        return None
    except AgentctlError as error:
        return error
    return _Edited(ref, remote_id, now.fingerprint) if replaced_edits(kind, ref, now, bindings) else None


def _weighed(change: Change, edited: Collection[_Edited]) -> Change:
    awaits = tuple((edit.keys, ref) for edit in change.edits if edited for ref in _exchanged(edit, edited))
    parts = {keys for keys, _ in awaits}
    edits = tuple(replace(edit, origin="both") if edit.keys in parts else edit for edit in change.edits)
    return replace(change, edits=edits, awaits=awaits)


def _exchanged(edit: Edit, edited: Iterable[_Edited]) -> list[Ref]:
    """What of this the edit would let go of, or take on."""
    before, after, new = words(edit.before), words(edit.after), refs(edit.after)
    found = dict[Ref, None]()
    for one in edited:
        has, keeps = one.remote_id in before, one.remote_id in after
        if has != keeps or (one.replaced and not has and one.ref in new):
            found[one.ref] = None
    return list(found)
