"""agentctl.verbs.calls.digest: over a real store and a scripted endpoint."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agentctl.calls import inbox
from agentctl.cli import render_call
from agentctl.errors import AgentctlError, ConfigurationError
from agentctl.settings import Settings
from agentctl.verbs import work
from agentctl.verbs.calls import call as calls
from agentctl.verbs.calls import digest as verbs
from agentctl.wiring import Control, connect
from tests.chat import Endpoint, chatting

pytestmark = pytest.mark.anyio

SAMPLE = json.loads((Path(__file__).parents[3] / "samples" / "post_call_transcription.json").read_bytes())
AGENT = SAMPLE["data"]["agent_id"]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
QUOTE = "ich notiere den Rückruf für morgen um zehn Uhr"
ITEM = {"what": "Zurückrufen", "due": "morgen um zehn Uhr", "quote": QUOTE, "turn": 4}
SAID = {"summary": "Rückruf erbeten.", "title": "Rückruf", "outcome": "callback", "action_items": [ITEM]}
ROW = {"project": "praxis", "environment": "production", "workspace": "w", "key": "empfang", "name": "Empfang"}

Opening = Callable[..., AbstractAsyncContextManager[Control]]


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with chatting(lambda user: SAID) as served:
        yield served


@pytest.fixture
def opening(dsn: str, tmp_path: Path, endpoint: Endpoint) -> Opening:
    def opened(**settings: Any) -> AbstractAsyncContextManager[Control]:
        given = {"database_url": SecretStr(dsn), "llm_base_url": endpoint.url, "llm_model": "m"} | settings
        return connect(tmp_path, settings=Settings(**given))

    return opened


@pytest.fixture
async def control(opening: Opening) -> AsyncIterator[Control]:
    async with opening() as opened:
        yield opened


async def accept(control: Control, conversation_id: str = "conv_1", **content: Any) -> None:
    payload = json.dumps(SAMPLE | {"data": {**SAMPLE["data"], "conversation_id": conversation_id, **content}}).encode()
    store = await control.store()
    await inbox.accept(store, payload, inbox.peek(payload), "webhook")


async def declare(control: Control, **settings: Any) -> None:
    row = {**ROW, "language": "de", "agent_id": AGENT, "post_call": {"mail_to": ["team@example.org"], **settings}}
    await (await control.store()).call("save_assistant", row)


async def stored(control: Control, *conversation_ids: str) -> None:
    """Calls with the digests that workers made of them."""
    await declare(control)
    for conversation_id in conversation_ids:
        await accept(control, conversation_id)
    await work.process(control, mails=False)


async def since(control: Control, began: datetime = LONG_AGO, **options: Any) -> list[str]:
    return [f"{made.conversation_id} {made.state}" async for made in verbs.digest_since(control, began, **options)]


async def test_the_same_question_is_not_asked_twice_and_another_is(control: Control, endpoint: Endpoint) -> None:
    await stored(control, "conv_1")
    assert len(endpoint.asked) == 1

    assert (await verbs.digest(control, "conv_1")).state == "unchanged"
    assert len(endpoint.asked) == 1

    assert (await verbs.digest(control, "conv_1", force=True)).state == "made"
    assert len(endpoint.asked) == 2

    await declare(control, outcomes=["callback", "anderes"])
    assert [(await verbs.digest(control, "conv_1")).state for _ in range(2)] == ["made", "unchanged"]
    await declare(control, outcomes=["callback", "anderes"], timezone="America/New_York")
    assert (await verbs.digest(control, "conv_1")).state == "made"
    assert len(endpoint.asked) == 4
    item = (await calls.call(control, "conv_1"))["action_items"][0]
    assert item["due_date"] == "2025-11-20"  # there it was the evening before


async def test_what_fell_back_in_an_outage_is_digested_afterwards_and_nobody_is_mailed_again(
    control: Control, endpoint: Endpoint
) -> None:
    endpoint.answer = lambda user: 401
    await stored(control, "conv_1")
    before = await calls.call(control, "conv_1")
    assert (before["engine"], before["digest"]["detail"]["fallback_from"]) == ("elevenlabs", "llm")
    assert len(before["mails"]) == 1

    failed = await verbs.digest(control, "conv_1")
    assert failed.state == "failed"
    assert "401" in failed.reason
    assert (await calls.call(control, "conv_1"))["digest"] == before["digest"]

    endpoint.answer = lambda user: SAID
    assert (await verbs.digest(control, "conv_1")).state == "made"
    after = await calls.call(control, "conv_1")
    assert (after["engine"], after["outcome"], after["title"]) == ("llm", "callback", "Rückruf")
    assert [item["due_date"] for item in after["action_items"]] == ["2025-11-21"]
    assert after["mails"] == before["mails"]


async def test_all_calls_since_then_and_no_older_ones(control: Control, endpoint: Endpoint) -> None:
    await stored(control, "conv_1", "conv_2")
    old = {**SAMPLE["data"]["metadata"], "start_time_unix_secs": 1_700_000_000}
    await accept(control, "old", metadata=old)
    await accept(control, "silent", transcript=[{"role": "user", "message": " "}])
    await work.process(control, mails=False)
    asked = len(endpoint.asked)
    endpoint.answer = lambda user: {**SAID, "title": "Neu"}

    newer = datetime(2025, 1, 1, tzinfo=UTC)
    assert sorted(await since(control, newer)) == ["conv_1 unchanged", "conv_2 unchanged", "silent silent"]
    assert len(endpoint.asked) == asked
    assert sorted(await since(control, newer, force=True)) == ["conv_1 made", "conv_2 made", "silent silent"]
    titles = {row["conversation_id"]: row["title"] for row in await calls.calls(control)}
    assert (titles["conv_2"], titles["old"]) == ("Neu", "Rückruf")
    assert "old unchanged" in await since(control)


async def test_more_calls_than_a_page_holds(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "_PAGE", 2)
    await stored(control, *(f"conv_{n}" for n in range(5)))
    assert len(await since(control)) == 5


async def test_a_budget_that_is_spent_falls_back_and_ends_the_run(
    opening: Opening, endpoint: Endpoint, control: Control
) -> None:
    # A request is estimated at about 3 and costs 1.1.
    prices: dict[str, Any] = {"llm_price_in": 1000, "llm_price_out": 1000}
    async with opening(**prices, llm_daily_budget=10) as frugal:
        await stored(frugal, *(f"conv_{n}" for n in range(9)))
        rows = [await calls.call(frugal, f"conv_{n}") for n in range(9)]
        digests = [row["digest"] for row in rows]
        made = [digest for digest in digests if digest["engine"] == "llm"]
        assert len(made) == len(endpoint.asked)
        assert 1 <= len(made) < 9
        assert {digest["cost"] for digest in made} == {1.1}
        fallen = [digest["detail"] for digest in digests if digest["engine"] == "elevenlabs"]
        assert {(detail["over_budget"], detail["fallback_from"]) for detail in fallen} == {(True, "llm")}
        states = await since(frugal)
        assert any(state.endswith("spent") for state in states)
        assert len(endpoint.asked) * 1.1 <= 10
    async with opening(**prices, llm_daily_budget=0.5) as broke:
        states = await since(broke, force=True)
        assert {state.split()[1] for state in states} == {"spent"}
        assert len(states) <= 4  # those that were under way with the first
    async with opening(**prices) as generous:
        assert sorted({state.split()[1] for state in await since(generous)}) == ["made", "unchanged"]


async def test_without_a_model_or_a_call_it_says_so(opening: Opening, control: Control) -> None:
    with pytest.raises(AgentctlError, match="there is no call 'nobody'"):
        await verbs.digest(control, "nobody")
    async with opening(llm_base_url=None, llm_model=None) as silent:
        with pytest.raises(ConfigurationError, match="LLM_BASE_URL"):
            await verbs.digest(silent, "nobody")


async def test_a_call_that_is_processed_again_in_an_outage_keeps_the_models_digest(
    control: Control, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    await stored(control, "conv_1")
    before = await calls.call(control, "conv_1")
    endpoint.answer = lambda user: 401
    await work.process_again(control, "conv_1", mails=False)
    again = await calls.call(control, "conv_1")
    assert (again["digest"], again["action_items"]) == (before["digest"], before["action_items"])
    assert "conv_1 keeps the digest that a language model made of it\n" in caplog.text

    newer = [{"role": "user", "message": "Ich rufe noch einmal wegen der Heizung an."}]
    await accept(control, "conv_1", transcript=newer)
    await work.process(control, mails=False)
    after = await calls.call(control, "conv_1")
    assert [turn["message"] for turn in after["turns"]] == [newer[0]["message"]]
    assert (after["summary"], after["digest"]["detail"]) == ("Rückruf erbeten.", {"earlier_transcript": True})
    assert after["action_items"] == before["action_items"]
    assert "it is of an earlier transcript" in caplog.text
    assert "It is of an earlier transcript of this call" in render_call.call_text(after)

    endpoint.answer = lambda user: {**SAID, "summary": "Heizung.", "action_items": []}
    assert (await verbs.digest(control, "conv_1")).state == "made"
    renewed = await calls.call(control, "conv_1")
    assert (renewed["summary"], renewed["digest"]["detail"]) == ("Heizung.", {})
