"""A write that may no longer be sent is not, however late that turns out; reading goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.clients.guard import guarded
from agentctl.clients.retry import Retry
from agentctl.clients.twilio import Twilio
from agentctl.errors import Busy

pytestmark = pytest.mark.anyio
PATH, SID = "/v1/convai/agents/{agent_id}", "PN" + "0" * 32
Client = ElevenLabs | Twilio


class Listener:
    """A host that hears bytes on its connections, and answers with an empty object what is complete."""

    def __init__(self) -> None:
        self.url = ""
        self.connected = 0
        self.heard = b""
        self.left = asyncio.Event()  # somebody went

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        with suppress(ConnectionError):
            while chunk := await reader.read(65536):
                self.heard += chunk
                head, _, body = self.heard.rpartition(b"\r\n\r\n")
                if head and (body or b"content-length: 2" not in head.rpartition(b"HTTP/1.1")[2].lower()):
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
        self.left.set()
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    heard = Listener()
    server = await asyncio.start_server(heard.serve, "127.0.0.1", 0)
    heard.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield heard
    server.close()


class Clock:
    """Time is up at the `last` question and after it."""

    def __init__(self, last: int) -> None:
        self.last, self.asked = last, 0

    async def __call__(self) -> None:
        self.asked += 1
        if self.asked >= self.last:
            raise Busy("too late")


WRITES: dict[str, Callable[[ElevenLabs], Awaitable[object]]] = {
    "post": lambda api: api.post(PATH, json={}, agent_id="a"),
    "post_repeatable": lambda api: api.post_repeatable(PATH, agent_id="a"),
    "patch": lambda api: api.patch(PATH, json={}, agent_id="a"),
    "put": lambda api: api.put(PATH, json={}, agent_id="a"),
    "delete": lambda api: api.delete(PATH, agent_id="a"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_no_write_is_begun_once_time_is_up_and_reading_goes_on(
    listener: Listener, write: Callable[[ElevenLabs], Awaitable[object]]
) -> None:
    async with ElevenLabs(listener.url, SecretStr("k"), retry=Retry(attempts=1)) as api:
        with guarded(Clock(1)):
            with pytest.raises(Busy):
                await write(api)
            assert listener.connected == 0
            assert await api.get(PATH, agent_id="a") == {}
        await write(api)


async def test_what_stood_still_while_it_was_connecting_says_nothing(listener: Listener) -> None:
    async with ElevenLabs(listener.url, SecretStr("k")) as api:
        with guarded(clock := Clock(2)), pytest.raises(Busy):
            await api.patch(PATH, json={"name": "old"}, agent_id="a")
    await listener.left.wait()
    assert (clock.asked, listener.connected, listener.heard) == (2, 1, b"")


async def test_what_stood_still_after_its_head_keeps_its_body(listener: Listener) -> None:
    async with ElevenLabs(listener.url, SecretStr("k")) as api:
        with guarded(Clock(3)), pytest.raises(Busy):
            await api.patch(PATH, json={"name": "old"}, agent_id="a")
    await listener.left.wait()
    assert b"PATCH" in listener.heard
    assert b"old" not in listener.heard, "a request without its end is none"


@pytest.mark.parametrize("last", [1, 2])
async def test_the_same_at_twilio(listener: Listener, last: int) -> None:
    account = "AC" + "0" * 32
    async with Twilio(listener.url, account, SecretStr("t"), retry=Retry(attempts=1)) as twilio:
        with guarded(Clock(last)), pytest.raises(Busy):
            await twilio.update_number(SID, voice_url="https://old.example.org")
    if last > 1:
        await listener.left.wait()
    assert (listener.connected, listener.heard) == (last - 1, b"")


async def test_one_within_another_asks_both(listener: Listener) -> None:
    outer, inner = Clock(1), Clock(9)
    async with ElevenLabs(listener.url, SecretStr("k")) as api:
        with guarded(outer), guarded(inner), pytest.raises(Busy):
            await api.delete(PATH, agent_id="a")
    assert (outer.asked, listener.connected) == (1, 0)
