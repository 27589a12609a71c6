"""What a connection may say, and how long it may be silent."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.webhooks.site import SECRET, Site, request, served, status
from webhooks.app import door
from webhooks.connection import Crowd, open_files

pytestmark = pytest.mark.anyio

EVENT = b'{"type":"post_call_transcription","data":{"conversation_id":"conv_1"}}'
START = b"POST /webhooks/elevenlabs HTTP/1.1\r\nHost: x\r\n"


class Taking:
    """A store that takes everything, and counts."""

    def __init__(self) -> None:
        self.taken = 0

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        self.taken += 1
        return {"id": self.taken, "new": True}


async def test_a_connection_that_says_nothing_or_no_end_is_closed_and_others_are_served() -> None:
    async with served(door(Taking(), secrets=[SECRET]), patience=0.2) as site:
        start = time.monotonic()
        assert await asyncio.gather(site.say(b""), site.say(START), site.say(b"\r\n\r\n")) == [b"", b"", b""]
        assert time.monotonic() - start < 2
        assert status(await site.say(request(EVENT))) == 200


async def test_words_that_trickle_in_do_not_hold_a_connection() -> None:
    async with served(door(Taking(), secrets=[SECRET]), patience=0.3) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        ended = asyncio.create_task(_ended(reader))
        start = time.monotonic()
        writer.write(START)
        while not ended.done() and time.monotonic() - start < 5:
            writer.write(b"X-A: b\r\n")
            await asyncio.wait([ended], timeout=0.05)
        assert time.monotonic() - start < 2
        writer.close()


@pytest.mark.parametrize(
    "flood",
    [
        [START + b"X-Long: " + b"x" * 200_000],
        [START, *[b"X-A: " + b"b" * 100 + b"\r\n"] * 2000],
        [b"POST /" + b"x" * 200_000],
        [request(b"", "Transfer-Encoding: chunked", length=False), *[b"1;" + b"x" * 20_000 + b"\r\n{\r\n"] * 10],
        [request(b"", "Transfer-Encoding: chunked", length=False), b"0\r\n", *[b"X-A: " + b"b" * 1000 + b"\r\n"] * 200],
    ],
    ids=["a header", "headers", "a path", "chunk extensions", "trailers"],
)
async def test_a_flood_of_words_is_refused_before_it_ends(flood: list[bytes]) -> None:
    store = Taking()
    async with served(door(store, secrets=[SECRET])) as site:
        # Closed while the rest is still on its way, so that the answer may be lost.
        assert status(await site.say(*flood)) in (431, 0)
        assert status(await site.say(request(EVENT))) == 200
    assert store.taken == 1


async def test_sixty_kilobytes_of_headers_and_a_body_in_small_chunks_are_taken() -> None:
    store = Taking()
    body = b'{"data":[' + b",".join([b"%-16d" % 1] * 9000) + b"]}"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[i : i + 9] for i in range(0, len(body), 9)))
    head = request(
        b"", "Transfer-Encoding: chunked", *[f"X-{n}: {'x' * 50}" for n in range(1000)], signed=body, length=False
    )
    async with served(door(store, secrets=[SECRET])) as site:
        assert status(await site.say(head, chunks + b"0\r\n\r\n")) == 200
    assert store.taken == 1


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS to a plain port
        b"GET\r\n\r\n",
        b"POST /webhooks/elevenlabs HTTP/9.9\r\n\r\n",
        START + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        START + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        START + b"Content-Length: -5\r\n\r\n",
        START + b"Content-Length: 5x\r\n\r\n",
        START + b"Content-Length: 99999999999999999999999\r\n\r\n",
        START + b"Transfer-Encoding: chunked, identity\r\n\r\n",
        START + b"No colon\r\n\r\n",
        START + b"X-Nul: a\x00b\r\n\r\n",
        START + b"X-A: b\r\n folded\r\n\r\n",
        b"POST /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        request(b"", "Transfer-Encoding: chunked", length=False) + b"zz\r\n{}\r\n0\r\n\r\n",
        request(b"", "Transfer-Encoding: chunked", length=False) + b"fffffffffffffffff\r\n",
        request(b"", "Transfer-Encoding: chunked", length=False) + b"2\r\n{}xx0\r\n\r\n",
        request(b"", "Transfer-Encoding: chunked", length=False) + b"-1\r\n",
    ],
)
async def test_what_is_no_http_gets_400_and_nothing_is_stored(said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    store = Taking()
    async with served(door(store, secrets=[SECRET]), patience=1) as site:
        answer = await site.say(said)
    assert status(answer) in (400, 401, 404)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert store.taken == 0
    assert "Traceback" not in caplog.text


async def test_requests_in_a_row_on_one_connection_are_answered_in_order() -> None:
    store = Taking()
    async with served(door(store, secrets=[SECRET])) as site:
        answers = await site.say(request(EVENT, close=False) * 3 + request(b"x", close=False) + request(EVENT))
    assert [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]] == [200, 200, 200, 400]
    assert store.taken == 3


async def test_of_more_silent_connections_than_there_is_room_for_the_oldest_goes() -> None:
    gone: list[int] = []

    class Waiting:
        def __init__(self, number: int) -> None:
            self.number = number
            self.transport = self

        def abort(self) -> None:
            gone.append(self.number)
            crowd.leave(self)  # type: ignore[arg-type]

    crowd = Crowd(3)
    waiting = [Waiting(number) for number in range(6)]
    for one in waiting[:4]:
        crowd.enter(one)  # type: ignore[arg-type]
    assert gone == [0]
    crowd.leave(waiting[2])  # type: ignore[arg-type]
    for one in waiting[4:]:
        crowd.enter(one)  # type: ignore[arg-type]
    assert gone == [0, 1]


async def test_good_deliveries_pass_while_many_connections_are_silent() -> None:
    async with served(door(Taking(), secrets=[SECRET]), patience=1.0) as site:
        silent = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(600)]
        for _, writer in silent:
            writer.write(START)
        took = [await _timed(site) for _ in range(50)]
        assert sorted(took)[-1] < 0.5
        await asyncio.wait_for(asyncio.gather(*(_ended(reader) for reader, _ in silent)), 5)
        for _, writer in silent:
            writer.close()


def test_the_limit_of_open_files_is_raised_as_far_as_allowed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
        assert open_files() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(hard, 65_536)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _timed(site: Site) -> float:
    start = time.monotonic()
    assert status(await site.say(request(EVENT))) == 200
    return time.monotonic() - start


async def _ended(reader: asyncio.StreamReader) -> None:
    try:
        assert await reader.read() == b""
    except ConnectionError:
        return
