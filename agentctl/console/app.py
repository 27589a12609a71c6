"""The console: routes for the door, and what they need while it serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from agentctl.calls.inbox import Store
from agentctl.console import frame
from agentctl.console.desk import Desk
from agentctl.console.gates.link import LinkGate
from agentctl.console.live import Hub
from agentctl.console.menu import PAGES
from agentctl.console.sessions import Sessions
from agentctl.wiring import Control


@dataclass(frozen=True)
class Console:
    """`routes`: for the door; `sessions`: of those who are in it."""

    routes: Sequence[BaseRoute]
    sessions: Sessions

    async def link(self) -> str:
        """The path by which somebody comes in, once. Raises StoreError."""
        return linked(await self.sessions.link())


@asynccontextmanager
async def opened(control: Control, *, stop: asyncio.Event) -> AsyncIterator[Console]:
    """The console of a store that this machine opens as its owner; `stop`: ends the pages that are open.

    Raises ConfigurationError where the store is reached by Supabase's API alone.
    """
    store = await control.store(waiting=True)
    operator = await control.storehouse.operator()

    async def of_server() -> Store:
        return store

    async def of_operator() -> Store:
        return operator

    sessions = Sessions(of_server)
    desk = Desk(control, Hub(stop))
    desk.gate = LinkGate(sessions, of_operator, desk.refusal)
    pages = [page.route(desk) for page in PAGES]
    try:
        yield Console((*pages, *desk.gate.routes(), _files()), sessions)
    finally:
        await desk.checks.end()
        await desk.runs.end()


async def link(control: Control) -> str:
    """The path by which somebody comes into the console of a server over the same store, once. Raises StoreError."""
    store = await control.store()

    async def of_server() -> Store:
        return store

    return linked(await Sessions(of_server).link())


def linked(token: str) -> str:
    """The path that a link's token opens."""
    return f"/enter?link={token}"


def _files() -> Mount:
    return Mount("/static", app=_Sealed(StaticFiles(packages=[("agentctl.console", "static")])))


@dataclass(frozen=True)
class _Sealed:
    """Our own files, with the headers of all pages; their addresses change with their content."""

    files: StaticFiles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = frame.sealed(Response(), cached=message["status"] == 200 and b"v=" in scope["query_string"])
                known = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [one for one in given.raw_headers if one[0] not in known | {b"content-length"}]
            await send(message)

        await self.files(scope, receive, sealed)
