"""The door as an HTTP server: one that a silent or endless connection cannot hold, and that stops in order."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette

from agentctl.errors import AgentctlError
from webhooks.address import PATH
from webhooks.connection import SILENCE_SECONDS, Connection, Crowd, open_files

# The door's own deadlines are shorter; whoever is still here then is not going to finish.
_GRACE_SECONDS = 35


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, bound before anything else happens, so that a taken port is one clear error."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=4096)
    except (OSError, UnicodeError) as error:
        # Python adds the address to the system's own words; a name that cannot be resolved has no system error.
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", "this is no address")
        raise AgentctlError(f"cannot listen on {host}:{port}: {reason}", "Choose another --host or --port.") from None
    with listener:
        yield listener


class Server(uvicorn.Server):
    """Uvicorn without its own handling of signals and its own words. `ready` hears the address, with `path`.

    `patience`: seconds within which a connection has to say what it wants. Half of the files that the process may open
    are left to those that have.
    """

    def __init__(
        self,
        app: Starlette,
        listener: socket.socket,
        ready: Callable[[str], None] | None,
        patience: float = SILENCE_SECONDS,
        path: str = PATH,
    ) -> None:
        crowd = Crowd(open_files() // 2, patience)
        super().__init__(
            uvicorn.Config(
                app,
                http=cast(Any, partial(Connection, crowd)),
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                backlog=4096,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        self.listener = listener
        self._ready, self._path = ready, path

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
            self._ready(f"http://{shown}:{port}{self._path}")
