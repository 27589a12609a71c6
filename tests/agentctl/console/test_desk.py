"""agentctl.console.desk: what all pages share."""

from __future__ import annotations

import asyncio
import threading
from types import ModuleType
from typing import Any

import pytest
from starlette.requests import Request

from agentctl.calls.tenant import OPERATOR
from agentctl.console import view
from agentctl.console.gates.link import LinkGate
from agentctl.console.pages import calls
from agentctl.console.person import Person, Role
from agentctl.console.sessions import Session
from agentctl.console.visit import Visit
from agentctl.errors import StoreUnavailable
from tests.console import Guest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(("path", "module", "name"), [("/calls", view, "said"), ("/calls.csv", calls, "_cells")])
async def test_while_a_page_is_written_a_delivery_is_taken(
    operator: Guest, monkeypatch: pytest.MonkeyPatch, path: str, module: ModuleType, name: str
) -> None:
    await operator.put("conv_1")
    genuine, begun, over = getattr(module, name), threading.Event(), threading.Event()

    def slow(*args: Any) -> Any:
        begun.set()
        assert over.wait(5), "whatever else the event loop has to do waits for this"
        return genuine(*args)

    monkeypatch.setattr(module, name, slow)
    asked = asyncio.create_task(operator.http.get(path))
    assert await asyncio.to_thread(begun.wait, 5)
    over.set()
    assert "empfang" in (await asked).text.casefold()


@pytest.mark.parametrize(("roles", "told"), [({OPERATOR: "viewer"}, True), ({"alpha": "admin"}, False)])
async def test_what_the_store_says_of_its_trouble_is_for_whoever_runs_it(
    operator: Guest, monkeypatch: pytest.MonkeyPatch, roles: dict[str, Role], told: bool
) -> None:
    genuine = LinkGate.visitor

    async def visitor(gate: LinkGate, request: Request) -> tuple[Session, Person] | None:
        found = await genuine(gate, request)
        return found and (found[0], Person("somebody", roles, found[1].store))

    async def away(*args: object, **options: object) -> None:
        raise StoreUnavailable("the database did not answer within 10 s", "Check DATABASE_URL.")

    monkeypatch.setattr(LinkGate, "visitor", visitor)
    monkeypatch.setattr(Visit, "ask", away)
    operator.http.headers["accept-language"] = "de"
    page = await operator.see("/calls", 503)
    assert "Die Datenbank antwortet nicht" in page
    assert ("DATABASE_URL" in page) == told
