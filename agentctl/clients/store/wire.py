"""What both transports have in common: which JSON a database takes, and what its refusals mean.

A refusal is told by its code alone: messages and details of a database quote the values that it choked on, and those
are what was said on the phone.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from agentctl.calls.wire import LARGE, aside
from agentctl.errors import NotThere, StoreBehind, StoreError, StoreSilent, StoreUnavailable

# SQLSTATEs (postgresql.org/docs/current/errcodes-appendix.html) and PostgREST's own codes
# (postgrest.org/en/stable/references/errors.html).
_MISSING = {"42883", "42P01", "3F000", "PGRST202", "PGRST205"}
_PASSING = {"25006", "40001", "40P01", "55P03", "PGRST000", "PGRST001", "PGRST002", "PGRST003", "408", "429"}
# Connection, resources (disk full, too many connections), operator intervention, system; and a gateway's status.
_PASSING_CLASSES = re.compile(r"(08|53|57|58)...|5\d\d")
# Of these, those that the question itself may be the reason for: a broken connection, a limit of time, a crash, locks.
_SILENT = re.compile(r"08...|40...|55P03|57014|57P02|58...|408|500|504")
# Wrong password or role, unknown database: no connection, whatever the reason.
_NO_ENTRY = re.compile(r"28...|3D000")
# Raised by our own functions, or about rights and tokens: these messages quote nobody.
_SPEAKING = re.compile(r"P0001|42501|PGRST\d+")
# Within these, triggers and views of a product's own may raise the same, with words that quote a row.
_WITH_OTHERS_CODE = {"report_synced", "source_columns", "source_rows"}
_MEANING = {
    "P0001": "code of the table's own refuses it",
    "42501": "rights are lacking, or code of the table's own says so",
}

_THEIRS = "The database's log has its words: grant what they say is lacking, or correct the trigger, rule or view."
_AGAIN = "Run it again. If it comes back: is the server short of room, or does something in it hold locks?"

_UNTAKEABLE = re.compile("[\x00\ud800-\udfff]")


_NOT_THERE = "PT404"  # docs.postgrest.org/en/stable/references/errors.html: PT and a status


def in_base64(part: bytes) -> str:
    """Bytes as JSON holds them, for a wire that has nothing else."""
    return base64.b64encode(part).decode("ascii")


def takeable(args: Mapping[str, Any], put: Callable[[bytes], Any] = in_base64) -> str:
    """The arguments as JSON text that every Postgres takes; `put` says what stands in the place of bytes.

    jsonb refuses U+0000 and lone surrogates, in values and in keys; both arrive in signed, valid JSON. They become
    U+FFFD. Raises StoreError for NaN and infinities, which JSON does not have.
    """
    try:
        text = json.dumps(args, allow_nan=False, default=put)
    except ValueError:
        raise StoreError("the store was handed a number that JSON cannot express") from None
    # json.dumps writes both kinds as escapes, so that most texts are known to be clean without looking at each string.
    if "\\u0000" in text or "\\ud" in text:
        text = json.dumps(_clean(json.loads(text)))
    return text


async def encoded(args: Mapping[str, Any], put: Callable[[bytes], Any] = in_base64) -> str:
    """`takeable(args, put)`; what is large is written in a thread, so that nothing else waits for it."""
    return await aside(_weight(args), takeable, args, put)


def refusal(function: str, code: str, message: str = "", *, remedy: str = "") -> StoreError:
    """The error for a database's refusal of `function`: `code` is a SQLSTATE, a PostgREST code or an HTTP status."""
    where = f"the database, asked to {function.replace('_', ' ')},"
    if code in _MISSING:
        return StoreBehind(
            f"{where} does not know that function or one of its tables ({code})",
            "Migrations are pending: run `agentctl db status`, then `agentctl db migrate` or `supabase db push`.",
        )
    if code == _NOT_THERE:
        return NotThere(message or "there is no such thing")
    if code in _PASSING or _PASSING_CLASSES.fullmatch(code):
        kind = StoreSilent if _SILENT.fullmatch(code) else StoreUnavailable
        return kind(f"{where} cannot do it now ({code})", remedy or _AGAIN)
    if _NO_ENTRY.fullmatch(code):
        return StoreUnavailable(f"the database lets nobody in under that name ({code})", remedy)
    if function in _WITH_OTHERS_CODE and code in _MEANING:
        message, remedy = _MEANING[code], _THEIRS
    elif function in _WITH_OTHERS_CODE:
        message = ""
    said = f": {message}" if message and _SPEAKING.fullmatch(code) else ""
    return StoreError(f"{where} refused ({code or 'no code'}){said}", remedy)


def _weight(value: Any) -> int:
    """Roughly the bytes of `value` as JSON, counted no further than to know that it is large."""
    weight, left = 0, [value]
    while left and weight <= LARGE:
        part = left.pop()
        if isinstance(part, (str, bytes)):
            weight += len(part)
            continue
        weight += 8
        if isinstance(part, (list, tuple)):
            left.extend(part)
        elif isinstance(part, Mapping):
            left.extend(part.values())
    return weight


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        # A pair of surrogates is one character and stays; only lone ones survive the round trip as such.
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return _UNTAKEABLE.sub("\ufffd", whole)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value
