"""Fetch the conversations that we were never told about, and enter them where the webhook enters its own.

The list filters by start, and a conversation appears in it as done only after its end and its analysis. So every poll
looks back over an overlap; the store's own memory keeps that from storing anything twice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from agentctl.calls import inbox, wire
from agentctl.calls.conversation import identifier
from agentctl.calls.event import TRANSCRIPTION
from agentctl.calls.inbox import Store
from agentctl.errors import AgentctlError, NotFound, StoreUnavailable

log = logging.getLogger(__name__)

# Ten minutes is the platform's default for max_duration_seconds; the analysis after the end takes some minutes more.
OVERLAP = timedelta(minutes=30)
TERMINAL = frozenset({"done", "failed"})
_NOT_TERMINAL = ("initiated", "in-progress", "processing")
_BATCH = 100


class Api(Protocol):
    """What is needed of ElevenLabs' API. Paths are templates; the client quotes the ids that fill them."""

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> Any:
        """GET one object. Raises ApiError and Unreachable."""
        ...

    def pages(
        self, path: str, *, items: str, params: Mapping[str, Any] | None = None, **ids: str
    ) -> AsyncIterator[Any]:
        """The entries of all pages of a list, from the field `items`."""
        ...


async def poll(
    api: Api, store: Store, agent_ids: Sequence[str], since: datetime, *, overlap: timedelta = OVERLAP
) -> list[str]:
    """Enter every finished conversation that began after `since` (less `overlap`) and is not stored yet.

    Without `agent_ids` those of all agents. The answer is the ids that were entered, oldest first. Running it again
    is safe at any point. One that cannot be entered is logged and left to the next poll, so that it blocks no other.
    Raises ApiError, Unreachable and StoreError if the list cannot be had or nothing of it can be entered.
    """
    after = max(0, int((since - overlap).timestamp()))
    found: dict[str, int] = {}
    for agent_id in agent_ids or (None,):
        found |= await _finished(api, agent_id, after)
    oldest_first = sorted(found, key=lambda conversation_id: (found[conversation_id], conversation_id))
    entered: list[str] = []
    failures: list[AgentctlError] = []
    tried = 0
    for start in range(0, len(oldest_first), _BATCH):
        batch = oldest_first[start : start + _BATCH]
        for conversation_id in await store.call("unknown_conversations", {"conversation_ids": batch}):
            tried += 1
            try:
                if await _enter(api, store, conversation_id):
                    entered.append(conversation_id)
            except StoreUnavailable:
                raise  # Each of the others would wait for it just as long.
            except AgentctlError as error:
                log.warning("conversation %s could not be entered: %s", conversation_id, type(error).__name__)
                failures.append(error)
    if failures and len(failures) == tried:
        raise failures[0]
    return entered


async def _finished(api: Api, agent_id: str | None, after: int) -> dict[str, int]:
    """Conversation id -> start, in Unix seconds."""
    params: dict[str, Any] = {
        "call_start_after_unix": after,
        "exclude_statuses": list(_NOT_TERMINAL),
        "page_size": 100,
    }
    if agent_id:
        params["agent_id"] = agent_id
    found = {}
    async for item in api.pages("/v1/convai/conversations", items="conversations", params=params):
        entry = wire.mapping(item)
        conversation_id = identifier(entry.get("conversation_id"))
        if conversation_id and entry.get("status") in TERMINAL:
            found[conversation_id] = wire.seconds(entry.get("start_time_unix_secs")) or 0
    return found


async def _enter(api: Api, store: Store, conversation_id: str) -> bool:
    try:
        data = await api.get("/v1/convai/conversations/{conversation_id}", conversation_id=conversation_id)
    except NotFound:
        log.info("conversation %s was deleted before it could be fetched", conversation_id)
        return False
    if wire.mapping(data).get("status") not in TERMINAL:
        return False  # its analysis is being run again; the next poll will find it
    payload = as_event(data)
    return (await inbox.accept(store, payload, inbox.peek(payload), "backfill")).new


def as_event(data: Mapping[str, Any]) -> bytes:
    """The event that the webhook would have sent, in bytes that are the same each time.

    Its timestamp is the end of the call: never later than a webhook's own, which is sent after the analysis.
    """
    metadata = wire.mapping(data.get("metadata"))
    start, length = wire.seconds(metadata.get("start_time_unix_secs")), wire.whole(metadata.get("call_duration_secs"))
    ended = start + (length or 0) if start is not None else None
    event = {"type": TRANSCRIPTION, "event_timestamp": ended, "data": data}
    return json.dumps(event, sort_keys=True, separators=(",", ":")).encode("ascii")
