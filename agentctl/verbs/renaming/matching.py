"""Which assistant each declared one is: an assignment between those that are known and those that are declared.

Everybody stays who has its key, unless the likenesses of another assignment come to more in sum. So a folder that was
renamed, or several that were shifted, swapped or moved into the place of a deleted one, are one and the same case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from agentctl.verbs.renaming.likeness import NAME, WEIGHTS, Trait, Traits, told

# A tie goes to the one of which more is the same, then to the one that keeps its key. Who keeps key and name alike was
# edited, whatever one thing of it another has now: a prompt is moved to a new assistant, and another written.
_WHOLE, _EACH, _KEY, _KEY_AND_NAME = 10_000, 10, 1, 30_000
_MANY = 20

Pair = tuple[str, str]


@dataclass(frozen=True)
class Likeness:
    """That the assistant known as `old` may be another now, and by what: `had`, in words; `worth`: how much it tells"""

    old: str
    had: str
    worth: int


@dataclass(frozen=True)
class Matching:
    """Of each that seems to be another than its key says: who it may be, the most probable first.

    `was`: the assignment itself, by new key, of those alone. `left`: who is known under a key that seems to be
    another's by now, or nobody's.
    """

    by_key: Mapping[str, tuple[Likeness, ...]]
    was: Mapping[str, str]
    left: AbstractSet[str]


def matched(had: Traits, wanted: Traits) -> Matching:
    """`had`: the traits of all that are known, as last applied and as they are there; `wanted`: of all declared."""
    proofs = dict(_proofs(had, wanted))
    own = {key: _kept(had, wanted, key) for key in had.keys() & wanted.keys()}
    value = {pair: _value(some) for pair, some in proofs.items()}
    value |= {(key, key): _value(some) + _own(some) for key, some in own.items() if some}
    was = {new: old for part in _parts(value) for old, new in _assigned(part).items()}
    was_at = {old: new for new, old in was.items()}
    stay = {key for key in had.keys() & wanted.keys() if was.get(key, key) == key == was_at.get(key, key)}
    found: dict[str, list[Likeness]] = defaultdict(list)
    for (old, new), some in proofs.items():
        likelier = (old, was_at.get(old, new))
        # What the likelier one has too is explained by that; as likely a one is not.
        is_told = some - proofs.get(likelier, set()) or value[old, new] >= value[likelier]
        if old not in stay and new not in stay and is_told:
            found[new].append(Likeness(old, told(some), value[old, new]))
    first = {new: old for new, old in was.items() if new not in stay}
    by_key = {
        new: tuple(sorted(some, key=lambda one, new=new: (first.get(new) != one.old, -one.worth, one.old)))  # type: ignore[misc]
        for new, some in sorted(found.items())
    }
    return Matching(by_key, first, had.keys() - stay)


def _proofs(had: Traits, wanted: Traits) -> Iterator[tuple[Pair, set[Trait]]]:
    """Of each pair of different keys: what the one had, has no more, and the other has now.

    What a third one keeps proves nothing, unless it is a name.
    """
    holders, keepers = defaultdict[Trait, set[str]](set), defaultdict[Trait, set[str]](set)
    for key, traits in had.items():
        for trait in traits:
            holders[trait].add(key)
        for trait in traits & wanted.get(key, set()):
            keepers[trait].add(key)
    for new in sorted(wanted):
        olds = {old for trait in wanted[new] for old in holders.get(trait, ())} - {new}
        for old in sorted(olds):
            some = (had[old] & wanted[new]) - wanted.get(old, set())
            some = {trait for trait in some if trait[0] == NAME or not keepers.get(trait, set()) - {old, new}}
            if some:
                yield (old, new), some


def _kept(had: Traits, wanted: Traits, key: str) -> set[Trait]:
    """What it keeps and no other that is declared had: what all have alike tells nobody from another."""
    kept = had[key] & wanted[key]
    return kept.difference(*(had[one] for one in had.keys() & wanted.keys() if one != key)) if kept else kept


def _value(traits: AbstractSet[Trait]) -> int:
    worth = sum(WEIGHTS[what] for what in {what for what, _ in traits})
    return worth * _WHOLE + min(len(traits), _MANY) * _EACH


def _own(kept: AbstractSet[Trait]) -> int:
    return _KEY_AND_NAME if any(what == NAME for what, _ in kept) else _KEY


def _parts(value: Mapping[Pair, int]) -> Iterator[Mapping[Pair, int]]:
    """The pairs, parted into those that have nothing to do with each other."""
    olds, news = defaultdict[str, list[Pair]](list), defaultdict[str, list[Pair]](list)
    for pair in value:
        olds[pair[0]].append(pair)
        news[pair[1]].append(pair)
    met: set[Pair] = set()
    for start in value:
        part, waiting = set[Pair](), [start]
        while waiting:
            pair = waiting.pop()
            if pair not in met:
                met.add(pair)
                part.add(pair)
                waiting += [*olds[pair[0]], *news[pair[1]]]
        if part:
            yield {pair: value[pair] for pair in sorted(part)}


def _assigned(value: Mapping[Pair, int]) -> dict[str, str]:
    """New key by old one, each once at most, with the greatest sum: improved along the best path each time."""
    olds = list(dict.fromkeys(old for old, _ in value))
    found: dict[str, str] = {}
    while path := _better(value, olds, found):
        for old in path[::2]:
            found.pop(old, None)
        found |= dict(zip(path[::2], path[1::2], strict=True))
    return found


def _better(value: Mapping[Pair, int], olds: Sequence[str], found: Mapping[str, str]) -> list[str]:
    """The path old, new, old, new… from one that has nobody to one that nobody has, that gains the most."""
    holder = {new: old for old, new in found.items()}
    gain = dict.fromkeys((old for old in olds if old not in found), 0)
    paths = {old: [old] for old in gain}
    reached: dict[str, tuple[int, list[str]]] = {}
    for _ in olds:
        changed = False
        for (old, new), worth in value.items():
            if old not in gain or found.get(old) == new or new in paths[old][1::2]:
                continue
            total, path = gain[old] + worth, [*paths[old], new]
            if new not in reached or total > reached[new][0]:
                reached[new], changed = (total, path), True
                if new in holder:
                    other = holder[new]
                    gain[other], paths[other] = total - value[other, new], [*path, other]
        if not changed:
            break
    free = [one for new, one in reached.items() if new not in holder]
    return max(free, key=lambda one: one[0], default=(0, []))[1]
