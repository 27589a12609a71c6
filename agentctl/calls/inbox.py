"""The durable "once": an event is accepted in one committed SQL function, and handed out under a lease till done.

Two doors lead here, the webhook and `backfill`; the same event through both, or twice through one, is one row.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from agentctl.calls import wire
from agentctl.calls.conversation import identifier
from agentctl.calls.event import Event
from agentctl.errors import StoreError

UNKNOWN_TYPE = "unknown"
MEBIBYTE = 1024 * 1024


class Store(Protocol):
    """What is needed of the database: calling one of its functions by name."""

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """Run `agentctl_<function>(args)`. Raises StoreError and its kinds; `timeout` (seconds) is a hard deadline."""
        ...


@dataclass(frozen=True)
class Heading:
    """What an event says about itself. An id is None where the vendor gave none, or nothing that could be one."""

    type: str
    conversation_id: str | None
    agent_id: str | None
    event_timestamp: int | None


@dataclass(frozen=True)
class Accepted:
    """The stored event's id, and whether it was not stored before. None: it is of a call that was forgotten."""

    id: int | str | None
    new: bool


def peek(payload: bytes) -> Heading:
    """Read the heading of a raw event. Pure, and quick enough for the door: the content is not walked.

    Raises Malformed only for what is not a JSON object in UTF-8: an event of an unknown kind, or without a
    conversation_id, is somebody's call and must be kept.
    """
    event = wire.decode(payload)
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
    source: Literal["webhook", "backfill"],
    *,
    timeout: float = 10.0,
) -> Accepted:
    """Store the raw bytes, once. When this returns, the event is committed and will be processed.

    Raises StoreError; after StoreUnavailable it may or may not be stored, and accepting it again is safe.
    """
    answer = await store.call(
        "accept",
        {
            "type": heading.type,
            "conversation_id": heading.conversation_id,
            "agent_id": heading.agent_id,
            "event_timestamp": heading.event_timestamp,
            "source": source,
            "payload": await wire.aside(len(payload), _encoded, payload),
        },
        timeout=timeout,
    )
    return Accepted(answer["id"], answer["new"])


async def claim(store: Store, *, worker: str, limit: int, lease_seconds: float, max_attempts: int = 5) -> list[Event]:
    """Take up to `limit` events that are due, without payloads. Each is ours until its lease ends, unless renewed.

    One whose workers were lost `max_attempts` times is declared dead instead: it may be what kills them.
    """
    terms = {"worker": worker, "limit": limit, "lease_seconds": lease_seconds, "max_attempts": max_attempts}
    rows = await store.call("claim_events", terms)
    return [Event.from_row(row) for row in rows]


async def fetch(store: Store, event: Event) -> Event:
    """The claimed event with its payload; the more of it there is, the longer that may take. Raises StoreError."""
    row = await store.call("find_event", {"id": event.id}, timeout=10.0 + event.size / MEBIBYTE)
    if row is None:
        raise StoreError(f"event {event.id} is no longer stored")
    return replace(event, payload=await wire.aside(event.size, base64.b64decode, row["payload"]))


def _encoded(payload: bytes) -> str:
    return base64.b64encode(payload).decode("ascii")
