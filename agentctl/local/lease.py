"""Say that the store is in use, so that the watchdog leaves the server alone."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from agentctl.local.lock import held
from agentctl.local.place import Place


@asynccontextmanager
async def lease(directory: Path) -> AsyncIterator[None]:
    """While the block runs, the server is not stopped for being idle. Ends with the process, however that ends.

    Take it before `start`, as `running` does. It does not start a server, and `stop` does not ask for it.
    Raises StoreUnavailable if the directory cannot be used, or if a server is being stopped and does not end.
    """
    place = Place.of(directory)
    place.prepare()
    async with held(place.in_use, shared=True) as descriptor:
        try:
            yield
        finally:
            with suppress(OSError):
                os.utime(descriptor)  # the idle time begins now, not when the watchdog last looked


def renew(place: Place, idle_seconds: float) -> None:
    """Start the idle time anew, and set how long it is. Call it under a lease."""
    descriptor = os.open(place.in_use, os.O_RDWR)
    try:
        text = f"{idle_seconds}\n".encode()
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))
        os.utime(descriptor)  # the same text twice within one tick of the file system's clock would go unseen
    finally:
        os.close(descriptor)
