"""Plan: what would have to be written so that the real resources match the desired ones. Making one writes nothing.

It knows three sides: what is declared, what is there, and what was last applied. So it can tell a change made here
from drift, which somebody made there, and from a conflict, where both did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, Literal, TypeVar

from agentctl.errors import AgentctlError, Problem, UsageError
from agentctl.sync.diff import Edit, Origin, attributed
from agentctl.sync.kind import Desired, Keyed, Observed, Ref
from agentctl.sync.refs import refs as refs
from agentctl.sync.refs import resolve as resolve

Spec = TypeVar("Spec")
Planned = TypeVar("Planned", bound="Plan")
# Below this many resources a third is a handful, which a person can read.
_SAFE_BELOW = 10


@dataclass(frozen=True)
class Change:
    """One resource to write.

    `replaces`: a new object takes over and the old one goes once nothing refers to it; of a deletion: it is such an old
    one, which an earlier run has left. `bound` is the id that was bound when the plan was made: another one at apply
    means that somebody else was quicker. `losses`: path of a part that would destroy something for good when it is
    written, and what that is, in words. `others`: names of those who use it and have no part in the plan; they keep the
    old object. `again`: an earlier run has begun to create it, and left nothing. `unjudged`: it is there, and a gate
    has to let it through still; there may be no edits. `instead`: the bound one is gone, and `observed`, which claims
    to be it, would take its place. `doubt`: why it is probably not meant, in words with what to do; it is left
    undone unless somebody says that ours counts. `barred`: why no word does it, in words with what a person can do
    about it: it is not known to be ours; the files are older than what is there; or it is ours and needed, as an agent
    whose callers nobody else is seen to answer: then the plan ends nothing that goes with it.
    """

    action: Literal["create", "update", "delete"]
    desired: Desired
    edits: tuple[Edit, ...] = ()
    observed: Observed | None = None
    _: KW_ONLY
    replaces: bool = False
    bound: str | None = None
    losses: tuple[tuple[tuple[str, ...], str], ...] = ()
    others: str = ""
    again: bool = False
    unjudged: bool = False
    instead: bool = False
    doubt: str = ""
    barred: str = ""
    awaits: tuple[tuple[tuple[str, ...], Ref], ...] = ()

    @property
    def vanished(self) -> bool:
        """It was bound, and is no longer there."""
        return self.bound is not None and (self.observed is None or self.instead)

    @property
    def foreign(self) -> tuple[Edit, ...]:
        """The edits that would overwrite what somebody changed there; of a deletion, what would go with it."""
        return tuple(edit for edit in self.edits if edit.origin != "here")

    @property
    def overwrites(self) -> bool:
        """Whether making it true takes back something that was done there."""
        return self.vanished or bool(self.foreign)

    @property
    def contested(self) -> bool:
        """Whether some of it is left undone unless somebody says that ours counts."""
        return self.overwrites or bool(self.doubt)

    def stays(self, *, take_ours: bool) -> bool:
        """Whether some of it is left undone by whoever says so much."""
        return bool(self.barred) or (self.contested and not take_ours)

    @property
    def withheld(self) -> str:
        """Why it is left undone whatever it would write; empty: it is not."""
        return self.barred or self.doubt

    @property
    def destroys(self) -> tuple[str, ...]:
        """What would be lost for good, in words."""
        return tuple(lost for _, lost in self.losses)

    @property
    def perilous(self) -> tuple[Edit, ...]:
        """The edits that would lose it; they need a yes of their own."""
        return tuple(edit for edit in self.edits if any(edit.under(at) for at, _ in self.losses))

    def held(self, *, take_ours: bool, destroy: bool) -> tuple[Edit, ...]:
        """The edits that are left undone unless somebody says that ours counts, and that it may destroy.

        A part that can destroy something is written as it was judged, or not at all.
        """
        foreign, perilous = () if take_ours else self.foreign, () if destroy else self.perilous
        held = [edit for edit in self.edits if edit in foreign or edit in perilous]
        parts = {peril.at for peril in self.desired.perils if any(edit.under(peril.at) for edit in held)}
        paths = {edit.path for edit in held}
        held += [edit for edit in self.edits if self.desired.brings.get(edit.path) in paths]
        return tuple(edit for edit in self.edits if edit in held or any(map(edit.under, parts)))


@dataclass(frozen=True)
class Failure:
    """One resource that cannot be planned or was not applied, and why. `leaving`: it was to be deleted.

    `names`: every text of it as it is there, so that it uses nothing else; None where nobody has looked.
    """

    ref: Ref
    where: str
    error: AgentctlError
    leaving: bool = False
    names: AbstractSet[str] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Settled:
    """What is only to be remembered: an id that was found, fields that are equal on both sides, when it was touched.

    `gone`: paths of what was applied once, and is neither declared nor there any more. `former`: the id that was bound
    before, if that is there still. `unjudged`: whether a gate has ever let it through is not known. `fingerprint`: of
    its content, where that has become known. `own`: as of `Bindings.bind`.
    """

    ref: Ref
    remote_id: str
    body: Mapping[str, Any] = field(repr=False)
    gone: tuple[tuple[str, ...], ...] = ()
    touched: int = 0
    former: str | None = None
    unjudged: bool = False
    fingerprint: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Unmanaged:
    """One object in the workspace that carries no mark of ours and is bound to nothing; left alone."""

    kind: str
    remote_id: str
    name: str


@dataclass(frozen=True)
class Plan:
    """What to write, in the order of kinds; what is only to be remembered; and what a person should know.

    `waiting`: resources that need a step by a person first. They are no failures, and nothing else waits for them.
    `orphans`: ours by binding or mark, and no longer declared. `absent`: those of them that are there no more;
    `lapsed`: such of which the binding is to be forgotten, with the id. `sighted`: what was seen by key, but what is
    bound under another. `known`: how many resources are bound in this scope.
    `ours`: by kind, how many there are of ours, by binding or mark; what lies in our own store is not counted.
    `adopted`: those that were found without a binding. Nothing is remembered of them, so that drift cannot be told from
    a change made here: what differs counts as ours to write. `unmanaged`: what is there and nobody's of ours.
    `abandoned`: creates that were cut off, of what is neither declared any more nor there; they are to be forgotten.
    `doubled`: what no spec of this plan wants, is bound, and claimed by others beside the bound one. `misplaced`: what
    is not there, but for what carries its mark and is bound to this other key. `contents`: by id
    the fingerprint of what somebody was seen to have edited, which a yes to the plan is a yes to. `barred`: why nothing
    of it is applied, whatever anybody says, nor remembered.
    """

    changes: tuple[Change, ...] = ()
    settled: tuple[Settled, ...] = ()
    unchanged: int = 0
    orphans: tuple[Ref, ...] = ()
    absent: tuple[Ref, ...] = ()
    lapsed: tuple[tuple[Ref, str], ...] = ()
    sighted: Mapping[Ref, tuple[Mapping[str, Any], ...]] = field(default_factory=dict, repr=False)
    waiting: tuple[Failure, ...] = ()
    notices: tuple[Problem, ...] = ()
    failures: tuple[Failure, ...] = ()
    known: int = 0
    ours: Mapping[str, int] = field(default_factory=dict)
    adopted: tuple[Ref, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    abandoned: tuple[Ref, ...] = ()
    doubled: tuple[Failure, ...] = ()
    misplaced: Mapping[Ref, str] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    barred: str = ""

    @property
    def empty(self) -> bool:
        """Nothing to write and nothing wrong."""
        return not self.changes and not self.failures

    @property
    def foreign(self) -> tuple[Change, ...]:
        """The changes that are held back unless somebody says that ours counts."""
        return tuple(change for change in self.changes if change.overwrites and not change.barred)

    @property
    def doubtful(self) -> tuple[Change, ...]:
        """The changes that are probably not meant."""
        return tuple(change for change in self.changes if change.doubt)

    @property
    def destructive(self) -> tuple[Change, ...]:
        """The changes that would destroy something for good, and are held back without a yes of their own."""
        return tuple(change for change in self.changes if change.destroys and not change.barred)

    def counts(self) -> dict[str, int]:
        """Number of resources by what happens to them."""
        actions = [change.action for change in self.changes]
        return {
            "create": actions.count("create"),
            "update": actions.count("update"),
            "delete": actions.count("delete"),
            "unchanged": self.unchanged,
        }

    def raise_if_unsafe(self, *, take_ours: bool = False) -> None:
        """Raise UsageError where more than a third of at least ten would be deleted, forgotten or overwritten.

        Those of one kind count for themselves too: twelve agents are not made fewer by the documents that they have.
        A wrong directory, an empty checkout or a foreign workspace looks like that; a day's work does not.
        """
        doomed = Counter(
            change.desired.kind
            for change in self.changes
            if not change.barred
            and ((change.action == "delete" and not change.replaces) or (take_ours and change.overwrites))
        )
        doomed.update(ref.kind for ref, _ in self.lapsed)
        lost = [(doomed[kind], count, f"{kind}s") for kind, count in self.ours.items() if kind in doomed]
        most = [one for one in lost if _is_much(*one[:2])]
        everything = (sum(one[0] for one in lost), sum(self.ours.values()), "resources")
        if most or _is_much(*everything[:2]):
            said = " and ".join(f"{some} of {count} {what}" for some, count, what in most or [everything])
            what = "deleted, forgotten or overwritten" if self.lapsed else "deleted or overwritten"
            raise UsageError(f"{said} would be {what}", "If that is really meant, run it again with --force.")


def _is_much(some: int, count: int) -> bool:
    return count >= _SAFE_BELOW and some * 3 > count


def traced(
    edits: Sequence[Edit], applied: Mapping[str, Any], lists: Mapping[str, Keyed], was: Mapping[Ref, str]
) -> tuple[Edit, ...]:
    """The edits with their origin. What refers to something that was found deleted there says what it said before, by
    the id that it had, `was`: that there is none for it now is nothing that was changed here.
    """
    if not any(refs(edit.after) for edit in edits):
        return attributed(edits, applied, lists)
    found = attributed([replace(edit, after=resolve(edit.after, was)) for edit in edits], applied, lists)
    return tuple(replace(edit, origin=one.origin, applied=one.applied) for edit, one in zip(edits, found, strict=True))


def weighed(plan: Plan, whose: Callable[[Change, Edit], Origin]) -> Plan:
    """The plan with each edit's origin as `whose` has it: for a caller that was told what it may overwrite."""
    changes = [
        replace(one, edits=tuple(replace(edit, origin=whose(one, edit)) for edit in one.edits)) for one in plan.changes
    ]
    return replace(plan, changes=tuple(changes))


def by_kind(changes: Sequence[Change], kind: str) -> list[Change]:
    """The changes of one kind, in order."""
    return [change for change in changes if change.desired.kind == kind]
