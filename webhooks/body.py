"""Request bodies, read within limits: of size, of time, and of memory over all requests that are under way.

Post-call audio comes as base64 in one chunked body of tens of megabytes without a Content-Length, and several at once
must neither fill the memory nor keep the small events out. So a body that grows beyond 256 KiB needs one of a few
places and waits for it (the sender is held back by TCP meanwhile); small ones share what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from agentctl.errors import EventError

SMALL = 256 * 1024  # bytes; the transcript of a ten-minute call has about 40 kB


class Refused(EventError):
    """The door's answer to a request whose body was not read to its end. `linger`: seconds to let the sender finish."""

    def __init__(self, status: int, message: str, *, linger: float = 1.0) -> None:
        super().__init__(message)
        self.status = status
        self.linger = linger


@dataclass
class _Share:
    small: int = 0  # bytes counted against what the small bodies have together
    place: bool = False  # whether one of the places for large bodies is held
    waiting: bool = False


class Bodies:
    """Reads bodies of at most `max_bytes` each and `budget_bytes` together, each within `deadline` seconds."""

    def __init__(self, *, max_bytes: int, budget_bytes: int, deadline: float) -> None:
        places = max(1, budget_bytes * 3 // 4 // max_bytes)
        self._max = max_bytes
        self._deadline = deadline
        self._places = asyncio.Semaphore(places)
        self._small_left = max(budget_bytes - places * max_bytes, budget_bytes // 4)

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """The body of `request`; it counts until the block is left.

        Raises Refused: 413 too large, 408 too slow (the sender repeats it), 503 no memory left for it.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._max:
            raise self._too_large()
        share = _Share()
        try:
            yield await self._within_deadline(request, share)
        finally:
            self._small_left += share.small
            if share.place:
                self._places.release()

    async def _within_deadline(self, request: Request, share: _Share) -> bytes:
        try:
            async with asyncio.timeout(self._deadline):
                return await self._collect(request, share)
        except ClientDisconnect:
            raise Refused(400, "the sender went away", linger=0) from None
        except TimeoutError:
            if share.waiting:
                raise Refused(503, "too many large bodies at once") from None
            raise Refused(408, f"the body did not come within {self._deadline:g} s", linger=0) from None

    async def _collect(self, request: Request, share: _Share) -> bytes:
        body = bytearray()
        async for chunk in request.stream():
            # Counted as it comes: a Content-Length can be missing, and what was announced need not be sent.
            size = len(body) + len(chunk)
            if size > self._max:
                raise self._too_large()
            if size > SMALL and not share.place:
                await self._take_place(share)
            elif not share.place:
                self._take_small(share, len(chunk))
            body += chunk
        return bytes(body)

    async def _take_place(self, share: _Share) -> None:
        share.waiting = True
        await self._places.acquire()
        share.waiting, share.place = False, True
        self._small_left += share.small
        share.small = 0

    def _take_small(self, share: _Share, size: int) -> None:
        if size > self._small_left:
            raise Refused(503, "too many bodies at once")
        self._small_left -= size
        share.small += size

    def _too_large(self) -> Refused:
        return Refused(413, f"the body is larger than {self._max} bytes")
