"""One event -> call, turns, digest and queued mails, in one SQL function; or a recording; or kept as it is.

Nothing that was accepted is lost: what cannot be understood is kept and visible, and what fails is tried again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from agentctl.calls import conversation, event, inbox, wire
from agentctl.calls.begun import Begun, BegunUpload
from agentctl.calls.call import Call, Digest, Wanted
from agentctl.calls.digest import Digester
from agentctl.calls.event import Event, SavedAssistant, told
from agentctl.calls.inbox import Store
from agentctl.calls.mail import Letterhead, compose
from agentctl.calls.sound import Audio, Sound, sound_of
from agentctl.errors import Malformed, StoreUnavailable
from agentctl.telemetry import figures
from agentctl.telemetry.spans import span

log = logging.getLogger(__name__)

_REFUSALS = {
    "forgotten": "its call or its caller was forgotten",
    "emptied": "the words of its call were erased for their age",
    "outlived": "it is older than recordings are kept",
}


class Sink(Protocol):
    """Takes a recording piece by piece."""

    def write(self, piece: bytes, /) -> object:
        """Take one."""
        ...


class Recordings(Protocol):
    """Where the sound of one tenant's calls is kept."""

    @property
    def place(self) -> str:
        """What tells it from other places, for whoever has work to do in each."""
        ...

    def of(self, tenant: str) -> Recordings:
        """The same place for another tenant's."""
        ...

    def location(self, conversation_id: str, event_id: int | str, content_type: str) -> str:
        """Where to keep what this event brings, and nothing else."""
        ...

    async def reaches(self, location: str) -> bool:
        """Whether what is not found there is nowhere: a file may be on another machine. Raises StoreError."""
        ...

    async def is_there(self, location: str) -> bool:
        """Whether anything lies there, as far as this place reaches. Raises StoreError."""
        ...

    async def keeps(self, location: str, size: int, sha256: str) -> bool:
        """Whether the whole of a recording lies there: told by its digest, or by its size where to read it costs
        something. False for what this place does not reach. Raises StoreError.
        """
        ...

    async def save(self, location: str, audio: Audio, content_type: str, begun: Begun) -> None:
        """Keep a copy of one recording there; saving it again replaces it. Raises StoreError.

        What takes its time is noted in `begun`, and gone on with by the next attempt.
        """
        ...

    async def erase(self, conversation_id: str, location: str | None = None) -> bool:
        """Delete what is kept of a conversation; False if there is nothing in this place. Raises StoreError.

        `location`: where it was kept, by whatever settings that was; then the answer is whether it went from there.
        Copies that an earlier version left by the conversation's mere name go, too, and prove nothing.
        """
        ...

    async def discard(self, location: str) -> bool:
        """Delete what lies there, and nothing else of the conversation; False if nothing does. Raises StoreError."""
        ...

    async def fetch(self, location: str, target: Sink) -> None:
        """Write what is kept at `location`. Raises AgentctlError if it is not in this place, StoreError."""
        ...

    async def sign(self, location: str, seconds: int) -> str:
        """An address by which anybody can fetch it for so long. Raises UsageError where there is no such thing."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What became of an event.

    stored: a call, new or better than the one stored before. recorded: its sound. superseded: the stored one is better
    and stays. kept: not understood, `reason` says why. refused: of a call or a caller that was forgotten, of a call
    that was emptied for its age, or a recording that is too old. lost: another worker has the event by now.
    """

    state: Literal["stored", "superseded", "recorded", "kept", "refused", "lost"]
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
        if claimed.type == event.AUDIO:
            async with sound_of(inbox.pieces(store, claimed)) as sound:
                return await _keep_recording(claimed, sound, store, recordings)
        found = await wire.aside(claimed.size, _read, claimed)
    except Malformed as error:
        return await _keep(claimed, store, error.message)
    if found is None:
        return await _keep(claimed, store, f"events of type {told(claimed.type)!r} are not known to this version")
    digest = await _digest(claimed, found, digester)
    return await _store(claimed, found, digest, store, letterhead or Letterhead())


def _read(claimed: Event) -> Call | None:
    data = wire.mapping(wire.decode(claimed.payload or b"").get("data"))
    if claimed.type == event.TRANSCRIPTION:
        return conversation.parse(data)
    if claimed.type == event.INITIATION_FAILURE:
        return conversation.parse_failure(data, claimed.event_timestamp)
    return None


def in_its_zone(call: Call, assistant: SavedAssistant | None) -> Call:
    """The call in the time zone that its assistant declares, if it does: "tomorrow" is tomorrow there."""
    return replace(call, timezone=(assistant.timezone if assistant else None) or call.timezone)


async def _digest(claimed: Event, call: Call, digester: Digester) -> Digest | None:
    if call.never_happened:
        return None
    ours = claimed.assistant
    with span("digest") as one:
        made = await digester.digest(in_its_zone(call, ours), wanted_of(call, ours))
        one.set({"agentctl.digest.engine": made.engine, "agentctl.digest.action_items": len(made.action_items)})
    figures.DIGESTS.add(made.engine)
    return made


def wanted_of(call: Call, assistant: SavedAssistant | None) -> Wanted:
    """What a digest of the call is to be; of a stranger's agent, what the call itself suggests."""
    return assistant.wanted if assistant else Wanted((call.language or "en")[:2].lower())


async def _store(claimed: Event, call: Call, digest: Digest | None, store: Store, letterhead: Letterhead) -> Outcome:
    ours = claimed.assistant
    if ours is None:
        whose = "%s is a call of agent %s, which nobody has synced into this store: nobody is mailed"
        log.warning(whose, told(call.conversation_id), told(call.agent_id or ""))
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
            "mails": compose(in_its_zone(call, ours), digest, ours, letterhead) if ours else [],
        },
    )
    if not answer["held"]:
        why = (await store.call("refusal", {"conversation_id": call.conversation_id}))["reason"]
        return _refuse(claimed, call.conversation_id, _REFUSALS[why]) if why else Outcome("lost", call.conversation_id)
    if answer.get("told"):
        log.info("%s was over before it was to be told of here: nobody is mailed", told(call.conversation_id))
    if kept := answer.get("kept"):
        of = "; it is of an earlier transcript: agentctl calls digest makes another" if kept == "earlier" else ""
        log.warning("%s keeps the digest that a language model made of it%s", told(call.conversation_id), of)
    return Outcome("stored" if answer["stored"] else "superseded", call.conversation_id)


async def _keep_recording(claimed: Event, sound: Sound, store: Store, recordings: Recordings) -> Outcome:
    location = recordings.location(sound.conversation_id, claimed.id, sound.content_type)
    recording = {
        "conversation_id": sound.conversation_id,
        "agent_id": sound.agent_id,
        "location": location,
        "content_type": sound.content_type,
        "size": sound.audio.size,
        "sha256": sound.sha256,
    }
    stored = {"event_id": claimed.id, "attempt": claimed.attempt, "recording": recording}
    # Whoever is lost from here on has left word of what may lie there.
    answer = await store.call("begin_recording", stored)
    if answer["held"]:
        await recordings.save(location, sound.audio, sound.content_type, BegunUpload(store, claimed))
        answer = await store.call("store_recording", stored)
        if answer["held"]:
            return Outcome("recorded", sound.conversation_id)
        if answer.get("refused") or answer.get("superseded"):
            await recordings.discard(location)
    if answer.get("busy"):
        raise StoreUnavailable("another worker is at a recording of the call", "This one is stored after that.")
    if answer.get("superseded"):
        return Outcome("superseded", sound.conversation_id)
    if refused := answer.get("refused"):
        return _refuse(claimed, sound.conversation_id, _REFUSALS[refused])
    return Outcome("lost", sound.conversation_id)


def _refuse(claimed: Event, conversation_id: str, reason: str) -> Outcome:
    log.info("event %s is refused: %s", claimed.id, reason)
    return Outcome("refused", conversation_id, reason)


async def _keep(claimed: Event, store: Store, reason: str) -> Outcome:
    log.warning("event %s is kept unprocessed: %s", claimed.id, reason)
    answer = await store.call("keep_event", {"id": claimed.id, "attempt": claimed.attempt, "reason": reason})
    return Outcome("kept" if answer["held"] else "lost", claimed.conversation_id, reason)
