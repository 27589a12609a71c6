"""A large body on its way through: written to disk, hashed and skimmed as it comes, so that no memory ever holds it."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Self

from pydantic import SecretStr

from agentctl.calls.inbox import Heading, peek
from agentctl.calls.skeleton import Skeleton
from agentctl.errors import Malformed
from webhooks.signature import Verifier

PART = 192 * 1024  # bytes, as which it goes to the store; in base64 they are as many as nobody needs a thread for
_PIECE = 256 * 1024


class Spool:
    """One body. The file has no name, so that a killed process leaves none behind."""

    def __init__(self, verifier: Verifier) -> None:
        self.size = 0
        self._verifier = verifier
        self._digest = hashlib.sha256()
        self._skeleton = Skeleton()
        self._fault: Malformed | None = None
        self._waiting = bytearray()
        self._file: IO[bytes] | None = None

    async def add(self, chunk: bytes) -> None:
        """Take a chunk; now and then a thread is busy with what has come. Raises OSError."""
        self._waiting += chunk
        self.size += len(chunk)
        if len(self._waiting) >= _PIECE:
            await self._write()

    async def finish(self) -> Self:
        """Take the end. Raises OSError."""
        await self._write()
        return self

    def signed(self) -> tuple[SecretStr, ...]:
        """The secrets that it was signed with, as a whole. Raises BadSignature where that is none that is known."""
        return self._verifier.finish()

    async def signed_with(self, verifier: Verifier) -> tuple[SecretStr, ...]:
        """The same by another verifier, which has read nothing yet."""
        async for part in self.parts():
            await asyncio.to_thread(verifier.update, part)
        return verifier.finish()

    @property
    def heading(self) -> Heading:
        """Read without what is long or deep. Raises Malformed for what is no JSON object in UTF-8."""
        if self._fault is not None:
            raise self._fault
        return peek(self._skeleton.text)

    @property
    def sha256(self) -> str:
        """In hexadecimal digits."""
        return self._digest.hexdigest()

    async def parts(self) -> AsyncIterator[bytes]:
        """All of it, PART bytes at a time."""
        assert self._file is not None
        await asyncio.to_thread(self._file.seek, 0)
        while part := await asyncio.to_thread(self._file.read, PART):
            yield part

    async def close(self) -> None:
        """Free the disk."""
        if self._file is not None:
            await asyncio.to_thread(self._file.close)

    async def _write(self) -> None:
        piece = bytes(self._waiting)
        self._waiting.clear()
        await asyncio.to_thread(self._take, piece)

    def _take(self, piece: bytes) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="agentctl-")  # noqa: SIM115  (closed by `close`)
        self._file.write(piece)
        self._verifier.update(piece)
        self._digest.update(piece)
        if self._fault is None:
            try:
                self._skeleton.feed(piece)
            except Malformed as error:
                self._fault = error  # for whoever asks once the signature is known to be right
