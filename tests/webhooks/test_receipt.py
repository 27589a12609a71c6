"""webhooks.receipt: the id of a request, in its answer and in what is logged about it."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from agentctl.errors import StoreUnavailable
from agentctl.telemetry import figures
from agentctl.telemetry.fields import at_hand
from tests.webhooks.test_app import EVENT, SECRET, Shelf
from webhooks.address import PATH
from webhooks.app import door
from webhooks.receipt import HEADER as REQUEST_ID
from webhooks.signature import HEADER, sign

pytestmark = pytest.mark.anyio


class Ear(logging.Handler):
    """Keeps what was logged with the ids at hand."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append((record.getMessage(), {**at_hand(), **getattr(record, "fields", {})}))


@pytest.fixture
def listener() -> Any:
    listening = Ear()
    logging.getLogger().addHandler(listening)
    yield listening
    logging.getLogger().removeHandler(listening)


async def post(shelf: Shelf, *given: str, secret: SecretStr = SECRET, path: str = PATH) -> list[httpx.Response]:
    """Deliveries at once, each with an id of a proxy's; empty: with none."""
    transport = httpx.ASGITransport(door(shelf, secrets=[SECRET]))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:

        def one(number: int, request_id: str) -> Any:
            body = EVENT.replace(b"conv_1", f"conv_{number}".encode())
            headers = {HEADER: sign(body, secret, int(time.time()))} | ({REQUEST_ID: request_id} if request_id else {})
            return client.post(path, content=body, headers=headers)

        return list(await asyncio.gather(*(one(number, name) for number, name in enumerate(given))))


async def test_those_that_share_a_commit_are_told_apart(listener: Ear) -> None:
    answers = await post(Shelf(), "", "proxy-00000001", "")
    told = [fields for message, fields in listener.heard if message.startswith("accepted: ")]
    pairs = {one["conversation_id"]: one["request_id"] for fields in told for one in fields["deliveries"]}
    assert pairs == {f"conv_{number}": answer.headers[REQUEST_ID] for number, answer in enumerate(answers)}
    assert pairs["conv_1"] == "proxy-00000001"
    assert [fields for fields in told if "request_id" in fields or "conversation_id" in fields] == []


@pytest.mark.parametrize("odd", ["short", "x" * 65, "with blanks in it", '{"forged": 1}'])
async def test_an_id_that_could_be_anything_else_is_replaced(odd: str) -> None:
    (answer,) = await post(Shelf(), odd)
    assert answer.status_code == 200
    assert answer.headers[REQUEST_ID].isalnum()
    assert len(answer.headers[REQUEST_ID]) == 32


async def test_every_answer_has_one_and_an_outage_is_logged_with_it(listener: Ear) -> None:
    before = figures.DELIVERIES.value(503)
    (answer,) = await post(Shelf(failure=StoreUnavailable("down")), "")
    assert answer.status_code == 503
    (fields,) = [fields for message, fields in listener.heard if "could not be stored" in message]
    assert fields == {"request_id": answer.headers[REQUEST_ID], "conversation_id": "conv_0"}
    assert figures.DELIVERIES.value(503) == before + 1
    assert [REQUEST_ID in one.headers for one in await post(Shelf(), "", path="/nowhere")] == [True]
    (refused,) = await post(Shelf(), "", secret=SecretStr("wrong"))
    assert (refused.status_code, len(refused.headers[REQUEST_ID])) == (401, 32)
