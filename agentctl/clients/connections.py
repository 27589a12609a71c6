"""Kept-alive HTTP/1.1 connections to one host: httpx's transport for hundreds of small requests in a row.

httpx's own spends 5 ms of processor time on a request when 32 are under way (httpcore 1.0.9, measured: for each it asks
all connections of the pool whether they are idle or closed, and fails an import of sniffio fifteen times); 1,000
requests of 50 ms then take 5 s and not 1.6. What is parsed is h11's affair here too. How many connections there
are is decided by whoever sends, since each request under way has one.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.request import getproxies, proxy_bypass

import h11
import httpx

from agentctl.clients.refusal import trusts_proxy

_IDLE_SECONDS = 5.0  # as httpx: longer, and the server may be about to close what we are about to use
_PIECE = 64 * 1024
_HEADERS_BYTES = 100 * 1024


def transport(url: httpx.URL) -> httpx.AsyncBaseTransport:
    """What to send requests to the host of `url` with: httpx's own where the machine's settings name a proxy."""
    proxies = getproxies() if trusts_proxy(url.host) else {}
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if proxy and not proxy_bypass(url.host):
        return httpx.AsyncHTTPTransport(proxy=proxy if "://" in proxy else f"http://{proxy}")
    return Connections()


class Connections(httpx.AsyncBaseTransport):
    """Any number of connections to the one host that requests are made for. Answers are read to their end."""

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Raises httpx's errors, as its own transport does."""
        timeout = request.extensions.get("timeout", {})
        connection = self._kept() or await self._opened(request.url, timeout.get("connect"))
        try:
            response = await connection.exchange(request, timeout)
        except BaseException:
            connection.close()
            raise
        if connection.reusable:
            self._idle.append(connection)
        else:
            connection.close()
        return response

    async def aclose(self) -> None:
        """Close the idle connections. Nothing is under way on them, so that nothing is said in parting."""
        while self._idle:
            self._idle.pop().close()
        await asyncio.sleep(0)

    def _kept(self) -> _Connection | None:
        while self._idle:
            # The one used last is the least likely to have been closed by the server.
            connection = self._idle.pop()
            if connection.sound:
                return connection
            connection.close()
        return None

    async def _opened(self, url: httpx.URL, seconds: float | None) -> _Connection:
        tls: dict[str, Any] = {}
        if url.scheme == "https":
            self._context = self._context or httpx.create_ssl_context()
            tls = {"ssl": self._context, "server_hostname": url.host}
        port = url.port or (443 if tls else 80)
        async with _failing_as(httpx.ConnectTimeout, httpx.ConnectError, seconds):
            reader, writer = await asyncio.open_connection(url.host, port, happy_eyeballs_delay=0.25, **tls)
        return _Connection(reader, writer)


class _Connection:
    """One connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._wire = h11.Connection(h11.CLIENT, max_incomplete_event_size=_HEADERS_BYTES)
        self._used_at = 0.0

    @property
    def reusable(self) -> bool:
        """Whether both sides are done and mean to stay; begins the next round if so."""
        if self._wire.our_state is not h11.DONE or self._wire.their_state is not h11.DONE:
            return False
        self._wire.start_next_cycle()
        self._used_at = time.monotonic()
        return True

    @property
    def sound(self) -> bool:
        """Whether it may be used again: not idle for long, and not closed by the server."""
        fresh = time.monotonic() - self._used_at < _IDLE_SECONDS
        return fresh and not self._reader.at_eof() and not self._writer.is_closing()

    def close(self) -> None:
        """At once: a farewell over TLS would wait for the other side's."""
        self._writer.transport.abort()

    async def exchange(self, request: httpx.Request, timeout: dict[str, float | None]) -> httpx.Response:
        """Send the request and read the whole answer."""
        # A server may answer and hang up before it has read everything; then the answer counts.
        with suppress(httpx.WriteError):
            await self._send(request, timeout.get("write"))
        answer, parts = None, []
        while True:
            event = await self._next(timeout.get("read"))
            if isinstance(event, h11.Response):
                answer = event
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                break
        assert answer is not None
        return httpx.Response(answer.status_code, headers=answer.headers.raw_items(), content=b"".join(parts))

    async def _send(self, request: httpx.Request, seconds: float | None) -> None:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        body = b"".join([part async for part in request.stream])
        try:
            head = self._wire.send(
                h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            )
            rest = self._wire.send(h11.Data(data=body)) if body else b""
            end = self._wire.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from None
        message = b"".join((head or b"", rest or b"", end or b""))
        for start in range(0, len(message), _PIECE):
            self._writer.write(message[start : start + _PIECE])
            async with _failing_as(httpx.WriteTimeout, httpx.WriteError, seconds):
                await self._writer.drain()

    async def _next(self, seconds: float | None) -> h11.Event:
        while True:
            try:
                event = self._wire.next_event()
                if event is not h11.NEED_DATA:
                    if isinstance(event, h11.Event):
                        return event
                    raise httpx.RemoteProtocolError("the server said more than one answer")
                async with _failing_as(httpx.ReadTimeout, httpx.ReadError, seconds):
                    content = await self._reader.read(_PIECE)
                if not content and self._wire.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError("the server hung up without an answer")
                self._wire.receive_data(content)
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from None


@asynccontextmanager
async def _failing_as(
    late: type[httpx.TimeoutException], broken: type[httpx.NetworkError], seconds: float | None
) -> AsyncIterator[None]:
    """Within `seconds`, and with httpx's errors. The cause stays: it tells a wrong name from a refused connection."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise late("the time is over") from error
    except OSError as error:
        raise broken(str(error)) from error
