"""How long requests may take where somebody sits before a page and waits for it.

A run that nobody watches may try for minutes what a person would long have tried again. A page that asks much is no
reason to give it up, as long as it is answered: so it is the silence that is limited.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Hurry:
    """Of one page. `seconds`: so long it waits while nothing is answered."""

    seconds: float = math.inf
    _under_way: int = 0
    _since: float = 0.0  # by the event loop's clock: that nothing is answered

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """In the block a request waits for its turn and for its answer, with all its repeats."""
        if not self._under_way:
            self._since = asyncio.get_running_loop().time()
        self._under_way += 1
        try:
            yield
            self._since = asyncio.get_running_loop().time()
        finally:
            self._under_way -= 1

    def end(self) -> float:
        """When one that is sent now is given up, by that clock."""
        return self._since + self.seconds


_HURRY: ContextVar[Hurry | None] = ContextVar("hurry", default=None)


@contextmanager
def hurried(seconds: float) -> Iterator[None]:
    """In the block, and in tasks begun there, requests are given up once none was answered for so long."""
    token = _HURRY.set(Hurry(seconds))
    try:
        yield
    finally:
        _HURRY.reset(token)


def hurry() -> Hurry:
    """Of whom requests are sent here; one without end where nobody waits."""
    return _HURRY.get() or Hurry()
