"""Query parameters and cursor paging, as the platform's list endpoints have them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from agentctl.sandbox.refusal import detailed, invalid
from agentctl.sandbox.shape import Shape, flag, settled, whole

Row = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """A part of a list and where it goes on."""

    rows: list[Row]
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        """Whether another page follows."""
        return self.next_cursor is not None


def page(rows: Sequence[Row], query: QueryParams, sort: Callable[[Row], Any], *, descending: bool = True) -> Page:
    """Cut the page that `page_size` and `cursor` ask for out of `rows`, sorted by `sort`.

    The cursor holds the sort value of the last row, so that objects created in between shift nothing. A page_size
    above 100 is clamped to it: the vendor's own CLI asks for 200.
    """
    size = min(number(query, "page_size", 30, low=1) or 30, 100)
    ordered = sorted(rows, key=sort, reverse=descending)
    cursor = query.get("cursor")
    if cursor:
        last = _decode(cursor)
        ordered = [row for row in ordered if _after(_plain(sort(row)), last, descending)]
    rest = ordered[size:]
    return Page(ordered[:size], _encode(sort(ordered[size - 1])) if rest else None)


def number(query: QueryParams, name: str, default: int | None, low: int | None = None) -> int | None:
    """A whole number from the query; 422 if it is none."""
    value = _value(query, name, whole(default, low))
    return value if value is None else int(value)


def boolean(query: QueryParams, name: str, default: bool | None = False) -> bool | None:
    """A boolean from the query; 422 if it is none."""
    value = _value(query, name, flag(default))
    return value if value is None else bool(value)


def listed(query: QueryParams, name: str) -> list[str]:
    """All values of a repeated parameter."""
    return [value for value in query.getlist(name) if value]


def descending(query: QueryParams, default: str = "desc") -> bool:
    """`sort_direction`."""
    value = query.get("sort_direction", default)
    if value not in ("asc", "desc"):
        message = "Input should be 'asc' or 'desc'"
        raise invalid([{"type": "enum", "loc": ["query", "sort_direction"], "msg": message, "input": value}])
    return value == "desc"


def _value(query: QueryParams, name: str, shape: Shape) -> Any:
    raw = query.get(name)
    if raw is None or (raw == "" and shape.nullable):
        return shape.default
    value, problems = settled(shape, raw, ("query", name))
    if problems:
        raise invalid(problems)
    return value


def _plain(key: Any) -> list[Any]:
    return list(key) if isinstance(key, tuple) else [key]


def _after(key: list[Any], last: list[Any], descending: bool) -> bool:
    return key < last if descending else key > last


def _encode(key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(_plain(key)).encode()).decode()


def _decode(cursor: str) -> list[Any]:
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        if isinstance(key, list):
            return key
    except (binascii.Error, ValueError):
        pass
    raise detailed(400, "invalid_cursor", "The cursor is not one of this list.", "cursor")
