"""The sound of a call, taken out of its event piece by piece into a file: a recording is never whole in memory.

The file has no name: whatever ends the process, no voice is left on the disk.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

from agentctl.calls import conversation, wire
from agentctl.calls.skeleton import Skeleton
from agentctl.errors import Malformed, StoreUnavailable

_HEAD = 16  # bytes by which a format is told


@dataclass(frozen=True)
class Audio:
    """`size` bytes, to be read in any order, and by several at once."""

    file: IO[bytes]
    size: int

    def read(self, offset: int, size: int) -> bytes:
        """What stands there; less at the end."""
        return os.pread(self.file.fileno(), size, offset)


@dataclass(frozen=True)
class Sound:
    """What an audio event holds. `audio` is there until the block ends that it was taken in."""

    conversation_id: str
    agent_id: str | None
    audio: Audio
    sha256: str
    content_type: str


@asynccontextmanager
async def sound_of(pieces: AsyncIterator[bytes]) -> AsyncIterator[Sound]:
    """Read an audio event. Raises Malformed for one without a conversation or without sound; StoreUnavailable where
    this machine has no room for it.
    """
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115  (closed below)
    except OSError as error:
        raise _no_room(error) from None
    with file:
        pour = _Pour(file)
        skeleton = Skeleton("full_audio", pour.add)
        try:
            async for piece in pieces:
                await wire.aside(len(piece), skeleton.feed, piece)
            pour.finish()
        except OSError as error:
            raise _no_room(error) from None
        data = wire.mapping(wire.decode(skeleton.text).get("data"))
        conversation_id = conversation.identifier(data.get("conversation_id"))
        if conversation_id is None:
            raise Malformed("data.conversation_id is missing, or is no id")
        if not pour.size:
            raise Malformed("data.full_audio is missing")
        agent_id = conversation.identifier(data.get("agent_id"))
        kind = sound_type(pour.head)
        yield Sound(conversation_id, agent_id, Audio(file, pour.size), pour.digest.hexdigest(), kind)


def _no_room(error: OSError) -> StoreUnavailable:
    return StoreUnavailable(
        f"a recording cannot be written to {tempfile.gettempdir()} ({error.strerror}) on its way",
        "Make room there, or name another directory in TMPDIR.",
    )


def sound_type(audio: bytes) -> str:
    """The media type by the first bytes. The vendor documents MP3, and says nothing of other formats."""
    if audio.startswith(b"RIFF"):
        return "audio/wav"
    if audio.startswith(b"OggS"):
        return "audio/ogg"
    return "audio/mpeg"


class _Pour:
    """Base64 in, as it stands in JSON, bytes out."""

    def __init__(self, file: IO[bytes]) -> None:
        self.size = 0
        self.head = b""
        self.digest = hashlib.sha256()
        self._file = file
        self._left = b""
        self._padded = False

    def add(self, part: bytes) -> None:
        """Decode what can be. Raises Malformed for what is not base64."""
        text = self._left + part.replace(b"\\", b"")  # JSON may write / as \/, and knows no other escape of base64
        whole = len(text) // 4 * 4
        self._left = text[whole:]
        self._decode(text[:whole])

    def finish(self) -> None:
        """Everything has come."""
        self._decode(self._left)
        self._file.flush()

    def _decode(self, text: bytes) -> None:
        if not text:
            return
        try:
            if self._padded:
                raise ValueError("something follows its end")
            sound = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise Malformed("data.full_audio is not base64") from None
        self._padded = text.endswith(b"=")
        self.size += len(sound)
        self.head = self.head or sound[:_HEAD]
        self.digest.update(sound)
        self._file.write(sound)
