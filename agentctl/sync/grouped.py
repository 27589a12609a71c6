"""Many small writes to the store as few: what is asked while a write is under way goes together with the next one.

A first sync of 50 assistants binds 300 ids, and a durable commit takes milliseconds: one after another they would cost
more than the platform's own answers. Each call still returns only when what it wrote is durable, so that an id is bound
the moment its create is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from agentctl.errors import StoreError
from agentctl.sync.bindings import Store

# Functions that have a twin, `…_all`, which takes {"rows": [arguments]} and does them in one transaction.
GROUPED = frozenset({"bind", "intend"})
_MOST = 200

Waiting = tuple[Mapping[str, Any], asyncio.Future[Any]]


class Grouped:
    """A store whose calls of GROUPED functions travel in groups. Every other call passes through."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[str, list[Waiting]] = {name: [] for name in GROUPED}
        self._carriers: dict[str, asyncio.Task[None]] = {}

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """As the store's own: raises StoreError; a group that fails has failed for each of its callers."""
        if function not in GROUPED:
            return await self._store.call(function, args, timeout=timeout)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[function].append((args, done))
        if function not in self._carriers:
            self._carriers[function] = asyncio.create_task(self._carry(function))
        return await done

    async def _carry(self, function: str) -> None:
        try:
            while group := self._waiting[function][:_MOST]:
                del self._waiting[function][:_MOST]
                # Rows are locked in one order, whoever writes: two groups that cross would wait for each other.
                await self._send(function, sorted(group, key=lambda one: (one[0].get("kind", ""), one[0]["key"])))
        finally:
            del self._carriers[function]

    async def _send(self, function: str, group: list[Waiting]) -> None:
        try:
            answers = await self._answers(function, [args for args, _ in group])
        except BaseException as error:
            for _, done in group:
                if not done.done():
                    done.cancel() if isinstance(error, asyncio.CancelledError) else done.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for (_, done), answer in zip(group, answers, strict=True):
            if not done.done():
                done.set_result(answer)

    async def _answers(self, function: str, rows: list[Mapping[str, Any]]) -> list[Any]:
        if len(rows) == 1:
            return [await self._store.call(function, rows[0])]
        answers = await self._store.call(f"{function}_all", {"rows": rows})
        if not isinstance(answers, list) or len(answers) != len(rows):
            raise StoreError(f"{function}_all: the store did not answer for each of {len(rows)} rows")
        return answers
