"""An SMTP dialogue with one deadline for the whole: smtplib's own timeout begins anew with every step."""

from __future__ import annotations

import asyncio
import smtplib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


async def held(dialogue: Callable[[], None]) -> None:
    """Hold a dialogue in a thread. Cancelled, it is left to its own deadline, and to the end of the process.

    Not asyncio.to_thread: its threads are waited for when the event loop closes, however long they are.
    """
    done: Future[None] = Future()

    def hold() -> None:
        try:
            dialogue()
            done.set_result(None)
        except BaseException as error:  # noqa: BLE001 - it is raised where the dialogue is awaited
            done.set_exception(error)

    done.set_running_or_notify_cancel()
    threading.Thread(target=hold, name="smtp", daemon=True).start()
    await asyncio.wrap_future(done)


class Timed(smtplib.SMTP):
    """A dialogue that ends at `end` (of time.monotonic): each step gets `timeout`, or less if less is left."""

    def __init__(self, end: float, *args: Any, **options: Any) -> None:
        self.end = end
        super().__init__(*args, **options)

    def send(self, s: Any) -> None:
        """Write. Raises TimeoutError once the deadline has passed."""
        self._allot()
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Read an answer. Raises TimeoutError once the deadline has passed."""
        self._allot()
        return super().getreply()

    def starttls(self, *args: Any, **options: Any) -> tuple[int, bytes]:
        """Shake hands within the time that is left."""
        self._allot()
        return super().starttls(*args, **options)

    def _allot(self) -> None:
        left = self.end - time.monotonic()
        if left <= 0:
            self.close()
            raise TimeoutError("the deadline of the dialogue has passed")
        if self.sock is not None:
            self.sock.settimeout(min(self.timeout, left))


class TimedTls(Timed, smtplib.SMTP_SSL):
    """The same with TLS from the first byte."""
