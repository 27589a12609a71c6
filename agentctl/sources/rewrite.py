"""Set or remove one value in the text of a TOML file; comments, order and line ends stay.

An editor of comments can err, so what was written is read again by another parser and compared.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT, Array, InlineTable

Path = Sequence[str | int]
"""Names of tables and keys; a number stands for an entry of a list, and only at the end."""


class Uneditable(Exception):
    """The file's form does not let this edit be made; never leaves this package."""


def put(text: str, path: Path, value: Any, *, by: str | None = None) -> str:
    """`text` with `value` (JSON; null becomes `{ "$json" = "null" }`) at `path`, in a table made where there is none.

    Entries of a list of tables keep their places and comments where they can be told apart: by the field `by`, else
    by their position in a list that is no shorter than before. Raises Uneditable.
    """
    wanted = _read(text)
    value = _ordered(value_at(text, path), in_toml(value), by)
    place: Any = wanted
    for name in path[:-1]:
        place = place.setdefault(name, {}) if isinstance(place, dict) else None
    if not isinstance(place, dict):
        raise Uneditable
    place[path[-1]] = value
    return _checked(text, wanted, lambda document: _set(document, path, value, by))


def remove(text: str, path: Path) -> str:
    """`text` without what is at `path`, and without the tables that held nothing else.

    Raises Uneditable, also where nothing is.
    """
    wanted = _read(text)
    while len(path) > 1 and isinstance(holder := value_at(text, path[:-1]), dict) and holder.keys() == {path[-1]}:
        path = path[:-1]

    def cut(place: Any) -> None:
        for name in path[:-1]:
            place = place[name]
        del place[path[-1]]

    try:
        cut(wanted)
    except (KeyError, IndexError, TypeError):
        raise Uneditable from None
    return _checked(text, wanted, cut)


def value_at(text: str, path: Path) -> Any:
    """What is at `path`; None if nothing is, which TOML cannot say otherwise. Raises Uneditable."""
    place: Any = _read(text)
    for name in path:
        place = place.get(name) if isinstance(place, Mapping) else None
    return place


def in_toml(value: Any) -> Any:
    """JSON as sources write it in TOML, which has no null."""
    if value is None:
        return {"$json": "null"}
    if isinstance(value, Mapping):
        return {key: in_toml(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [in_toml(entry) for entry in value]
    return value


def _read(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        raise Uneditable from None


def keeping_ends(text: str, edit: Callable[[str], str]) -> str:
    """`edit` of `text` in the line ends that all its lines have; what is new in it would have others."""
    if "\r\n" not in text or "\n" in text.replace("\r\n", ""):
        return edit(text)
    return edit(text.replace("\r\n", "\n")).replace("\n", "\r\n")


def _checked(text: str, wanted: Mapping[str, Any], edit: Callable[[Any], None]) -> str:
    return keeping_ends(text, lambda plain: _edited(plain, wanted, edit))


def _edited(text: str, wanted: Mapping[str, Any], edit: Callable[[Any], None]) -> str:
    try:
        document = tomlkit.parse(text)
        edit(document)
        edited = tomlkit.dumps(document)
        if edited.endswith("\n\n") and not text.endswith("\n\n"):
            edited = edited.rstrip("\n") + "\n"
        if tomllib.loads(edited) == wanted:
            return edited
    except (TOMLKitError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        raise Uneditable from None
    raise Uneditable


def _set(place: Any, path: Path, value: Any, by: str | None) -> None:
    for index, name in enumerate(path[:-1]):
        if name not in place:
            place[name] = _nested(place, path[index + 1 :], value)
            return
        place = place[name]
    name = path[-1]
    if name in place and isinstance(place[name], AoT | Array) and _merges(place[name], value, by):
        _merge(place[name], value, by)
    else:
        place[name] = item(value)


def _nested(place: Any, path: Path, value: Any) -> Any:
    """A new table with `value` at `path`, made from the inside out: an empty one would be written for itself."""
    if isinstance(place, InlineTable):
        for name in reversed(path):
            value = {name: value}
        return item(value)
    inner: Any = item(value)
    for depth, name in enumerate(reversed(path)):
        table = tomlkit.table(is_super_table=depth > 0)
        table.append(str(name), inner)
        inner = table
    return inner


def _merges(items: Any, value: Any, by: str | None) -> bool:
    entries = [*items, *value] if isinstance(value, list) else []
    tables = bool(entries) and all(isinstance(entry, MutableMapping) for entry in entries)
    return tables and (by is not None or len(items) <= len(value))


def _merge(items: Any, value: Sequence[Any], by: str | None) -> None:
    if by is not None:
        theirs = [entry.get(by) for entry in value]
        for index in reversed(range(len(items))):
            if items[index].get(by) not in theirs:
                del items[index]
    # `value` is in the order of what is left here, then what is new.
    for index, entry in enumerate(value):
        if index < len(items):
            _overwrite(items[index], entry)
        else:
            items.append(_block(entry) if isinstance(items, AoT) else item(entry))


def _overwrite(table: Any, entry: Mapping[str, Any]) -> None:
    for key in [key for key in table if key not in entry]:
        table.remove(key)
    for key, value in entry.items():
        if key not in table or table[key] != value:
            table[key] = item(value)


def _ordered(ours: Any, theirs: Any, by: str | None) -> Any:
    if by is None or not isinstance(ours, list) or not isinstance(theirs, list):
        return theirs
    if not all(isinstance(entry, dict) for entry in [*ours, *theirs]):
        return theirs
    names = [entry.get(by) for entry in ours]
    kept = [entry for name in names for entry in theirs if entry.get(by) == name]
    return [*kept, *(entry for entry in theirs if entry.get(by) not in names)]


def _block(entry: Mapping[str, Any]) -> Any:
    table = tomlkit.table()
    for key, value in entry.items():
        table.append(key, item(value))
    return table.add(tomlkit.nl())


def item(value: Any) -> Any:
    """A value as tomlkit writes it on one line; text of several lines as such."""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, Mapping):
        table = tomlkit.inline_table()
        for key, entry in value.items():
            table[key] = item(entry)
        return table
    if isinstance(value, list):
        array = tomlkit.array()
        for entry in value:
            array.append(item(entry))
        return array.multiline(any(isinstance(entry, dict) for entry in value))
    return tomlkit.item(value)


def _string(value: str) -> Any:
    """Several lines as such, where that says the same."""
    if "\n" in value and '"' * 3 not in value and "\\" not in value and not value.startswith("\n"):
        written = tomlkit.string(value, multiline=True)
        if _reads_as(written.as_string(), value):
            return written
    return tomlkit.item(value)


def _reads_as(written: str, value: str) -> bool:
    try:
        return bool(tomllib.loads(f"x = {written}")["x"] == value)
    except tomllib.TOMLDecodeError:
        return False
