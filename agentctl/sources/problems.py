"""pydantic's errors in the words of someone who writes a TOML file: `voice.stability: must be <= 1 (got 1.5)`."""

from __future__ import annotations

import datetime
import re
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from agentctl.errors import Problem
from agentctl.secrecy.secret import is_secret, masked
from agentctl.settings import nearest

_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "true/false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    tuple: "a list",
    dict: "a table",
    datetime.datetime: "a date",
    datetime.date: "a date",
    datetime.time: "a time",
}
_WANTED = {
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "list_type": 'a list, like ["…"]',
    "tuple_type": 'a list, like ["…"]',
    "dict_type": "a table, like [section]",
    "model_type": "a table, like [section]",
    "model_attributes_type": "a table, like [section]",
}
_BOUNDS = {
    "greater_than_equal": (">=", "ge"),
    "less_than_equal": ("<=", "le"),
    "greater_than": (">", "gt"),
    "less_than": ("<", "lt"),
    "finite_number": ("finite", ""),
}
# A key pasted into the wrong field must not end up in a terminal or a CI log.
_LIKE_A_SECRET = re.compile(r"(?i)^(sk|wsec|whsec|re|sb|xi|ey)[_A-Z0-9-]{12,}|[A-Za-z0-9_\-]{32,}")
_SHOWN_CHARACTERS = 40


def problems_of(error: ValidationError, where: str, model: type[BaseModel]) -> list[Problem]:
    """Every error of `error` as a Problem in file `where`; `model` is asked for the known keys."""
    return [_problem(item, where, model) for item in error.errors(include_url=False)]


def located(where: str, path: str) -> str:
    """The file `where` with a path in it, as Problem.where wants it."""
    return f"{where}: {path}" if path else where


def dotted(loc: tuple[int | str, ...]) -> str:
    """A path in TOML's own notation: `phone.numbers[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).removeprefix(".")


def unknown_key(key: str, known: list[str]) -> str:
    """What to say of a key that nobody knows."""
    near = nearest(key, known)
    meant = f"did you mean {near!r}?" if near else f"known are {', '.join(sorted(known))}"
    return f"unknown key {_short(key)!r}, {meant}"


def kind_of(value: object) -> str:
    """The TOML type of a value, for people."""
    return next((name for kind, name in _NAMES.items() if type(value) is kind), "something else")


def looks_secret(text: str) -> bool:
    """Whether it may be a key, a token or a webhook's secret, which is never shown."""
    return _LIKE_A_SECRET.search(text) is not None


def _problem(item: Any, where: str, model: type[BaseModel]) -> Problem:
    # An error in a key of a map is told of the key itself.
    loc: tuple[int | str, ...] = tuple(part for part in item["loc"] if part != "[key]")
    if item["type"] == "extra_forbidden":
        return Problem(located(where, dotted(loc[:-1])), unknown_key(str(loc[-1]), _known(model, loc[:-1])))
    hidden = is_secret([part for part in loc if isinstance(part, str)])
    return Problem(located(where, dotted(loc)), _what(item, hidden=hidden), kind=str(item["type"]))


def _what(item: Any, *, hidden: bool) -> str:
    kind, value, context = str(item["type"]), item.get("input"), item.get("ctx", {})

    def got(before: str, after: str = "") -> str:
        return "" if hidden else _got(value, before, after)

    if kind == "missing":
        return "is missing"
    if kind in _WANTED:
        return f"must be {_WANTED[kind]} (got {kind_of(value)}{got(': ')})"
    if kind in _BOUNDS:
        sign, bound = _BOUNDS[kind]
        limit = f" {context[bound]:g}" if bound in context else ""
        return f"must be {sign}{limit}" + got(" (got ", ")")
    if kind in ("literal_error", "enum"):
        return f"must be one of {context['expected']}".replace("'", "") + got(" (got ", ")")
    if kind in ("string_too_short", "too_short"):
        return "must not be empty"
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} characters long (got {len(str(value))})"
    if kind == "too_long":
        return f"must have at most {context['max_length']} entries (got {context['actual_length']})"
    if kind == "value_error":
        return str(context["error"]) + got(" (got ", ")")
    return "cannot be used" + got(" (got ", ")")  # no other kind is reachable from our models


def _got(value: object, before: str, after: str = "") -> str:
    if not isinstance(value, str | int | float):
        return ""
    if isinstance(value, str) and looks_secret(value):
        return ""
    value = masked(value)  # an address may hold one
    shown = str(value).lower() if isinstance(value, bool) else _short(value)
    return f"{before}{shown!r}{after}" if isinstance(value, str) else f"{before}{shown}{after}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _known(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    current: Any = model
    is_map = False
    for part in loc:
        if isinstance(part, str) and not is_map:
            field = current.model_fields.get(part)
            current = _model_in(field.annotation) if field else None
            is_map = field is not None and get_origin(field.annotation) is dict
        else:
            is_map = False
        if current is None:
            return []
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_model_in(argument) for argument in getattr(annotation, "__args__", ()))
    return next((found for found in inner if found), None)
