"""The command line in a process that dies with SIGKILL at one of its requests."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Sequence
from typing import Literal

import httpx

from agentctl.cli.app import run

Phase = Literal["before", "applied"]
EVERY = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


def in_a_process(arguments: Sequence[str], fatal: int, phase: Phase, counted: Collection[str] = EVERY) -> int:
    """Run it in a child that dies at request number `fatal` of those with a counted method; the wait status.

    "before": nothing was sent; "applied": the answer came and nobody heard it.
    """
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        send, seen = httpx.AsyncHTTPTransport.handle_async_request, 0

        async def deadly(self: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
            nonlocal seen
            seen += request.method in counted
            mine = seen == fatal and request.method in counted
            if mine and phase == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = await send(self, request)
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        httpx.AsyncHTTPTransport.handle_async_request = deadly  # type: ignore[method-assign]
        code = run(list(arguments))
    finally:
        os._exit(code)
