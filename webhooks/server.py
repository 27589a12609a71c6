"""The door as an HTTP server: one that a silent or endless connection cannot hold, and that stops in order."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from agentctl.errors import AgentctlError
from webhooks.address import PATH

HEADER_SECONDS = 10.0
_HEADER_BYTES = 64 * 1024
# The door's own deadlines are shorter; whoever is still here then is not going to finish.
_GRACE_SECONDS = 35


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, bound before anything else happens, so that a taken port is one clear error."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        # Python adds the address to the system's own words; a name that cannot be resolved has no system error.
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", "this is no address")
        raise AgentctlError(f"cannot listen on {host}:{port}: {reason}", "Choose another --host or --port.") from None
    with listener:
        yield listener


class Server(uvicorn.Server):
    """Uvicorn without its own handling of signals and its own words."""

    def __init__(self, app: Starlette, listener: socket.socket, ready: Callable[[str], None] | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Prompt,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                h11_max_incomplete_event_size=_HEADER_BYTES,
            )
        )
        self.listener = listener
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever set `stop`: uvicorn would raise them again when all is done."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell the address."""
        await super().startup(sockets)
        if self._ready is not None:
            host, port = self.listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            self._ready(f"http://{shown}:{port}{PATH}")


class _Prompt(H11Protocol):
    """Closes a connection that takes longer than HEADER_SECONDS to say what it wants.

    Uvicorn itself waits for ever, so that a thousand silent connections would use up all file descriptors.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        # A socket bound beforehand has protocol 0, for which asyncio leaves Nagle's algorithm on: 40 ms per answer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._rest()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._rest()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
