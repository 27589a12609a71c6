"""One host of ElevenLabs with several workspaces: which one a request is for, its key tells, and Twilio's its account.

What carries no known key goes to the first, which refuses it.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentctl.sandbox.harness import Sandbox

_OWN = ("host", "content-length", "connection", "transfer-encoding", "content-encoding", "accept-encoding")


@contextmanager
def gateway(sandboxes: Sequence[Sandbox]) -> Iterator[str]:
    """The address of the host while the block runs."""
    client = httpx.AsyncClient(timeout=60, trust_env=False)

    async def pass_on(request: Request) -> Response:
        one = next((one for one in sandboxes if _is_for(request, one)), sandboxes[0])
        headers = [(name, value) for name, value in request.headers.items() if name not in _OWN]
        where = f"{one.url}{request.url.path}" + (f"?{request.url.query}" if request.url.query else "")
        answer = await client.request(request.method, where, headers=headers, content=await request.body())
        kept = {name: value for name, value in answer.headers.items() if name not in _OWN}
        return Response(answer.content, answer.status_code, kept)

    app = Starlette(routes=[Route("/{path:path}", pass_on, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def _is_for(request: Request, one: Sandbox) -> bool:
    keys = (one.key, one.options.read_only_key)
    return request.headers.get("xi-api-key") in keys or f"/{one.account_sid}" in request.url.path
