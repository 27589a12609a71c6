"""One request to a vendor's API, as figures and traces have it."""

from __future__ import annotations

import time

import httpx

from agentctl.clients.detail import request_id
from agentctl.telemetry import figures
from agentctl.telemetry.spans import span


async def observed(
    what: str, request: httpx.Request, transport: httpx.AsyncBaseTransport, *, host: str, resent: int
) -> httpx.Response:
    """The whole answer to `request`. `what`: "GET /v1/voices", ids left out; `resent`: how often it was sent before.

    Its URL is told nowhere: ids of ours stand in it, and perhaps a caller's number in a query.
    """
    method, _, template = what.partition(" ")
    name, _, port = host.partition(":")
    about = {"http.request.method": method, "url.template": template, "server.address": name}
    status, began = "none", time.perf_counter()
    with span(
        what, {**about, "server.port": int(port or 443), "http.request.resend_count": resent}, kind="client"
    ) as one:
        try:
            answer = await transport.handle_async_request(request)
            await answer.aread()
            status = str(answer.status_code)
        finally:
            figures.API.add(method, status)
            figures.API_SECONDS.observe(time.perf_counter() - began, method)
        failed = None if answer.is_success else status
        named = request_id(answer) or None
        one.set({"http.response.status_code": answer.status_code, "error.type": failed, "elevenlabs.request_id": named})
        return answer
