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

from agentctl.calls import conversation, inbox, number, wire
from agentctl.calls.event import Event
from agentctl.calls.inbox import Store
from agentctl.calls.number import Number
from agentctl.errors import Malformed, UsageError

_SECONDS = 60.0  # the calls of a number are looked for among all
_NUMBER = re.compile(r"\+?\d[\d ()/.\-]{4,}\d", re.ASCII)
_LEAST = 6  # digits; fewer end too many numbers
# As ElevenLabs gives them; events that others signed may have other ones.
_ID = re.compile(r"conv_[A-Za-z0-9_-]+|[A-Za-z0-9]{20,}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Remains:
    """What is elsewhere of a call that was forgotten: at ElevenLabs, and where its recording was stored."""

    conversation_id: str
    at_vendor: bool
    recording: str | None

    @property
    def is_on_a_machine(self) -> bool:
        """Whether the recording is a file, which the worker of its machine erases by itself; else it is in Storage."""
        return (self.recording or "").startswith("file:")


@dataclass(frozen=True)
class Traces:
    """What is stored of one caller or one call.

    `conversation_ids`: also those that were forgotten before and are not gone everywhere. `event_ids`: events that
    became no call, some of them without a conversation. `numbers`: as marks are made of them, digits alone. `counts`:
    how much of each sort there is; `mailed`: who was sent a mail about it. `marked`: how many of the conversations were
    forgotten before. `nameless`: how many calls of the store no number leads to.
    """

    conversation_ids: tuple[str, ...] = field(repr=False)
    event_ids: tuple[str, ...] = ()
    numbers: tuple[str, ...] = field(default=(), repr=False)
    counts: Mapping[str, int] = field(default_factory=dict)
    mailed: tuple[str, ...] = ()
    marked: int = 0
    nameless: int = 0

    @property
    def is_known(self) -> bool:
        """Whether anything is here, or was forgotten before."""
        return bool(self.marked or any(self.counts.values()))


async def of_number(store: Store, asked: Number) -> Traces:
    """What there is of this number: in calls, also those that were emptied for their age and those of a site that
    passed it as user_id, in raw events that became none, and elsewhere of what was forgotten.

    Raises UsageError for one that is too short to name anybody, or that is of several callers, and StoreError.
    """
    if len(asked.digits) < _LEAST:
        raise UsageError("that are too few digits for a number", "Write it as +498999998100.")
    terms = {"digits": asked.digits, "whole": asked.is_whole}
    calls = await store.call("calls_of_number", terms, timeout=_SECONDS)
    found = {str(call["conversation_id"]) for call in calls}
    events, numbers = await _events(store, asked, found)
    numbers |= {call["number"] for call in calls if call["number"]}
    whole = {one for one in numbers if one.startswith("+")}
    if asked.is_whole:
        numbers.add(asked.digits)
    else:
        emptied = {call["caller"] for call in calls} - {call["caller"] for call in calls if call["number"]}
        _refuse_several(sorted(whole), len(emptied - {None}))
    digits = tuple(sorted({one.removeprefix("+") for one in numbers}))
    nameless = (await store.call("nameless_calls", {}, timeout=_SECONDS))["count"]
    traces = Traces(tuple(sorted(found)), tuple(events), digits, nameless=nameless)
    return await _counted(store, traces, **terms)


async def _events(store: Store, asked: Number, found: set[str]) -> tuple[list[str], set[str]]:
    """Raw events of the number that became no call, and the numbers in them; their conversations go into `found`."""
    events, numbers = [], set()
    for row in await store.call("events_with_digits", {"digits": asked.digits}, timeout=_SECONDS):
        event = await inbox.fetch(store, Event.from_row(row))
        if theirs := {one for one in _callers(event.payload or b"") if asked.is_that_of(one)}:
            events.append(str(event.id))
            numbers |= {f"+{one}" for one in theirs}
            found |= {event.conversation_id} if event.conversation_id else set()
    return events, numbers


def _refuse_several(numbers: Sequence[str], emptied: int) -> None:
    """`emptied`: how many more there are of whom only marks are kept."""
    if len(numbers) + emptied > 1:
        others = [f"{emptied} whose calls were emptied for their age"] if emptied else []
        which = ", ".join([*numbers, *others])
        raise UsageError(f"several callers have that number: {which}", "Write it with its country.")


async def of_id(store: Store, which: str) -> Traces:
    """What there is of one conversation, or of one event and its conversation.

    Raises UsageError for what is no id, unless something of it is here all the same; StoreError.
    """
    if not _UUID.fullmatch(which):
        traces = await _counted(store, Traces((which,)))
        if not traces.is_known and not _ID.fullmatch(which):
            what = f"{which!r} is neither a number nor the id of a conversation or an event"
            raise UsageError(what, "Write +498999998100, or an id as `agentctl calls list` shows it: conv_…")
        return traces
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
            call, failure = conversation.parse(data), conversation.parse_failure(data)
            parsed = [call.external_number, failure.external_number, _as_number(call.user_id)]
        except Malformed:
            parsed = []
        found = iter(parsed) if any(parsed) else _numbers(data)
    return {digits for one in found if one and (digits := number.dialled(one))}


def _as_number(user_id: str | None) -> str | None:
    """What a site passed as user_id, if it reads as a number with its country; any other may be an account's."""
    read = number.read(user_id or "")
    return read.digits if read and read.is_whole and len(read.digits) >= _LEAST else None


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
