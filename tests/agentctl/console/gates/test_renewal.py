"""agentctl.console.gates.renewal: nothing is exchanged whose answer no browser can keep."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from agentctl.clients.auth import Auth
from agentctl.clients.project_key import PublicKey
from agentctl.console.gates.renewal import Renewal, read
from tests import auth
from tests.auth import User
from tests.postgrest import PUBLISHABLE_KEY, Project
from tests.team import Team, team

pytestmark = pytest.mark.anyio


@pytest.fixture
async def ours(supabase_api: Project, dsn: str, tmp_path: Path) -> AsyncIterator[Team]:
    async with team(supabase_api, dsn, tmp_path) as made:
        yield made


async def test_a_stream_ends_before_its_token_and_the_next_one_begins_with_another(ours: Team) -> None:
    guest = await ours.signed_in("viewer")
    cookies = "; ".join(f"{name}={value}" for name, value in guest.http.cookies.items())
    scope = {"type": "http", "method": "GET", "path": "/live", "query_string": b"", "scheme": "http"}
    headers = [(b"host", b"127.0.0.1:8080"), (b"cookie", cookies.encode())]
    stream = Request({**scope, "headers": headers})
    assert await ours.gate.visitor(stream)
    now = time.time()
    ours.gate.renewal.clock = lambda: now + 3400
    assert await ours.gate.visitor(stream)
    ours.gate.renewal.clock = lambda: now + 3550
    assert await ours.gate.visitor(stream) is None
    assert "token_refresh_token" not in ours.auth.requests

    again = Request({**scope, "headers": headers})
    assert await ours.gate.visitor(again)
    assert ours.auth.requests.count("token_refresh_token") == 1
    response = Response()
    ours.gate.settle(again, response)
    assert "agentctl_tokens_0_8080=" in response.headers["set-cookie"]


async def test_who_comes_while_they_are_exchanged_waits_for_the_new_ones() -> None:
    user = User("0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301", "anna@example.org", "richtig und lang")
    double, answered = auth.Auth(user, seconds=60), asyncio.Event()

    async def late(request: httpx.Request) -> httpx.Response:
        answer = double(request)
        if "refresh_token" in str(request.url):
            await answered.wait()
        return answer

    key = PublicKey(PUBLISHABLE_KEY, "SUPABASE_PUBLISHABLE_KEY")
    renewal = Renewal(Auth("https://x.supabase.co", key, transport=httpx.MockTransport(late)))
    held = await renewal.auth.by_password(user.email, "richtig und lang")
    double.seconds = 3600
    tabs = [asyncio.create_task(renewal.of("session", held)) for _ in range(5)]
    for _ in range(100):  # as far as they come
        await asyncio.sleep(0)
    answered.set()
    got = await asyncio.gather(*tabs)
    assert double.requests == ["token_password", "token_refresh_token"]
    assert len(set(got)) == 1
    assert got[0] != held
    await renewal.auth.close()


async def test_the_new_ones_are_for_who_had_the_old_alone() -> None:
    user = User("0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301", "anna@example.org", "richtig und lang")
    double, key = auth.Auth(user, seconds=60), PublicKey(PUBLISHABLE_KEY, "SUPABASE_PUBLISHABLE_KEY")
    renewal = Renewal(Auth("https://x.supabase.co", key, transport=httpx.MockTransport(double)))
    first = await renewal.auth.by_password(user.email, "richtig und lang")
    second = await renewal.of("session", first)
    double.seconds = 3600
    assert second
    third = await renewal.of("session", second)
    assert await renewal.of("session", first) == await renewal.of("session", second) == third
    # Of a cookie that somebody made up nothing is known to be true, the person as little as the end.
    payload = base64.urlsafe_b64encode(json.dumps({"sub": user.id, "exp": 1}).encode()).decode().rstrip("=")
    for refresh in ("000000000000", first.refresh[::-1]):
        made = read(f"a.{payload}.c~{refresh}")
        assert made
        assert made.person == user.id
        assert await renewal.of("session", made) is None
    await renewal.auth.close()


def made_up(payload: str) -> str:
    return f"a.{base64.urlsafe_b64encode(payload.encode()).decode().rstrip('=')}.c~d"


@pytest.mark.parametrize(
    "cookie",
    [
        *("", "~", "a~b", "a.b.c~d", "a.e30.c~d", "ü.ü.ü~ü", "." * 9000),
        *(made_up("[" * 5000), made_up('{"sub": "x", "exp": ' + "9" * 400 + "}")),
        *(made_up(f'{{"sub": "x", "exp": {end}}}') for end in ("NaN", "1e999", "-1", '"1"', "null")),
    ],
)
def test_what_was_not_written_by_us_is_nothing(cookie: str) -> None:
    assert read(cookie) is None
