"""The stream by which an open page hears that something is new (server-sent events, WHATWG HTML 9.2)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from agentctl.console.page import Page
from agentctl.console.visit import Visit

_BEAT_SECONDS = 20.0  # proxies close what is silent for longer
_MOST_PAGES = 1000  # open in one process: connections that are left are for deliveries


async def live(visit: Visit) -> Response:
    """`event: calls`, `items`, `assistants` or `sync`, as long as the session lasts."""
    if sum(map(len, visit.desk.hub.listeners.values())) >= _MOST_PAGES:
        return Response(status_code=503, headers={"retry-after": "60"})
    return StreamingResponse(_events(visit), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


async def _events(visit: Visit) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    known = time.monotonic()
    async for told in visit.desk.hub.changes(visit.tenant, visit.person.store, beat_seconds=_BEAT_SECONDS):
        if time.monotonic() - known >= _BEAT_SECONDS or not told:
            # Whoever was signed out elsewhere, or left the tenant, is told nothing more, however much is new.
            found = await visit.desk.gate.visitor(visit.request)
            if found is None or visit.tenant not in found[1].roles:
                return
            known = time.monotonic()
            yield ": here\n\n"
        for event in sorted(told):
            yield f"event: {event}\ndata:\n\n"


PAGES = (Page("/live", live),)
