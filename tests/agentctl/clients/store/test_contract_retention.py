"""What is older than its project keeps it goes, and nothing else does; over both transports."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from agentctl.calls.retention import Retained, retain
from tests.agentctl.calls.fakes import FakeRecordings
from tests.stores import Store, delivery, running, stored

pytestmark = pytest.mark.anyio
OURS = {"project": "praxis", "environment": "production"}
Age = Callable[..., None]


@pytest.fixture
def age(cluster: Any, dsn: str) -> Age:
    """Make what is stored of a conversation so many days old."""

    def make(conversation_id: str, days: int) -> None:
        database = dsn.rpartition("/")[2]
        for table, column in (("calls", "started_at"), ("events", "received_at"), ("recordings", "stored_at")):
            change = f"update agentctl.{table} set {column} = now() - interval '{days} days'"
            cluster.execute(f"{change} where conversation_id = '{conversation_id}'", database)

    return make


async def call(store: Store, shelf: FakeRecordings, conversation_id: str, **fields: Any) -> None:
    """A call with its raw event, a mail that was sent, one that waits, and a recording with its own event."""
    started = {"started_at": datetime.now(UTC).isoformat(), **fields}
    await store.call("store_call", stored(await running(store, conversation_id), conversation_id, call=started))
    sound = await running(store, conversation_id, type="post_call_audio", body=b"sound")
    shelf.saved[conversation_id] = (b"sound", "audio/mpeg")
    location = f"file:///recordings/{conversation_id}"
    recording = {"conversation_id": conversation_id, "agent_id": "agent_1", "location": location, "sha256": "ab"}
    fence = {"event_id": sound["id"], "attempt": sound["attempt"]}
    await store.call("store_recording", {**fence, "recording": recording})


async def limit(store: Store, of: dict[str, str] = OURS, **days: int) -> bool:
    return bool((await store.call("save_retention", {**of, **days}))["changed"])


async def left(store: Store, conversation_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = await store.call("show_call", {"conversation_id": conversation_id})
    return shown


async def test_each_sort_has_a_limit_of_its_own(store: Store, age: Age) -> None:
    shelf = FakeRecordings()
    for number, days in enumerate((1, 8, 15, 31)):
        await call(store, shelf, f"conv_{number}")
        age(f"conv_{number}", days)
    assert await retain(store, shelf) == Retained()
    assert await limit(store, transcripts=30, audio=7, raw_events=14)
    assert not await limit(store, transcripts=30, audio=7, raw_events=14)
    assert await retain(store, shelf, batch=1) == Retained(calls=1, recordings=3, events=5)
    assert await retain(store, shelf) == Retained()
    assert set(shelf.saved) == {"conv_0"}
    shown = {number: await left(store, f"conv_{number}") for number in range(4)}
    assert [len(shown[number]["events"]) for number in range(4)] == [2, 1, 0, 0]
    assert [len(shown[number]["turns"]) for number in range(4)] == [2, 2, 2, 0]
    assert [bool(shown[number]["recording"]) for number in range(4)] == [True, False, False, False]


async def test_of_an_old_call_figures_stay_and_no_word_or_number(store: Store, age: Age) -> None:
    await call(store, FakeRecordings(), "conv_1", user_id="erika", call_sid="CA1", detail={"said": "Erika"})
    [mail] = await store.call("claim_mails", {"worker": "w", "limit": 1, "lease_seconds": 60})
    await store.call("mail_sent", {"id": mail["id"], "attempt": 1, "route": "smtp", "reference": "r"})
    before = await left(store, "conv_1")
    age("conv_1", 31)
    await limit(store, transcripts=30)
    done = await retain(store, FakeRecordings())
    assert (done.calls, done.events) == (1, 1)  # the recording's event has a limit of its own
    after = await left(store, "conv_1")
    assert after["emptied_at"] is not None
    kept = ("assistant", "status", "duration_secs", "successful", "agent_number", "turn_count", "direction")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    gone = (after["external_number"], after["user_id"], after["call_sid"], after["detail"], after["title"])
    assert gone == (None, None, None, {}, None)
    assert (after["turns"], after["action_items"], after["digest"]["summary"]) == ([], [], None)
    assert after["digest"]["engine"] == before["digest"]["engine"]
    assert [(one["to"], one["subject"]) for one in after["mails"]] == [("team@example.org", None)]
    assert not any(word in str(after) for word in ("Erika", "Rückruf", "+498999998100"))
    assert await store.call("unknown_conversations", {"conversation_ids": ["conv_1"]}) == []
    [row] = await store.call("list_calls", {"limit": 9})
    assert row["emptied_at"]


async def test_what_was_erased_comes_back_by_no_redelivery_and_no_backfill(store: Store, age: Age) -> None:
    shelf, audio = FakeRecordings(), {"type": "post_call_audio", "body": b"sound"}
    for number in (1, 2):
        await call(store, shelf, f"conv_{number}")
    waiting = await running(store, "conv_1", body=b"late")
    kept = await running(store, "conv_kept")
    await store.call("keep_event", {**kept, "reason": "not understood"})
    for conversation_id, days in (("conv_1", 31), ("conv_2", 15), ("conv_kept", 15)):
        age(conversation_id, days)
    await limit(store, transcripts=30, raw_events=14, audio=14)
    await retain(store, shelf)

    refused = {"id": None, "new": False}
    for again in ("conv_1", "conv_2", "conv_kept"):
        assert await store.call("accept", delivery(again)) == refused
    for again in ("conv_1", "conv_2"):
        assert await store.call("accept", delivery(again, **audio)) == refused
        assert (
            await store.call("accept", delivery(again, **audio | {"body": b"the same sound in other bytes"})) == refused
        )
    assert await store.call("accept", delivery("conv_1", body=b"other")) == refused  # its words are gone for good
    assert await store.call("store_call", stored(waiting, "conv_1")) == {"held": False, "stored": False}
    assert not (await left(store, "conv_1"))["turns"]
    assert await store.call("list_events", {"limit": 9}) == []
    asked = {"conversation_ids": ["conv_1", "conv_2", "conv_kept", "conv_3"]}
    assert await store.call("unknown_conversations", asked) == ["conv_3"]
    assert (await store.call("accept", delivery("conv_2", body=b"news")))["new"]
    assert (await store.call("accept", delivery("conv_1", tenant="other")))["new"]


async def test_nobody_loses_anything_to_the_limit_of_another_project(store: Store, age: Age) -> None:
    shelf, other = FakeRecordings(), {"project": "other", "environment": "production"}
    await call(store, shelf, "conv_ours")
    await call(store, shelf, "conv_theirs", **other)
    await call(store, shelf, "conv_nobodys", project=None, environment=None, assistant=None)
    for name in ("ours", "theirs", "nobodys"):
        age(f"conv_{name}", 31)
    await limit(store, transcripts=30, audio=30, raw_events=30)
    await limit(store, other)
    await retain(store, shelf)
    assert set(shelf.saved) == {"conv_theirs", "conv_nobodys"}
    assert [bool((await left(store, f"conv_{name}"))["turns"]) for name in ("ours", "theirs", "nobodys")] == [
        False, True, True,
    ]  # fmt: skip
    await limit(store, other, transcripts=33, audio=40, raw_events=33)
    age("conv_nobodys", 34)
    await retain(store, shelf)
    assert not (await left(store, "conv_nobodys"))["turns"]
    assert (await left(store, "conv_theirs"))["turns"]
    assert set(shelf.saved) == {"conv_theirs", "conv_nobodys"}


async def test_what_waits_for_a_worker_is_left_and_what_was_given_up_goes(store: Store, age: Age) -> None:
    await limit(store, raw_events=1)
    await store.call("accept", delivery("conv_waits"))
    kept = await running(store, "conv_kept")
    await store.call("keep_event", {**kept, "reason": "not understood"})
    dead = await running(store, "conv_dead")
    await store.call("fail_event", {**dead, "max_attempts": 1, "error": "x", "delay_seconds": 0})
    for name in ("waits", "kept", "dead"):
        age(f"conv_{name}", 2)
    assert (await retain(store, FakeRecordings())).events == 2
    [event] = await store.call("list_events", {"limit": 9})
    assert event["conversation_id"] == "conv_waits"


async def test_a_recording_that_is_not_in_this_place_waits_for_who_can_reach_it(store: Store, age: Age) -> None:
    shelf = FakeRecordings()
    await call(store, shelf, "conv_1")
    age("conv_1", 2)
    await limit(store, audio=1)
    assert (await retain(store, FakeRecordings())).elsewhere == 1
    assert (await left(store, "conv_1"))["recording"]
    done = await retain(store, shelf)
    assert (done.recordings, done.elsewhere) == (1, 0)
