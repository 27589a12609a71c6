"""Held assistants in a plan: they are compared with the revision that they are held at, not with their files.

So what was changed or deleted there is seen as it is of any other, and a rollback that was cut off is finished.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from agentctl.errors import Problem, SyncError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.assistant import Assistant
from agentctl.sync.diff import without
from agentctl.sync.entries import postponed
from agentctl.sync.kind import Desired, Kind, Ref
from agentctl.sync.plan import Plan, refs
from agentctl.verbs.revisions.history import ProjectPlan, digest, resources, restored
from agentctl.verbs.revisions.hold import Hold, all_holds
from agentctl.verbs.revisions.leading import must_stay_within
from agentctl.wiring import Control


@dataclass(frozen=True)
class Held:
    """Some holds with the revisions that are in force, by key, and why the others cannot be read."""

    holds: Sequence[Hold] = ()
    revisions: Mapping[str, Assistant] = field(default_factory=dict)
    unread: Mapping[str, SyncError] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[str]:
        """Of those that are held."""
        return frozenset(hold.key for hold in self.holds)

    def apart(self, assistants: Sequence[Assistant]) -> tuple[list[Assistant], list[Assistant]]:
        """Those that are not held, and of the others the revisions that are in force, where they can be read."""
        own = [self.revisions[one.key] for one in assistants if one.key in self.revisions]
        return [one for one in assistants if one.key not in self.keys], own

    def parts(self, kinds: Sequence[Kind[Assistant]], declared: Iterable[Assistant]) -> dict[str, frozenset[Ref]]:
        """What each is made of: by its files, and by the revision that is in force."""
        sources: dict[str, list[Assistant]] = {hold.key: [] for hold in self.holds}
        for one in (*declared, *self.revisions.values()):
            if one.key in sources:
                sources[one.key].append(one)
        return {key: frozenset[Ref]().union(*(resources(kinds, one) for one in ones)) for key, ones in sources.items()}

    def desired(
        self, kinds: Sequence[Kind[Assistant]], keys: Iterable[str], others: Iterable[Assistant]
    ) -> tuple[Desired, ...]:
        """What those of `keys` want, where `others`, who are not held, want nothing else of it.

        What others want differently is theirs; an agent that refers to it is left alone in that part.
        """
        theirs = {one.ref: one for other in others for kind in kinds for one in kind.desired(other)}
        found: dict[Ref, Desired] = {}
        for key in keys:
            if key not in self.revisions:
                continue
            lost: set[Ref] = set()
            for kind in kinds:
                for desired in kind.desired(self.revisions[key]):
                    other = theirs.setdefault(desired.ref, desired)
                    one = _less(desired, kind, lost) if other.body == desired.body else None
                    if one is None:
                        lost.add(desired.ref)
                    else:
                        found.setdefault(one.ref, replace(one, pinned=key))
        return tuple(found.values())

    def notices(self, plan: Plan, kinds: Sequence[Kind[Assistant]], declared: Iterable[Assistant]) -> Iterator[Problem]:
        """That each of `declared` which is held is so, and what is not yet, or cannot be told to be, as it should."""
        where = {one.key: one.where for one in declared}
        ours = {change.desired.ref for change in plan.changes if not change.overwrites and change.action != "delete"}
        for hold in self.holds:
            if hold.key not in where:
                continue
            yield Problem(where[hold.key], str(hold))
            if hold.is_open:
                what = "a command of agentctl was cut off while it wrote files: the hold stays, and a sync notes them"
                yield Problem(where[hold.key], what)
            revision = self.revisions.get(hold.key)
            if revision is None:
                what = f"what is there cannot be compared with what it is held at: {self.unread[hold.key]}"
                yield Problem(where[hold.key], what)
            elif ours & resources(kinds, revision):
                what = f"the rollback to revision {hold.revision} is not finished: a sync finishes it"
                yield Problem(where[hold.key], what)


async def in_force(
    control: Control, declared: Sequence[Assistant], asked: Sequence[Assistant]
) -> tuple[list[Hold], list[Hold]]:
    """The holds in force, and those that end since the source of one that was asked for is not what it was.

    One whose files are gone is neither: they may come back, under another key too, so it ends with the agent only.
    """
    sources = {one.key: one for one in declared}
    keys = {one.key for one in asked}
    kept, released = [], []
    for hold in await all_holds(control):
        source = sources.get(hold.key)
        if source is not None and not hold.passed and (hold.is_open or digest(source, control.scope) == hold.digest):
            kept.append(hold)
        elif hold.key in keys:
            released.append(hold)
    return kept, released


async def read(control: Control, holds: Sequence[Hold]) -> Held:
    """The revisions that these holds are at."""
    found: dict[str, Assistant] = {}
    unread: dict[str, SyncError] = {}
    for hold in holds:
        for revision in (hold.revision, None):  # The one it was rolled back to may be pruned; the newest equals it.
            try:
                was = await restored(control, hold.key, revision)
                await must_stay_within(control, was)
                found[hold.key] = was
                break
            except SyncError as error:
                unread.setdefault(hold.key, error)
    return Held(tuple(holds), found, unread)


def ends(assistants: Sequence[Assistant], released: Sequence[Hold]) -> Iterator[Problem]:
    """That these holds end, told where the files are that end them."""
    where = {assistant.key: assistant.where for assistant in assistants}
    for hold in released:
        yield Problem(where.get(hold.key, f"assistants/{hold.key}"), hold.end)


def sparing(
    plan: Plan,
    assistants: Sequence[Assistant],
    spared: Mapping[str, frozenset[Ref]],
    kept: Sequence[Hold],
    released: Sequence[Hold],
) -> ProjectPlan:
    """The plan without the end of what belongs to a held assistant: by its files or its revision, it is no orphan.

    A former object, of which the place is taken, is nobody's part.
    """
    parts = frozenset[Ref]().union(*spared.values())
    changes = tuple(
        one for one in plan.changes if one.action != "delete" or one.replaces or one.desired.ref not in parts
    )
    orphans = tuple(ref for ref in plan.orphans if ref not in parts)
    abandoned = tuple(ref for ref in plan.abandoned if ref not in parts)
    lapsed = tuple(one for one in plan.lapsed if one[0] not in parts)
    # Beside what is held there may be others all the same: that needs a person, held or not.
    failures = (*plan.failures, *(one for one in plan.doubled if one.ref in parts))
    more: dict[str, Any] = {"changes": changes, "failures": failures, "orphans": orphans, "abandoned": abandoned}
    return ProjectPlan.of(plan, assistants, **more, lapsed=lapsed, holds=tuple(kept), released=tuple(released))


def _less(desired: Desired, kind: Kind[Assistant], lost: set[Ref]) -> Desired | None:
    """`desired` without what refers to `lost`; None where nothing of it makes sense then."""
    if not refs(desired.body) & lost:
        return desired
    if desired.kind != AGENT_KIND:
        return None
    return replace(desired, body=without(desired.body, postponed(desired.body, lost, kind.lists)), partial=True)
