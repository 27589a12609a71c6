"""agentctl.console.forms: what no browser sends is answered with a page that says so, and never with a fault."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.types import Message

from tests.console import HERE, Guest, text, token

pytestmark = pytest.mark.anyio
FORM = "application/x-www-form-urlencoded"


async def raw(guest: Guest, query: bytes, **headers: str) -> int:
    """The status of what is asked with bytes that no client of HTTP would send."""
    transport, told = guest.http._transport, []
    assert isinstance(transport, httpx.ASGITransport)
    known = {"host": "127.0.0.1:8080", "cookie": f"agentctl_8080={guest.http.cookies['agentctl_8080']}", **headers}
    scope: dict[str, Any] = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": "/calls", "root_path": "", "scheme": "http",
        "query_string": query, "headers": [(name.encode(), value.encode("latin-1")) for name, value in known.items()],
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8080),
    }  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        told.append(message)

    await transport.app(scope, receive, send)
    return int(told[0]["status"])


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [
        (FORM, b"&a=1" * 5000, 400),
        (FORM, b"&a=" + b"x" * 70_000, 413),
        (FORM, b"&after=%00", 400),
        (FORM, b"&%00=a", 400),
        (FORM, b"&after=%ff", 400),
        (FORM, b"&after=\xff", 400),
        (FORM, b"&after=%ED%A0%80", 400),
        ("multipart/form-data; boundary=x", b"--x\r\ngarbage", 415),
        ("multipart/form-data", b"", 415),
        ("application/json", b"{}", 415),
        (f"{FORM}; charset=UTF-8", b"", 303),
    ],
)
async def test_a_form_is_read_within_limits(operator: Guest, kind: str, more: bytes, status: int) -> None:
    form = urlencode({"_token": token(await operator.see("/calls")), "theme": "dark"}).encode()
    headers = {"origin": HERE, "content-type": kind}
    answer = await operator.http.post("/liking", content=form + more, headers=headers)
    assert answer.status_code == status
    assert status == 303 or "Nothing was changed" in text(answer.text)


async def test_what_has_no_length_is_not_read(operator: Guest) -> None:
    headers = {"origin": HERE, "content-type": FORM}
    for length in ("", "-1", "1e3", "9" * 50, "٣"):
        sent = {**headers, "content-length": length.encode()} if length else headers
        request = operator.http.build_request("POST", "/liking", content=b"a=b", headers=sent)
        if not length:
            del request.headers["content-length"]
        assert (await operator.http.send(request)).status_code == 413, length


async def test_an_address_may_hold_anything_and_not_too_much(operator: Guest) -> None:
    assert [await raw(operator, query) for query in (b"%", b"q=%ff%00", b"a&" * 5000)] == [200] * 3
    assert await raw(operator, b"q=" + b"x" * 100_000) == 414
    for odd in (";" * 100_000, "agentctl_8080=" + "a" * 200_000, "\xff=\xfe; agentctl_theme=\x00"):
        assert await raw(operator, b"", cookie=odd) == 303
    assert await raw(operator, b"", **{"accept-language": "de," * 50_000, "x-forwarded-proto": "\xff"}) == 200
