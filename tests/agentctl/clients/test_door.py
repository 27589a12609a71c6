"""One delivery, once, as the platform would make it."""

from __future__ import annotations

import httpx
import pytest

from agentctl.clients.door import deliver
from agentctl.errors import Unreachable

pytestmark = pytest.mark.anyio
URL = "https://door.example.org/webhooks/elevenlabs"


async def test_the_bytes_and_headers_arrive_as_they_are_and_audio_comes_in_chunks() -> None:
    seen: list[httpx.Request] = []

    async def door(request: httpx.Request) -> httpx.Response:
        await request.aread()
        seen.append(request)
        return httpx.Response(200, text="stored\x1b[31m")

    transport = httpx.MockTransport(door)
    answer = await deliver(URL, b'{"a": 1}', {"ElevenLabs-Signature": "t=1,v0=ab"}, transport=transport)
    await deliver(URL, b"x" * 200_000, {}, chunked=True, transport=transport)
    assert (answer.status, answer.text) == (200, "stored [31m")
    assert seen[0].content == b'{"a": 1}'
    assert seen[0].headers["elevenlabs-signature"] == "t=1,v0=ab"
    assert seen[0].headers["content-length"] == "8"
    assert "content-length" not in seen[1].headers
    assert len(seen[1].content) == 200_000


@pytest.mark.parametrize("status", [302, 401, 503])
async def test_any_status_is_an_answer_and_nothing_is_repeated_or_followed(status: int) -> None:
    calls = 0

    def door(request: httpx.Request) -> httpx.Response:
        nonlocal calls
        calls += 1
        return httpx.Response(status, headers={"location": "https://elsewhere.example.org/"})

    assert (await deliver(URL, b"{}", {}, transport=httpx.MockTransport(door))).status == status
    assert calls == 1


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("")])
async def test_no_answer_is_unreachable(error: httpx.TransportError) -> None:
    def door(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(Unreachable, match="no answer from the door at"):
        await deliver(URL, b"{}", {"ElevenLabs-Signature": "secret"}, transport=httpx.MockTransport(door))
