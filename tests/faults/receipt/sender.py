"""ElevenLabs as a sender of webhooks, by its documented rules, its pauses scaled down.

Only 200 counts. A transcript is repeated after 5xx, 429, 408 and a lost answer, 30 s, 2, 8 and 30 minutes after the
attempt before, each up to a tenth longer; nothing else is ever repeated. At most 100 repetitions wait per webhook, what
would be more is given up (https://elevenlabs.io/docs/agents-platform/workflows/post-call-webhooks). Recordings come in
chunks, without a length.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

from pydantic import SecretStr

from tests.faults.receipt.post import TYPES, Kind, Letter
from webhooks.address import PATH
from webhooks.signature import HEADER, sign

PAUSES = (30.0, 120.0, 480.0, 1800.0)
MOST_WAITING = 100
TIMEOUT_SECONDS = 10.0
LOST = 0  # instead of a status: no answer came
_CHUNK = 64 * 1024
_LOOK_SECONDS = 0.02


@dataclass
class Journal:
    """What became of the deliveries."""

    acknowledged: set[Letter] = field(default_factory=set)
    tried: set[Letter] = field(default_factory=set)
    refused: set[Letter] = field(default_factory=set)  # by an answer that no repetition follows
    given_up: int = 0  # deliveries: the last attempt failed, or 100 were waiting already
    took: list[float] = field(default_factory=list)  # seconds of each acknowledgement
    answers: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0  # seconds to any answer

    @property
    def attempts(self) -> int:
        """All that were made."""
        return self.answers.total()

    @property
    def failures(self) -> int:
        """Attempts without a 200."""
        return self.attempts - self.answers[200]

    def percentile(self, share: float) -> float:
        """Milliseconds within which that share of the acknowledgements came."""
        took = sorted(self.took)
        return 1000 * took[min(len(took) - 1, int(len(took) * share))] if took else 0.0


class Supply:
    """The deliveries in their order, for all senders: so many a second, and none beyond `limit`."""

    def __init__(self, letters: Sequence[Letter], rate: float) -> None:
        self.letters = letters
        self.taken = 0
        self.limit = 0
        self._pause = 1 / rate
        self._next = 0.0
        self._moved = asyncio.Event()

    def allow(self, limit: int) -> None:
        """Let them be taken up to this one."""
        self.limit = limit
        self._tell()

    async def reached(self, place: int) -> None:
        """Wait until so many are taken."""
        while self.taken < place:
            await self._moved.wait()

    def take(self) -> Letter | None:
        """The next one, if it is its time."""
        now = time.monotonic()
        if self.taken >= min(self.limit, len(self.letters)) or now < self._next:
            return None
        self._next = max(self._next, now - 10 * self._pause) + self._pause
        self.taken += 1
        self._tell()
        return self.letters[self.taken - 1]

    @property
    def empty(self) -> bool:
        """Whether all are taken."""
        return self.taken == len(self.letters)

    def _tell(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


@dataclass
class Sender:
    """One webhook of one workspace: one delivery at a time, over one connection per door, each door in its turn."""

    ports: Sequence[int]
    secret: SecretStr
    journal: Journal
    scale: float
    luck: Random
    waiting: list[tuple[float, int, Letter, int]] = field(default_factory=list)
    sent: int = 0
    open: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=dict)

    async def run(self, supply: Supply) -> None:
        """Deliver until there is nothing more to deliver, nor to repeat."""
        while self.waiting or not supply.empty:
            if self.waiting and self.waiting[0][0] <= time.monotonic():
                _, _, letter, failed = heapq.heappop(self.waiting)
            elif (found := supply.take()) is not None:
                letter, failed = found, 0
            else:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            status = await self._attempt(letter)
            if status != 200:
                self._failed(letter, status, failed)
        for _, writer in self.open.values():
            writer.close()

    def _failed(self, letter: Letter, status: int, failed: int) -> None:
        repeatable = status in (LOST, 408, 429) or status >= 500
        if not repeatable:
            self.journal.refused.add(letter)
        repeated = repeatable and TYPES[letter.kind] == TYPES[Kind.transcript] and failed < len(PAUSES)
        if not repeated or len(self.waiting) >= MOST_WAITING:
            self.journal.given_up += 1
            return
        pause = PAUSES[failed] * self.scale * self.luck.uniform(1.0, 1.1)
        heapq.heappush(self.waiting, (time.monotonic() + pause, self.sent, letter, failed + 1))

    async def _attempt(self, letter: Letter) -> int:
        self.sent += 1
        port = self.ports[self.sent % len(self.ports)]
        self.journal.tried.add(letter)
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                status = await self._ask(port, letter)
        except (OSError, EOFError, ValueError):  # a timeout is an OSError
            status = LOST
            self._hang_up(port)
        took = time.perf_counter() - begun
        self.journal.answers[status] += 1
        if status != LOST:
            self.journal.slowest = max(self.journal.slowest, took)
        if status == 200:
            self.journal.acknowledged.add(letter)
            self.journal.took.append(took)
        return status

    async def _ask(self, port: int, letter: Letter) -> int:
        if port not in self.open or self.open[port][0].at_eof():
            self._hang_up(port)
            self.open[port] = await asyncio.open_connection("127.0.0.1", port)
        reader, writer = self.open[port]
        writer.writelines(request(letter, self.secret))
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
        await reader.readexactly(length)
        if "connection: close" in lines:
            self._hang_up(port)
        return int(lines[0].split()[1])

    def _hang_up(self, port: int) -> None:
        if port in self.open:
            with suppress(OSError):
                self.open.pop(port)[1].close()


def request(letter: Letter, secret: SecretStr) -> list[bytes]:
    """One signed request, as bytes of a connection."""
    body = letter.body
    chunked = letter.kind is Kind.audio
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: door\r\nContent-Type: application/json\r\n"
        f"{HEADER}: {sign(body, secret, int(time.time()))}\r\n{framing}\r\n\r\n"
    ).encode()
    if not chunked:
        return [head, body]
    parts = [body[start : start + _CHUNK] for start in range(0, len(body), _CHUNK)]
    return [head, *(b"%x\r\n%b\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n"]
