"""A sign of life, sent to a monitor that raises an alarm when it stays away."""

from __future__ import annotations

import httpx
from pydantic import SecretStr

from agentctl.clients.refusal import trusts_proxy
from agentctl.clients.trust import trusted
from agentctl.errors import Unreachable

_TIMEOUT = httpx.Timeout(10, connect=5)


async def beat(url: SecretStr, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
    """GET the address once. Raises Unreachable, which names the host alone: the rest is whose life it is a sign of."""
    address = httpx.URL(url.get_secret_value())
    proxied = trusts_proxy(address.host)
    async with httpx.AsyncClient(timeout=_TIMEOUT, transport=transport, verify=trusted(), trust_env=proxied) as client:
        try:
            answer = await client.get(address, headers={"user-agent": "agentctl"})
        except httpx.HTTPError as error:
            raise Unreachable(f"HEARTBEAT_URL: no answer from {address.host} ({type(error).__name__})") from None
    if not answer.is_success:
        raise Unreachable(f"HEARTBEAT_URL: {address.host} answers {answer.status_code}", "Check HEARTBEAT_URL.")
