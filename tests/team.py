"""A team at the console of a Supabase project: the genuine PostgREST, the double of Supabase Auth, and who signs in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from pydantic import HttpUrl, SecretStr
from starlette.applications import Starlette

from agentctl.console.app import Console, opened
from agentctl.console.gates.supabase import SupabaseGate
from agentctl.settings import Settings
from agentctl.wiring import Control, connect
from tests.auth import Auth, Supabase, User
from tests.console import HERE, Guest, token
from tests.postgrest import PUBLISHABLE_KEY, Project
from tests.rights.people import FOREIGN, OWN, joined
from tests.rights.world import ROWS, TENANTS
from tests.storage_server import served

PASSWORD = "richtig und lang"
_ID = "0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f4{:02}"
PEOPLE = {
    name: User(_ID.format(number), f"{name}@example.org", PASSWORD)
    for number, name in enumerate(("viewer", "editor", "admin", "stranger", "other"))
}
_ROLES = {"viewer": (OWN, "viewer"), "editor": (OWN, "editor"), "admin": (OWN, "admin"), "other": (FOREIGN, "admin")}


@dataclass
class Team:
    """`database`: the project's own; `stop` ends open pages. Each guest has a browser of their own."""

    auth: Auth
    control: Control
    console: Console
    database: psycopg.Connection
    gate: SupabaseGate
    stop: asyncio.Event
    _stack: AsyncExitStack

    async def guest(self, base: str = HERE, peer: str = "127.0.0.1", **headers: str) -> Guest:
        """Somebody who is not in yet."""
        transport = httpx.ASGITransport(Starlette(routes=list(self.console.routes)), client=(peer, 50_000))
        http = httpx.AsyncClient(transport=transport, base_url=base, headers=headers)
        return Guest(self.console, await self._stack.enter_async_context(http), self.control)

    async def signed_in(self, name: str) -> Guest:
        """One of PEOPLE."""
        guest = await self.guest()
        assert (await signing_in(guest, f"{name}@example.org")).headers["location"] == "/"
        return guest


async def signing_in(guest: Guest, email: str, password: str = PASSWORD, **form: Any) -> httpx.Response:
    """As the page of it has it."""
    page = (await guest.http.get("/enter")).text
    return await sent(guest, "/enter", page, email=email, password=password, **form)


async def sent(guest: Guest, path: str, page: str, **form: Any) -> httpx.Response:
    """Post a form of that page."""
    origin = str(guest.http.headers.get("x-origin", guest.http.base_url)).rstrip("/")
    return await guest.http.post(path, data={"_token": token(page), **form}, headers={"origin": origin})


def peopled(database: psycopg.Connection) -> None:
    """Two tenants with calls, and who belongs to which."""
    for tenant, word in TENANTS.items():
        for statement in ROWS.split(";\n"):
            database.execute(statement.encode(), {"tenant": tenant, "word": word})
    for name, (tenant, role) in _ROLES.items():
        joined(database, PEOPLE[name].id, tenant, role)


def settings_of(api: Project, url: str, **more: Any) -> Settings:
    """Those of the server."""
    key = SecretStr(api.secret_key)
    more = {"supabase_publishable_key": PUBLISHABLE_KEY, **more}
    return Settings(supabase_url=HttpUrl(url), supabase_service_role_key=key, **more)


@asynccontextmanager
async def team(api: Project, dsn: str, directory: Path, **settings: Any) -> AsyncIterator[Team]:
    """That project's."""
    auth, stop = Auth(*deepcopy(list(PEOPLE.values()))), asyncio.Event()
    with served(Supabase(auth, api.url)) as url, psycopg.connect(dsn, autocommit=True) as database:
        peopled(database)
        async with AsyncExitStack() as stack:
            control = await stack.enter_async_context(connect(directory, settings=settings_of(api, url, **settings)))
            console = await stack.enter_async_context(opened(control, "127.0.0.1", stop=stop))
            gate = console.gate
            assert isinstance(gate, SupabaseGate)
            gate.entry.refusal_seconds = 0.0
            yield Team(auth, control, console, database, gate, stop, stack)
            stop.set()
