"""The door over real sockets: what a transport in memory cannot show."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from webhooks.address import PATH
from webhooks.app import door
from webhooks.signature import HEADER, sign

SECRET = SecretStr("wsec_first")
EVENT = b'{"type":"post_call_transcription","data":{"conversation_id":"conv_1"}}'
MAX = 1024 * 1024


class Hung:
    """A store that takes everything, and never answers for events of the type "hang"."""

    hanging = threading.Event()

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        if function == "accept_many":
            return [await self.call("accept", event) for event in args["events"]]
        if args["type"] == "hang":
            self.hanging.set()
            await asyncio.Event().wait()
        return {"id": 1, "new": True, "known": False}


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    app = door(Hung(), secrets=[SECRET], max_bytes=MAX, accept_timeout=0.5, body_timeout=1.0)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield listener.getsockname()
    server.should_exit = True
    thread.join(10)


def head(body: bytes, *lines: str) -> bytes:
    signature = sign(body, SECRET, int(time.time()))
    return "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: door", f"{HEADER}: {signature}", *lines, "", ""]).encode()


def answer_of(connection: socket.socket) -> bytes:
    connection.settimeout(10)
    received = b""
    while b"\r\n\r\n" not in received and (chunk := connection.recv(65536)):
        received += chunk
    return received.partition(b"\r\n")[0]


@pytest.mark.anyio
async def test_a_chunked_body_without_a_length_is_taken(address: tuple[str, int]) -> None:
    audio = json.dumps({"type": "post_call_audio", "data": {"conversation_id": "c", "full_audio": "A" * 700_000}})

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(audio), 50_000):
            yield audio[start : start + 50_000].encode()

    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"http://{address[0]}:{address[1]}{PATH}",
            content=chunks(),
            headers={HEADER: sign(audio.encode(), SECRET, int(time.time()))},
        )
    assert answer.status_code == 200


def test_an_announced_length_over_the_cap_is_413_before_the_body_comes(
    address: tuple[str, int], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(head(EVENT, f"Content-Length: {MAX + 1}", "Expect: 100-continue"))
        assert b" 413 " in answer_of(connection)
        while connection.recv(65536):
            pass
    assert caplog.records == []  # asking for the body after the answer would break the protocol


def test_a_chunked_body_over_the_cap_is_413_though_the_sender_is_still_sending(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(head(EVENT, "Transfer-Encoding: chunked"))
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(MAX // 65536 + 8):
            connection.sendall(chunk)
        assert b" 413 " in answer_of(connection)


def test_an_endless_body_is_cut_off(address: tuple[str, int]) -> None:
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    end = time.monotonic() + 10
    with socket.create_connection(address) as connection:
        connection.sendall(head(EVENT, "Transfer-Encoding: chunked"))
        cut_off = False
        while not cut_off and time.monotonic() < end:
            try:
                connection.sendall(chunk)
            except OSError:
                cut_off = True
        assert cut_off


def test_a_sender_that_stops_in_the_middle_is_408_and_let_go(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(head(EVENT, f"Content-Length: {len(EVENT)}") + EVENT[:10])
        assert b" 408 " in answer_of(connection)
        while connection.recv(65536):
            pass  # until the door closes the connection; a timeout would raise


def test_a_sender_that_vanishes_in_the_middle_hurts_nobody(address: tuple[str, int]) -> None:
    for _ in range(20):
        with socket.create_connection(address) as connection:
            connection.sendall(head(EVENT, f"Content-Length: {len(EVENT)}") + EVENT[:10])
    with socket.create_connection(address) as connection:
        connection.sendall(head(EVENT, f"Content-Length: {len(EVENT)}") + EVENT)
        assert b" 200 " in answer_of(connection)


def test_a_hung_store_is_503_at_the_deadline_while_others_are_served(address: tuple[str, int]) -> None:
    hanging = b'{"type":"hang","data":{}}'
    with socket.create_connection(address) as stuck, socket.create_connection(address) as other:
        start = time.monotonic()
        stuck.sendall(head(hanging, f"Content-Length: {len(hanging)}") + hanging)
        assert Hung.hanging.wait(5)
        other.sendall(head(EVENT, f"Content-Length: {len(EVENT)}") + EVENT)
        assert b" 200 " in answer_of(other)
        assert time.monotonic() - start < 0.45
        assert b" 503 " in answer_of(stuck)
        assert time.monotonic() - start < 1.5


def test_an_unsigned_flood_is_refused_before_it_is_read(address: tuple[str, int]) -> None:
    with socket.create_connection(address) as connection:
        connection.sendall(f"POST {PATH} HTTP/1.1\r\nHost: door\r\nContent-Length: 1000000\r\n\r\n".encode())
        assert b" 401 " in answer_of(connection)
