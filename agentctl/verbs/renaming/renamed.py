"""Tell where folders seem to have been renamed by hand: a sync would make a second agent then, or overwrite one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from agentctl.errors import Problem
from agentctl.resources import agent
from agentctl.resources.assistant import Assistant
from agentctl.sources.files import ASSISTANTS
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind
from agentctl.sync.plan import Planned
from agentctl.verbs.renaming.likeness import Seen, declared, numbered, remembered, resembling
from agentctl.verbs.renaming.matching import Matching, matched

# `old` becomes `new`.
Step = tuple[str, str]


@dataclass(frozen=True)
class Group:
    """Folders that have to do with each other. `first`: the one with which the commands begin, `whose` it seems to be.

    `keys`: all of them, those that are no longer declared too; `new`: those that have no agent; `way`: the commands
    that keep the agents, the most probable first.
    """

    keys: frozenset[str]
    new: tuple[str, ...]
    first: str
    whose: str
    way: str


@dataclass(frozen=True)
class Moves:
    """What seems to have moved. `known`: the keys that have an agent; `bound`: those whose agent the store knows.

    Known are also those that a create without an answer was to make: what it may have left has the mark of its key.
    A chain of moves begins at a key that is new, or that nobody has any more. Where folders have changed places none
    is, and they go by `aside`, a key that nobody has.
    """

    matching: Matching
    declared: AbstractSet[str]
    known: AbstractSet[str]
    bound: AbstractSet[str]
    lost: AbstractSet[str] = frozenset()

    def free(self, name: str) -> str:
        """The name, or with a number behind it, so that nobody has it."""
        taken = self.declared | self.bound | self.known
        return next(one for one in (f"{name}{count or ''}" for count in itertools.count()) if one not in taken)

    @property
    def aside(self) -> str:
        return self.free("aside")

    def may_be(self, old: str, new: str) -> bool:
        """Whether `new` may be what `old` was, and what `new` was is no other's to keep."""
        some = self.matching.by_key.get(new, ())
        return any(one.old == old for one in some) and new not in self.matching.was.values()

    def told(self) -> Iterator[Group]:
        """Each group, and what to do about it."""
        for keys in self._together():
            chains = list(self._chains(keys))
            first = chains[0][0][1]
            likely = self.matching.by_key[first]
            same = [one for one in likely if one.worth == likely[0].worth and one.had == likely[0].had]
            whose = f"{' or '.join(one.old for one in same)}, which had its {likely[0].had}"
            ways = [self._way(chain) for chain in chains]
            yield Group(keys, tuple(sorted(keys - self.known)), first, whose, "; ".join((*ways, *self._less(keys))))

    def _together(self) -> list[frozenset[str]]:
        groups: list[frozenset[str]] = []
        for new, likely in self.matching.by_key.items():
            keys = frozenset((new, *(one.old for one in likely)))
            near = [one for one in groups if one & keys]
            groups = [*(one for one in groups if not one & keys), keys.union(*near)]
        return sorted(groups, key=sorted)

    def _chains(self, keys: AbstractSet[str]) -> Iterator[list[Step]]:
        """The moves in the order in which to rename: to a key that is free, then to the place that was left, …"""
        was = {new: old for new, old in self.matching.was.items() if new in keys}
        starts = [*sorted(was.keys() - self.known), *sorted(was.keys() - set(was.values())), *sorted(was)]
        while start := next((key for key in starts if key in was), None):
            chain, key = [], start
            while key in was:
                chain.append((was[key], key))
                key = was.pop(key)
            yield chain

    def _less(self, keys: AbstractSet[str]) -> Iterator[str]:
        """What else may have been meant, and by what."""
        for new in sorted(keys & self.matching.by_key.keys()):
            for one in self.matching.by_key[new]:
                if self.matching.was.get(new) != one.old:
                    how = "as" if one.worth >= self._best(one.old, new) else "less"
                    yield f"or, {how} likely, by its {one.had}: agentctl rename {one.old} {new}"

    def _best(self, old: str, new: str) -> int:
        """How much tells for what is assumed of either instead."""
        pairs = ((one.old, key, one.worth) for key, some in self.matching.by_key.items() for one in some)
        was = self.matching.was
        return max(
            (worth for one, key, worth in pairs if was.get(key) == one and (one == old or key == new)), default=0
        )

    def _way(self, chain: Sequence[Step]) -> str:
        start, (last, place) = chain[0][1], chain[-1]
        is_ring = last == start
        # The place of the first of a ring is left for it.
        steps = [(start, self.aside), *chain[:-1], (self.aside, place)] if is_ring else chain
        renames = ", then ".join(f"agentctl rename {old} {new}" for old, new in steps)
        is_known = all(old in self.bound for old, _ in chain) and (start in self.bound or start not in self.known)
        if is_known and not is_ring:
            return renames
        moves = [(new, old) for old, new in steps[::-1]]
        if is_known:
            return f"first {_put(moves)}, then {renames}"
        # What is known by its mark alone has to be taken up under the key that it is marked with.
        gone = f"what was {start} and all else that its plan says"
        prune = f" --prune, which deletes {gone}" if not is_ring and start in self.known else ""
        unknown = [key for key in (start, *(old for old, _ in chain)) if key in self.known - self.bound]
        if pending := [key for key in unknown if key in self.lost]:
            why = f"a create of {' and '.join(pending)} was begun and not seen yet"
            how = f", again until {start} is found and gone, or an hour has passed" if prune else ""
        else:
            why, how = "the store here does not know it", " (without a shared store --stateless too)"
        if is_ring or last not in self.declared:
            return f"{why}, so first {_put(moves)}, then agentctl sync{prune}{how}, then {renames}"
        # A new one has the place by now: onto it nothing can be put back, and what is put aside is nobody's to make.
        back = f"agentctl rename {self.aside} {last}" if prune else _put([(self.aside, last)])
        only = "" if prune else "".join(f" --only {old}" for old in sorted(old for old, _ in chain))
        first = _put([(last, self.aside), *moves])
        return f"{why}, so first {first}, then agentctl sync{prune}{only}{how}, then {renames}, then {back}"


def _put(moves: Iterable[Step]) -> str:
    return ", then ".join(f"mv {ASSISTANTS}/{old} {ASSISTANTS}/{new}" for old, new in moves)


def moves(
    bindings: Bindings,
    kinds: Sequence[Kind[Assistant]],
    assistants: Sequence[Assistant],
    *,
    seen: Seen | None = None,
    awaited: Seen | None = None,
    apart: AbstractSet[str] = frozenset(),
) -> Moves:
    """What seems to have moved. `seen`: what was seen under each key, bound or not; `apart`: keys of no concern.

    `awaited`: what creates without an answer were to make.
    """
    awaited, bound = awaited or {}, set(bindings.of(agent.KIND))
    seen = {**(seen or {}), **awaited}
    keys = {one.key for one in assistants}
    known = {*bound, *(ref.key for ref in seen if ref.kind == agent.KIND)}
    had, wanted = remembered(bindings, seen), declared(kinds, assistants)
    # What several share is under no key of theirs, and left documents are no assistant.
    had, wanted = ({key: some.get(key, set()) for key in of - apart} for some, of in ((had, known), (wanted, keys)))
    if known - keys - apart:
        numbered(had, wanted, bindings, assistants)
        resembling(had, wanted)
    lost = {ref.key for ref in awaited if ref.kind == agent.KIND} - bound
    return Moves(matched(had, wanted), keys, known, bound, lost)


def doubted(
    plan: Planned, found: Moves, assistants: Sequence[Assistant], *, apart: AbstractSet[str] = frozenset()
) -> Planned:
    """The plan with a doubt about each assistant that resembles one that has left its place, and a notice.

    Its documents and tests are doubted with it, and so is the end of the other one, and what would overwrite it.
    `assistants`: all that are declared, since what is planned may be some of them; `apart`: keys of no concern.
    """
    where = {one.key: one.where for one in assistants}
    planned = {_assistant(one.desired.key) for one in plan.changes}
    doubts: dict[str, str] = {}
    notices = []
    for group in found.told():
        if not group.keys & planned:
            continue
        is_new = group.first in found.declared - found.known
        is_declared = found.matching.was[group.first] in found.declared
        what = f"{'is new' if is_new else 'is another than it was'}, and {group.whose}, "
        what += "is declared otherwise now" if is_declared else "is no longer declared"
        what = f"{what}; if its folder was renamed, keep its agent and numbers: {group.way}"
        notices.append(Problem(where[group.first], what))
        why = f"keep the agent and numbers of {group.whose}: {group.way}; {_otherwise(group, found)}"
        doubts |= dict.fromkeys(group.keys, why)
    if not doubts:
        return _unlike(plan, found, where, apart)
    kept = (found.declared - found.known) & doubts.keys()
    doubtful = tuple(
        replace(one, doubt="" if key in kept and one.action == "update" else doubts.get(key, one.doubt))
        for one, key in ((one, _assistant(one.desired.key)) for one in plan.changes)
    )
    return replace(plan, changes=doubtful, notices=(*plan.notices, *notices))


def _unlike(plan: Planned, found: Moves, where: Mapping[str, str], apart: AbstractSet[str]) -> Planned:
    """The plan with a notice where one is gone and one is new, and nothing tells whether they are the same."""
    gone, new = found.bound - found.declared - apart, found.declared - found.known - apart
    if len(gone) != 1 or len(new) != 1:
        return plan
    ((old,), (key,)) = gone, new
    ends = {one.desired.key for one in plan.changes if one.desired.kind == agent.KIND and one.action == "delete"}
    if key not in {one.desired.key for one in plan.changes if one.desired.kind == agent.KIND}:
        return plan
    stays = "is deleted" if old in ends else "stays without a declaration"
    what = f"is made anew, and the agent of {old}, whose folder is gone, {stays}: nothing tells that it is the same; "
    notice = Problem(where[key], f"{what}if its folder was renamed: agentctl rename {old} {key}")
    return replace(plan, notices=(*plan.notices, notice))


def _otherwise(group: Group, found: Moves) -> str:
    """What to do where no folder was renamed. Narrowed, since it overwrites what was changed at the platform."""
    only = " ".join(f"--only {key}" for key in group.new or sorted(group.keys & found.declared))
    several = "agents of their own" if len(group.new) > 1 else "a second agent"
    return f"{f'for {several}' if group.new else 'to edit them instead'}: agentctl sync {only} --take-ours"


def _assistant(key: str) -> str:
    return key.partition("/")[0]
