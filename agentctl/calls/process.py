"""One event -> call, turns, digest and queued mails, in one SQL function; or a recording; or kept as it is.

Nothing that was accepted is lost: what cannot be understood is kept and visible, and what fails is tried again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from agentctl.calls import conversation, event, inbox, wire
from agentctl.calls.call import Call, Digest
from agentctl.calls.digest import Digester
from agentctl.calls.event import Event
from agentctl.calls.inbox import Store
from agentctl.calls.mail import Letterhead, compose
from agentctl.errors import Malformed

log = logging.getLogger(__name__)


class Recordings(Protocol):
    """Where the sound of calls is kept."""

    @property
    def place(self) -> str:
        """What tells it from other places, for whoever has work to do in each."""
        ...

    async def save(self, conversation_id: str, audio: bytes, content_type: str) -> str:
        """Keep one recording; saving it again replaces it. The answer says where. Raises StoreError."""
        ...

    async def erase(self, conversation_id: str) -> bool:
        """Delete what is kept of a conversation; False if there is nothing in this place. Raises StoreError."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What became of an event.

    stored: a call, new or better than the one stored before. superseded: the stored one is better and stays.
    recorded: its sound. kept: not understood, `reason` says why. lost: another worker has taken the event over, or its
    caller was forgotten.
    """

    state: Literal["stored", "superseded", "recorded", "kept", "lost"]
    conversation_id: str | None
    reason: str = ""


async def process(
    claimed: Event, *, store: Store, digester: Digester, recordings: Recordings, letterhead: Letterhead | None = None
) -> Outcome:
    """Turn one claimed event into what it means, and mark it done in the same transaction.

    Its payload is fetched unless `inbox.fetch` has done so. Raises StoreError and DigestError, after which the event
    is still claimed and can be tried again.
    """
    if claimed.payload is None:
        claimed = await inbox.fetch(store, claimed)
    try:
        found = await wire.aside(claimed.size, _read, claimed)
    except Malformed as error:
        return await _keep(claimed, store, error.message)
    if found is None:
        return await _keep(claimed, store, f"events of type {claimed.type!r} are not known to this version")
    if isinstance(found, _Sound):
        return await _keep_recording(claimed, found, store, recordings)
    digest = await _digest(claimed, found, digester)
    return await _store(claimed, found, digest, store, letterhead or Letterhead())


@dataclass(frozen=True)
class _Sound:
    conversation_id: str
    agent_id: str | None
    audio: bytes
    sha256: str


def _read(claimed: Event) -> Call | _Sound | None:
    data = wire.mapping(wire.decode(claimed.payload or b"").get("data"))
    if claimed.type == event.AUDIO:
        return _sound(data)
    if claimed.type == event.TRANSCRIPTION:
        return conversation.parse(data)
    if claimed.type == event.INITIATION_FAILURE:
        return conversation.parse_failure(data, claimed.event_timestamp)
    return None


async def _digest(claimed: Event, call: Call, digester: Digester) -> Digest | None:
    if call.never_happened:
        return None
    if claimed.assistant is None:
        return await digester.digest(call, language=(call.language or "en")[:2].lower())
    ours = claimed.assistant
    return await digester.digest(call, language=ours.digest_language, wants_items=ours.action_items)


async def _store(claimed: Event, call: Call, digest: Digest | None, store: Store, letterhead: Letterhead) -> Outcome:
    ours = claimed.assistant
    answer = await store.call(
        "store_call",
        {
            "event_id": claimed.id,
            "attempt": claimed.attempt,
            "call": call.record()
            | {
                "project": ours.project if ours else None,
                "environment": ours.environment if ours else None,
                "assistant": ours.key if ours else None,
                "assistant_name": ours.name if ours else None,
                "event_timestamp": claimed.event_timestamp,
                "source": claimed.source,
            },
            "turns": [turn.record() for turn in call.turns],
            "digest": digest.record() if digest else None,
            "action_items": digest.item_records() if digest else [],
            "mails": compose(call, digest, ours, letterhead) if ours else [],
        },
    )
    if not answer["held"]:
        return Outcome("lost", call.conversation_id)
    return Outcome("stored" if answer["stored"] else "superseded", call.conversation_id)


def _sound(data: Mapping[str, Any]) -> _Sound:
    conversation_id = conversation.identifier(data.get("conversation_id"))
    if conversation_id is None:
        raise Malformed("data.conversation_id is missing")
    audio = _decode(data.get("full_audio"))
    agent_id = conversation.identifier(data.get("agent_id"))
    return _Sound(conversation_id, agent_id, audio, hashlib.sha256(audio).hexdigest())


async def _keep_recording(claimed: Event, sound: _Sound, store: Store, recordings: Recordings) -> Outcome:
    content_type = sound_type(sound.audio)
    location = await recordings.save(sound.conversation_id, sound.audio, content_type)
    answer = await store.call(
        "store_recording",
        {
            "event_id": claimed.id,
            "attempt": claimed.attempt,
            "recording": {
                "conversation_id": sound.conversation_id,
                "agent_id": sound.agent_id,
                "location": location,
                "content_type": content_type,
                "size": len(sound.audio),
                "sha256": sound.sha256,
            },
        },
    )
    if answer["held"]:
        return Outcome("recorded", sound.conversation_id)
    if await store.call("is_forgotten", {"conversation_id": sound.conversation_id}):
        await recordings.erase(sound.conversation_id)  # while it was being saved
    return Outcome("lost", sound.conversation_id)


async def _keep(claimed: Event, store: Store, reason: str) -> Outcome:
    log.warning("event %s is kept unprocessed: %s", claimed.id, reason)
    answer = await store.call("keep_event", {"id": claimed.id, "attempt": claimed.attempt, "reason": reason})
    return Outcome("kept" if answer["held"] else "lost", claimed.conversation_id, reason)


def sound_type(audio: bytes) -> str:
    """The media type by the first bytes. The vendor documents MP3, and says nothing of other formats."""
    if audio.startswith(b"RIFF"):
        return "audio/wav"
    if audio.startswith(b"OggS"):
        return "audio/ogg"
    return "audio/mpeg"


def _decode(full_audio: Any) -> bytes:
    if not isinstance(full_audio, str) or not full_audio:
        raise Malformed("data.full_audio is missing")
    try:
        return base64.b64decode(full_audio, validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("data.full_audio is not base64") from None
