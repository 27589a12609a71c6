"""The last word before a write leaves this process: whether it may still be sent.

A process may stand still at any moment and for any time (Ctrl-Z, a debugger, a closed laptop), also while its request
waits for its turn or for a connection. So the question is asked where the bytes are handed over, and not before.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Guard = Callable[[], Awaitable[None]]
"""Raises AgentctlError where nothing may be written any more; as a rule it only looks at a clock."""

# Events of httpcore (1.0, https://www.encode.io/httpcore/extensions/#trace): connected by then, nothing sent. A request
# whose head has left and whose body does not is none to the server.
_BEFORE = (".send_request_headers.started", ".send_request_body.started")

_guards: ContextVar[tuple[Guard, ...]] = ContextVar("guards", default=())


@contextmanager
def guarded(guard: Guard) -> Iterator[None]:
    """Inside of it, whatever a vendor's client sends that is no GET asks `guard` first, as well as those outside."""
    token = _guards.set((*_guards.get(), guard))
    try:
        yield
    finally:
        _guards.reset(token)


async def may_be_sent(method: str) -> Mapping[str, Any]:
    """The extensions to send an httpx request with: while it is being sent they ask again. Raises as the guards do."""
    guards = () if method == "GET" else _guards.get()
    for guard in guards:
        await guard()

    async def trace(event: str, _: Mapping[str, Any]) -> None:
        if event.endswith(_BEFORE):
            for guard in guards:
                await guard()

    return {"trace": trace} if guards else {}
