"""Evaluation criteria: a list at the API, in which each has an id of its own, and a map by that id for the engine.

So they compare, are attributed and are taken away one by one, as data collection is, which the API has as a map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

CRITERIA = "platform_settings.evaluation.criteria"
ID = "id"
_PATH = tuple(CRITERIA.split("."))


def by_id(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """An agent's body, as the API or a file has it, with its criteria as a map id -> the rest of the criterion.

    A list that is none of criteria, each with another id, stays as it is.
    """
    listed = _criteria(body)
    if not isinstance(listed, list | tuple) or not are_told_apart(listed):
        return body
    return _with(body, {one[ID]: {key: value for key, value in one.items() if key != ID} for one in listed})


def as_list(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """A body as `by_id` made it, in the shape of the API. The order of the map is that of the list.

    A map that says of a criterion that it is nothing is left out: a list, which the API takes whole, cannot say that.
    """
    known = _criteria(body)
    if not isinstance(known, Mapping):
        return body
    if all(isinstance(one, Mapping) for one in known.values()):
        return _with(body, [{ID: name, **one} for name, one in known.items()])
    return _without(body, _PATH)


def are_told_apart(listed: Sequence[Any]) -> bool:
    """Whether each of them is a table with an id that no other has."""
    ids = [one.get(ID) for one in listed if isinstance(one, Mapping)]
    return len(ids) == len(listed) == len({one for one in ids if isinstance(one, str) and one})


def _criteria(body: Any) -> Any:
    for key in _PATH:
        body = body.get(key) if isinstance(body, Mapping) else None
    return body


def _with(body: Mapping[str, Any], found: Any, path: tuple[str, ...] = _PATH) -> dict[str, Any]:
    inner = _with(body[path[0]], found, path[1:]) if path[1:] else found
    return {**body, path[0]: inner}


def _without(body: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    if path[1:]:
        return {**body, path[0]: _without(body[path[0]], path[1:])}
    return {key: value for key, value in body.items() if key != path[0]}
