"""What was asked of a platform a moment ago: once, by however many pages want to know."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

Answer = TypeVar("Answer")


@dataclass
class Kept:
    """By what was asked and for whom; what failed is asked again."""

    fresh_seconds: float = 15.0
    clock: Callable[[], float] = time.monotonic
    _known: dict[tuple[str, str], tuple[float, Any]] = field(default_factory=dict, repr=False)
    _forgotten: Counter[str] = field(default_factory=Counter)  # how often: what was asked before is history
    _asking: defaultdict[tuple[str, str], asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def forget(self, what: str) -> None:
        """Something of it was changed: what was answered is history, for whomever it was asked."""
        self._forgotten[what] += 1
        for key in [key for key in self._known if key[0] == what]:
            del self._known[key]

    def last(self, what: str, tenant: str) -> Any:
        """What was answered last, however old, without asking; None for nothing. For what a page can do without."""
        return self._known.get((what, tenant), (0.0, None))[1]

    async def answer(self, what: str, tenant: str, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """The one of a moment ago, else what `ask` answers now, and raises."""
        key = (what, tenant)
        async with self._asking[key]:
            asked, known = self._known.get(key, (float("-inf"), None))
            if self.clock() - asked > self.fresh_seconds:
                before = self._forgotten[what]
                known = await ask()
                if before == self._forgotten[what]:
                    self._known[key] = (self.clock(), known)
            answer: Answer = known
            return answer
