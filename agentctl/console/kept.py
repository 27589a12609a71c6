"""What was asked of a platform a moment ago: once, by however many pages want to know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Answer = TypeVar("Answer")


@dataclass
class Kept:
    """By what was asked and for whom. What failed is told to all who waited for it, and asked again after that.

    At most a tenth of the time is spent asking: pages that stay open ask again and again, and much takes long.
    """

    fresh_seconds: float = 15.0
    clock: Callable[[], float] = time.monotonic
    _known: dict[tuple[str, str], tuple[float, Any]] = field(default_factory=dict, repr=False)  # until when, and what
    _asking: dict[tuple[str, str], asyncio.Task[Any]] = field(default_factory=dict, repr=False)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set, repr=False)

    def forget(self, what: str) -> None:
        """Something of it was changed: what was answered is history, for whomever, and so is what is being asked."""
        for known in (self._known, self._asking):
            for key in [key for key in known if key[0] == what]:
                del known[key]

    def last(self, what: str, tenant: str) -> Any:
        """What was answered last, however old, without asking; None for nothing. For what a page can do without."""
        return self._known.get((what, tenant), (0.0, None))[1]

    async def answer(self, what: str, tenant: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The one of a moment ago, else what `ask` answers now, and raises."""
        key = (what, tenant)
        until, known = self._known.get(key, (float("-inf"), None))
        if self.clock() > until:
            if key not in self._asking:
                task = self._asking[key] = asyncio.create_task(self._ask(key, ask))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            known = await asyncio.shield(self._asking[key])  # who leaves keeps nobody else from the answer
        answer: Answer = known
        return answer

    async def end(self) -> None:
        """Ask nothing any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask(self, key: tuple[str, str], ask: Callable[[], Awaitable[Answer]]) -> Answer:
        mine, begun = asyncio.current_task(), self.clock()
        try:
            known = await ask()
            if self._asking.get(key) is mine:
                now = self.clock()
                self._known[key] = (now + max(self.fresh_seconds, 9 * (now - begun)), known)
            return known
        finally:
            if self._asking.get(key) is mine:
                del self._asking[key]
