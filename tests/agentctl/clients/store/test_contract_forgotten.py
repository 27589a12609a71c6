"""What was forgotten is gone and stays away, over both transports."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from tests.stores import Store, claim, delivery, running, stored

pytestmark = pytest.mark.anyio
CALLER = "+498999998100"  # as `stored` has it
AUDIO = {"type": "post_call_audio", "body": b"sound"}


async def forget(store: Store, *ids: str, numbers: tuple[str, ...] = ()) -> dict[str, Any]:
    await store.call("mark_forgotten", {"conversation_ids": list(ids), "numbers": list(numbers)})
    erased: dict[str, Any] = await store.call("erase", {"conversation_ids": list(ids), "event_ids": []})
    return erased


async def full(store: Store, conversation_id: str = "conv_1", **changes: Any) -> None:
    """A call with a recording, a second event and a queued mail."""
    await store.call("store_call", stored(await running(store, conversation_id), conversation_id, **changes))
    sound = await running(store, conversation_id, **AUDIO)
    recording = {"conversation_id": conversation_id, "agent_id": "agent_1", "location": "file:///x.mp3"}
    fence = {"event_id": sound["id"], "attempt": sound["attempt"]}
    assert (await store.call("store_recording", {**fence, "recording": recording}))["held"]


async def test_everything_of_a_call_goes_and_nothing_of_it_comes_back(store: Store) -> None:
    await full(store)
    await full(store, "conv_2", call={"external_number": "+498999998777"})
    held = await store.call("held_of", {"conversation_ids": ["conv_1"], "event_ids": []})
    assert held == {
        "calls": 1, "turns": 2, "digests": 1, "action_items": 1, "events": 2, "queued_mails": 1, "sent_mails": 0,
        "mailed": [], "recordings": [{"conversation_id": "conv_1", "location": "file:///x.mp3"}], "marked": 0,
    }  # fmt: skip
    erased = await forget(store, "conv_1")
    assert erased == {"calls": 1, "events": 2, "mails": 1, "recordings": 1}
    held = await store.call("held_of", {"conversation_ids": ["conv_1"], "event_ids": []})
    assert (sum(held[sort] for sort in ("calls", "turns", "digests", "action_items", "events")), held["marked"]) == (
        0,
        1,
    )

    for again in (delivery("conv_1"), delivery("conv_1", body=b"{}"), delivery("conv_1", source="backfill", **AUDIO)):
        assert await store.call("accept", again) == {"id": None, "new": False}
    assert await claim(store) == []
    asked = {"conversation_ids": ["conv_1", "conv_2", "conv_3"]}
    assert await store.call("unknown_conversations", asked) == ["conv_3"]
    assert [row["conversation_id"] for row in await store.call("list_calls", {"limit": 9})] == ["conv_2"]
    assert (await store.call("accept", delivery("conv_1", tenant="other")))["new"]


async def test_what_is_elsewhere_is_remembered_until_it_is_gone_whoever_drops_the_rows(store: Store) -> None:
    await full(store)
    waiting = await running(store, body=b"{}")
    await store.call("mark_forgotten", {"conversation_ids": ["conv_1"], "numbers": [], "at_vendor": True})
    assert await store.call("store_call", stored(waiting)) == {"held": False, "stored": False}
    row = {"conversation_id": "conv_1", "at_vendor": True, "recording": "file:///x.mp3"}
    ways = (
        {"conversation_ids": ["conv_1"]},
        {"digits": CALLER[1:], "whole": True},
        {"digits": CALLER[4:], "whole": False},
    )
    for asked in (*ways, {"event_id": waiting["id"].upper()}):
        assert await store.call("remains", asked) == [row]
    for asked in ({"digits": CALLER[2:], "whole": True}, {"digits": CALLER[5:], "whole": False}, {"event_id": None}):
        assert await store.call("remains", asked) == []
    due = await store.call("due_recordings", {"limit": 9})
    assert [one["conversation_id"] for one in due] == ["conv_1"]
    assert await store.call("drop_recordings", {"recordings": due}) == {"count": 1}
    left = {**row, "recording": None}
    assert await store.call("remains", ways[0]) == [left]
    assert await store.call("leave_remains", {"remains": [{**left, "at_vendor": False}]}) == {"left": 0}
    assert await store.call("remains", ways[0]) == []


async def test_forgetting_twice_is_forgetting_once(store: Store) -> None:
    await full(store)
    await forget(store, "conv_1")
    assert await forget(store, "conv_1") == {"calls": 0, "events": 0, "mails": 0, "recordings": 0}


async def test_what_is_worked_on_meanwhile_is_not_stored(store: Store) -> None:
    talk, sound = await running(store), await running(store, **AUDIO)
    await store.call("mark_forgotten", {"conversation_ids": ["conv_1"], "numbers": []})
    assert await store.call("store_call", stored(talk)) == {"held": False, "stored": False}
    recording = {"conversation_id": "conv_1", "agent_id": "agent_1", "location": "file:///x.mp3"}
    fence = {"event_id": sound["id"], "attempt": sound["attempt"]}
    assert not (await store.call("store_recording", {**fence, "recording": recording}))["held"]
    assert await store.call("is_forgotten", {"conversation_id": "conv_1"}) is True
    assert await store.call("is_forgotten", {"conversation_id": "conv_2"}) is False
    held = await store.call("held_of", {"conversation_ids": ["conv_1"], "event_ids": []})
    assert (held["calls"], held["events"], held["recordings"]) == (0, 0, [])


async def test_of_a_number_what_began_before_is_refused_and_a_later_call_is_not(store: Store) -> None:
    await forget(store, numbers=(CALLER,))
    late = stored(await running(store))
    assert await store.call("store_call", late) == {"held": False, "stored": False}
    assert await store.call("accept", delivery()) == {"id": None, "new": False}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    fresh = stored(await running(store, "conv_2"), "conv_2", call={"started_at": tomorrow})
    assert (await store.call("store_call", fresh))["stored"]
    other = stored(await running(store, "conv_3"), "conv_3", call={"external_number": None})
    assert (await store.call("store_call", other))["stored"]


async def test_numbers_are_found_in_calls_and_in_events_that_became_none(store: Store) -> None:
    await full(store)
    poison = await running(store, "conv_2", body=b'{"number": "+498999998100"}')
    await running(store, "conv_3", body=b'{"number": "+498999998101"}')
    found = await store.call("calls_of_number", {"digits": "498999998100", "whole": True})
    assert [(row["conversation_id"], row["number"]) for row in found] == [("conv_1", CALLER)]
    assert await store.call("calls_of_number", {"digits": "8999998100", "whole": False}) == found
    assert await store.call("calls_of_number", {"digits": "8999998100", "whole": True}) == []
    large = {"type": "x", "conversation_id": "conv_4", "sha256": "ab" * 32}
    for position, part in enumerate((b'{"number": ', b'"+498999998100"}')):
        content = base64.b64encode(part).decode()
        parted = await store.call("accept_part", {**large, "position": position, "part": content})
    await store.call("accept", {**large, "source": "webhook", "parts": 2, "size": 27})
    events = await store.call("events_with_digits", {"digits": "498999998100"})
    assert {event["id"] for event in events} == {poison["id"], parted["id"]}
    gone = {"conversation_ids": [], "event_ids": [poison["id"]]}
    assert (await store.call("erase", gone))["events"] == 1


async def test_what_one_had_fetched_and_erased_is_fetched_by_nobody_and_one_mark_tells(
    store: Store, cluster: Any, dsn: str
) -> None:
    async def is_unknown(conversation_id: str) -> bool:
        asked = {"tenant": "beta", "conversation_ids": [conversation_id]}
        entered = await store.call("accept", delivery(conversation_id, source="backfill", tenant="beta"))
        return bool(await store.call("unknown_conversations", asked)) or bool(entered["new"])

    for conversation_id, source in (("conv_1", "backfill"), ("conv_2", "webhook")):
        await store.call("accept", delivery(conversation_id, source=source, tenant="acme"))
        theirs = {"tenant": "acme", "conversation_ids": [conversation_id], "numbers": [], "event_ids": []}
        await store.call("mark_forgotten", theirs)
        await store.call("erase", theirs)
    assert [await is_unknown(one) for one in ("conv_1", "conv_2")] == [False, True]
    database = dsn.rpartition("/")[2]
    gone = "delete from agentctl.forgotten where tenant = 'default' returning 1"
    assert cluster.execute(gone, database) == [(1,)], "the operator's, whoever had it"
    # As they were made for a while, by each tenant's own key.
    each = "select 'acme', agentctl.mark('acme', 'fetched', 'conv_1')"
    cluster.execute(f"insert into agentctl.forgotten {each}", database)
    cluster.execute("insert into agentctl.marked_each values ('acme')", database)
    assert not await is_unknown("conv_1")


async def test_a_mark_tells_nobody_what_it_is_of(store: Store, cluster: Any, dsn: str) -> None:
    await forget(store, "conv_1", numbers=(CALLER,))
    dumped = cluster.execute("select jsonb_agg(f) from agentctl.forgotten f", dsn.rpartition("/")[2])
    assert "conv_1" not in str(dumped)
    assert "8999998100" not in str(dumped)


async def test_the_audit_log_takes_rows_and_lets_none_be_changed(store: Store, cluster: Any, dsn: str) -> None:
    await store.call("audit", {"actor": "erika@host", "action": "list", "subject": {"calls": 3}})
    await store.call("audit", {"actor": "hans@host", "action": "show", "subject": {"call": "conv_1"}})
    rows = await store.call("list_audit", {"limit": 9})
    assert [(row["actor"], row["subject"]) for row in rows] == [
        ("hans@host", {"call": "conv_1"}),
        ("erika@host", {"calls": 3}),
    ]
    assert await store.call("list_audit", {"limit": 9, "since": (datetime.now(UTC) + timedelta(1)).isoformat()}) == []
    database = dsn.rpartition("/")[2]
    for change in ("update agentctl.audit set actor = ''", "delete from agentctl.audit", "truncate agentctl.audit"):
        with pytest.raises(psycopg.Error, match="cannot be changed"):
            cluster.execute(change, database)
    assert await store.call("trim_audit", {}) == {"count": 0}
    insert = "insert into agentctl.audit (at, actor, action) values (now() - interval '3 years', 'old', 'list')"
    cluster.execute(insert, database)
    assert await store.call("trim_audit", {}) == {"count": 1}
    assert len(await store.call("list_audit", {"limit": 9})) == 2
    assert json.dumps(rows)
