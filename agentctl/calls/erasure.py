"""Erasing what is stored of a caller: what there is, the mark that keeps it from coming back, and its end.

The order makes it safe to be cut off at any point and done again: first the marks, after which nothing of it comes in
and what lies elsewhere is remembered by itself; then the rows, so that nobody reads them any more; then what lies
elsewhere, each piece of which is remembered until it is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from agentctl.calls import conversation, inbox, wire
from agentctl.calls.event import Event
from agentctl.calls.inbox import Store
from agentctl.calls.number import Number
from agentctl.errors import Malformed, UsageError

_SECONDS = 60.0  # the calls of a number are looked for among all
_NUMBER = re.compile(r"\+?\d[\d ()/.\-]{4,}\d", re.ASCII)
_LEAST = 6  # digits; fewer end too many numbers
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Remains:
    """What is elsewhere of a call that was forgotten: at ElevenLabs, and where its recording was stored."""

    conversation_id: str
    at_vendor: bool
    recording: str | None


@dataclass(frozen=True)
class Traces:
    """What is stored of one caller or one call.

    `conversation_ids`: also those that were forgotten before and are not gone everywhere. `event_ids`: events that
    became no call, some of them without a conversation. `numbers`: as marks are made of them, digits alone. `counts`:
    how much of each sort there is; `mailed`: who was sent a mail about it. `marked`: how many of the conversations were
    forgotten before.
    """

    conversation_ids: tuple[str, ...] = field(repr=False)
    event_ids: tuple[str, ...] = ()
    numbers: tuple[str, ...] = field(default=(), repr=False)
    counts: Mapping[str, int] = field(default_factory=dict)
    mailed: tuple[str, ...] = ()
    marked: int = 0


async def of_number(store: Store, number: Number) -> Traces:
    """What there is of this number: in calls, in raw events that became none, and elsewhere of what was forgotten.

    Raises UsageError for one that is too short to name anybody, or that is of several callers, and StoreError.
    """
    if len(number.digits) < _LEAST:
        raise UsageError("that are too few digits for a number", "Write it as +498999998100.")
    asked = {"digits": number.digits, "whole": number.is_whole}
    calls = await store.call("calls_of_number", asked, timeout=_SECONDS)
    found = {str(call["conversation_id"]) for call in calls}
    numbers = {re.sub(r"\D", "", call["number"]) for call in calls}
    events = []
    for row in await store.call("events_with_digits", {"digits": number.digits}, timeout=_SECONDS):
        event = await inbox.fetch(store, Event.from_row(row))
        if theirs := {one for one in _callers(event.payload or b"") if number.is_that_of(one)}:
            events.append(str(event.id))
            numbers |= theirs
            found |= {event.conversation_id} if event.conversation_id else set()
    if number.is_whole:
        numbers.add(number.digits)
    elif len(numbers) > 1:
        which = ", ".join(f"+{one}" for one in sorted(numbers))
        raise UsageError(f"several callers have that number: {which}", "Write it with its country.")
    return await _counted(store, Traces(tuple(sorted(found)), tuple(events), tuple(sorted(numbers))), **asked)


async def of_id(store: Store, which: str) -> Traces:
    """What there is of one conversation, or of one event and its conversation. Raises StoreError."""
    if not _UUID.fullmatch(which):
        return await _counted(store, Traces((which,)))
    event = await store.call("find_event", {"id": which}, timeout=_SECONDS)
    ids = (event["conversation_id"],) if event and event["conversation_id"] else ()
    return await _counted(store, Traces(ids, (event["id"],) if event else ()), event_id=which)


async def mark(store: Store, traces: Traces, *, keep_remote: bool) -> None:
    """Have it refused from now on, however it comes, and remember what lies elsewhere. Raises StoreError."""
    marks = {"conversation_ids": list(traces.conversation_ids), "numbers": list(traces.numbers)}
    await store.call("mark_forgotten", {**marks, "at_vendor": not keep_remote}, timeout=_SECONDS)


async def remains(store: Store, conversation_ids: Sequence[str]) -> list[Remains]:
    """What is still elsewhere of calls that are marked. Raises StoreError."""
    rows = await store.call("remains", {"conversation_ids": list(conversation_ids)}, timeout=_SECONDS)
    return [Remains(row["conversation_id"], row["at_vendor"], row["recording"]) for row in rows]


async def leave(store: Store, left: Sequence[Remains]) -> None:
    """Remember this much of each; of what is nowhere any more, nothing. Raises StoreError."""
    await store.call("leave_remains", {"remains": [asdict(one) for one in left]}, timeout=_SECONDS)


async def erase(store: Store, conversation_ids: Sequence[str], event_ids: Sequence[str] = ()) -> dict[str, int]:
    """Delete the rows; the answer counts them. Raises StoreError."""
    gone = {"conversation_ids": list(conversation_ids), "event_ids": list(event_ids)}
    counts: dict[str, int] = await store.call("erase", gone, timeout=_SECONDS)
    return counts


async def _counted(store: Store, traces: Traces, **named: object) -> Traces:
    left = await store.call("remains", {"conversation_ids": list(traces.conversation_ids), **named}, timeout=_SECONDS)
    ids = sorted({*traces.conversation_ids, *(row["conversation_id"] for row in left)})
    traces = replace(traces, conversation_ids=tuple(ids))
    asked = {"conversation_ids": list(traces.conversation_ids), "event_ids": list(traces.event_ids)}
    row: dict[str, Any] = await store.call("held_of", asked, timeout=_SECONDS)
    mailed, marked = tuple(row.pop("mailed")), int(row.pop("marked"))
    counts = {**row, "recordings": len(row["recordings"])}
    return replace(traces, counts=counts, mailed=mailed, marked=marked)


def _callers(payload: bytes) -> set[str]:
    """The digits of whoever called, as far as the raw event tells: what its reader finds, else each number in it.

    A number that somebody spoke of is part of a sentence, and is not the caller's.
    """
    try:
        data = wire.mapping(wire.decode(payload).get("data"))
    except Malformed:
        found: Iterator[str | None] = iter(_NUMBER.findall(payload.decode("utf-8", "replace")))
    else:
        try:
            parsed = [conversation.parse(data).external_number, conversation.parse_failure(data).external_number]
        except Malformed:
            parsed = []
        found = iter(parsed) if any(parsed) else _numbers(data)
    return {digits for one in found if one and (digits := re.sub(r"\D", "", one))}


def _numbers(value: Any) -> Iterator[str | None]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and _NUMBER.fullmatch(one):
            yield one
        elif isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
