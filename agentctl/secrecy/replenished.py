"""What was kept with seals in it gets the secrets of today, each from the place where it stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentctl.secrecy.secret import is_seal

# By which an entry of a list is known again, wherever it stands in it.
_NAMES = ("id", "key", "name")

Keys = tuple[str, ...]


def replenished(value: Any, source: Any) -> tuple[Any, tuple[str, ...]]:
    """`value` with each seal replaced by what `source` has in its place, and the dotted paths of those.

    A seal in the place of which `source` has nothing stays one.
    """
    found: list[Keys] = []
    done = _filled(value, source, (), found)
    return done, tuple(dict.fromkeys(".".join(keys) for keys in found))


def _filled(value: Any, source: Any, keys: Keys, found: list[Keys]) -> Any:
    if isinstance(value, Mapping):
        there = source if isinstance(source, Mapping) else {}
        return {key: _filled(one, there.get(key), (*keys, str(key)), found) for key, one in value.items()}
    if isinstance(value, list | tuple):
        ones = source if isinstance(source, list | tuple) else ()
        return [_filled(one, _counterpart(index, one, value, ones), keys, found) for index, one in enumerate(value)]
    if is_seal(value) and isinstance(source, str | int) and not isinstance(source, bool) and source != "":
        found.append(keys)
        return source
    return value


def _counterpart(index: int, entry: Any, entries: Sequence[Any], there: Sequence[Any]) -> Any:
    """The entry of `there` that has its name; of what has none, the one in its place in a list of the same length."""
    name = _name(entry)
    if name is None:
        return there[index] if len(there) == len(entries) and _name(there[index]) is None else None
    return next((one for one in there if _name(one) == name), None)


def _name(entry: Any) -> tuple[str, Any] | None:
    if not isinstance(entry, Mapping):
        return None
    return next(((by, entry[by]) for by in _NAMES if isinstance(entry.get(by), str)), None)
