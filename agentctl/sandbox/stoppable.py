"""Uvicorn that ends when told to: its own needs two to three tenths of a second, however little there is to do."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

import uvicorn

_TICK_SECONDS = 0.1  # uvicorn's own
_POLL_SECONDS = 0.005


class Stoppable(uvicorn.Server):
    """Uvicorn with a `stop` that is heard at once."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """End, from any thread: requests that are under way are answered first, as long as the config's grace lasts."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it has heard already, and its loop is closed
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Uvicorn's, except that it need not sleep to the end of a tick."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Uvicorn's, except that it sleeps only where something is under way."""
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered(), self.config.timeout_graceful_shutdown)
        for task in self.server_state.tasks:
            task.cancel()
        await self.lifespan.shutdown()

    async def _answered(self) -> None:
        known = self.server_state
        while (known.connections or known.tasks) and not self.force_exit:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(_POLL_SECONDS)
