"""The console of a store in which tests lay calls, asked by a person with a browser's manners and no browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request

from agentctl.console.app import Console, opened
from agentctl.console.gates.link import LinkGate
from agentctl.console.person import Person, Role
from agentctl.console.sessions import Session
from agentctl.wiring import Control
from tests.stores import running, stored

HERE = "http://127.0.0.1:8080"


@dataclass
class Guest:
    """Somebody with a browser. `http`: what they send goes to the console alone."""

    console: Console
    http: httpx.AsyncClient
    control: Control
    pages: dict[str, str] = field(default_factory=dict)

    async def enter(self) -> httpx.Response:
        """Come in by a new link."""
        return await self.http.get(await self.console.link())

    async def see(self, path: str, status: int = 200) -> str:
        """The page there, as text with its markup."""
        answer = await self.http.get(path)
        assert answer.status_code == status, answer.text
        self.pages[path] = answer.text
        return answer.text

    async def send(self, path: str, page: str = "/calls", **form: Any) -> httpx.Response:
        """Post a form of that page of the same tenant, as a browser does."""
        tenant = {name: value for name, value in httpx.URL(path).params.items() if name == "tenant"}
        shown = await self.see(str(httpx.URL(page).copy_merge_params(tenant)) if tenant else page)
        values: Mapping[str, Any] = {"_token": token(shown), **form}
        return await self.http.post(path, data=values, headers={"origin": HERE})

    async def put(self, name: str, said: str = "Guten Tag", **call: object) -> None:
        """Store a call in which a caller says that."""
        store = await self.control.store()
        outcome = call.pop("outcome", "callback")
        told = stored(await running(store, name), name, call=call)
        told["turns"] = [{"position": 0, "role": "user", "message": said, "at_secs": 1}, *told["turns"]]
        for position, turn in enumerate(told["turns"]):
            turn["position"] = position
        told["digest"]["outcome"] = outcome
        await store.call("store_call", told)


def demoted(role: Role, patch: pytest.MonkeyPatch) -> None:
    """From now on whoever comes in has that role, as the pages see it; the store still answers the operator."""
    genuine = LinkGate.visitor

    async def visitor(gate: LinkGate, request: Request) -> tuple[Session, Person] | None:
        found = await genuine(gate, request)
        return found and (found[0], Person(found[1].name, dict.fromkeys(found[1].tenants, role), found[1].store))

    patch.setattr(LinkGate, "visitor", visitor)


@asynccontextmanager
async def visited(control: Control) -> AsyncIterator[Guest]:
    """The console of this project, and somebody before its door."""
    stop = asyncio.Event()
    async with opened(control, "127.0.0.1", stop=stop) as console:
        transport = httpx.ASGITransport(Starlette(routes=list(console.routes)), client=("127.0.0.1", 50_000))
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as http:
            yield Guest(console, http, control)
        stop.set()


def token(page: str) -> str:
    """What a form on that page brings back."""
    found = re.search(r'name="_token" value="([0-9a-f]+)"', page)
    assert found, page
    return found[1]


def text(page: str) -> str:
    """What of it can be read."""
    body = re.sub(r"(?s)<(script|style|svg|head).*?</\1>", " ", page)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
