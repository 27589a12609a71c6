"""Between the socket and the handlers: key checks, latency, faults, and the request log."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentctl.sandbox import twilio
from agentctl.sandbox.fault import Fault
from agentctl.sandbox.journal import Exchange
from agentctl.sandbox.refusal import Refusal, detailed_body
from agentctl.sandbox.world import World, need_permission

CONTROL = "/_sandbox"


@dataclass
class _Answer:
    """A response on its way out, held back until it is clear what becomes of it."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    async def collect(self, message: Message) -> None:
        """Stand in for `send`."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", []))
        else:
            self.body += message.get("body", b"")

    def replace(self, body: bytes) -> None:
        """Say something else."""
        self.body = body
        kept = [(name, value) for name, value in self.headers if name != b"content-length"]
        self.headers = [*kept, (b"content-length", str(len(body)).encode())]

    async def send(self, send: Send) -> None:
        """Pass it on."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


class Wire:
    """ASGI middleware around the whole sandbox; the control API passes through untouched."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; a socket deals with keys, faults and the log itself, message by message."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path"].startswith(CONTROL):
            await self._app(scope, receive, send)
            self._world.keep()
            return
        self._world.under_way += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self._world.under_way -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        seq, at = self._world.journal.next_seq(), time.time()
        arrived = asyncio.get_running_loop().time()
        body = await _read(receive)
        fault = self._world.faults.take(scope["method"], scope["path"], scope["query_string"].decode("latin-1"))
        if fault and fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        answer = await self._answer(scope, body, fault)
        if self._world.latency_ms:
            # What the sandbox itself takes is part of it, or a request would take longer than was ordered.
            await _at(arrived + self._world.latency_ms / 1000)
        if answer is not None and scope["path"].startswith("/v1/"):
            answer.headers.append((b"request-id", secrets.token_hex(8).encode()))
        self._log(seq, at, scope, body, answer, ordered=fault is not None and fault.status is not None)
        if answer is not None:
            await answer.send(send)
        elif fault is not None and fault.hang:
            await _gone(receive)
        else:
            await self._cut(scope, receive)

    async def _answer(self, scope: Scope, body: bytes, fault: Fault | None) -> _Answer | None:
        """The response, or None where none goes out."""
        if fault is None or not (fault.status or fault.hang or fault.drop):
            return await self._carry_out(scope, body, fault)
        if fault.apply or fault.drop == "after":
            await self._carry_out(scope, body)
        if fault.hang or fault.drop:
            return None
        assert fault.status is not None
        content = fault.body
        if content is None:
            content = detailed_body(fault.status, f"ordered_{fault.status}", "This failure was ordered.")
        raw = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        kind = b"text/plain" if isinstance(content, str) else b"application/json"
        headers = [(name.lower().encode(), str(value).encode()) for name, value in fault.headers.items()]
        if not any(name == b"content-type" for name, _value in headers):
            headers.append((b"content-type", kind))
        return _Answer(fault.status, [*headers, (b"content-length", str(len(raw)).encode())], raw)

    async def _carry_out(self, scope: Scope, body: bytes, fault: Fault | None = None) -> _Answer:
        answer = _Answer()
        refused = self._refused(scope)
        if refused is not None:
            raw = json.dumps(refused.body).encode()
            length = (b"content-length", str(len(raw)).encode())
            return _Answer(refused.status, [(b"content-type", b"application/json"), length], raw)
        await self._app(scope, _once(fault.heard(body) if fault else body), answer.collect)
        if fault is not None and fault.stale and answer.status == 200:
            state = self._world.state
            answer.replace(fault.shown(answer.body, (state.agents, state.documents, state.numbers, state.tests)))
        if scope["method"] != "GET" and answer.status < 400:
            self._world.keep()
        return answer

    def _refused(self, scope: Scope) -> Refusal | None:
        headers, path = Headers(scope=scope), scope["path"]
        try:
            if path.startswith("/2010-04-01/"):
                twilio.need_login(self._world.options, headers.get("authorization", ""))
            elif path.startswith("/v1/"):
                need_permission(self._world.options, scope["method"], path, headers.get("xi-api-key"))
        except Refusal as refusal:
            return refusal
        return None

    def _log(self, seq: int, at: float, scope: Scope, body: bytes, answer: _Answer | None, *, ordered: bool) -> None:
        if not self._world.journal.on:
            return
        told = answer or _Answer()
        self._world.journal.add(
            Exchange(
                seq=seq,
                at=at,
                server="twilio" if scope["path"].startswith("/2010-04-01/") else "elevenlabs",
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
                request_headers=_texts(scope["headers"]),
                request_body=body,
                status=told.status,
                response_headers=_texts(told.headers),
                response_body=told.body,
                ordered=ordered,
            )
        )

    async def _cut(self, scope: Scope, receive: Receive) -> None:
        self._world.cut(scope.get("client"))
        await _gone(receive)


async def _at(moment: float) -> None:
    """Wait until then, by the loop's clock."""
    await asyncio.sleep(max(0.0, moment - asyncio.get_running_loop().time()))


async def _read(receive: Receive) -> bytes:
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return body


async def _gone(receive: Receive) -> None:
    """Wait until the client is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _once(body: bytes) -> Receive:
    messages: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive


def _texts(headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers)
