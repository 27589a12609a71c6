"""Fetch a file from a signed address, which is a secret itself: whoever has it can read the file.

The address is the platform's answer and leads to a storage of its own, so no key goes with the request; and it never
stands in a message.
"""

from __future__ import annotations

import httpx

from agentctl.clients.refusal import clean, refused, trusts_proxy
from agentctl.clients.retry import Retry
from agentctl.errors import ApiError, Rejected

_TIMEOUT = httpx.Timeout(120, connect=5)


async def download(
    url: str,
    *,
    what: str,
    limit: int,
    retry: Retry | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> bytes:
    """The content at `url`, at most `limit` bytes; `what` names it in errors.

    Only https, or http on this machine (a sandbox); redirects are not followed. Raises Rejected, ApiError, Unreachable.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        raise Rejected(f"{what}: the platform's answer is no address") from None
    if not address.host or (address.scheme != "https" and trusts_proxy(address.host)):
        raise Rejected(f"{what}: the platform's answer is no https address")
    content = b""
    async with httpx.AsyncClient(timeout=_TIMEOUT, transport=transport, trust_env=trusts_proxy(address.host)) as http:

        async def attempt() -> httpx.Response:
            nonlocal content
            content = b""
            async with http.stream("GET", address, follow_redirects=False) as answer:
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > limit:
                        raise Rejected(f"{what}: it is larger than {limit / 1_000_000:g} MB")
                return answer

        answer = await (retry or Retry()).run(attempt, what=what, host=clean(address.host), repeatable=True)
    if 400 <= answer.status_code < 500:
        raise refused(what, answer.status_code, "")
    if answer.status_code != 200:
        raise ApiError(f"{what}: {answer.status_code} from {clean(address.host)}", status=answer.status_code)
    return content
