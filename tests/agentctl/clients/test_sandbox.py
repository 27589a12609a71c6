"""agentctl.clients.sandbox: what answers is a sandbox, or one clear error."""

from __future__ import annotations

import json

import httpx
import pytest

from agentctl.clients.sandbox import call
from agentctl.errors import Rejected, Unreachable

pytestmark = pytest.mark.anyio

URL = "http://127.0.0.1:8787/"


def answering(status: int, content: str) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _request: httpx.Response(status, text=content))


async def test_the_order_goes_out_as_it_is_and_the_answer_comes_back() -> None:
    def sandbox(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "http://127.0.0.1:8787/_sandbox/calls"
        assert json.loads(request.content) == {"to_number": "+498999998100", "lines": ["Guten Tag."]}
        return httpx.Response(200, json={"conversation_id": "conv_1", "reached": True, "why": "", "deliveries": []})

    order = {"to_number": "+498999998100", "lines": ["Guten Tag."]}
    held = await call(URL, order, transport=httpx.MockTransport(sandbox))
    assert held["conversation_id"] == "conv_1"


async def test_a_refused_order_has_the_sandboxs_reason() -> None:
    with pytest.raises(Rejected, match="there is no agent at \\+49"):
        await call(URL, {}, transport=answering(400, '{"error": "there is no agent at +49"}'))


@pytest.mark.parametrize(
    ("status", "content"), [(200, "<html>"), (404, '{"detail": "Not Found"}'), (200, "[]"), (500, "{}"), (400, "{}")]
)
async def test_something_else_that_answers(status: int, content: str) -> None:
    with pytest.raises(Unreachable, match="sandbox"):
        await call(URL, {}, transport=answering(status, content))


@pytest.mark.parametrize("url", ["nonsense", "http://", "http://[", "ftp://127.0.0.1"])
async def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(Unreachable, match="no sandbox answers at"):
        await call(url, {})
