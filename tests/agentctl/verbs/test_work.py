"""Working off what waits, and what comes of it: the list, one call, events; over a real store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agentctl.calls import inbox
from agentctl.errors import AgentctlError
from agentctl.settings import Settings
from agentctl.verbs import work
from agentctl.verbs.calls import call, events
from agentctl.wiring import Control, connect

pytestmark = pytest.mark.anyio

SAMPLES = Path(__file__).parents[2] / "samples"
CONVERSATION = "conv_7401k5m9x2p8ec3rqv6dtnhb0fzw"


@pytest.fixture
async def control(dsn: str, tmp_path: Path) -> AsyncIterator[Control]:
    async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as opened:
        yield opened


async def accept(control: Control, payload: bytes) -> str:
    store = await control.store()
    return str((await inbox.accept(store, payload, inbox.peek(payload), "webhook")).id)


def event(kind: str, **content: Any) -> bytes:
    return json.dumps({"type": kind, "event_timestamp": 1_763_600_000, "data": content}).encode()


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.json").read_bytes()


async def test_process_turns_what_is_due_into_calls(control: Control) -> None:
    await accept(control, sample("post_call_transcription"))
    tally = await work.process(control)
    assert (tally.done, tally.failed) == (1, 0)
    (listed,) = await call.calls(control)
    assert listed["conversation_id"] == CONVERSATION
    assert listed["assistant"] is None
    shown = await call.call(control, CONVERSATION)
    assert [turn["role"] for turn in shown["turns"][:2]] == ["agent", "user"]
    assert shown["mails"] == []


async def test_only_the_calls_of_one_assistant(control: Control) -> None:
    await accept(control, sample("post_call_transcription"))
    await work.process(control)
    assert await call.calls(control, assistant="empfang") == []
    assert len(await call.calls(control, limit=1)) == 1


async def test_a_call_that_is_not_there_says_where_to_look(control: Control) -> None:
    with pytest.raises(AgentctlError, match="there is no call 'conv_none'") as raised:
        await call.call(control, "conv_none")
    assert raised.value.exit_code == 1
    assert "calls list" in raised.value.hint


async def test_an_unknown_type_is_kept_and_counted(control: Control) -> None:
    await accept(control, event("post_call_horoscope"))
    drained = await work.drain(control)
    assert (drained.done, drained.failed, drained.dead, drained.kept) == (1, 0, 0, 1)
    (kept,) = await events.events(control)
    assert (kept["type"], kept["state"]) == ("post_call_horoscope", "kept")
    assert await events.events(control, ["dead"]) == []
    assert (await work.drain(control)).kept == 0


@pytest.mark.parametrize("by", ["conversation", "event"])
async def test_an_event_that_is_done_can_be_processed_again(control: Control, by: str) -> None:
    event_id = await accept(control, sample("post_call_transcription"))
    await work.process(control)
    drained = await work.process_again(control, CONVERSATION if by == "conversation" else event_id)
    assert (drained.requeued, drained.done) == (1, 1)
    assert len(await call.calls(control)) == 1


async def test_processing_again_what_is_not_there(control: Control) -> None:
    with pytest.raises(AgentctlError, match="nothing to process again for 'conv_none'"):
        await work.process_again(control, "conv_none")


async def test_what_is_given_up_for_good_is_counted_once(control: Control) -> None:
    event_id = await accept(control, sample("post_call_transcription"))
    store = await control.store()
    # A lease that ended as often as an event may fail: the next claim gives it up.
    for _ in range(5):
        await store.call("claim_events", {"worker": "lost", "limit": 1, "lease_seconds": 0})
    drained = await work.drain(control)
    assert (drained.dead, drained.done) == (1, 0)
    assert [row["id"] for row in await events.events(control, ["dead"])] == [event_id]
    assert (await work.drain(control)).dead == 0


async def test_a_mail_without_a_route_waits(control: Control) -> None:
    await (await control.store()).call(
        "save_assistant",
        {
            "project": "probe",
            "environment": "production",
            "workspace": "api.elevenlabs.io",
            "key": "empfang",
            "name": "Empfang",
            "language": "de",
            "agent_id": json.loads(sample("post_call_transcription"))["data"]["agent_id"],
            "post_call": {"mail_to": ["buero@example.org"]},
        },
    )
    await accept(control, sample("post_call_transcription"))
    drained = await work.drain(control)
    assert (drained.done, drained.failed, drained.pending_mails) == (1, 0, 1)
    (mail,) = (await call.call(control, CONVERSATION))["mails"]
    assert mail | {"to": "buero@example.org", "status": "pending"} == mail


async def test_a_worker_ends_when_it_is_told_to(control: Control) -> None:
    await accept(control, sample("post_call_transcription"))
    stop = asyncio.Event()
    working = asyncio.create_task(work.work(control, stop=stop))
    while not await call.calls(control):  # noqa: ASYNC110  (the change is in a database)
        await asyncio.sleep(0.01)
    stop.set()
    tally = await asyncio.wait_for(working, 10)
    assert tally.done == 1
