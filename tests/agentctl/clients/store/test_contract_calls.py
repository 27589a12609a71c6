"""Calls: stored whole or not at all, the better version wins in whatever order they come; over both transports."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.stores import Store, delivery, mail, running, stored

pytestmark = pytest.mark.anyio

NEVER_BEGAN: dict[str, Any] = {
    "call": {"status": "failed", "failure_reason": "busy", "started_at": None, "duration_secs": None},
    "turns": [],
    "digest": None,
    "action_items": [],
    "mails": [],
}


async def _store(store: Store, label: str, conversation_id: str = "conv_1", **changes: Any) -> dict[str, Any]:
    """Accept, claim and store; `label` becomes the title, to tell versions apart."""
    fence = await running(store, conversation_id, body=label.encode())
    changes.setdefault("digest", {"engine": "extract", "title": label, "summary": label})
    answer: dict[str, Any] = await store.call("store_call", stored(fence, conversation_id, **changes))
    return answer


async def _show(store: Store, conversation_id: str = "conv_1") -> dict[str, Any]:
    shown: dict[str, Any] = await store.call("show_call", {"conversation_id": conversation_id})
    return shown


async def test_a_stored_call_is_shown_whole(store: Store) -> None:
    fence = await running(store)

    assert await store.call("store_call", stored(fence)) == {"held": True, "stored": True}

    shown = await _show(store)
    given = stored(fence)
    for field, value in given["call"].items():
        assert shown[field] == value, field
    nothing = {"interrupted": False, "tool_calls": [], "tool_results": [], "detail": {}}
    assert shown["turns"] == [{**nothing, **turn} for turn in given["turns"]]
    assert {key: shown["digest"][key] for key in given["digest"]} == given["digest"]
    assert shown["digest"]["detail"] == {}
    ids = [item.pop("id") for item in shown["action_items"]]
    assert shown["action_items"] == given["action_items"]
    assert [name[:7] for name in ids] == ["conv_1:"] * len(given["action_items"])
    [mailed] = shown["mails"]
    assert mailed == {
        "to": "team@example.org",
        "status": "pending",
        "attempt": 0,
        "sent_at": None,
        "error": None,
        "subject": "Anruf",
    }
    [event] = shown["events"]
    assert (event["id"], event["state"], event["type"]) == (fence["id"], "done", "post_call_transcription")
    assert (shown["turn_count"], shown["recording"], shown["has_recording"]) == (2, None, False)
    assert (shown["title"], shown["summary"], shown["engine"]) == ("Termin", "Rückruf erbeten.", "llm")
    assert shown["outcome"] == "callback"


async def test_a_call_of_an_agent_that_is_not_ours(store: Store) -> None:
    nobody = dict.fromkeys(("project", "environment", "assistant", "assistant_name"))

    await _store(store, "theirs", call=nobody, mails=[])

    shown = await _show(store)
    assert (shown["assistant"], shown["project"], shown["mails"], len(shown["turns"])) == (None, None, [], 2)


async def test_there_is_no_such_call(store: Store) -> None:
    await store.call("accept", delivery())

    assert await store.call("show_call", {"conversation_id": "conv_1"}) is None
    assert await store.call("list_calls", {"limit": 10}) == []


async def test_a_worker_that_lost_its_event_stores_nothing(store: Store) -> None:
    fence = await running(store)

    lost = stored({**fence, "attempt": 7})
    recording = {"conversation_id": "conv_1", "location": "x"}

    assert await store.call("store_call", lost) == {"held": False, "stored": False}
    refused = await store.call("store_recording", {**lost, "recording": recording})
    assert refused == {"held": False, "stored": False}
    assert await store.call("show_call", {"conversation_id": "conv_1"}) is None
    assert await store.call("claim_mails", {"worker": "w", "limit": 9, "lease_seconds": 9}) == []
    # What is done is done once.
    await store.call("store_call", stored(fence))
    assert await store.call("store_call", stored(fence)) == {"held": False, "stored": False}


VERSIONS: dict[str, dict[str, Any]] = {
    "never began": {**NEVER_BEGAN, "digest": {"engine": "extract", "title": "never began"}},
    "backfill": {"call": {"source": "backfill", "event_timestamp": 1_760_000_900}},
    "webhook": {"call": {"event_timestamp": 1_760_000_100}},
    "webhook, newer": {"call": {"event_timestamp": 1_760_000_200}},
}


@pytest.mark.parametrize("order", list(itertools.permutations(VERSIONS)), ids=",".join)
async def test_the_best_version_wins_in_any_order(postgres_store: Store, order: tuple[str, ...]) -> None:
    best = ""
    for label in order:
        answer = await _store(postgres_store, label, **VERSIONS[label])
        better = list(VERSIONS).index(label) > (list(VERSIONS).index(best) if best else -1)
        best = label if better else best
        assert answer == {"held": True, "stored": better}
        assert (await _show(postgres_store))["title"] == best

    assert len((await _show(postgres_store))["turns"]) == 2


async def test_a_failed_start_never_displaces_a_conversation(store: Store) -> None:
    await _store(store, "talked", call={"event_timestamp": 1})

    answer = await _store(store, "never began", **{**NEVER_BEGAN, "mails": [mail("late@example.org")]})

    assert answer == {"held": True, "stored": False}
    shown = await _show(store)
    assert (shown["title"], shown["status"], shown["turn_count"]) == ("talked", "done", 2)
    # Nobody is told that this call did not come about.
    assert [mailed["to"] for mailed in shown["mails"]] == ["team@example.org"]


async def test_a_failed_start_is_a_call_with_its_reason(store: Store) -> None:
    await _store(store, "never began", **NEVER_BEGAN)

    [listed] = await store.call("list_calls", {"limit": 5})

    assert (listed["status"], listed["failure_reason"], listed["turn_count"]) == ("failed", "busy", 0)
    assert (listed["summary"], listed["engine"], listed["action_items"]) == (None, None, [])
    assert listed["started_at"].startswith("2025-10-09")


async def test_processing_again_replaces_and_keeps_what_was_ticked_off(
    postgres_store: Store, dsn: str, cluster: Any
) -> None:
    items = [{"position": 0, "what": "Zurückrufen"}, {"position": 1, "what": "Rezept"}]
    await _store(postgres_store, "first", action_items=items)
    cluster.execute("update agentctl.action_items set done = true where position = 1", dsn.rsplit("/", 1)[1])

    await _store(postgres_store, "second", action_items=items[::-1], turns=[])

    shown = await _show(postgres_store)
    assert (shown["title"], shown["turn_count"], shown["turns"]) == ("second", 0, [])
    assert {item["what"]: item["done"] for item in shown["action_items"]} == {"Zurückrufen": False, "Rezept": True}
    assert len(shown["mails"]) == 1


@pytest.mark.parametrize("order", ["sound first", "call first"])
async def test_a_recording_and_its_call_come_in_any_order(store: Store, order: str) -> None:
    recording = {
        "conversation_id": "conv_1",
        "agent_id": "agent_1",
        "location": "recordings/conv_1.mp3",
        "content_type": "audio/mpeg",
        "size": 12345,
        "sha256": "ab" * 32,
    }

    async def sound() -> None:
        fence = await running(store, type="post_call_audio")
        args = {"event_id": fence["id"], "attempt": fence["attempt"], "recording": recording}
        assert await store.call("store_recording", args) == {"held": True, "stored": True}

    if order == "sound first":
        await sound()
        assert await store.call("show_call", {"conversation_id": "conv_1"}) is None
    await _store(store, "call")
    if order == "call first":
        await sound()

    shown = await _show(store)
    assert shown["has_recording"] is True
    assert shown["recording"].pop("stored_at")
    told = {key: value for key, value in recording.items() if key != "conversation_id"}
    assert shown["recording"] == {**told, "storage_path": None, "gone_at": None}
    assert {event["state"] for event in shown["events"]} == {"done"}


async def test_calls_are_listed_newest_first_and_in_pages(store: Store) -> None:
    for number in range(5):
        # Two began in the same second.
        began = f"2026-11-20T09:00:0{number // 2}+00:00"
        await _store(store, str(number), f"conv_{number}", call={"started_at": began})

    seen: list[str] = []
    page: dict[str, Any] = {}
    while calls := await store.call("list_calls", {"limit": 2, **page}):
        seen += [call["conversation_id"] for call in calls]
        page = {"before": calls[-1]["started_at"], "before_id": calls[-1]["conversation_id"]}

    assert seen == ["conv_4", "conv_3", "conv_2", "conv_1", "conv_0"]
    earlier = await store.call("list_calls", {"limit": 9, "before": "2026-11-20T09:00:01Z"})
    assert [call["conversation_id"] for call in earlier] == ["conv_1", "conv_0"]


async def test_calls_are_listed_by_assistant_and_project(store: Store) -> None:
    await _store(store, "a", "conv_a")
    await _store(store, "b", "conv_b", call={"assistant": "notdienst", "project": "klinik"})

    async def listed(**by: str) -> list[str]:
        return [call["conversation_id"] for call in await store.call("list_calls", {"limit": 9, **by})]

    assert await listed(assistant="notdienst") == ["conv_b"]
    assert await listed(project="praxis") == ["conv_a"]
    assert await listed(project="praxis", assistant="notdienst") == []
    await _store(store, "c", "conv_c", call={"environment": "staging"})
    assert await listed(project="praxis", environment="staging") == ["conv_c"]
    assert await listed(project="praxis", environment="production") == ["conv_a"]


async def test_backfill_asks_only_for_what_is_unknown(store: Store) -> None:
    await store.call("accept", delivery("accepted"))
    await store.call("accept", delivery("only_sound", type="post_call_audio"))
    await _store(store, "stored", "stored", **NEVER_BEGAN)

    asked = ["z_new", "accepted", "only_sound", "stored", "a_new"]

    assert await store.call("unknown_conversations", {"conversation_ids": asked}) == ["z_new", "only_sound", "a_new"]
    assert await store.call("unknown_conversations", {"conversation_ids": []}) == []
