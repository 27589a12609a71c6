"""Receivers to hold the door against, on the same server of HTTP: `python -m scripts.receivers bare|verify|naive DSN`.

bare    reads a body and answers
verify  verifies and parses, and stores nothing
naive   as verify, then one insert and one commit per request, over eight connections
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import psycopg
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from webhooks.address import PATH
from webhooks.server import Server, listening
from webhooks.signature import HEADER, verify

SECRET = SecretStr("wsec_for_measurements")
CONNECTIONS = 8
INSERT = """
insert into agentctl.events (type, conversation_id, agent_id, event_timestamp, source, payload, payload_sha256)
values (%s, %s, %s, %s, 'webhook', %b, sha256(%b))
on conflict on constraint events_once do nothing
"""


class Receiver:
    """One endpoint, as much of a receiver as `kind` says."""

    def __init__(self, kind: str, dsn: str) -> None:
        self.kind = kind
        self.dsn = dsn
        self.idle: asyncio.Queue[psycopg.AsyncConnection] = asyncio.Queue()

    async def open(self) -> None:
        """Connect, if this kind stores anything."""
        for _ in range(CONNECTIONS if self.kind == "naive" else 0):
            self.idle.put_nowait(await psycopg.AsyncConnection.connect(self.dsn, autocommit=True))

    async def receive(self, request: Request) -> Response:
        """POST."""
        body = await request.body()
        if self.kind != "bare":
            header = request.headers.get(HEADER)
            verify(header, body, secrets=[SECRET], now=time.time(), tolerance=2700)
            event = json.loads(body)
            if self.kind == "naive":
                await self.insert(event, body)
        return JSONResponse({"new": True})

    async def insert(self, event: dict[str, object], body: bytes) -> None:
        """Store one event and commit."""
        data = event["data"]
        assert isinstance(data, dict)
        heading = (event["type"], data["conversation_id"], data["agent_id"], event["event_timestamp"])
        connection = await self.idle.get()
        try:
            await connection.execute(INSERT, (*heading, body, body))
        finally:
            self.idle.put_nowait(connection)


async def main(kind: str, dsn: str) -> None:
    receiver = Receiver(kind, dsn)
    await receiver.open()
    app = Starlette(routes=[Route(PATH, receiver.receive, methods=["POST"])])
    with listening("127.0.0.1", 0) as listener:
        server = Server(app, listener, lambda url: print(f"Listening on {url}", flush=True))
        await server.serve([listener])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
