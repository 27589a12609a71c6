"""Read files in a thread that ends soon after nobody waits for it any more, at a deadline or after a Ctrl-C."""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")
# What does not come to its next file by then, on a disk that does not answer for one, is left behind.
_GRACE_SECONDS = 1.0


class Ended(Exception):
    """Nobody waits for what is being read; never leaves the thread that reads."""


class Reading:
    """One piece of work in a thread. Between two files it looks whether it is to go on; `at` is the file it is at.

    Not asyncio.to_thread: its threads are waited for when the event loop closes and when the interpreter exits, however
    long that takes.
    """

    def __init__(self) -> None:
        self.at = ""
        self._ended = False
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    async def of(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises. Cancelled, it waits for the thread's end, for a second at most."""
        done: Future[Result] = Future()
        done.set_running_or_notify_cancel()
        context = copy_context()
        context.run(_CURRENT.set, self)
        threading.Thread(target=context.run, args=(_carry_out, work, done), name="reading", daemon=True).start()
        waited = asyncio.wrap_future(done)
        try:
            return await asyncio.shield(waited)
        except asyncio.CancelledError:
            self.end()
            waited.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # Nobody else asks for it.
            await asyncio.wait({waited}, timeout=_GRACE_SECONDS)
            raise

    def end(self) -> None:
        """Have the thread end, from any other."""
        with self._lock:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def look(self, where: str) -> None:
        """It comes to the file `where`. Raises Ended if it is not to go on."""
        if self._ended:
            raise Ended
        self.at = where

    @contextmanager
    def awaiting(self, process: subprocess.Popen[str]) -> Iterator[None]:
        """The thread waits for `process` in the block, which to `end` also is to kill. Raises Ended after that."""
        with self._lock:
            self._process = process
            if self._ended:
                process.kill()
        try:
            yield
        finally:
            with self._lock:
                self._process = None
        if self._ended:
            raise Ended


_CURRENT: ContextVar[Reading | None] = ContextVar("reading", default=None)


def current() -> Reading:
    """The one that this thread is for; elsewhere one that nobody ends."""
    return _CURRENT.get() or Reading()


async def aside(work: Callable[[], Result]) -> Result:
    """What `work` reads, in a thread. `Reading.of` where somebody wants to know where it is."""
    return await Reading().of(work)


def _carry_out(work: Callable[[], Any], done: Future[Any]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
        done.set_exception(error)
    else:
        done.set_result(result)
