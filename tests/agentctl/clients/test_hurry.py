"""agentctl.clients.hurry: a page waits while it is answered, and not through a silence."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from agentctl.clients.hurry import hurried
from agentctl.clients.pace import Pace
from agentctl.clients.retry import Retry
from agentctl.errors import Unreachable

pytestmark = pytest.mark.anyio


async def silent() -> httpx.Response:
    await asyncio.Event().wait()
    return httpx.Response(200)


async def asked(pace: Pace) -> None:
    await Retry().run(silent, what="GET /x", host="api.example", repeatable=True, turn=pace.turn())


async def test_what_waits_behind_a_silence_is_given_up_with_it() -> None:
    pace, clock = Pace(2), asyncio.get_running_loop().time
    began = clock()
    with hurried(0.1):
        found = await asyncio.gather(*(asked(pace) for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in found} == {Unreachable}
    assert clock() - began < 0.7, "each pair waits as long as the first one did"


async def test_what_is_answered_again_and_again_may_take_its_time() -> None:
    async def slow() -> httpx.Response:
        await asyncio.sleep(0.05)
        return httpx.Response(200)

    with hurried(0.1):
        for _ in range(4):
            answer = await Retry().run(slow, what="GET /x", host="api.example", repeatable=True)
            assert answer.status_code == 200
