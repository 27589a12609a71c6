"""Known keys of a JSON object with types, bounds and defaults: what the platform keeps, fills in, refuses and drops.

A `Shape` is data. `merge` lays a PATCH over what is stored (objects deep, lists whole), `settle` then drops unknown
keys, fills defaults and collects every type error the way the platform's validator words it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

Loc = tuple[str | int, ...]
Kind = Literal["text", "flag", "whole", "real", "many", "mapping", "group", "tagged", "anything"]


class _Required:
    """Marks a key without a default."""


REQUIRED: Final = _Required()


@dataclass(frozen=True)
class Shape:
    """One value: its kind, default (REQUIRED: the key must be there) and bounds."""

    kind: Kind
    default: Any = None
    nullable: bool = False
    low: float | None = None
    high: float | None = None
    options: tuple[Any, ...] = ()
    pattern: str = ""
    item: Shape | None = None
    fields: Mapping[str, Shape] = field(default_factory=dict)
    tag: str = ""


def text(default: Any = "", *, low: int | None = None, high: int | None = None, pattern: str = "") -> Shape:
    """A string; `low` and `high` bound its length. A default of None makes it nullable."""
    return Shape("text", default, nullable=default is None, low=low, high=high, pattern=pattern)


def choice(default: Any, *options: Any) -> Shape:
    """A string or whole number out of a closed list."""
    return Shape("text", default, nullable=default is None, options=options)


def flag(default: bool | None = False) -> Shape:
    """A boolean."""
    return Shape("flag", default, nullable=default is None)


def whole(default: Any = None, low: float | None = None, high: float | None = None) -> Shape:
    """An integer within bounds."""
    return Shape("whole", default, nullable=default is None, low=low, high=high)


def real(default: Any = None, low: float | None = None, high: float | None = None) -> Shape:
    """A number within bounds; stored as a float, so that 1 reads back as 1.0."""
    return Shape("real", default, nullable=default is None, low=low, high=high)


def many(item: Shape | None = None, default: Any = ()) -> Shape:
    """A list; a PATCH replaces it as a whole."""
    return Shape("many", default, nullable=default is None, item=item or needed(text()))


def mapping(item: Shape | None = None) -> Shape:
    """An object with free keys, all values of one shape."""
    return Shape("mapping", {}, item=item or anything())


def group(**fields: Shape) -> Shape:
    """An object with known keys; others are dropped."""
    return Shape("group", {}, fields=fields)


def tagged(tag: str, initial: str, /, **variants: Shape) -> Shape:
    """An object whose key `tag` says which of `variants` it is; another tag replaces the object instead of merging."""
    return Shape("tagged", {tag: initial} if initial else REQUIRED, fields=variants, tag=tag)


def anything(default: Any = None) -> Shape:
    """A value that is stored as it comes."""
    return Shape("anything", default, nullable=True)


def maybe(shape: Shape) -> Shape:
    """The same shape, or null (which is the default)."""
    return replace(shape, default=None, nullable=True)


def needed(shape: Shape) -> Shape:
    """The same shape without a default: leaving it out is an error."""
    return replace(shape, default=REQUIRED, nullable=False)


def names(words: str) -> tuple[str, ...]:
    """Words of a text, so that a long list of keys stays readable."""
    return tuple(words.split())


def merge(shape: Shape, stored: Any, sent: Any, *, replace_maps: bool = False) -> Any:
    """Lay `sent` over `stored`: objects deep, everything else whole; unknown keys fall away.

    Whether a key that is left out of an open map stays is unknown of the platform. Without `replace_maps` it does. The
    spec allows no null there, so that a map could then lose no key at all, which the dashboard can do
    [assumed for an agent: the map is replaced].
    """
    if not isinstance(stored, dict) or not isinstance(sent, dict):
        return sent
    if shape.kind == "mapping":
        assert shape.item is not None
        kept = {} if replace_maps else stored
        return kept | {
            key: value if replace_maps else merge(shape.item, stored.get(key), value) for key, value in sent.items()
        }
    fields = shape.fields
    if shape.kind == "tagged":
        tag = sent.get(shape.tag, stored.get(shape.tag))
        if tag != stored.get(shape.tag):
            return sent
        fields = _variant(shape, tag).fields
    if shape.kind not in ("group", "tagged"):
        return sent
    changed = {
        key: merge(fields[key], stored.get(key), value, replace_maps=replace_maps)
        for key, value in sent.items()
        if key in fields
    }
    return stored | changed


def settle(shape: Shape, value: Any, loc: Loc, problems: list[dict[str, Any]]) -> Any:
    """The value as the platform stores it; what is wrong with it is appended to `problems`."""
    if value is None and shape.nullable:
        return None
    if shape.kind == "anything":
        return value
    if shape.kind in ("text", "flag", "whole", "real"):
        return _scalar(shape, value, loc, problems)
    if shape.kind == "many":
        return _list(shape, value, loc, problems)
    if not isinstance(value, dict):
        name = "Input should be a valid dictionary or object to extract fields from"
        problems.append(problem("model_attributes_type", loc, name, value))
        return value
    if shape.kind == "mapping":
        assert shape.item is not None
        return {str(key): settle(shape.item, item, (*loc, str(key)), problems) for key, item in value.items()}
    if shape.kind == "tagged":
        return _tagged(shape, value, loc, problems)
    return _group(shape, value, loc, problems)


def settled(shape: Shape, value: Any, loc: Loc = ("body",)) -> tuple[Any, list[dict[str, Any]]]:
    """`settle` with a list of its own."""
    problems: list[dict[str, Any]] = []
    return settle(shape, value, loc, problems), problems


def problem(kind: str, loc: Loc, message: str, value: Any) -> dict[str, Any]:
    """One entry of a 422's `detail` list."""
    return {"type": kind, "loc": list(loc), "msg": message, "input": value}


def _group(shape: Shape, value: dict[str, Any], loc: Loc, problems: list[dict[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, child in shape.fields.items():
        if key in value:
            out[key] = settle(child, value[key], (*loc, key), problems)
        elif child.default is REQUIRED:
            problems.append(problem("missing", (*loc, key), "Field required", value))
        else:
            out[key] = None if child.default is None else settle(child, child.default, (*loc, key), problems)
    return out


def _variant(shape: Shape, tag: Any) -> Shape:
    return shape.fields.get(str(tag), Shape("group"))


def _tagged(shape: Shape, value: dict[str, Any], loc: Loc, problems: list[dict[str, Any]]) -> dict[str, Any]:
    tag = value.get(shape.tag)
    if tag is None and isinstance(shape.default, dict):
        tag = shape.default[shape.tag]
    if not isinstance(tag, str) or tag not in shape.fields:
        expected = ", ".join(f"'{name}'" for name in shape.fields)
        message = f"Input tag '{tag}' found using '{shape.tag}' does not match any of the expected tags: {expected}"
        problems.append(problem("union_tag_invalid", loc, message, value))
        return value
    return {shape.tag: tag} | _group(shape.fields[tag], value, (*loc, str(tag)), problems)


def _list(shape: Shape, value: Any, loc: Loc, problems: list[dict[str, Any]]) -> Any:
    if not isinstance(value, list | tuple):
        problems.append(problem("list_type", loc, "Input should be a valid list", value))
        return value
    assert shape.item is not None
    return [settle(shape.item, item, (*loc, index), problems) for index, item in enumerate(value)]


def _scalar(shape: Shape, value: Any, loc: Loc, problems: list[dict[str, Any]]) -> Any:
    if shape.kind == "text":
        return _text(shape, value, loc, problems)
    if shape.kind == "flag":
        return _flag(value, loc, problems)
    number = _number(shape, value, loc, problems)
    if isinstance(number, int | float) and not isinstance(number, bool):
        if shape.low is not None and number < shape.low:
            message = f"Input should be greater than or equal to {shape.low:g}"
            problems.append(problem("greater_than_equal", loc, message, value))
        if shape.high is not None and number > shape.high:
            problems.append(
                problem("less_than_equal", loc, f"Input should be less than or equal to {shape.high:g}", value)
            )
    return number


def _text(shape: Shape, value: Any, loc: Loc, problems: list[dict[str, Any]]) -> Any:
    if shape.options:
        if value not in shape.options or isinstance(value, bool):
            names = [f"'{option}'" if isinstance(option, str) else str(option) for option in shape.options]
            expected = f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
            problems.append(problem("enum", loc, f"Input should be {expected}", value))
        return value
    if not isinstance(value, str):
        problems.append(problem("string_type", loc, "Input should be a valid string", value))
        return value
    if shape.low is not None and len(value) < shape.low:
        message = f"String should have at least {shape.low:g} character{'' if shape.low == 1 else 's'}"
        problems.append(problem("string_too_short", loc, message, value))
    if shape.high is not None and len(value) > shape.high:
        message = f"String should have at most {shape.high:g} characters"
        problems.append(problem("string_too_long", loc, message, value))
    if shape.pattern and not re.search(shape.pattern, value):
        problems.append(
            problem("string_pattern_mismatch", loc, f"String should match pattern '{shape.pattern}'", value)
        )
    return value


# The platform's validator is lenient as its framework is: "true", "0.5" and 4.0 for 4 are taken.
_TRUE, _FALSE = ("true", "yes", "on", "1", "t", "y"), ("false", "no", "off", "0", "f", "n")


def _flag(value: Any, loc: Loc, problems: list[dict[str, Any]]) -> Any:
    if isinstance(value, bool):
        return value
    word = str(value).lower() if isinstance(value, str | int) else ""
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    kind, message = "bool_type", "Input should be a valid boolean"
    if isinstance(value, str | int | float):
        kind, message = "bool_parsing", "Input should be a valid boolean, unable to interpret input"
    problems.append(problem(kind, loc, message, value))
    return value


def _number(shape: Shape, value: Any, loc: Loc, problems: list[dict[str, Any]]) -> Any:
    name, word = ("int", "integer") if shape.kind == "whole" else ("float", "number")
    if not isinstance(value, str | int | float):
        problems.append(problem(f"{name}_type", loc, f"Input should be a valid {word}", value))
        return value
    try:
        number = float(value)
    except ValueError:
        message = (
            f"Input should be a valid {word}, unable to parse string as {'an integer' if name == 'int' else 'a number'}"
        )
        problems.append(problem(f"{name}_parsing", loc, message, value))
        return value
    if shape.kind == "real":
        return number
    if not number.is_integer():
        message = "Input should be a valid integer, got a number with a fractional part"
        problems.append(problem("int_from_float", loc, message, value))
        return value
    return int(number)
