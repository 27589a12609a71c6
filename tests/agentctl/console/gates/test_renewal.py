"""agentctl.console.gates.renewal: nothing is exchanged whose answer no browser can keep."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from agentctl.console.gates.renewal import read
from tests.postgrest import Project
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
    headers = [(b"host", b"127.0.0.1"), (b"cookie", cookies.encode())]
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
    assert "agentctl_tokens_0=" in response.headers["set-cookie"]


@pytest.mark.parametrize("cookie", ["", "~", "a~b", "a.b.c~d", "a.e30.c~d", "ü.ü.ü~ü", "." * 9000])
def test_what_was_not_written_by_us_is_nothing(cookie: str) -> None:
    assert read(cookie) is None
