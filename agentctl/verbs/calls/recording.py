"""The sound of one call: where it is kept, a copy of it, or an address by which others can fetch it for a while."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Any

from agentctl.calls.process import Sink
from agentctl.errors import AgentctlError
from agentctl.verbs.calls.call import call
from agentctl.wiring import Control

_PATIENCE = 5.0  # seconds; what a person waits for who asked for something else


@dataclass(frozen=True)
class Recording:
    """What is known of a recording. `size` in bytes; `sha256` in hexadecimal digits, of what was delivered; `gone_at`:
    when it was missed where it lay, if it was.
    """

    conversation_id: str
    location: str
    content_type: str
    size: int
    sha256: str
    gone_at: str | None


async def recording(control: Control, conversation_id: str) -> Recording:
    """The recording of a call. Raises AgentctlError if there is no such call, or none of it; StoreError."""
    found: dict[str, Any] | None = (await looked_for(control, await call(control, conversation_id)))["recording"]
    if found is None:
        raise AgentctlError(
            f"there is no recording of {conversation_id!r}",
            "Recordings come where [privacy] records and the webhook's events have audio; `agentctl calls backfill` "
            "fetches those that were not delivered.",
        )
    fields = {name: found[name] for name in ("location", "content_type", "size", "sha256", "gone_at")}
    return Recording(conversation_id=conversation_id, **fields)


async def looked_for(control: Control, shown: dict[str, Any]) -> dict[str, Any]:
    """The call as it was shown, with whether its recording is still where it was stored; that is remembered.

    As far as is known, where Storage does not tell within seconds. Raises StoreError of the store alone.
    """
    known, recordings = shown["recording"], control.recordings_of_calls
    if known is None:
        return shown
    try:
        async with asyncio.timeout(_PATIENCE):
            if not await recordings.reaches(known["location"]):
                return shown
            gone = not await recordings.is_there(known["location"])
    except (TimeoutError, AgentctlError):
        return shown
    if gone is (known["gone_at"] is not None):
        return shown
    asked = {"conversation_id": shown["conversation_id"], "location": known["location"], "gone": gone}
    return {**shown, "recording": known | await (await control.store_of_calls()).call("note_gone", asked)}


async def fetch(control: Control, wanted: Recording, target: Sink) -> None:
    """Write it into `target`. Raises AgentctlError where it is not kept here, or is not what was stored; StoreError."""
    measured = _Measured(target)
    await control.recordings_of_calls.fetch(wanted.location, measured)
    if measured.digest.hexdigest() != wanted.sha256:
        raise AgentctlError(f"what is at {wanted.location} is not the recording that was stored there")


async def sign(control: Control, wanted: Recording, seconds: int) -> str:
    """An address by which anybody can fetch it for so long.

    Raises UsageError where recordings are files, AgentctlError if it is not kept here, StoreError.
    """
    return await control.recordings_of_calls.sign(wanted.location, seconds)


class _Measured:
    """Writes on, and takes the digest of it."""

    def __init__(self, target: Sink) -> None:
        self.digest = hashlib.sha256()
        self._target = target

    def write(self, piece: bytes) -> None:
        self.digest.update(piece)
        self._target.write(piece)
