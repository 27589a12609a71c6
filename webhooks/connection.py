"""One connection to the door, parsed by llhttp, that neither silence, nor endless words, nor numbers can hold."""

from __future__ import annotations

import asyncio
import resource
import socket
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

SILENCE_SECONDS = 8.0
_WORDS = 64 * 1024  # bytes; llhttp itself takes headers without end
_SLICE = 32 * 1024  # bytes given to the parser at a time, so that the cap is exact to that; most events fit
_FILES = 65_536


class Crowd:
    """The connections that have yet to say what they want; of more than `most`, the one that is at it longest goes."""

    def __init__(self, most: int, patience: float = SILENCE_SECONDS) -> None:
        self.patience = patience
        self._most = most
        self._waiting: dict[Connection, None] = {}

    def enter(self, connection: Connection) -> None:
        """Count one, and let the oldest go if that is one too many."""
        if len(self._waiting) >= self._most:
            next(iter(self._waiting)).transport.abort()
        self._waiting[connection] = None

    def leave(self, connection: Connection) -> None:
        """Count one no longer."""
        self._waiting.pop(connection, None)


class Connection(HttpToolsProtocol):
    """Uvicorn's own, which waits for ever for a request's end, and reads its head however long it is.

    Whoever needs longer than the crowd's patience to say what it wants is cut off. What is said besides the bodies
    may have 64 KiB per request, and the framing of a chunked body as much as the body itself.
    """

    _deadline: asyncio.TimerHandle | None = None
    _words = 0

    def __init__(self, crowd: Crowd, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._crowd = crowd

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        # A socket bound beforehand has protocol 0, for which asyncio leaves Nagle's algorithm on: 40 ms per answer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Parse what came, in pieces, until it is too much."""
        for start in range(0, len(data), _SLICE):
            part = data[start : start + _SLICE]
            self._words += len(part)
            super().data_received(part)
            if self._words > _WORDS:
                self._refuse(431, "more than 64 KiB of headers")
            if self.transport.is_closing():
                return
        self._watch()

    def on_body(self, body: bytes) -> None:
        """Hand a part of the body on; it counts for as many bytes of framing."""
        self._words = max(0, self._words - 2 * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next request has a cap of its own."""
        self._words = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        super().connection_lost(exc)
        self._rest()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(400, msg)

    def _refuse(self, status: int, reason: str) -> None:
        answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if not answered:  # a second answer to one request would be read as the answer to the next
            length = f"content-type: text/plain\r\ncontent-length: {len(reason)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + length.encode() + reason.encode())
        self.transport.close()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._rest()
        elif self._deadline is None:
            self._crowd.enter(self)
            self._deadline = self.loop.call_later(self._crowd.patience, self.transport.abort)

    def _rest(self) -> None:
        self._crowd.leave(self)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def open_files() -> int:
    """How many files and sockets this process may have open; the limit is raised as far as anybody may, to 65,536."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return _FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
