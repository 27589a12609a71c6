"""The durable "once": an event is accepted in one committed SQL function, and handed out under a lease till done.

Two doors lead here, the webhook and `backfill`; the same event through both, or twice through one, is one row.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from agentctl.calls import wire
from agentctl.calls.conversation import identifier
from agentctl.calls.event import AUDIO, Event, told
from agentctl.calls.turns import Turns
from agentctl.errors import StoreError
from agentctl.telemetry import figures
from agentctl.telemetry.fields import Field, at_hand
from agentctl.telemetry.spans import span

log = logging.getLogger(__name__)

UNKNOWN_TYPE = "unknown"
MEBIBYTE = 1024 * 1024
Source = Literal["webhook", "backfill"]


class Store(Protocol):
    """What is needed of the database: calling one of its functions by name."""

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """Run `agentctl_<function>(args)`, in which there may be bytes, and return its JSON.

        Raises StoreError and its kinds; `timeout` (seconds) is a hard deadline.
        """
        ...


@dataclass(frozen=True)
class Heading:
    """What an event says about itself. An id is None where the vendor gave none, or nothing that could be one."""

    type: str
    conversation_id: str | None
    agent_id: str | None
    event_timestamp: int | None

    def terms(self) -> dict[str, Any]:
        """As the store takes it."""
        return {
            "type": self.type,
            "conversation_id": self.conversation_id,
            "agent_id": self.agent_id,
            "event_timestamp": self.event_timestamp,
        }


@dataclass(frozen=True)
class Accepted:
    """The stored event's id, and whether it was not stored before. None: it is of a call that was forgotten."""

    id: int | str | None
    new: bool

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Accepted:
        """Read the store's answer."""
        return cls(row["id"], row["new"])


def peek(payload: bytes) -> Heading:
    """Read the heading of a raw event. Pure, and quick enough for the door: the content is not walked.

    Raises Malformed only for what is not a JSON object in UTF-8: an event of an unknown kind, or without a
    conversation_id, is somebody's call and must be kept.
    """
    event = wire.skim(payload)
    data = wire.mapping(event.get("data"))
    kind = identifier(event.get("type"))
    return Heading(
        type=kind or UNKNOWN_TYPE,
        conversation_id=identifier(data.get("conversation_id")),
        agent_id=identifier(data.get("agent_id")),
        event_timestamp=wire.seconds(event.get("event_timestamp")),
    )


async def accept(
    store: Store,
    payload: bytes,
    heading: Heading,
    source: Source,
    *,
    signers: Sequence[str] = (),
    timeout: float = 10.0,
) -> Accepted:
    """Store the raw bytes, once. When this returns, the event is committed and will be processed.

    `signers`: the tenants with whose workspace's secret it was signed, who may speak of the agents there alone: what
    they say of others is kept as their own. Empty for who is believed of every agent: the project, and what was
    fetched. What is of an agent that nobody has is then the tenant's that `store` names, else the operator's.
    Raises StoreError; after StoreUnavailable it may or may not be stored, and accepting it again is safe.
    """

    async def accepted() -> Accepted:
        return Accepted.from_row(await store.call("accept", entry(payload, heading, source, signers), timeout=timeout))

    return await observed(accepted(), heading, source, len(payload))


async def accept_large(
    store: Store,
    parts: AsyncIterator[bytes],
    heading: Heading,
    sha256: str,
    size: int,
    source: Source = "webhook",
    *,
    signers: Sequence[str] = (),
    timeout: float = 10.0,
) -> Accepted:
    """As `accept`, for an event of `size` bytes with this digest (in hexadecimal digits) that comes in parts.

    `timeout` is for each part. An attempt that was broken off leaves nothing that counts, and a second one goes on.
    """
    event = {**heading.terms(), "source": source, "signers": list(signers), "sha256": sha256}
    accepted = await observed(_in_parts(store, parts, event, size, timeout), heading, source, size)
    tell([(heading.terms(), accepted, at_hand().get("request_id"))])
    return accepted


async def _in_parts(
    store: Store, parts: AsyncIterator[bytes], event: Mapping[str, Any], size: int, timeout: float
) -> Accepted:
    count = 0
    async for part in parts:
        answer = await store.call("accept_part", {**event, "position": count, "part": part}, timeout=timeout)
        if answer["known"]:
            return Accepted(answer["id"], new=False)
        count += 1
    return Accepted.from_row(await store.call("accept", {**event, "parts": count, "size": size}, timeout=timeout))


async def observed(accepting: Awaitable[Accepted], heading: Heading, source: Source, size: int) -> Accepted:
    """Wait for an accept, as figures and traces have it."""
    about = {
        "messaging.system": "agentctl",
        "messaging.destination.name": "events",
        "messaging.operation.type": "send",
        "messaging.operation.name": "accept",
        "messaging.message.conversation_id": heading.conversation_id,
        "messaging.message.body.size": size,
        "agentctl.source": source,
    }
    with span("accept events", about, kind="producer", trace=heading.conversation_id) as one:
        accepted = await accepting
        outcome = "new" if accepted.new else "forgotten" if accepted.id is None else "again"
        figures.ACCEPTED.add(source, outcome)
        one.set({"messaging.message.id": _text(accepted.id), "agentctl.outcome": outcome})
        return accepted


def tell(entered: Sequence[tuple[Mapping[str, Any], Accepted, Field | None]]) -> None:
    """Log what was accepted together: event, what came of it, and the id of the request that brought it."""
    # One line per commit: at a thousand deliveries per second, a line for each would be a quarter of the work.
    for new, word in ((True, "accepted"), (False, "again")):
        some = [_delivery(*one) for one in entered if one[1].new is new]
        if some:
            named = [(one["type"], one["conversation_id"]) for one in some]
            log.info("%s: %r", word, named, extra={"fields": {"deliveries": some}})


def _delivery(event: Mapping[str, Any], accepted: Accepted, request_id: Field | None) -> dict[str, Field | None]:
    named = {"type": told(event["type"]), "conversation_id": told(event["conversation_id"])}
    return {"request_id": request_id, "event_id": accepted.id, **named}


def _text(value: Field | None) -> str | None:
    return None if value is None else str(value)


def entry(payload: bytes, heading: Heading, source: Source, signers: Sequence[str] = ()) -> dict[str, Any]:
    """An event as `accept` and `accept_many` take it."""
    return {**heading.terms(), "source": source, "signers": list(signers), "payload": payload}


async def claim(
    store: Store,
    *,
    worker: str,
    limit: int,
    lease_seconds: float,
    max_attempts: int = 5,
    turns: Turns | None = None,
    sound: bool | None = None,
) -> list[Event]:
    """Take up to `limit` events that are due, without payloads, of each tenant in turn. Each is ours until its lease
    ends, unless renewed.

    `sound`: recordings alone, or all else alone; None: both.
    One whose workers were lost `max_attempts` times is declared dead instead: it may be what kills them.
    """
    turns = turns or Turns()
    terms = {"worker": worker, "limit": limit, "lease_seconds": lease_seconds, "max_attempts": max_attempts}
    asked = {**terms, "sound": sound, **turns.terms()}
    claimed = [Event.from_row(row) for row in await store.call("claim_events", asked)]
    turns.passed(claimed)
    return claimed


async def fetch(store: Store, event: Event) -> Event:
    """The claimed event with its payload; the more of it there is, the longer that may take. Raises StoreError.

    Of one that came in parts, `size` is known from here on; a recording's payload stays where it is, for `pieces`.
    """
    row = await store.call("find_event", {"id": event.id}, timeout=10.0 + event.size / MEBIBYTE)
    if row is None:
        raise StoreError(f"event {event.id} is no longer stored")
    found = replace(event, size=row["size"], parts=row["parts"])
    if not found.parts:
        return replace(found, payload=await wire.aside(found.size, base64.b64decode, row["payload"]))
    if found.type == AUDIO:
        return found
    return replace(found, payload=b"".join([piece async for piece in pieces(store, found)]))


async def pieces(store: Store, event: Event) -> AsyncIterator[bytes]:
    """The payload of a fetched event, piece by piece. Raises StoreError."""
    if event.payload is not None:
        yield event.payload
        return
    for position in range(event.parts):
        row = await store.call("find_part", {"id": event.id, "position": position})
        if row is None:
            raise StoreError(f"event {event.id} is no longer stored")
        yield await wire.aside(len(row["part"]), base64.b64decode, row["part"])
