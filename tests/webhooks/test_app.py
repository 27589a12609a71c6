import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from agentctl.errors import StoreBehind, StoreError, StoreUnavailable
from webhooks.address import PATH
from webhooks.app import door
from webhooks.signature import HEADER, sign
from webhooks.source import Sources

pytestmark = pytest.mark.anyio

SECRET = SecretStr("wsec_first")
EVENT = json.dumps(
    {
        "type": "post_call_transcription",
        "event_timestamp": 1_763_600_031,
        "data": {"conversation_id": "conv_1", "agent_id": "agent_1", "transcript": [{"message": "Grüße\u0000"}]},
    }
).encode()


@dataclass
class Shelf:
    """A store in memory that can be told to fail."""

    failure: BaseException | None = None
    hang: asyncio.Event | None = None
    cancelled: bool = False
    stored: dict[tuple[str, str | None, str], Mapping[str, Any]] = field(default_factory=dict)

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        if self.hang is not None:
            await self._hang(self.hang)
        if self.failure is not None:
            raise self.failure
        if function == "status":
            return {}
        if function == "accept_many":
            return [await self.call("accept", event) for event in args["events"]]
        assert function == "accept"
        key = (args["type"], args["conversation_id"], args["payload"])
        new = key not in self.stored
        self.stored.setdefault(key, args)
        return {"id": len(self.stored), "new": new}

    async def _hang(self, released: asyncio.Event) -> None:
        # As a driver does whose server was stopped: cancelling it does not end it.
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                self.cancelled = True

    @property
    def payloads(self) -> list[bytes]:
        return [args["payload"] for args in self.stored.values()]


@asynccontextmanager
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as http:
        yield http


async def post(app: Starlette, body: bytes = EVENT, header: str | None = None, **headers: str) -> httpx.Response:
    header = sign(body, SECRET, int(time.time())) if header is None else header
    async with client(app) as http:
        return await http.post(PATH, content=body, headers={HEADER: header, **headers})


async def test_a_signed_event_is_committed_and_then_answered_200() -> None:
    shelf, woken = Shelf(), asyncio.Event()
    answer = await post(door(shelf, secrets=[SECRET], on_accepted=woken.set))
    assert answer.status_code == 200
    assert shelf.payloads == [EVENT]
    (args,) = shelf.stored.values()
    assert (args["type"], args["conversation_id"], args["agent_id"], args["event_timestamp"], args["source"]) == (
        "post_call_transcription",
        "conv_1",
        "agent_1",
        1_763_600_031,
        "webhook",
    )
    assert woken.is_set()


async def test_a_duplicate_is_answered_200_and_wakes_nobody() -> None:
    shelf, woken = Shelf(), asyncio.Event()
    app = door(shelf, secrets=[SECRET], on_accepted=woken.set)
    await post(app)
    woken.clear()
    assert (await post(app)).status_code == 200
    assert len(shelf.stored) == 1
    assert not woken.is_set()


@pytest.mark.parametrize("secrets", [[], [SecretStr("")]])
async def test_without_a_secret_the_sender_is_asked_to_try_again(secrets: list[SecretStr]) -> None:
    answer = await post(door(Shelf(), secrets=secrets))
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


@pytest.mark.parametrize(
    "failure",
    [StoreUnavailable("no connection to db.internal"), StoreBehind("x"), StoreError("x"), KeyError("the event's text")],
)
async def test_a_store_that_fails_is_503_and_keeps_its_details(
    failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await post(door(Shelf(failure), secrets=[SECRET]))
    assert answer.status_code == 503
    assert "retry-after" in answer.headers
    assert "internal" not in answer.text
    assert "the event's text" not in answer.text + caplog.text


async def test_a_store_that_hangs_is_503_at_the_deadline_even_if_it_ignores_its_cancellation() -> None:
    shelf = Shelf(hang=asyncio.Event())
    app = door(shelf, secrets=[SECRET], accept_timeout=0.1)
    start = time.monotonic()
    assert (await post(app)).status_code == 503
    assert time.monotonic() - start < 1
    assert shelf.hang is not None
    shelf.hang.set()
    shelf.hang = None
    assert (await post(app)).status_code == 200


async def test_a_wrong_path_is_404_and_no_redirect() -> None:
    async with client(door(Shelf(), secrets=[SECRET])) as http:
        assert (await http.post(f"{PATH}/", content=EVENT)).status_code == 404


async def test_what_was_said_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await post(door(Shelf(), secrets=[SECRET]))
        await post(door(Shelf(StoreError("x")), secrets=[SECRET]))
    assert "Grüße" not in caplog.text
    assert "wsec" not in caplog.text


async def test_alive_says_nothing_about_the_store_and_ready_does() -> None:
    app = door(Shelf(StoreUnavailable("no connection to db.internal")), secrets=[SECRET])
    async with client(app) as http:
        assert (await http.get("/healthz")).status_code == 200
        answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "the store cannot be reached"


async def test_ready_when_the_store_answers() -> None:
    async with client(door(Shelf(), secrets=[SECRET])) as http:
        assert (await http.get("/readyz")).status_code == 200


async def test_not_ready_without_a_secret() -> None:
    async with client(door(Shelf(), secrets=[])) as http:
        answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert "secret" in answer.json()["reason"]


async def test_not_ready_while_migrations_are_pending() -> None:
    async def ready() -> None:
        raise StoreBehind("1 migration is pending")

    async with client(door(Shelf(), secrets=[SECRET], ready=ready)) as http:
        answer = await http.get("/readyz")
    assert answer.status_code == 503
    assert "migrations" in answer.json()["reason"]


async def test_not_ready_while_the_store_hangs() -> None:
    shelf = Shelf(hang=asyncio.Event())
    async with client(door(shelf, secrets=[SECRET], accept_timeout=0.05)) as http:
        assert (await http.get("/readyz")).status_code == 503
    assert shelf.hang is not None
    shelf.hang.set()


async def test_other_doors_can_be_added() -> None:
    async def page(_: Request) -> PlainTextResponse:
        return PlainTextResponse("here")

    async with client(door(Shelf(), secrets=[SECRET], extra_routes=[Route("/console", page)])) as http:
        assert (await http.get("/console")).text == "here"


async def test_only_who_is_allowed_may_deliver() -> None:
    shelf = Shelf()
    here, proxy = ip_network("127.0.0.1"), ip_network("203.0.113.0/24")
    assert (await post(door(shelf, secrets=[SECRET], sources=Sources([proxy])))).status_code == 403
    assert not shelf.stored
    app = door(shelf, secrets=[SECRET], sources=Sources([proxy], [here]))
    assert (await post(app, **{"x-forwarded-for": "203.0.113.7"})).status_code == 200
