"""How many requests may be under way at one host, and when the next may go: as fast as the host allows, and no faster.

Additive increase, multiplicative decrease, as TCP does it: a refusal for the rate (429) halves the width, every answer
that is none widens it again by its share of one, up to the limit. A host that names a time (Retry-After) closes the
gate for everybody: one worker's answer tells all of them. Whoever waits keeps its place in the line, also for its next
attempt, so nobody starves; and whoever waits holds no slot.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from types import TracebackType

CONCURRENCY = 32
_MUCH = 5.0  # seconds; who waits for less does not ask why


class Pace:
    """The gate before one host. `limit`: the most requests that are ever under way at once; `sleep`: how to wait.

    `on_close` hears for how many seconds everybody has to wait, each time that the host names a long one.
    """

    def __init__(
        self,
        limit: int = CONCURRENCY,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_close: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        if limit < 1:
            raise ValueError("a pace needs a limit of at least 1")
        self.limit = limit
        self.under_way = 0
        self._width = float(limit)
        self._sleep = sleep
        self._on_close = on_close
        self._opens_at = 0.0  # by the loop's clock, while it is closed
        self._closed: asyncio.Task[None] | None = None
        self._tickets = 0
        self._refusals = 0
        self._line: list[tuple[int, asyncio.Future[None]]] = []

    @property
    def width(self) -> int:
        """How many may be under way now."""
        return int(self._width)

    def turn(self) -> Turn:
        """A place in the line for one request with all its attempts, or for a list with all its pages.

        `async with` it around each of them, one after another.
        """
        self._tickets += 1
        return Turn(self, self._tickets)

    async def _enter(self, ticket: int) -> int:
        """Wait for a slot; the number of refusals that were known when it was given."""
        if not self._line and self._may():
            self.under_way += 1
            return self._refusals
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._line, (ticket, place))
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self._leave()  # it was given just now, to somebody who no longer wants it
            raise
        return self._refusals

    def _leave(self) -> None:
        self.under_way -= 1
        self._admit()

    def _may(self) -> bool:
        return self._closed is None and self.under_way < self.width

    def _admit(self) -> None:
        while self._line and (self._line[0][1].done() or self._may()):
            _, place = heapq.heappop(self._line)
            if not place.done():
                self.under_way += 1
                place.set_result(None)

    def _went_well(self) -> None:
        self._width = min(float(self.limit), self._width + 1 / self._width)
        self._admit()

    def _refused(self, known: int, seconds: float) -> None:
        # What was sent before the last refusal was known says nothing new: a burst is answered by one decrease.
        if known == self._refusals:
            self._refusals += 1
            self._width = max(1.0, self._width / 2)
        if seconds > 0:
            self._close(seconds)

    def _close(self, seconds: float) -> None:
        opens_at = asyncio.get_running_loop().time() + seconds
        if self._closed is not None:
            if opens_at <= self._opens_at:
                return
            self._closed.cancel()
        # A burst is answered by one and the same time.
        if seconds >= _MUCH and (self._closed is None or opens_at > self._opens_at + _MUCH):
            self._on_close(seconds)
        self._opens_at = opens_at
        self._closed = asyncio.create_task(self._open_after(seconds))

    async def _open_after(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._closed = None
        self._admit()


class Turn:
    """A place in the line, see `Pace.turn`. Each `async with` is one attempt and holds a slot while it is under way."""

    def __init__(self, pace: Pace, ticket: int) -> None:
        self._pace = pace
        self._ticket = ticket
        self._known = 0

    async def __aenter__(self) -> None:
        self._known = await self._pace._enter(self._ticket)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pace._leave()

    def refused(self, seconds: float = 0.0) -> None:
        """The host refused this attempt for its rate; nobody is to come for `seconds` (0: it named none)."""
        self._pace._refused(self._known, seconds)

    def went_well(self) -> None:
        """The host took this attempt, whatever it thought of it."""
        self._pace._went_well()
