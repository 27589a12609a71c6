"""The console: routes for the door, and what they need while it serves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from agentctl.calls.inbox import Store
from agentctl.console import frame, vendored
from agentctl.console.desk import Desk
from agentctl.console.gate import Gate
from agentctl.console.gates.link import LinkGate
from agentctl.console.gates.supabase import SupabaseGate
from agentctl.console.live import Hub
from agentctl.console.menu import NAV, PAGES
from agentctl.console.nowhere import above, nowhere
from agentctl.console.reached import Place, Reached
from agentctl.console.sessions import Sessions
from agentctl.errors import UsageError
from agentctl.loopback import is_loopback
from agentctl.wiring import Control


@dataclass(frozen=True)
class Console:
    """`routes`: for the door; `sessions`: of those who are in it; `gate`: by which they came."""

    routes: Sequence[BaseRoute]
    sessions: Sessions
    gate: Gate

    async def link(self) -> str:
        """The path by which the operator comes in, once. Raises StoreError."""
        return linked(await self.sessions.link())


def signed_in(control: Control) -> bool:
    """Whether people sign in by Supabase Auth; else the operator comes in by a link. Raises ConfigurationError."""
    return control.storehouse.signed_into() is not None


@asynccontextmanager
async def opened(control: Control, host: str, *, stop: asyncio.Event) -> AsyncIterator[Console]:
    """The console of a Supabase project into which people sign in, or of a store that this machine opens as its owner;
    `host`: the address at which it is served; `stop`: ends the pages that are open.

    Raises ConfigurationError for a key that is none, and UsageError where files are missing that its pages load, and
    where nobody can come in: without a key if the store is reached by Supabase's API alone, or others reach `host`.
    """
    vendored.complete()
    sessions, place = Sessions(await _of_server(control)), Place(control.settings)
    desk = Desk(control, Hub(stop), NAV)
    desk.gate = await _gate(desk, place, sessions, host)
    alone = {page.path for page in PAGES if page.writes} - {page.path for page in PAGES if not page.writes}
    ways = [above(desk, form) for form in sorted(alone)]
    routes = [*(page.route(desk) for page in PAGES), *ways, *desk.gate.routes(), nowhere(desk)]
    for route in routes:
        route.app = Reached(route.app, place)
    try:
        yield Console((*routes, _files()), sessions, desk.gate)
    finally:
        for going_on in (desk.kept, desk.checks.ongoing, desk.runs.ongoing):
            await going_on.end()
        await desk.gate.close()


async def link(control: Control) -> str:
    """The path by which the operator comes into the console of a server over the same store, once.

    Raises UsageError where people sign in, and StoreError.
    """
    if signed_in(control):
        raise UsageError("people sign in at this console: there are no links into it", "Open it at PUBLIC_URL.")
    return linked(await Sessions(await _of_server(control)).link())


async def _of_server(control: Control) -> Callable[[], Awaitable[Store]]:
    store = await control.store(waiting=True)

    async def of_server() -> Store:
        return store

    return of_server


async def _gate(desk: Desk, place: Place, sessions: Sessions, host: str) -> Gate:
    storehouse = desk.control.storehouse
    if people := storehouse.people():
        return SupabaseGate(desk, place, sessions, *people)
    if not is_loopback(host):
        raise UsageError(
            f"the console opens by a link, and only where nobody but this machine reaches it, not at {host}",
            "At a Supabase project people sign in, once SUPABASE_PUBLISHABLE_KEY is set.",
        )
    operator = await storehouse.operator()

    async def of_operator() -> Store:
        return operator

    return LinkGate(desk, sessions, of_operator)


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
