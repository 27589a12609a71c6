"""One delivery to a webhook door, as ElevenLabs would make it: for a smoke test; and a look at how the door is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import httpx

from agentctl.clients.refusal import clean, trusts_proxy
from agentctl.clients.trust import trusted
from agentctl.errors import Unreachable

# Seconds: longer than the door takes at worst, shorter than anybody's patience.
_TIMEOUT = httpx.Timeout(20, connect=5)
_CHUNK = 64 * 1024
_JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """What the door said: a status, the beginning of its text, and after how many seconds."""

    status: int
    text: str
    seconds: float


async def deliver(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    chunked: bool = False,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Answer:
    """POST `body` once, without retries; a redirect is an answer, since the platform follows none.

    `chunked` leaves out Content-Length, as audio events come. Raises Unreachable when no answer came.
    """
    content = _chunks(body) if chunked else body
    return await _answer("POST", url, transport, content=content, headers={"content-type": _JSON, **headers})


async def look(url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> Answer:
    """GET a page of the door, such as /healthz, once. Raises Unreachable when no answer came."""
    return await _answer("GET", url, transport)


async def _answer(
    method: str,
    url: str,
    transport: httpx.AsyncBaseTransport | None,
    *,
    content: bytes | AsyncIterator[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    host = httpx.URL(url).host
    proxied = trusts_proxy(host)
    async with httpx.AsyncClient(timeout=_TIMEOUT, transport=transport, verify=trusted(), trust_env=proxied) as client:
        begin = time.monotonic()
        try:
            answer = await client.request(
                method,
                url,
                content=content,
                headers={"user-agent": "agentctl", **(headers or {})},
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            reason = "timeout" if isinstance(error, httpx.TimeoutException) else str(error) or type(error).__name__
            raise Unreachable(f"no answer from the door at {host}: {clean(reason)}", "Is it running?") from None
        return Answer(answer.status_code, clean(answer.text)[:200], time.monotonic() - begin)


async def _chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _CHUNK):
        yield body[at : at + _CHUNK]
