"""Lists of tables that are maps for the engine: by a path with an entry's name in it, one entry or one field is edited.

Everything else is edited as `rewrite` does; so is the list itself, whose comments and order stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentctl.resources import criteria
from agentctl.sources import rewrite
from agentctl.sources.rewrite import Path, Uneditable

_CRITERIA = ("evaluation", "criteria")
_RAW_CRITERIA = ("elevenlabs", *criteria.CRITERIA.split("."))
# By its place in assistant.toml: the field that names an entry.
_LISTS: Mapping[tuple[str, ...], str] = {_CRITERIA: criteria.ID, _RAW_CRITERIA: criteria.ID}
Entries = Sequence[Mapping[str, Any]]


def list_of(path: Path) -> tuple[str, ...] | None:
    """The place of the list that `path` leads into, None where it leads into none."""
    return next((place for place in _LISTS if len(path) > len(place) and tuple(path[: len(place)]) == place), None)


def value_at(text: str, path: Path) -> Any:
    """As `rewrite.value_at`; None also where the list has a form in which nothing of it can be edited."""
    place = list_of(path)
    if place is None:
        return rewrite.value_at(text, path)
    try:
        found: Any = _found(_entries(text, place, ()), path, place)[1]
    except Uneditable:
        return None
    for name in path[len(place) + 1 :]:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found


def put(text: str, path: Path, value: Any, *, by: str | None = None, known: Entries = ()) -> str:
    """As `rewrite.put`. `known`: what the list holds where the text does not say it. Raises Uneditable."""
    place = list_of(path)
    if place is None:
        return rewrite.put(text, path, value, by=by)
    entries = _entries(text, place, known)
    index, entry = _found(entries, path, place)
    key, rest = _LISTS[place], path[len(place) + 1 :]
    if not rest and not isinstance(value, Mapping):
        raise Uneditable
    changed = _laid(entry or {key: path[len(place)]}, rest, value) if rest else {key: path[len(place)], **value}
    return rewrite.put(text, place, [*entries[:index], changed, *entries[index + 1 :]], by=key)


def remove(text: str, path: Path) -> str:
    """As `rewrite.remove`; with its last field but the name an entry goes, and with the last entry the list."""
    place = list_of(path)
    if place is None:
        return rewrite.remove(text, path)
    entries = _entries(text, place, ())
    index, entry = _found(entries, path, place)
    if entry is None:
        raise Uneditable
    key, rest = _LISTS[place], path[len(place) + 1 :]
    left = _cut(entry, rest) if rest else {}
    kept = [left] if left.keys() - {key} else []
    if left_over := [*entries[:index], *kept, *entries[index + 1 :]]:
        return rewrite.put(text, place, left_over, by=key)
    return rewrite.remove(text, place)


def as_lists(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """A whole assistant.toml in which each of these lists is a map, as the file has it."""
    for place, key in _LISTS.items():
        table = _relisted(table, place, key)
    return table


def _entries(text: str, place: Path, known: Entries) -> list[dict[str, Any]]:
    found = rewrite.value_at(text, place)
    listed = list(known) if found is None else found
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise Uneditable
    return [dict(one) for one in listed]


def _found(entries: Sequence[dict[str, Any]], path: Path, place: tuple[str, ...]) -> tuple[int, dict[str, Any] | None]:
    """The entry that `path` names, and where it is; where there is none, where it would be."""
    names = [one.get(_LISTS[place]) for one in entries]
    index = names.index(path[len(place)]) if path[len(place)] in names else len(names)
    return index, entries[index] if index < len(entries) else None


def _laid(entry: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    inner = entry.get(str(path[0]))
    below = _laid(inner if isinstance(inner, Mapping) else {}, path[1:], value) if path[1:] else value
    return {**entry, str(path[0]): below}


def _cut(entry: Mapping[str, Any], path: Path) -> dict[str, Any]:
    if path[0] not in entry:
        raise Uneditable
    inner = entry[str(path[0])]
    left = _cut(inner, path[1:]) if path[1:] and isinstance(inner, Mapping) else {}
    return {key: left if key == path[0] else one for key, one in entry.items() if key != path[0] or left}


def _relisted(table: Mapping[str, Any], place: tuple[str, ...], key: str) -> Mapping[str, Any]:
    inner = table.get(place[0])
    if not isinstance(inner, Mapping):
        return table
    if place[1:]:
        return {**table, place[0]: _relisted(inner, place[1:], key)}
    return {**table, place[0]: [{key: name, **one} for name, one in inner.items()]}
