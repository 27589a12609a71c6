"""Compare desired with observed, and both with what was last applied. Pure. Only declared fields count; what the
platform adds is its own affair.

Rules: objects recurse; numbers compare as numbers (4 equals 4.0, True is not 1); a declared null means null; a list
compares in order unless its path is Keyed, where none is an empty one. The diff is empty exactly when desired is
contained in observed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from agentctl.secrecy.secret import are_one, sealed
from agentctl.sync.kind import Keyed, Ref

Origin = Literal["here", "there", "both"]
"""Where a field changed since it was last applied: here (ours to write), there (drift), on both sides (conflict)."""


@dataclass(frozen=True)
class Edit:
    """One declared field that differs. `keys` is the path; `before` is None where nothing was.

    `removes`: it is an entry, or a list with entries, that was applied once and is declared no longer. `applied`: what
    was last applied, so far as that was asked for and is known.
    """

    keys: tuple[str, ...]
    before: Any = field(repr=False)
    after: Any = field(repr=False)
    origin: Origin = "here"
    removes: bool = False
    applied: Any = field(default=None, repr=False, compare=False)

    @property
    def path(self) -> str:
        """The path with dots, as plans show it."""
        return ".".join(self.keys)

    def under(self, at: tuple[str, ...]) -> bool:
        """Whether it is at this path or below."""
        return self.keys[: len(at)] == at


def diff(
    desired: Mapping[str, Any],
    observed: Mapping[str, Any],
    lists: Mapping[str, Keyed],
    applied: Mapping[str, Any] | None = None,
) -> tuple[Edit, ...]:
    """Every declared field whose observed value differs, in the order of declaration.

    `applied`: what was last applied. Entries of an open and owned list that it names and that are declared no more are
    ours to take away; without it they pass for somebody else's.
    """
    return tuple(_edits(desired, observed, lists, (), applied or {}))


def differs(body: Mapping[str, Any], known: Mapping[str, Any], lists: Mapping[str, Keyed]) -> bool:
    """Whether anything of `body` is otherwise in `known`."""
    # Nearly always they are equal as they are: of 1,000 resources none has changed, and each is asked.
    return body != known and bool(diff(body, known, lists))


def attributed(edits: Sequence[Edit], applied: Mapping[str, Any], lists: Mapping[str, Keyed]) -> tuple[Edit, ...]:
    """The edits with their origin. A field that was never applied is a change made here: nobody else is known."""
    return tuple(_attributed(edit, applied, lists) for edit in edits)


def without(body: Mapping[str, Any], paths: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """`body` less the fields at `paths`, and less the objects of which nothing is left then.

    An empty object would be a declaration of its own, which whatever is there instead of an object does not meet.
    """
    if not paths:
        return dict(body)
    left: dict[str, Any] = {}
    for key, value in body.items():
        below = [path[1:] for path in paths if path[0] == key]
        if () in below:
            continue
        kept = without(value, below) if below and isinstance(value, Mapping) else value
        if kept or kept is value or not value:
            left[key] = kept
    return left


def overlaid(body: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`body` with `change` laid upon it: objects merge at every depth, everything else (lists too) is replaced."""
    merged = dict(body)
    for key, value in change.items():
        nested = value.__class__ is dict or (value.__class__ is not str and isinstance(value, Mapping))
        merged[key] = overlaid(_mapping(merged.get(key)), value) if nested else value
    return merged


def patch(edits: Sequence[Edit]) -> dict[str, Any]:
    """The smallest body that makes the edits: an object is merged by the platform, a list is always whole."""
    body: dict[str, Any] = {}
    for edit in edits:
        place = body
        for key in edit.keys[:-1]:
            place = place.setdefault(key, {})
        place[edit.keys[-1]] = edit.after
    return body


def contains(desired: Any, observed: Any) -> bool:
    """Whether everything declared in `desired` is in `observed`. A secret is in its seal, and the other way round."""
    if isinstance(desired, str):
        return bool(desired == observed) or are_one(desired, observed)
    if isinstance(desired, Mapping):
        return isinstance(observed, Mapping) and all(
            key in observed and contains(value, observed[key]) for key, value in desired.items()
        )
    if isinstance(desired, list | tuple):
        return (
            isinstance(observed, list | tuple)
            and len(desired) == len(observed)
            and all(map(contains, desired, observed))
        )
    if isinstance(desired, bool) or isinstance(observed, bool):
        return desired is observed
    return _equal(desired, observed) or are_one(desired, observed)


def _equal(desired: Any, observed: Any) -> bool:
    if {desired.__class__, observed.__class__} == {int, float}:
        # 1e23 comes back from a database as 100000000000000000000000, which is no float's own value.
        with suppress(OverflowError):
            return float(desired) == float(observed)
    return bool(desired == observed)


def _edits(
    desired: Mapping[str, Any],
    observed: Mapping[str, Any],
    lists: Mapping[str, Keyed],
    at: tuple[str, ...],
    applied: Mapping[str, Any],
) -> Iterator[Edit]:
    for key, value in desired.items():
        before = observed.get(key)
        if isinstance(value, list | tuple):
            rule = lists.get(".".join((*at, key)))
            if rule is not None:
                yield from _keyed(value, before, rule, (*at, key), applied.get(key))
                continue
        elif not isinstance(value, str) and isinstance(value, Mapping) and value:
            yield from _edits(value, _mapping(before), lists, (*at, key), _mapping(applied.get(key)))
            continue
        if key not in observed or not contains(value, before):
            yield Edit((*at, key), before, value)


def _attributed(edit: Edit, applied: Mapping[str, Any], lists: Mapping[str, Keyed]) -> Edit:
    place: Any = applied
    for key in edit.keys[:-1]:
        place = place.get(key) if isinstance(place, Mapping) else None
    name = edit.keys[-1]
    if not isinstance(place, Mapping) or name not in place:
        return replace(edit, origin="here")
    return replace(edit, origin=_origin(edit, place[name], lists), applied=place[name])


def _origin(edit: Edit, applied: Any, lists: Mapping[str, Keyed]) -> Origin:
    name = edit.keys[-1]
    rules = {name: lists[edit.path]} if edit.path in lists else {}
    before, after = sealed(edit.before, edit.keys), sealed(edit.after, edit.keys)
    if not diff({name: applied}, {name: before}, rules):
        return "here"
    return "there" if not diff({name: after}, {name: applied}, rules) else "both"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict | Mapping) else {}


def _keyed(desired: Sequence[Any], before: Any, rule: Keyed, keys: tuple[str, ...], former: Any) -> Iterator[Edit]:
    listed = isinstance(before, list | tuple)
    observed = list(before) if listed else []
    theirs = {identity(entry, rule): entry for entry in observed}
    ours = {identity(entry, rule): entry for entry in desired}
    same = all(name in theirs and contains(_declared(entry, rule), theirs[name]) for name, entry in ours.items())
    past = {identity(entry, rule) for entry in former} if isinstance(former, list | tuple) else set()
    gone = (past & theirs.keys()) - ours.keys() if rule.open and rule.owned else set()
    if same and not gone and (listed or before is None) and (rule.open or len(ours) == len(observed)):
        return
    kept = [entry for name, entry in theirs.items() if name not in ours and name not in gone] if rule.open else []
    yield Edit(keys, before, [*kept, *desired])


def identity(entry: Any, rule: Keyed) -> Any:
    """What tells an entry of a keyed list apart from the others."""
    value = entry.get(rule.by) if rule.by and isinstance(entry, Mapping) else entry
    return value if isinstance(value, Ref | str | int) else repr(value)


def _declared(entry: Any, rule: Keyed) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    return {key: value for key, value in entry.items() if key not in rule.ignored}
