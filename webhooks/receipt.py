"""One request to the door: the id by which it is found again, and of a delivery what came of it and how long that took.

The id stands in the answer and in every line of log about the request. A proxy may give one of its own.
"""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from secrets import token_hex
from types import TracebackType
from typing import Self

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentctl.telemetry import figures
from agentctl.telemetry.fields import bound
from agentctl.telemetry.spans import Span, span
from webhooks.address import PATH

HEADER = "X-Request-Id"
_NAME = HEADER.lower().encode()
_SANE = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Identified:
    """`app`, each of whose requests and answers has an id."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _NAME), b"")
        request_id = given if _SANE.fullmatch(given) else token_hex(16).encode()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (_NAME, request_id)]
            await send(message)

        with bound(request_id=request_id.decode()):
            await self.app(scope, receive, answer)


class Receipt:
    """One delivery, from its head to its answer, as figures and traces have it."""

    def __init__(self) -> None:
        self._began, self._began_at = time.perf_counter(), time.time_ns()
        self._span: Span | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def of(self, conversation_id: str | None) -> None:
        """It is known by now, and proven, what it is about."""
        self._stack.enter_context(bound(conversation_id=conversation_id))
        self._span = self._begun(conversation_id)

    def answered(self, status: int) -> None:
        """It has its answer."""
        figures.DELIVERIES.add(status)
        figures.DELIVERY_SECONDS.observe(time.perf_counter() - self._began)
        failed = str(status) if status >= 500 else None
        (self._span or self._begun(None)).set({"http.response.status_code": status, "error.type": failed})

    def _begun(self, conversation_id: str | None) -> Span:
        about = {"http.request.method": "POST", "http.route": PATH, "url.path": PATH, "url.scheme": "http"}
        return self._stack.enter_context(
            span(f"POST {PATH}", about, kind="server", trace=conversation_id, since=self._began_at)
        )
