"""Tell where folders seem to have been renamed by hand: a sync would make a second agent then."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from agentctl.errors import Problem
from agentctl.resources import agent
from agentctl.resources.assistant import Assistant
from agentctl.sources.written import ASSISTANTS
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind
from agentctl.sync.plan import Planned
from agentctl.verbs.renaming.likeness import NAME, PROMPT, TRAITS, Seen, Trait, Traits, declared, remembered, surest


@dataclass(frozen=True)
class Move:
    """One assistant that seems to be another's under a new key. `had`: what those of `olds` had of it."""

    had: str
    olds: tuple[str, ...]


@dataclass(frozen=True)
class Moves:
    """What seems to have moved, by new key. `new`: the keys that have no agent; `bound`: those that have one.

    A chain of moves begins at a key that is new. Where folders have changed places none is, and they go by `aside`, a
    key that nobody has.
    """

    by_key: Mapping[str, Move]
    new: AbstractSet[str]
    declared: AbstractSet[str]
    bound: AbstractSet[str]

    @property
    def aside(self) -> str:
        taken = self.declared | self.bound
        return next(name for name in (f"aside{count or ''}" for count in itertools.count()) if name not in taken)

    def chain(self, key: str) -> tuple[tuple[str, Move], ...]:
        """The move to `key`, then the one that took the place it left, and so on: the order in which to rename."""
        steps: dict[str, Move] = {}
        while key in self.by_key and key not in steps:
            steps[key] = self.by_key[key]
            if len(steps[key].olds) > 1:
                break  # which one it was decides how to go on
            (key,) = steps[key].olds
        return tuple(steps.items())

    def told(self) -> Iterator[tuple[frozenset[str], str, str, str]]:
        """Of each chain: the keys in it, its first one, whose that seems to be, and the commands that keep it."""
        met: set[str] = set()
        for key in (*sorted(self.new & self.by_key.keys()), *sorted(self.by_key.keys() - self.new)):
            chain = self.chain(key)
            is_ring = chain[-1][1].olds == (key,)
            if key in met or not (key in self.new or is_ring):
                continue
            keys = frozenset(one for new, move in chain for one in (new, *move.olds))
            met |= keys
            first = self.by_key[key]
            way = self._way(self._opened(chain) if is_ring else chain)
            yield keys, key, f"{' or '.join(first.olds)}, which had its {first.had}", way

    def _opened(self, ring: Sequence[tuple[str, Move]]) -> Sequence[tuple[str, Move]]:
        """A chain by which each of a ring gets the key that it has now: the first one's place is left for it."""
        ((first, _), (last, move)) = ring[0], ring[-1]
        return ((self.aside, Move(move.had, (first,))), *ring[:-1], (last, Move(move.had, (self.aside,))))

    def _way(self, chain: Sequence[tuple[str, Move]]) -> str:
        renames = ", then ".join(" or ".join(f"agentctl rename {old} {key}" for old in one.olds) for key, one in chain)
        known = {*self.bound, self.aside}
        is_known = all(old in known for _, move in chain for old in move.olds)
        if is_known and chain[0][0] in self.new:
            return renames
        back = ", then ".join(
            " or ".join(f"mv {ASSISTANTS}/{key} {ASSISTANTS}/{old}" for old in one.olds) for key, one in chain[::-1]
        )
        if is_known:
            return f"first {back}, then {renames}"
        # What is known by its mark alone has to be taken up under the key that it is marked with.
        take_up = "agentctl sync (without a shared store agentctl sync --stateless)"
        return f"the store here does not know it, so first {back}, then {take_up}, then {renames}"


def moves(
    bindings: Bindings,
    kinds: Sequence[Kind[Assistant]],
    assistants: Sequence[Assistant],
    *,
    seen: Seen | None = None,
    there: Collection[str] = (),
    edited: bool = False,
) -> Moves:
    """What seems to have moved to an assistant that has no agent, and to the places that were left by that or by each
    other.

    `seen`: what was seen of orphans; `there`: keys of agents that are no new ones although nothing is bound. `edited`:
    some agent is to be, without which none has left its place to another that has one.
    """
    seen, bound = seen or {}, set(bindings.of(agent.KIND))
    keys = {one.key for one in assistants}
    new = keys - bound - set(there)
    if not new and not edited:
        return Moves({}, new, keys, bound)
    had, wanted = remembered(bindings, seen), declared(kinds, assistants)
    gone = {*bound, *(ref.key for ref in seen if ref.kind == agent.KIND)} - keys
    left = _left(had, wanted, new, keys & bound)
    takers, leavers = {key: wanted[key] for key in new | left}, gone | left
    staying = _all(had, wanted, but={*takers, *leavers}, among=keys)
    pairs: dict[str, dict[int, list[str]]] = {}
    for old in sorted(leavers):
        same = {key: had.get(old, set()) & takers[key] for key in takers if key != old}
        same = {key: _proving(some - wanted.get(old, set()), staying) for key, some in same.items()}
        best = min(map(surest, same.values()), default=len(TRAITS))
        for key in (key for key, some in same.items() if some and surest(some) == best):
            pairs.setdefault(key, {}).setdefault(best, []).append(old)
    found = {key: min(some.items()) for key, some in pairs.items()}
    return Moves({key: Move(TRAITS[best], tuple(olds)) for key, (best, olds) in found.items()}, new, keys, bound)


def _left(had: Traits, wanted: Traits, new: AbstractSet[str], places: AbstractSet[str]) -> set[str]:
    """Those of `places` that are declared still, but otherwise, while one that is new or has left too has what they
    had.

    One that keeps its name or prompt, or what is surer than what another has of it, was edited or copied.
    """
    left = {key for key in places if not had.get(key, set()) <= wanted[key]}
    holders = Counter(trait for some in had.values() for trait in some)
    while True:
        others = _all(had, wanted, but={*new, *left}, among=places)
        taken = set[Trait]().union(*(wanted[one] for one in new | left))
        stay = set()
        for key in left:
            lost = _proving((had.get(key, set()) - wanted[key]) & taken, others)
            kept = {trait for trait in had.get(key, set()) & wanted[key] if holders[trait] == 1}
            if not lost or {what for what, _ in kept} & {NAME, PROMPT} or surest(lost) >= surest(kept):
                stay.add(key)
        if not stay:
            return left
        left -= stay


def _proving(traits: set[Trait], staying: set[Trait]) -> set[Trait]:
    """All but a name prove nothing where one that stays has the same."""
    return {trait for trait in traits if trait[0] == NAME or trait not in staying}


def _all(*sides: Traits, but: AbstractSet[str], among: AbstractSet[str]) -> set[Trait]:
    return set[Trait]().union(*(side.get(key, set()) for side in sides for key in among - but))


def doubted(
    plan: Planned, bindings: Bindings, kinds: Sequence[Kind[Assistant]], assistants: Sequence[Assistant]
) -> Planned:
    """The plan with a doubt about each new assistant that resembles one that is gone or has left its place, and a
    notice.

    Its documents and tests are doubted with it, and so is the end of the other one, and what would overwrite it.
    `assistants`: all that are declared, since what is planned may be some of them.
    """
    changes = [one for one in plan.changes if one.desired.kind == agent.KIND and one.action == "update"]
    there = {ref.key for ref in plan.adopted if ref.kind == agent.KIND} | {one.desired.key for one in changes}
    found = moves(bindings, kinds, assistants, seen=plan.departed, there=there, edited=bool(changes))
    where = {one.key: one.where for one in assistants}
    planned = {_assistant(one.desired.key) for one in plan.changes}
    doubts: dict[str, str] = {}
    notices = []
    for keys, new, whose, way in found.told():
        if not keys & planned:
            continue
        is_new = new in found.new
        now = "is declared otherwise now" if found.by_key[new].olds[0] in found.declared else "is no longer declared"
        what = f"{'is new' if is_new else 'is another than it was'}, and {whose}, {now}"
        what = f"{what}; if its folder was renamed, keep its agent and numbers: {way}"
        notices.append(Problem(where[new], what))
        # Narrowed, since it overwrites what was changed at the platform.
        only = " ".join(f"--only {key}" for key in ([new] if is_new else sorted(keys)))
        meant = "for a second agent" if is_new else "to edit them instead"
        why = f"keep the agent and numbers of {whose}: {way}; {meant}: agentctl sync {only} --take-ours"
        doubts |= dict.fromkeys(keys, why)
    if not doubts:
        return plan
    kept = found.new & doubts.keys()
    doubtful = tuple(
        replace(one, doubt="" if key in kept and one.action == "update" else doubts.get(key, ""))
        for one, key in ((one, _assistant(one.desired.key)) for one in plan.changes)
    )
    return replace(plan, changes=doubtful, notices=(*plan.notices, *notices))


def _assistant(key: str) -> str:
    return key.partition("/")[0]
