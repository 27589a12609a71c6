"""Reading JSON that others wrote: every value may be missing, null or of another type, and none of it raises.

Three things in valid JSON would poison the store for ever and are replaced before anything else looks at them:
U+0000 (jsonb refuses it), lone surrogates (not encodable as UTF-8) and NaN or infinity (not JSON at all).
"""

from __future__ import annotations

import asyncio
import codecs
import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic_core import SchemaValidator, core_schema

from agentctl.calls.skeleton import Skeleton
from agentctl.errors import Malformed

# Deeper than any documented payload by far, and well inside Python's own recursion limit.
MAX_DEPTH = 100
LARGE = 256 * 1024  # bytes; what is done to more than this would hold up everything else in the event loop
_LAST_SECOND = 253402300799  # the end of the year 9999: what a Postgres timestamp and Python's datetime both hold
_SECONDS = re.compile(r" *[0-9]{1,11}(\.[0-9]*)? *")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

_ANYTHING = core_schema.typed_dict_field(core_schema.any_schema(), required=False)
_OF_DATA = core_schema.typed_dict_schema({"conversation_id": _ANYTHING, "agent_id": _ANYTHING})
_HEADING = SchemaValidator(
    core_schema.typed_dict_schema(
        {
            "type": _ANYTHING,
            "event_timestamp": _ANYTHING,
            "data": core_schema.typed_dict_field(_OF_DATA, required=False),
        }
    )
)

T = TypeVar("T")


async def aside(size: int, work: Callable[..., T], *args: Any) -> T:
    """`work(*args)`, in a thread if it concerns more than LARGE bytes."""
    return await asyncio.to_thread(work, *args) if size > LARGE else work(*args)


def decode(payload: bytes) -> dict[str, Any]:
    """Parse one JSON object. Of duplicate keys the last one counts, everywhere in agentctl alike.

    Raises Malformed for what is not UTF-8, not JSON, not an object, or nested too deeply to read.
    """
    try:
        return _object(payload)
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None


def skim(payload: bytes) -> dict[str, Any]:
    """What `decode` finds of an event's heading: type, event_timestamp, and data's conversation_id and agent_id.

    In a quarter of the time, since no more is made of the rest than to see that it is JSON. There may be more in the
    answer; what is nested too deeply to read is left out.
    """
    try:
        found: dict[str, Any] = _HEADING.validate_json(payload)
    except ValueError:  # it refuses more than is no JSON: lone surrogates, depth, a byte order mark, data of no object
        return _skimmed(payload)
    return found


def _skimmed(payload: bytes) -> dict[str, Any]:
    try:
        return _object(payload)
    except RecursionError:
        skeleton = Skeleton()
        skeleton.feed(payload.removeprefix(codecs.BOM_UTF8))
        return decode(skeleton.text)


def _object(payload: bytes) -> dict[str, Any]:
    try:
        value = json.loads(payload.decode("utf-8-sig"), parse_constant=lambda _name: None, parse_int=_integer)
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:  # its own text would hold content
        raise Malformed(f"the body is not JSON (line {error.lineno} column {error.colno})") from None
    if not isinstance(value, dict):
        raise Malformed(f"the body is a JSON {_json_type(value)}, not an object")
    return value


def _integer(digits: str) -> int | None:
    """None for one with more digits than Python reads: as little a number as 1e999 is."""
    try:
        return int(digits)
    except ValueError:
        return None


def clean(value: Any, depth: int = 0) -> Any:
    """Parsed JSON with everything replaced that the store cannot hold. Raises Malformed beyond MAX_DEPTH levels."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, (dict, list)) and depth > MAX_DEPTH:
        raise Malformed(f"the content is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        return {clean_text(key): clean(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def clean_text(value: str) -> str:
    """`value` with U+0000 and lone surrogates replaced by U+FFFD."""
    if value.isascii() and "\0" not in value:  # by far the most are, and that is known without a look at each letter
        return value
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)


def text(value: Any) -> str | None:
    """A string that says something, or None. Numbers count as what they look like."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def whole(value: Any, highest: int = 2**31 - 1) -> int | None:
    """A whole number from 0 to `highest` (a Postgres integer by default), or None. Takes "23" and 23.0 as 23."""
    found = number(value)
    return int(found) if found is not None and 0 <= found <= highest else None


def number(value: Any) -> float | None:
    """A finite number, or None. Takes digits in a string, as form-encoded vendors send them."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def moment(value: Any) -> datetime | None:
    """Unix seconds as an aware UTC time, or None. 0 is how absent times are written, so it counts as none."""
    seconds = whole(value, _LAST_SECOND)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def seconds(value: Any) -> int | None:
    """Unix seconds of 11 digits at most, or None; a fraction is cut off. Of strings, those that every door reads alike:
    digits of ASCII, with a fraction or without, and spaces around.
    """
    if isinstance(value, str) and not _SECONDS.fullmatch(value):
        return None
    found = number(value)
    return int(found) if found is not None and 0 <= found < 10**11 else None


def mapping(value: Any) -> dict[str, Any]:
    """An object, or an empty one in its place."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; null, another type and entries of another type count as absent."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def present(value: Mapping[str, Any]) -> dict[str, Any]:
    """`value` without what is null or empty, so that details hold only what was said."""
    return {key: item for key, item in value.items() if item is not None and item != {} and item != [] and item != ""}


def _json_type(value: Any) -> str:
    return {list: "array", str: "string", bool: "boolean", type(None): "null"}.get(type(value), "number")
