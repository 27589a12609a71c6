"""Group commit: events that come in while others are being committed are committed together, in one transaction.

What a commit costs, the flush of a log and a round trip, is then shared by all that wait for it. The first one goes at
once, so that a lone sender waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from agentctl.calls.inbox import Accepted, Heading, Source, Store, entry, observed, tell
from agentctl.calls.jobs import describe
from agentctl.errors import StoreBehind, StoreError, StoreUnavailable
from agentctl.telemetry.fields import Field, at_hand


@dataclass(frozen=True, eq=False)
class _Waiting:
    event: dict[str, Any]
    size: int
    answer: asyncio.Future[Accepted]
    request_id: Field | None


class Intake:
    """Accepts events over one store. Of at most `commits` transactions at once each has up to `most` events, and of
    more than one at most `most_bytes` of payload; `timeout`: seconds that each may take.
    """

    def __init__(
        self,
        store: Store,
        *,
        commits: int = 2,
        most: int = 64,
        most_bytes: int = 2 * 1024 * 1024,
        timeout: float = 2.5,
    ) -> None:
        self._store = store
        self._commits = commits
        self._most = most
        self._most_bytes = most_bytes
        self._timeout = timeout
        self._waiting: deque[_Waiting] = deque()
        self._running: set[asyncio.Task[None]] = set()

    async def accept(
        self, payload: bytes, heading: Heading, source: Source, *, signers: Sequence[str] = ()
    ) -> Accepted:
        """As `inbox.accept`: when this returns, the event is committed. Given up by its caller, it may or may not be.

        Raises StoreError.
        """
        answer: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        event, request_id = entry(payload, heading, source, signers), at_hand().get("request_id")
        self._waiting.append(_Waiting(event, len(payload), answer, request_id))
        if len(self._running) < self._commits:
            # It begins when all that came in with this one has been read, and is no more this one's than theirs.
            task = asyncio.create_task(self._commit(), context=Context())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return await observed(answer, heading, source, len(payload))

    async def _commit(self) -> None:
        while batch := self._next():
            await self._enter(batch)

    def _next(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < self._most:
            if batch and size + self._waiting[0].size > self._most_bytes:
                break
            one = self._waiting.popleft()
            if not one.answer.done():  # its sender has waited long enough
                batch.append(one)
                size += one.size
        return batch

    async def _enter(self, batch: Sequence[_Waiting]) -> None:
        try:
            accepted = await self._stored([one.event for one in batch])
        except (StoreUnavailable, StoreBehind) as error:
            _fail(batch, error)
        except StoreError as error:
            if len(batch) == 1:
                return _fail(batch, error)
            # One of them is to blame, and the others must not suffer for it.
            for one in batch:
                await self._enter([one])
        except Exception as error:  # noqa: BLE001  (whoever waits must hear of it; its text may hold an event)
            _fail(batch, StoreError(f"unexpected {describe(error)}"))
        else:
            for one, result in zip(batch, accepted, strict=True):
                if not one.answer.done():
                    one.answer.set_result(result)
            tell([(one.event, it, one.request_id) for one, it in zip(batch, accepted, strict=True)])

    async def _stored(self, events: Sequence[dict[str, Any]]) -> list[Accepted]:
        if len(events) == 1:
            return [Accepted.from_row(await self._store.call("accept", events[0], timeout=self._timeout))]
        rows = await self._store.call("accept_many", {"events": events}, timeout=self._timeout)
        return [Accepted.from_row(row) for row in rows]


def _fail(batch: Sequence[_Waiting], error: StoreError) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)
