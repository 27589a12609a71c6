"""The sandbox as an ASGI app and as a server: ElevenLabs' API, Twilio's, and the control API on one port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from agentctl.sandbox import (
    account,
    agent_tests,
    agents,
    control,
    conversations,
    knowledge,
    knowledge_source,
    knowledge_upkeep,
    phone_numbers,
    rag_index,
    test_invocations,
    twilio,
    workspace_tools,
    workspace_webhooks,
)
from agentctl.sandbox.journal import Journal
from agentctl.sandbox.options import Options
from agentctl.sandbox.refusal import Refusal, answer
from agentctl.sandbox.state import load
from agentctl.sandbox.stoppable import Stoppable
from agentctl.sandbox.talk import entry, session
from agentctl.sandbox.wire import Wire
from agentctl.sandbox.world import Connections, World

# What a client may say at once: a second of sound at the highest rate is half of it.
_LONGEST_MESSAGE = 256 * 1024


class Transports:
    """Open connections by client address, so that one can be cut on order."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def opened(self, transport: asyncio.Transport) -> None:
        """Remember a connection."""
        peer = transport.get_extra_info("peername")
        self._open[(str(peer[0]), int(peer[1]))] = transport

    def closed(self, transport: asyncio.Transport) -> None:
        """Forget a connection."""
        self._open = {peer: known for peer, known in self._open.items() if known is not transport}

    def cut(self, client: tuple[str, int]) -> None:
        """Close a connection without another byte."""
        transport = self._open.get(client)
        if transport is not None:
            transport.abort()


def app(
    options: Options | None = None, *, state_file: Path | None = None, connections: Connections | None = None
) -> Starlette:
    """The sandbox as an ASGI app. Raises ValueError where `state_file` is not a sandbox's."""
    options = options or Options()
    journal = Journal(options.log_limit, on=options.log)
    place = World(options, load(state_file, options), journal, state_file=state_file, connections=connections)
    parts = (
        agents,
        agent_tests,
        test_invocations,
        knowledge,
        knowledge_source,
        knowledge_upkeep,
        rag_index,
        phone_numbers,
        workspace_webhooks,
        conversations,
        entry,
        session,
        account,
        workspace_tools,
        twilio,
        control,
    )
    made = Starlette(
        routes=[route for part in parts for route in part.routes()],
        exception_handlers={Refusal: answer, HTTPException: _http_error},
        middleware=[Middleware(Wire, world=place)],
    )
    made.router.redirect_slashes = False
    made.state.world = place
    return made


class Server(Stoppable):
    """Uvicorn on a socket that is bound beforehand, so that port 0 is known before the first request."""

    def __init__(
        self,
        options: Options,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        state_file: Path | None = None,
        ready: Callable[[str], None] | None = None,
    ) -> None:
        """Bind. Raises OSError for an address that cannot be had, ValueError for a foreign state file."""
        transports = Transports()
        made = app(options, state_file=state_file, connections=transports)
        self.socket = socket.create_server((host, port))
        self.url = f"http://{host}:{self.socket.getsockname()[1]}"
        self._ready = ready
        super().__init__(
            uvicorn.Config(
                made,
                http=_cuttable(transports, HttpToolsProtocol),
                ws=_cuttable(transports, WebSocketsSansIOProtocol),
                ws_max_size=_LONGEST_MESSAGE,
                ws_per_message_deflate=False,
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=60,
                timeout_graceful_shutdown=1,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell the address."""
        await super().startup(sockets)
        if self._ready is not None:
            self._ready(self.url)


async def serve(
    options: Options,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    state_file: Path | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve until interrupted (SIGINT, SIGTERM); `ready` is called with the URL once requests are taken.

    Raises OSError for an address that cannot be had, ValueError where `state_file` is not a sandbox's.
    """
    server = Server(options, host, port, state_file=state_file, ready=ready)
    await server.serve(sockets=[server.socket])


def _cuttable(transports: Transports, protocol: Any) -> type[asyncio.Protocol]:
    """One of uvicorn's protocols, telling `transports` of each connection."""

    class Cuttable(protocol):  # type: ignore[misc]  # either of two classes that have no common one
        def connection_made(self, transport: Any) -> None:
            # A socket bound beforehand has protocol 0, for which asyncio leaves Nagle's algorithm on: 40 ms per answer.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transports.opened(transport)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            transports.closed(self.transport)
            super().connection_lost(exc)

    return Cuttable


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/2010-04-01"):
        refused = twilio.refusal(error.status_code, 20404, f"The requested resource {request.url.path} was not found")
        return JSONResponse(refused.body, status_code=refused.status)
    return JSONResponse({"detail": error.detail}, status_code=error.status_code)
