"""The end of a server: whoever is being answered gets the answer, and nobody else holds it up."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agentctl.sandbox.stoppable import Stoppable


class Slow(Stoppable):
    """Answers when it is let to."""

    def __init__(self, grace_seconds: int) -> None:
        self.asked, self.let, self.up = asyncio.Event(), asyncio.Event(), asyncio.Event()
        app = Starlette(routes=[Route("/", self.answer)])
        super().__init__(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=grace_seconds))

    async def answer(self, request: Request) -> PlainTextResponse:
        self.asked.set()
        await self.let.wait()
        return PlainTextResponse("done")

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@pytest.mark.anyio
async def test_what_is_under_way_is_answered_and_an_idle_connection_is_closed() -> None:
    server, listening = Slow(grace_seconds=60), socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    serving = asyncio.create_task(server.serve([listening]))
    await server.up.wait()
    idle = await asyncio.open_connection("127.0.0.1", listening.getsockname()[1])
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(url))
        await server.asked.wait()
        server.stop()
        assert await asyncio.wait_for(idle[0].read(), 10) == b""
        assert not serving.done()
        server.let.set()
        assert (await asking).text == "done"
        await asyncio.wait_for(serving, 10)
        with pytest.raises(httpx.ConnectError):
            await client.get(url)
    idle[1].close()


@pytest.mark.anyio
async def test_what_never_ends_is_cut_when_the_grace_is_over() -> None:
    server, listening = Slow(grace_seconds=0), socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    await server.up.wait()
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(f"http://127.0.0.1:{listening.getsockname()[1]}/"))
        await server.asked.wait()
        server.stop()
        await asyncio.wait_for(serving, 10)
        assert (await asyncio.wait_for(asking, 10)).status_code == 500
