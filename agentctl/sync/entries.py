"""Entries that have an owner: ours go when they are declared no longer, everybody else's stay. Pure.

Which are ours is known from what was last applied; without that, nothing is taken away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from agentctl.secrecy.secret import sealed
from agentctl.sync.diff import Edit, contains, identity, overlaid, patch, without
from agentctl.sync.kind import Desired, Keyed, Ref

_ABSENT: Final = object()
Path = tuple[str, ...]


def removals(
    desired: Desired, observed: Mapping[str, Any], applied: Mapping[str, Any], lists: Mapping[str, Keyed]
) -> tuple[Edit, ...]:
    """An edit for everything of ours that is there still and declared no longer.

    One that somebody changed there meanwhile is a conflict: its `origin` is both.
    """
    return tuple(edit for edit in _undeclared(desired, observed, applied, lists) if edit.before is not None)


def forgotten(
    desired: Desired, observed: Mapping[str, Any], applied: Mapping[str, Any], lists: Mapping[str, Keyed]
) -> tuple[Path, ...]:
    """The path of everything that was applied, is declared no longer, and is gone there too: no longer ours."""
    return tuple(edit.keys for edit in _undeclared(desired, observed, applied, lists) if edit.before is None)


def survivors(removed: Sequence[Edit], observed: Mapping[str, Any], lists: Mapping[str, Keyed]) -> tuple[Edit, ...]:
    """Those removals of which the platform still has something."""
    left = []
    for edit in removed:
        now = at(observed, edit.keys)
        if edit.after is None:
            if now is not _ABSENT and now is not None:
                left.append(edit)
            continue
        rule = lists[edit.path]
        went = {identity(one, rule) for one in edit.before} - {identity(one, rule) for one in edit.after}
        if isinstance(now, list) and went & {identity(one, rule) for one in now}:
            left.append(edit)
    return tuple(left)


def written(
    edits: Sequence[Edit],
    body: Mapping[str, Any],
    wanted: Mapping[str, Any],
    observed: Mapping[str, Any],
    lists: Mapping[str, Keyed],
) -> dict[str, Any]:
    """The smallest body that makes the edits and that the platform can take: its maps and their entries are complete.

    `body` is what may be written, `wanted` all that is declared: where they differ, what is there is kept.
    """
    sent = patch(edits)
    # A map inside an entry of another comes after it: the entry alone has what is declared of it only.
    for path, rule in sorted(lists.items(), key=lambda item: item[0].count(".")):
        keys = tuple(path.split("."))
        said = at(sent, keys)
        if not rule.complete or not isinstance(said, Mapping):
            continue
        gone = {edit.keys[-1] for edit in edits if edit.removes and edit.keys[:-1] == keys}
        there, ours, all_ours = (_map(at(tree, keys)) for tree in (observed, body, wanted))
        entries = {name: value for name, value in there.items() if value is not None} if rule.whole else {}
        for name in said:
            under = there.get(name) if rule.whole else _projected(all_ours.get(name), there.get(name))
            entries[name] = None if name in gone else _laid(ours.get(name, said[name]), under, rule.forms)
        if rule.whole:
            entries = {name: value for name, value in entries.items() if name not in gone}
        _place(sent, keys[:-1])[keys[-1]] = entries
    return sent


def edited(body: Mapping[str, Any], edits: Sequence[Edit]) -> dict[str, Any]:
    """`body` as it is once the edits are made: a removed entry is not in it."""
    gone = [edit for edit in edits if edit.removes and edit.after is None]
    return overlaid(without(body, [edit.keys for edit in gone]), patch([edit for edit in edits if edit not in gone]))


def postponed(body: Mapping[str, Any], later: set[Ref], lists: Mapping[str, Keyed]) -> tuple[Path, ...]:
    """The paths of the parts that cannot be written before the Refs in `later` are known.

    A part is an entry of a map with complete entries, and elsewhere the field that holds the Ref.
    """
    maps = {tuple(path.split(".")) for path, rule in lists.items() if rule.complete}
    return tuple(dict.fromkeys(_parts(body, later, maps, ())))


def _parts(tree: Mapping[str, Any], later: set[Ref], maps: set[Path], at: Path) -> Iterator[Path]:
    for key, value in tree.items():
        keys = (*at, key)
        if isinstance(value, Mapping) and at not in maps:
            yield from _parts(value, later, maps, keys)
        elif _mentions(value, later):
            yield keys


def _mentions(tree: Any, later: set[Ref]) -> bool:
    if isinstance(tree, Ref):
        return tree in later
    parts = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else ()
    return any(_mentions(part, later) for part in parts)


def _undeclared(
    desired: Desired, observed: Mapping[str, Any], applied: Mapping[str, Any], lists: Mapping[str, Keyed]
) -> Iterator[Edit]:
    """An edit for each entry that was applied and is declared no longer; `before` is None where it is gone already."""
    owned = {} if desired.partial or not applied else {path: rule for path, rule in lists.items() if rule.owned}
    for path, rule in owned.items():
        keys = tuple(path.split("."))
        if (had := at(applied, keys)) is _ABSENT:
            continue
        wanted, there = at(desired.body, keys), at(observed, keys)
        if isinstance(had, Mapping) and (wanted is _ABSENT or isinstance(wanted, Mapping)):
            for name in [name for name in had if name not in _map(wanted)]:
                # A declared null was never anything of ours.
                now = None if had[name] is None else _map(there).get(name)
                same = now is None or contains(had[name], sealed(now, (*keys, name)))
                yield Edit((*keys, name), now, None, "here" if same else "both", removes=True)
        elif isinstance(had, list | tuple) and wanted is _ABSENT:
            yield _emptied(keys, had, there if isinstance(there, list | tuple) else (), rule)


def _emptied(keys: Path, had: Sequence[Any], there: Sequence[Any], rule: Keyed) -> Edit:
    ours = {identity(entry, rule): entry for entry in had}
    mine = [entry for entry in there if identity(entry, rule) in ours]
    kept = [entry for entry in there if identity(entry, rule) not in ours]
    same = all(contains(ours[identity(entry, rule)], sealed(entry, keys)) for entry in mine)
    return Edit(keys, list(there) if mine else None, kept, "here" if same else "both", removes=True)


def at(tree: Any, keys: Path) -> Any:
    """What is there at this path; something that equals nothing else where nothing is."""
    for key in keys:
        if not isinstance(tree, Mapping) or key not in tree:
            return _ABSENT
        tree = tree[key]
    return tree


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _projected(wanted: Any, there: Any) -> Any:
    """What is there of all that is declared."""
    if not isinstance(wanted, Mapping) or not isinstance(there, Mapping):
        return there
    return {key: _projected(value, there[key]) for key, value in wanted.items() if key in there}


def _laid(over: Any, under: Any, forms: frozenset[str]) -> Any:
    """What is declared with the rest of what is there, unless that is a thing of another sort."""
    if not isinstance(over, Mapping) or not isinstance(under, Mapping):
        return over
    told = {name: over[name] for name in forms if name in over}
    if told and told != {name: under[name] for name in forms if name in under}:
        return over
    return {**under, **{key: _laid(value, under.get(key), forms) for key, value in over.items()}}


def _place(tree: dict[str, Any], keys: Path) -> dict[str, Any]:
    for key in keys:
        tree = tree.setdefault(key, {})
    return tree
