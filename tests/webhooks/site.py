"""The door on a real socket of the server that `agentctl serve` runs, in the event loop of the test."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from pydantic import SecretStr
from starlette.applications import Starlette

from webhooks.address import PATH
from webhooks.connection import SILENCE_SECONDS
from webhooks.server import Server, listening
from webhooks.signature import HEADER, sign

SECRET = SecretStr("wsec_first")


@dataclass(frozen=True)
class Site:
    """Where the door listens."""

    port: int

    async def say(self, *parts: bytes, patience: float = 10) -> bytes:
        """Everything that comes back on a connection on which `parts` are said, until the door closes it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            with suppress(ConnectionError):
                for part in parts:
                    writer.write(part)
                    await writer.drain()
            return await asyncio.wait_for(_all(reader), patience)
        finally:
            writer.close()


@asynccontextmanager
async def served(app: Starlette, *, patience: float = SILENCE_SECONDS) -> AsyncIterator[Site]:
    """`app` behind the server; at the end it must stop in order."""
    with listening("127.0.0.1", 0) as listener:
        ready = asyncio.Event()
        server = Server(app, listener, lambda url: ready.set(), patience)
        task = asyncio.create_task(server.serve([listener]))
        await ready.wait()
        try:
            yield Site(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, 20)


def request(body: bytes, *lines: str, signed: bytes | None = None, length: bool = True, close: bool = True) -> bytes:
    """A signed POST; `lines` are further headers, `signed` what the signature is made of, if not of the body."""
    signature = sign(body if signed is None else signed, SECRET, int(time.time()))
    fixed = [f"POST {PATH} HTTP/1.1", "Host: door", f"{HEADER}: {signature}"]
    fixed += [f"Content-Length: {len(body)}"] * length + ["Connection: close"] * close
    return "\r\n".join([*fixed, *lines, "", ""]).encode("latin-1") + body


def status(answer: bytes) -> int:
    """Of the first answer; 0 where there is none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


async def _all(reader: asyncio.StreamReader) -> bytes:
    got = b""
    with suppress(ConnectionError):
        while part := await reader.read(65536):
            got += part
    return got
