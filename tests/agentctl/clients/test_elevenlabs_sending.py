"""What the ElevenLabs client sends, how often, and what nobody may see of it."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.clients.retry import Retry
from agentctl.errors import (
    AgentctlError,
    AnswerLost,
    ConfigurationError,
    NotFound,
    Rejected,
    Unreachable,
)

pytestmark = pytest.mark.anyio

HOST = "https://api.elevenlabs.example"
KEY = SecretStr("sk_topsecret")
AGENT = "/v1/convai/agents/{agent_id}"


async def no_sleep(_: float) -> None:
    return None


@pytest.fixture
async def api() -> AsyncIterator[ElevenLabs]:
    async with ElevenLabs(HOST, KEY, retry=Retry(sleep=no_sleep)) as client:
        yield client


@pytest.fixture
def wire() -> Any:
    with respx.mock(base_url=HOST) as router:
        yield router


async def test_reads_and_settings_are_repeated(api: ElevenLabs, wire: respx.MockRouter) -> None:
    wire.get("/v1/x").mock(side_effect=[httpx.Response(503), httpx.ReadTimeout("x"), httpx.Response(200, json={})])
    wire.patch("/v1/x").mock(side_effect=[httpx.Response(500), httpx.Response(200, json={"a": 1})])
    wire.delete("/v1/x").mock(side_effect=[httpx.Response(502), httpx.Response(204)])
    await api.get("/v1/x")
    assert await api.patch("/v1/x", json={"a": 1}) == {"a": 1}
    await api.delete("/v1/x")
    assert api.requests == 7


@pytest.mark.parametrize(
    "fault",
    [httpx.Response(500), httpx.Response(502), httpx.Response(504), httpx.ReadTimeout("x"), httpx.ReadError("x")],
)
async def test_a_post_that_may_have_worked_is_never_sent_twice(
    api: ElevenLabs, wire: respx.MockRouter, fault: Any
) -> None:
    route = wire.post("/v1/convai/twilio/outbound-call").mock(side_effect=[fault, httpx.Response(200, json={})])
    with pytest.raises(AnswerLost, match="outbound-call"):
        await api.post("/v1/convai/twilio/outbound-call", json={})
    assert route.call_count == 1


@pytest.mark.parametrize("fault", [httpx.ConnectError("x"), httpx.ConnectTimeout("x"), httpx.Response(429)])
async def test_a_post_that_certainly_did_not_happen_is_sent_again(
    api: ElevenLabs, wire: respx.MockRouter, fault: Any
) -> None:
    wire.post("/v1/x").mock(side_effect=[fault, httpx.Response(200, json={"id": "1"})])
    assert await api.post("/v1/x", json={}) == {"id": "1"}


@pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
async def test_repeated_5xx_is_unreachable_and_safe(api: ElevenLabs, wire: respx.MockRouter, method: str) -> None:
    wire.request(method, "/v1/x").respond(503, json={"detail": {"message": "maintenance"}})
    with pytest.raises(Unreachable, match=r"503.*maintenance") as caught:
        await getattr(api, method)("/v1/x")
    assert not isinstance(caught.value, AnswerLost)


async def test_an_upload_is_repeated_whole(api: ElevenLabs, wire: respx.MockRouter) -> None:
    route = wire.post("/v1/file").mock(side_effect=[httpx.Response(429), httpx.Response(200, json={"id": "d"})])
    await api.post("/v1/file", files={"file": ("Preise.pdf", b"%PDF", "application/pdf")}, data={"name": "Preise"})
    for call in route.calls:
        body = call.request.read()
        assert b"%PDF" in body
        assert b'name="name"' in body
        assert b"application/pdf" in body
    assert route.calls.last.request.extensions["timeout"]["read"] == 120


async def test_every_request_has_a_timeout(api: ElevenLabs, wire: respx.MockRouter) -> None:
    route = wire.get("/v1/x").respond(json={})
    await api.get("/v1/x")
    assert route.calls.last.request.extensions["timeout"] == {"connect": 5, "read": 30, "write": 30, "pool": 30}


async def test_a_delete_that_worked_though_its_answer_was_lost_is_done(api: ElevenLabs, wire: respx.MockRouter) -> None:
    gone = httpx.Response(404, json={"detail": {"code": "not_found"}})
    wire.delete("/v1/x").mock(side_effect=[httpx.ReadTimeout("x"), gone])
    await api.delete("/v1/x")
    wire.delete("/v1/y").mock(return_value=gone)
    with pytest.raises(NotFound):
        await api.delete("/v1/y")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), "\ud800"])
async def test_what_json_cannot_say_is_refused_before_it_is_sent(
    api: ElevenLabs, wire: respx.MockRouter, value: Any
) -> None:
    with pytest.raises(Rejected, match="JSON"):
        await api.post("/v1/x", json={"a": value})
    assert not wire.calls


@pytest.mark.parametrize("answer", [httpx.Response(204), httpx.Response(200)])
async def test_a_write_without_an_answer_is_an_empty_one(
    api: ElevenLabs, wire: respx.MockRouter, answer: httpx.Response
) -> None:
    wire.post("/v1/tags").mock(return_value=answer)
    assert await api.post("/v1/tags", json={}) == {}


async def test_bytes_come_with_their_type(api: ElevenLabs, wire: respx.MockRouter) -> None:
    wire.get("/v1/audio").respond(content=b"ID3", headers={"content-type": "audio/mpeg; x=y"})
    assert await api.get_bytes("/v1/audio") == (b"ID3", "audio/mpeg")


async def test_the_key_is_in_no_repr_no_error_and_no_traceback(api: ElevenLabs, wire: respx.MockRouter) -> None:
    echo = httpx.Response(401, json={"detail": {"message": "key sk_topsecret is unknown", "code": "sk_topsecret"}})
    wire.get("/v1/x").mock(side_effect=[echo, *[httpx.ReadTimeout("sk_topsecret")] * 5])
    for _ in range(2):
        with pytest.raises(AgentctlError) as caught:
            await api.get("/v1/x")
        assert "sk_topsecret" not in "".join(traceback.format_exception(caught.value))
        assert "sk_topsecret" not in repr(caught.value)
    assert "sk_topsecret" not in repr(api)


@pytest.mark.parametrize("key", ["sk_a b", "sk_a\n", "sk_ä", ""])
async def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="ELEVENLABS_API_KEY") as caught:
        ElevenLabs(HOST, SecretStr(key))
    assert "sk_" not in str(caught.value)


async def test_the_key_is_in_no_debug_log_of_a_real_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert b"sk_topsecret" in request
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with caplog.at_level(logging.DEBUG):
        async with ElevenLabs(f"http://127.0.0.1:{port}", KEY) as api:
            assert await api.get("/v1/x") == {}
            assert api.host == f"127.0.0.1:{port}"
    server.close()
    assert "send_request_headers" in caplog.text
    assert "sk_topsecret" not in caplog.text


async def test_no_more_requests_at_once_than_allowed() -> None:
    under_way = most = 0

    async def slow(_: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        for _turn in range(5):
            await asyncio.sleep(0)
        under_way -= 1
        return httpx.Response(200, content=json.dumps({}))

    async with ElevenLabs(HOST, KEY, transport=httpx.MockTransport(slow), concurrency=3) as api:
        await asyncio.gather(*(api.get("/v1/x") for _ in range(12)))
    assert most == 3


async def test_what_may_be_done_twice_is_repeated_and_its_answer_is_never_lost(
    api: ElevenLabs, wire: respx.MockRouter
) -> None:
    wire.post("/v1/x").mock(side_effect=[httpx.Response(503), httpx.ReadTimeout("x"), httpx.Response(200, json={})])
    assert await api.post_repeatable("/v1/x") == {}
    wire.post("/v1/y").respond(503)
    wire.post("/v1/z").mock(side_effect=httpx.ReadTimeout("x"))
    for path in ("/v1/y", "/v1/z"):
        with pytest.raises(Unreachable) as caught:
            await api.post_repeatable(path)
        assert type(caught.value) is Unreachable
        assert "Look first" not in caught.value.hint
