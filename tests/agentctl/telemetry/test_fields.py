"""agentctl.telemetry.fields: whose they are."""

from __future__ import annotations

import asyncio

import pytest

from agentctl.telemetry.fields import at_hand, bound

pytestmark = pytest.mark.anyio


async def test_each_task_has_its_own_and_those_of_whoever_began_it() -> None:
    seen = {}

    async def work(number: int) -> None:
        with bound(event_id=number, conversation_id=None):
            await asyncio.sleep(0)
            seen[number] = dict(at_hand())

    with bound(job="events"):
        await asyncio.gather(work(1), work(2))
    assert seen == {1: {"job": "events", "event_id": 1}, 2: {"job": "events", "event_id": 2}}
    assert at_hand() == {}
