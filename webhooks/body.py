"""Request bodies, read within limits: of size, of time, and of memory over all requests that are under way.

Post-call audio comes as base64 in one chunked body of tens of megabytes without a Content-Length, and several at once
must neither fill the memory nor keep the small events out. So a body that grows beyond 256 KiB goes to the disk and
needs one of a few places, for which it waits (the sender is held back by TCP meanwhile); small ones stay in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request

from agentctl.errors import EventError
from webhooks.spool import Spool

SMALL = 256 * 1024  # bytes; the transcript of a ten-minute call has about 40 kB
PACE = 256 * 1024  # bytes per second, that a sender must keep up once its first seconds are over
_PATIENCE = 30.0  # seconds for a place


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
    spool: Spool | None = None


class Bodies:
    """Reads bodies of at most `max_bytes` each. Small ones may have `budget_bytes` together; of large ones as many are
    under way at once as there are `places`, for which they wait `patience` seconds. Each has `deadline` seconds, and a
    large one as many more as what has come of it takes at `pace` bytes per second.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        deadline: float,
        budget_bytes: int = 64 * 1024 * 1024,
        places: int = 8,
        patience: float = _PATIENCE,
        pace: float = PACE,
    ) -> None:
        self._max = max_bytes
        self._deadline = deadline
        self._patience = patience
        self._pace = pace
        self._places = asyncio.Semaphore(places)
        self._small_left = budget_bytes

    @asynccontextmanager
    async def read(self, request: Request, spool: Callable[[], Spool]) -> AsyncIterator[bytes | Spool]:
        """The body of `request`, a large one in a new `spool`; it counts until the block is left.

        Raises Refused: 413 too large, 408 too slow (the sender repeats it), 503 no room left for it.
        """
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > self._max:
            raise self._too_large()
        share = _Share()
        try:
            yield await self._within_deadline(request, share, spool)
        finally:
            self._small_left += share.small
            if share.spool is not None:
                await share.spool.close()
            if share.place:
                self._places.release()

    async def _within_deadline(self, request: Request, share: _Share, spool: Callable[[], Spool]) -> bytes | Spool:
        try:
            async with asyncio.timeout(self._deadline) as limit:
                return await self._collect(request, share, spool, limit)
        except ClientDisconnect:
            raise Refused(400, "the sender went away", linger=0) from None
        except TimeoutError:
            raise Refused(408, "the body did not come in time", linger=0) from None
        except OSError:
            raise Refused(503, "no room on the disk for a large body") from None

    async def _collect(
        self, request: Request, share: _Share, spool: Callable[[], Spool], limit: asyncio.Timeout
    ) -> bytes | Spool:
        start = asyncio.get_running_loop().time()
        body = bytearray()
        size = 0
        async for chunk in request.stream():
            # Counted as it comes: a Content-Length can be missing, and what was announced need not be sent.
            size += len(chunk)
            if size > self._max:
                raise self._too_large()
            if size <= SMALL:
                self._take_small(share, len(chunk))
                body += chunk
                continue
            if share.spool is None:
                start += await self._take_place(share, limit)
                share.spool = spool()
                await share.spool.add(bytes(body))
                body.clear()
            await share.spool.add(chunk)
            limit.reschedule(start + self._deadline + size / self._pace)
        return bytes(body) if share.spool is None else await share.spool.finish()

    async def _take_place(self, share: _Share, limit: asyncio.Timeout) -> float:
        """Wait for a place; the answer is how many seconds it took, which are not the sender's."""
        clock = asyncio.get_running_loop().time
        start = clock()
        limit.reschedule(None)
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise Refused(503, "too many large bodies at once") from None
        share.place = True
        self._small_left += share.small
        share.small = 0
        return clock() - start

    def _take_small(self, share: _Share, size: int) -> None:
        if size > self._small_left:
            raise Refused(503, "too many bodies at once")
        self._small_left -= size
        share.small += size

    def _too_large(self) -> Refused:
        return Refused(413, f"the body is larger than {self._max} bytes")
