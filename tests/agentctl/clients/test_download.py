"""A signed address is fetched without a key, and never told."""

from __future__ import annotations

import httpx
import pytest

from agentctl.clients.download import download
from agentctl.clients.retry import Retry
from agentctl.errors import ApiError, Rejected, Unauthorized

pytestmark = pytest.mark.anyio
ADDRESS = "https://storage.example.org/file?signature=canary"


async def fetched(answer: httpx.Response, url: str = ADDRESS) -> bytes:
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    transport = httpx.MockTransport(respond)
    content = await download(url, what="the source of x", limit=10, retry=Retry(attempts=1), transport=transport)
    assert "xi-api-key" not in asked[0].headers
    return content


async def test_it_answers_the_bytes() -> None:
    assert await fetched(httpx.Response(200, content=b"\x00abc")) == b"\x00abc"


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [(403, Unauthorized, b""), (302, ApiError, b""), (500, ApiError, b""), (200, Rejected, b"12345678901")],
)
async def test_a_refusal_a_redirect_and_too_much_are_errors(status: int, kind: type[ApiError], body: bytes) -> None:
    with pytest.raises(kind) as caught:
        await fetched(httpx.Response(status, content=body, headers={"location": "https://elsewhere.example.org"}))
    assert "canary" not in str(caught.value)
    assert "the source of x" in str(caught.value)


@pytest.mark.parametrize("url", ["http://storage.example.org/x", "file:///etc/passwd", "None", ""])
async def test_only_https_is_fetched(url: str) -> None:
    with pytest.raises(Rejected, match="no https address"):
        await fetched(httpx.Response(200), url)
