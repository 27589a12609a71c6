"""agentctl.console.ongoing: what goes on in the server, and how it ends."""

from __future__ import annotations

import asyncio

import pytest

from agentctl.console.ongoing import Begun, Ongoing
from agentctl.errors import Busy
from agentctl.secrecy.veil import Veil

pytestmark = pytest.mark.anyio


async def ended(error: Exception) -> str:
    """What is told of what ended so."""

    async def work() -> None:
        raise error

    begun, over = Begun(), asyncio.Event()
    Ongoing("a sync", Veil("geheim-und-lang")).begin(begun, work, over.set)
    await over.wait()
    assert begun.over
    return begun.error


async def test_why_it_did_not_come_to_its_end_is_told_without_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    assert await ended(Busy("geheim-und-lang is busy", "Run it again.")) == "*** is busy\n  Run it again."
    assert await ended(ValueError("geheim")) == "agentctl itself failed: ValueError"
    assert [one.getMessage() for one in caplog.records] == ["a sync from the console failed: ValueError"]


@pytest.mark.parametrize(("seconds", "told"), [(30.0, ""), (0.0, "the server was stopped: what is done is done")])
async def test_a_stop_waits_as_long_as_it_may(seconds: float, told: str) -> None:
    begun, asked, go = Begun(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        asked.set()
        await go.wait()

    ongoing = Ongoing("a sync", Veil(), seconds)
    ongoing.begin(begun, work)
    await asked.wait()
    asyncio.get_running_loop().call_later(0.01, go.set)
    await ongoing.end()
    assert (begun.over, begun.error) == (True, told)
