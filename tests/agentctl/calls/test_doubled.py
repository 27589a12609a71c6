"""What is stored as a recording is kept once: its event stays, and what it held goes when the recording is proven."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentctl.calls import doubled, inbox
from agentctl.calls.missing_sound import as_event
from agentctl.clients.recordings import Directory
from agentctl.errors import StoreUnavailable
from agentctl.verbs.calls.retain import spare
from agentctl.verbs.work import once, process
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]
SOUND = bytes(range(256)) * 64


@pytest.fixture(autouse=True)
def a_day_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubled, "SETTLED_SECONDS", 0.0)
    monkeypatch.setattr(doubled, "SETTLED_THERE_SECONDS", 0.0)


@pytest.fixture
def on_the_same_day(a_day_later: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubled, "SETTLED_SECONDS", 86_400.0)


async def parts(payload: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(payload), 9_000):
        yield payload[at : at + 9_000]


def accept(bench: Bench, conversation_id: str, *, large: bool = True, sound: bytes = SOUND) -> inbox.Accepted:
    payload = as_event(conversation_id, "agent_of_nobody", sound)

    async def enter(control: Control) -> inbox.Accepted:
        store, heading = await control.store(), inbox.peek(payload)
        if not large:
            return await inbox.accept(store, payload, heading, "webhook")
        digest = hashlib.sha256(payload).hexdigest()
        return await inbox.accept_large(store, parts(payload), heading, digest, len(payload))

    return bench.control(enter)


def held(bench: Bench, event_id: Any) -> tuple[int, bool, int | None]:
    """How many bytes the event has, whether its content is here, and how many bytes went."""
    found = bench.store("find_event", id=event_id)
    part = bench.store("find_part", id=event_id, position=found["parts"] - 1) if found["parts"] else None
    return found["size"], bool(found["payload"] or part), found["moved"]


def file_of(bench: Bench, conversation_id: str) -> Path:
    """The one, or where there would be one."""
    folder = bench.root / ".agentctl" / "recordings" / "default"
    return next(folder.glob(f"{conversation_id}.*"), folder / conversation_id)


def test_a_recording_of_today_is_kept_twice(bench: Bench, on_the_same_day: None, dsn: str) -> None:
    # A container's disk, or a runner's, may be gone in an hour, and the only copy with it.
    event = accept(bench, "conv_1").id
    with psycopg.connect(dsn, autocommit=True) as connection:
        # The worker was away for two days: what it stores now is a copy of this moment.
        connection.execute("update agentctl.events set received_at = now() - interval '2 days'")
        bench.control(once)
        assert held(bench, event)[1:] == (True, None)
        terms = {"limit": 9, "settled_seconds": 86_400, "settled_there_seconds": 3_600}
        for ago, in_file, in_storage in (("50 minutes", 0, 0), ("70 minutes", 0, 1), ("25 hours", 1, 1)):
            connection.execute(f"update agentctl.events set finished_at = now() - interval '{ago}'")
            for scheme, count in (("file", in_file), ("supabase", in_storage)):
                connection.execute("update agentctl.recordings set location = %s", [f"{scheme}:recordings/1.mp3"])
                assert len(bench.store("doubled_sounds", **terms)) == count, (ago, scheme)


@pytest.mark.parametrize("large", [True, False])
def test_a_recording_that_is_proven_is_kept_once(bench: Bench, large: bool) -> None:
    event = accept(bench, "conv_1", large=large).id
    bench.control(process)
    size, is_here, _ = held(bench, event)
    assert (size > len(SOUND), is_here) == (True, True)
    bench.control(once)
    assert held(bench, event) == (size, False, size)
    assert file_of(bench, "conv_1").read_bytes() == SOUND

    listed = bench("calls", "events", "--state", "done")[1]
    assert "kept as a recording" in listed
    again = accept(bench, "conv_1", large=large)
    assert (again.id, again.new) == (event, False)
    code, _, err = bench("calls", "retry", str(event))
    assert (code, "nothing to process again" in err, "kept as its recording alone" in err) == (1, True, True)
    bench.control(once)
    assert held(bench, event) == (size, False, size)
    assert file_of(bench, "conv_1").read_bytes() == SOUND

    assert bench("calls", "forget", "conv_1", "--yes", "--keep-remote")[0] == 0
    assert bench.store("find_event", id=event) is None
    assert not file_of(bench, "conv_1").exists()


def test_what_cannot_be_read_back_was_not_the_only_copy(
    bench: Bench, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = {name: accept(bench, name).id for name in ("conv_gone", "conv_cut", "conv_bad", "conv_whole")}
    bench.control(process)
    file_of(bench, "conv_gone").unlink()
    file_of(bench, "conv_cut").write_bytes(SOUND[:-1] + b"?")

    asked, keeps = [], Directory.keeps

    async def some_bad(self: Directory, location: str, size: int, sha256: str) -> bool:
        asked.append(location)
        if "conv_bad" in location:
            raise StoreUnavailable("a recording cannot be read")
        return await keeps(self, location, size, sha256)

    monkeypatch.setattr(Directory, "keeps", some_bad)
    assert json.loads(bench("work", "--once", "--json")[1])["duties_failed"] == 0
    kept = {"conv_gone", "conv_cut", "conv_bad"}
    assert {name for name, event in events.items() if held(bench, event)[1]} == kept
    assert len(asked) == 4
    assert bench.control(spare) == 0
    assert len(asked) == 4, "what was not whole is asked for again after a day"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("update agentctl.unproven_sounds set asked_at = asked_at - interval '1 day'")
    monkeypatch.setattr(Directory, "keeps", keeps)
    assert bench.control(spare) == 1
    assert {name for name, event in events.items() if held(bench, event)[1]} == kept - {"conv_bad"}
    assert bench("calls", "retry", "conv_gone")[0] == 0
    bench.control(process)
    assert file_of(bench, "conv_gone").read_bytes() == SOUND


def test_an_event_that_is_queued_again_meanwhile_keeps_what_it_holds(bench: Bench) -> None:
    event = accept(bench, "conv_1").id
    bench.control(process)
    [found] = bench.store("doubled_sounds", limit=9)
    assert bench.store("drop_doubled", sounds=[{**found, "sha256": "00" * 32}]) == {"count": 0}
    bench.store("requeue_events", id=event)
    assert bench.store("doubled_sounds", limit=9) == []
    assert bench.store("drop_doubled", sounds=[found]) == {"count": 0}
    assert held(bench, event)[1]


def test_an_event_whose_sound_was_displaced_keeps_it(bench: Bench) -> None:
    events = []
    for sound in (SOUND, SOUND[::-1]):
        events.append(accept(bench, "conv_1", sound=sound).id)
        bench.control(process)
    [found] = bench.store("doubled_sounds", limit=9)
    assert found["id"] == str(events[1])
    assert bench.store("drop_doubled", sounds=[{**found, "id": str(events[0])}]) == {"count": 0}
    assert bench.control(spare) == 1
    assert [held(bench, event)[1] for event in events] == [True, False]


def test_a_look_asks_for_so_many_and_the_next_goes_on(bench: Bench) -> None:
    events = [accept(bench, f"conv_{count}").id for count in range(3)]
    bench.control(process)

    async def look(control: Control, budget: doubled.Budget) -> int:
        return await doubled.spare(await control.store(), control.workshop.recordings, budget)

    assert bench.control(lambda control: look(control, doubled.Budget(seconds=0))) == 0
    assert bench.control(lambda control: look(control, doubled.Budget(recordings=2))) == 2
    assert bench.control(lambda control: look(control, doubled.Budget(recordings=2))) == 1
    assert not any(held(bench, event)[1] for event in events)
