"""agentctl.clients.awaited: what a run was waiting for when it was ended, and not what work gave up before that."""

from __future__ import annotations

import asyncio

import pytest

from agentctl.clients.awaited import awaited, watching

pytestmark = pytest.mark.anyio


async def forever(what: str) -> None:
    with awaited(lambda: f"No answer came to {what}."):
        await asyncio.Event().wait()


async def test_it_is_what_was_cut_off_since_then() -> None:
    with watching() as found:
        early = asyncio.create_task(forever("early"))
        await asyncio.sleep(0)
        early.cancel()
        await asyncio.wait({early})
        clock = asyncio.timeout(0.01)
        try:
            async with clock, asyncio.TaskGroup() as group:
                group.create_task(forever("late"))
        except TimeoutError:
            pass
    assert found.since(clock.when() or 0) == "No answer came to late."
    assert found.since(0) == "No answer came to early."


async def test_what_was_answered_is_not_among_it() -> None:
    with watching() as found:
        with awaited(lambda: "unheard"):
            await asyncio.sleep(0)
        assert found.since(0) == ""
