"""A conversation's socket: messages in and out, ordered faults, the log, and the ends that it can come to."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from agentctl.sandbox.fault import Fault
from agentctl.sandbox.journal import Exchange
from agentctl.sandbox.refusal import detailed_body
from agentctl.sandbox.state import Row
from agentctl.sandbox.talk.wishes import Denied
from agentctl.sandbox.world import World

_SOUND = ("audio", "user_audio_chunk")
# What @elevenlabs/client asks for; a browser gives up where it is offered and not taken.
_PROTOCOL = "convai"


class Gone(Exception):
    """The client is not there any more; the text is the close code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Heard:
    """A client's message, and what was ordered for its answer."""

    message: Row
    kind: str
    seq: int
    at: float
    fault: Fault | None = None


class Connection:
    """The socket of one client, which the sandbox counts and may end until it is over."""

    def __init__(self, place: World, socket: WebSocket) -> None:
        self._halt = asyncio.Event()
        place.sockets.add(self._halt)
        self._place = place
        self._socket = socket
        self._waiting: asyncio.Task[Any] | None = None

    async def opens(self) -> bool:
        """Take the socket, unless a fault was ordered for it: refused with `status`, cut, or left hanging."""
        seq, at, scope = self._place.journal.next_seq(), time.time(), self._socket.scope
        fault = self._place.faults.take("GET", scope["path"], scope["query_string"].decode("latin-1"))
        await _delay(fault)
        if fault and fault.status is not None:
            self._log(seq, at, "GET", self._query, fault.status, ordered=True)
            body = detailed_body(fault.status, f"ordered_{fault.status}", "This failure was ordered.")
            content = body if fault.body is None else fault.body
            response = PlainTextResponse if isinstance(content, str) else JSONResponse
            await self._socket.send_denial_response(response(content, fault.status, fault.headers))
            return False
        if fault and (fault.hang or fault.drop == "before"):
            self._log(seq, at, "GET", self._query, 0)
            await self._lost(cut=not fault.hang)
            return False
        offered = self._socket.scope["subprotocols"]
        self._log(seq, at, "GET", self._query, 101)
        await self._socket.accept(subprotocol=_PROTOCOL if _PROTOCOL in offered else None)
        if fault and fault.drop:
            await self._lost(cut=True)
        return not (fault and fault.drop)

    async def hear(self, seconds: float) -> Heard | None:
        """The next message, or None where none comes in time. Raises Gone, or Denied for one that is no message."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._next())
        done, _ = await asyncio.wait({self._waiting}, timeout=max(0.0, seconds))
        if not done:
            return None
        waiting, self._waiting = self._waiting, None
        raw = waiting.result()
        message = _read(raw)
        kind = "user_audio_chunk" if "user_audio_chunk" in message else str(message.get("type"))
        seq, at = self._place.journal.next_seq(), time.time()
        fault = self._place.faults.take("MESSAGE", self._socket.url.path, f"type={kind}")
        heard = Heard(_read(fault.heard(raw)) if fault else message, kind, seq, at, fault)
        await _delay(fault)
        if fault and (fault.hang or fault.drop == "before"):
            self._log(seq, at, "MESSAGE", f"type={kind}", 0, heard.message)
            if fault.hang:
                return None
            await self._lost(cut=True)
            raise Gone(1006)
        if fault and fault.status is not None:
            code = fault.status if fault.status >= 1000 else 1011
            raise Denied(code, "unknown", str(fault.body or "This failure was ordered."))
        return heard

    async def answer(self, heard: Heard, rows: list[Row]) -> None:
        """Say what follows from a message, unless it was ordered that the client is cut off. Raises Gone."""
        lost = heard.fault is not None and heard.fault.drop == "after"
        if heard.kind not in _SOUND:
            query = f"type={heard.kind}"
            self._log(heard.seq, heard.at, "MESSAGE", query, 0 if lost else 200, heard.message, rows)
        if lost:
            await self._lost(cut=True)
            raise Gone(1006)
        await self.tell(rows)

    async def tell(self, rows: list[Row]) -> None:
        """Say it. Raises Gone."""
        try:
            for row in rows:
                await self._socket.send_text(json.dumps(row, ensure_ascii=False))
        except WebSocketDisconnect as gone:
            raise Gone(gone.code) from None

    async def close(self, code: int, reason: str) -> None:
        """End it; a close frame has room for 123 bytes of reason."""
        try:
            await self._socket.close(code, reason.encode()[:123].decode(errors="ignore"))
        except (RuntimeError, WebSocketDisconnect):  # the client was quicker
            return

    def over(self, code: int) -> None:
        """It has ended, with this code (0: it never began): log that, and listen no longer."""
        self._place.sockets.discard(self._halt)
        if code:
            self._log(self._place.journal.next_seq(), time.time(), "CLOSE", "", code)
        if self._waiting is not None:
            self._waiting.cancel()

    @property
    def _query(self) -> str:
        return str(self._socket.url.query)

    async def _next(self) -> bytes:
        """The next message's bytes. Raises Gone, or Denied where everything is to be forgotten."""
        receiving = asyncio.create_task(self._socket.receive())
        halting = asyncio.create_task(self._halt.wait())
        try:
            await asyncio.wait({receiving, halting}, return_when=asyncio.FIRST_COMPLETED)
            if not receiving.done():
                raise Denied(1001, "websocket_disconnect", "The sandbox was reset.")
            message = receiving.result()
        finally:
            receiving.cancel()
            halting.cancel()
        if message["type"] == "websocket.disconnect":
            raise Gone(message.get("code", 1006))
        text = message.get("text")
        return bytes(message["bytes"]) if text is None else str(text).encode()

    async def _lost(self, *, cut: bool) -> None:
        """Cut the client off, or wait until it goes away by itself."""
        if cut:
            self._place.cut(self._socket.scope.get("client"))
        while (await self._socket.receive())["type"] != "websocket.disconnect":
            pass

    def _log(
        self,
        seq: int,
        at: float,
        method: str,
        query: str,
        status: int,
        message: Row | None = None,
        rows: list[Row] | None = None,
        *,
        ordered: bool = False,
    ) -> None:
        if not self._place.journal.on:
            return
        told = [row for row in rows or () if row["type"] not in _SOUND]
        headers = tuple((name.lower(), value) for name, value in self._socket.headers.items())
        self._place.journal.add(
            Exchange(
                seq=seq,
                at=at,
                server="conversation",
                method=method,
                path=self._socket.url.path,
                query=query,
                request_headers=headers if method == "GET" else (),
                request_body=b"" if message is None else json.dumps(message).encode(),
                status=status,
                response_headers=(),
                response_body=json.dumps(told).encode() if told else b"",
                ordered=ordered,
            )
        )


async def _delay(fault: Fault | None) -> None:
    if fault and fault.delay_ms:
        await asyncio.sleep(fault.delay_ms / 1000)


def _read(raw: bytes) -> Row:
    """The message. Half a character, or a number that is none, could be neither stored nor sent on."""
    try:
        message = json.loads(raw, parse_constant=_no_number)
        if b"\\u" in raw:
            json.dumps(message, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise Denied(1008, "invalid_message", "A message is a JSON object.")
    return message


def _no_number(name: str) -> float:
    raise ValueError(name)
