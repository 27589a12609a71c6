"""Our transport on real sockets: what httpx's own promises, as far as the client relies on it."""

import asyncio
import gzip
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from agentctl.clients.connections import Connections

pytestmark = pytest.mark.anyio

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[bool] | bool]


class Served:
    """What a server saw: the requests, and how many connections they came on."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[bytes] = []
        self.connections = 0


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Served]:
    """Answers each request by `answer`, which says whether the connection is to stay open."""
    served = Served()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head.lower())
                served.requests.append(head + await reader.readexactly(int(length[1]) if length else 0))
                stays = answer(served.requests[-1], writer)
                if not (stays if isinstance(stays, bool) else await stays):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()


def ok(_: bytes, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
    return True


async def get(connections: Connections, url: str, **timeout: float) -> httpx.Response:
    request = httpx.Request("GET", url, extensions={"timeout": timeout})
    return await connections.handle_async_request(request)


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    made = Connections(httpx.URL("http://127.0.0.1"))
    yield made
    await made.aclose()


async def test_a_connection_is_used_again(connections: Connections) -> None:
    async with serving(ok) as served:
        for _ in range(3):
            assert (await get(connections, served.url)).json() == {}
        assert (len(served.requests), served.connections) == (3, 1)
        await asyncio.gather(*(get(connections, served.url) for _ in range(5)))
        assert served.connections == 5


async def test_a_body_is_sent_whole_and_an_upload_too(connections: Connections) -> None:
    async with serving(ok) as served:
        content = b"x" * 300_000
        await connections.handle_async_request(httpx.Request("PATCH", f"{served.url}/a?b=c", content=content))
        upload = httpx.Request(
            "POST", served.url, data={"name": "n"}, files={"file": ("f.pdf", content, "application/pdf")}
        )
        await connections.handle_async_request(upload)
    assert served.requests[0].startswith(b"PATCH /a?b=c HTTP/1.1\r\n")
    assert served.requests[0].endswith(content)
    assert content in served.requests[1]
    assert b'name="name"' in served.requests[1]


async def test_chunks_compression_and_an_interim_answer_are_understood(connections: Connections) -> None:
    packed = gzip.compress(b'{"a": 1}')

    def answer(_: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-encoding: gzip\r\n\r\n")
        for part in (packed[:5], packed[5:]):
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        writer.write(b"0\r\n\r\n")
        return True

    async with serving(answer) as served:
        for _ in range(2):
            assert (await get(connections, served.url)).json() == {"a": 1}
        assert served.connections == 1


async def test_a_connection_that_the_server_means_to_close_is_not_kept(connections: Connections) -> None:
    def answer(_: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}")
        return False

    async with serving(answer) as served:
        for _ in range(2):
            assert (await get(connections, served.url)).json() == {}
        assert served.connections == 2


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used(connections: Connections) -> None:
    closed = asyncio.Event()

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> bool:
        ok(request, writer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()
        return False

    async with serving(answer) as served:
        await get(connections, served.url)
        await closed.wait()
        await asyncio.sleep(0)  # the end reaches our side with the loop's next look
        await asyncio.sleep(0)
        await get(connections, served.url)
        assert len(served.requests) == 2


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", httpx.RemoteProtocolError),
        (b"220 mail.example ESMTP\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, httpx.RemoteProtocolError),
    ],
    ids=["nothing", "half", "mail", "endless"],
)
async def test_what_is_no_whole_answer_is_an_error(
    connections: Connections, said: bytes, error: type[Exception]
) -> None:
    def answer(_: bytes, writer: asyncio.StreamWriter) -> bool:
        writer.write(said)
        return False

    async with serving(answer) as served:
        with pytest.raises(error):
            await get(connections, served.url)
        with pytest.raises(error):  # and nothing of it is left for the next request
            await get(connections, served.url)
        assert served.connections == 2


async def test_an_answer_counts_though_the_server_did_not_want_the_whole_request(connections: Connections) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        while await reader.read(65536):
            pass
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    answer = await connections.handle_async_request(httpx.Request("POST", url, content=b"x" * 1_000_000))
    assert answer.status_code == 413
    server.close()


async def test_silence_ends_at_the_timeout(connections: Connections) -> None:
    async def silent(_: bytes, writer: asyncio.StreamWriter) -> bool:
        await asyncio.Event().wait()
        return False

    async with serving(silent) as served:
        with pytest.raises(httpx.ReadTimeout):
            await get(connections, served.url, read=0.05)


async def test_nobody_listens(connections: Connections) -> None:
    async with serving(ok) as served:
        pass
    with pytest.raises(httpx.ConnectError):
        await get(connections, served.url)


async def test_a_server_without_a_trusted_certificate_gets_no_request() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # has no certificate at all
    seen: list[Any] = []
    server = await asyncio.start_server(lambda *ends: seen.append(ends), "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connections = Connections(httpx.URL(url))
    with pytest.raises(httpx.ConnectError):
        await get(connections, url)
    assert seen == []
    server.close()
    await connections.aclose()


async def test_an_answer_that_breaks_off_leaves_its_connection_to_nobody(connections: Connections) -> None:
    async with serving(ok) as served:
        waiting = asyncio.create_task(get(connections, served.url))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert (await get(connections, served.url)).json() == {}


def test_a_proxy_of_the_machine_is_used_but_for_what_is_here_or_exempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "proxy.example:3128")
    monkeypatch.setenv("no_proxy", "exempt.example")
    assert Connections(httpx.URL("https://api.example")).proxy == "http://proxy.example:3128"
    assert Connections(httpx.URL("https://exempt.example")).proxy is None
    assert Connections(httpx.URL("https://127.0.0.1")).proxy is None
    monkeypatch.delenv("https_proxy")
    assert Connections(httpx.URL("https://api.example")).proxy is None
