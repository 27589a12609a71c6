"""Events of one call in any order, each from eight senders at the same time: the outcome is always the same."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from agentctl.calls import inbox
from agentctl.calls.backfill import as_event
from agentctl.calls.digest import digester
from agentctl.calls.inbox import Store
from agentctl.calls.intake import Intake
from agentctl.calls.process import process
from tests.agentctl.calls.fakes import EMPFANG, FakeRecordings, sample

pytestmark = pytest.mark.anyio

NAMES = ("first", "second", "failure", "audio", "fetched")


def deliveries() -> dict[str, bytes]:
    """The transcript, the same with other bytes a minute later, that no call began, its sound, what is fetched."""
    whole = sample("post_call_transcription")
    conversation_id = whole["data"]["conversation_id"]
    second = json.loads(json.dumps(whole)) | {"event_timestamp": whole["event_timestamp"] + 60}
    second["data"]["transcript"][0]["message"] = "The newer one."
    failure = sample("call_initiation_failure_twilio") | {"event_timestamp": whole["event_timestamp"] + 120}
    failure["data"]["conversation_id"] = conversation_id
    audio = sample("post_call_audio")
    audio["data"]["conversation_id"] = conversation_id
    fetched = json.loads(json.dumps(whole["data"]))
    fetched["transcript"][0]["message"] = "Fetched."
    bodies = [json.dumps(event).encode() for event in (whole, second, failure, audio)]
    return dict(zip(NAMES, [*bodies, as_event(fetched)], strict=True))


async def deliver(store: Store, intake: Intake, name: str, body: bytes) -> list[inbox.Accepted]:
    heading = inbox.peek(body)
    if name == "fetched":
        return [await inbox.accept(store, body, heading, "backfill")]
    return list(await asyncio.gather(*(intake.accept(body, heading, "webhook") for _ in range(8))))


async def work(store: Store, recordings: FakeRecordings) -> None:
    for event in await inbox.claim(store, worker="w", limit=20, lease_seconds=60):
        mine = replace(event, assistant=EMPFANG)
        await process(mine, store=store, digester=digester(None), recordings=recordings)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pace", ["one by one", "all at once"])
async def test_the_outcome_is_the_same_in_any_order(seed: int, pace: str, postgres_store: Any) -> None:
    intake, recordings, bodies = Intake(postgres_store), FakeRecordings(), deliveries()
    order = random.Random(seed).sample(NAMES, len(NAMES))
    if pace == "all at once":
        answers = await asyncio.gather(*(deliver(postgres_store, intake, name, bodies[name]) for name in order))
        await work(postgres_store, recordings)
    else:
        answers = []
        for name in order:
            answers.append(await deliver(postgres_store, intake, name, bodies[name]))
            await work(postgres_store, recordings)
    assert [sum(one.new for one in answered) for answered in answers] == [1] * 5
    # Hours later, all of it once more.
    for name in order:
        assert not any(one.new for one in await deliver(postgres_store, intake, name, bodies[name]))
    await work(postgres_store, recordings)

    (call,) = await postgres_store.call("list_calls", {"limit": 5})
    shown = await postgres_store.call("show_call", {"conversation_id": call["conversation_id"]})
    assert (shown["status"], shown["turns"][0]["message"]) == ("done", "The newer one.")
    assert [turn["position"] for turn in shown["turns"]] == list(range(len(shown["turns"])))
    assert len(shown["mails"]) == 1
    mails = await postgres_store.call(
        "claim_mails", {"worker": "w", "limit": 9, "lease_seconds": 60, "max_attempts": 9}
    )
    assert [mail["purpose"] for mail in mails] == ["call"]
    (kept,) = recordings.saved
    assert kept.startswith(call["conversation_id"])
