"""What a person asks of a running sandbox from another terminal: hold a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from agentctl.errors import Rejected, Unreachable

# A call is answered when its events are delivered, repetitions included.
_SECONDS = 120.0


async def call(url: str, order: Mapping[str, Any], *, transport: httpx.AsyncBaseTransport | None = None) -> Any:
    """Have the sandbox at `url` hold a call, and return {conversation_id, reached, why, deliveries}.

    `order` takes the sandbox's own names: to_number, lines, … Raises Unreachable if no sandbox answers there,
    Rejected with the sandbox's reason.
    """
    # Without the environment's proxies: a sandbox is on this machine or beside it.
    async with httpx.AsyncClient(timeout=_SECONDS, trust_env=False, transport=transport) as client:
        try:
            answer = await client.post(f"{url.rstrip('/')}/_sandbox/calls", json=dict(order))
            said = answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError):
            raise Unreachable(f"no sandbox answers at {url}", "Start one: agentctl sandbox") from None
    if answer.status_code == 400 and isinstance(said, dict) and said.get("error"):
        raise Rejected(str(said["error"]), "Has the number been imported, and is an agent assigned to it?", status=400)
    if answer.status_code != 200 or not isinstance(said, dict) or "conversation_id" not in said:
        raise Unreachable(f"what answers at {url} is no sandbox ({answer.status_code})", "Check --url.")
    return said
