"""Fetch recordings that were never delivered, each asked for once, and enter them where the webhook enters its own.

ElevenLabs does not repeat a delivery of audio. A known conversation costs no request: the store knows by the call
whether there is a recording, and whether it is here.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from agentctl.calls import inbox, wire
from agentctl.calls.event import AUDIO
from agentctl.calls.inbox import MEBIBYTE, Store
from agentctl.calls.tenant import OPERATOR, store_of
from agentctl.errors import AgentctlError, NotFound, RateLimited, StoreError
from agentctl.resources.endpoints import AGENT

log = logging.getLogger(__name__)

GRACE_SECONDS = 1800.0
_LIMIT = 100  # of one look: the next is a quarter of an hour away
_PART = 4 * MEBIBYTE


class Api(Protocol):
    """What is needed of ElevenLabs' API."""

    async def get(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> Any:
        """GET one object. Raises ApiError and Unreachable."""
        ...

    async def get_bytes(self, path: str, *, params: Mapping[str, Any] | None = None, **ids: str) -> tuple[bytes, str]:
        """The content at `path` and its media type. Raises ApiError and Unreachable."""
        ...


async def fetch(
    api: Api, store: Store, agent_ids: Sequence[str], *, owner: str = OPERATOR, grace: float = GRACE_SECONDS
) -> list[str]:
    """Enter the missing recordings of these agents' calls, as far as the agents deliver audio; the answer: of which.

    `owner`: the tenant in whose workspace they live, who has the calls of those that nobody has. `grace`: how many
    seconds a delivery has time to come. One that cannot be had is logged and left to the next look,
    one that is not there never asked for again. Raises RateLimited and StoreError.
    """
    asked = {"agent_ids": list(agent_ids), "grace_seconds": grace, "limit": _LIMIT}
    owners = store_of(store, owner)
    missing = await owners.call("missing_sounds", asked)
    wanted: dict[str, bool] = {}
    entered: list[str] = []
    ended: dict[str, list[str]] = {}
    try:
        for row in missing:
            conversation_id, agent_id = row["conversation_id"], row["agent_id"]
            try:
                if agent_id not in wanted:
                    wanted[agent_id] = await _delivers_audio(api, agent_id)
                if wanted[agent_id] and await _enter(api, owners, conversation_id, agent_id):
                    entered.append(conversation_id)
                ended.setdefault(row.get("tenant") or OPERATOR, []).append(conversation_id)
            except (StoreError, RateLimited):
                raise
            except AgentctlError as error:
                log.warning("the recording of %s could not be fetched: %s", conversation_id, type(error).__name__)
    finally:
        for tenant, ids in ended.items():
            await store_of(store, tenant).call("asked_for_sounds", {"conversation_ids": ids})
    return entered


async def _delivers_audio(api: Api, agent_id: str) -> bool:
    """Whether recordings of this agent are wanted here; not of one that is gone."""
    try:
        agent = wire.mapping(await api.get(AGENT, agent_id=agent_id))
    except NotFound:
        return False
    overrides = wire.mapping(wire.mapping(agent.get("platform_settings")).get("workspace_overrides"))
    return "audio" in (wire.mapping(overrides.get("webhooks")).get("events") or ())


async def _enter(api: Api, store: Store, conversation_id: str, agent_id: str) -> bool:
    path = "/v1/convai/conversations/{conversation_id}/audio"
    try:
        audio, _ = await api.get_bytes(path, conversation_id=conversation_id)
    except NotFound:
        return False
    payload = as_event(conversation_id, agent_id, audio)
    digest = hashlib.sha256(payload).hexdigest()
    accepted = await inbox.accept_large(
        store, _parts(payload), inbox.peek(payload), digest, len(payload), source="backfill"
    )
    return accepted.new


def as_event(conversation_id: str, agent_id: str, audio: bytes) -> bytes:
    """The event that the webhook would have sent; without a time, which the platform does not tell."""
    sound = base64.b64encode(audio).decode("ascii")
    data = {"agent_id": agent_id, "conversation_id": conversation_id, "full_audio": sound}
    return json.dumps({"type": AUDIO, "event_timestamp": None, "data": data}, separators=(",", ":")).encode("ascii")


async def _parts(payload: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(payload), _PART):
        yield payload[at : at + _PART]
