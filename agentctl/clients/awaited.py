"""What was waited for when a run was ended: which request, of whom. Whoever ends it can then say more than that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar


class Answered(str):
    """Such a sentence, of a host that did answer, and asked to be left alone for a while."""

    __slots__ = ()


class CutOff:
    """What was waited for and then no longer, each with when that was, by the event loop's clock."""

    def __init__(self) -> None:
        self._all: list[tuple[float, str]] = []

    def note(self, what: str) -> None:
        """It was given up just now. Empty: what was given up says nothing."""
        if what:
            self._all.append((asyncio.get_running_loop().time(), what))

    def since(self, moment: float) -> str:
        """What was given up first since then; empty if nothing was. Before it, work that failed gave up its rest."""
        return next((what for when, what in self._all if when >= moment), "")


_CUT_OFF: ContextVar[CutOff | None] = ContextVar("cut_off", default=None)


@contextmanager
def watching() -> Iterator[CutOff]:
    """Notes what is cut off in the block, and in tasks that are begun there."""
    found = CutOff()
    token = _CUT_OFF.set(found)
    try:
        yield found
    finally:
        _CUT_OFF.reset(token)


@contextmanager
def awaited(said: Callable[[], str]) -> Iterator[None]:
    """In the block an answer is waited for: from whom, and how far it came, `said` tells in a sentence for an error."""
    try:
        yield
    except asyncio.CancelledError:
        if (found := _CUT_OFF.get()) is not None:
            found.note(said())
        raise
