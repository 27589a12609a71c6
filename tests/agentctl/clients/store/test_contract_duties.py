"""Duties, watermarks, outages and what was given up, over both transports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.cluster import Cluster
from tests.stores import Store, claim, delivery, running, stored

pytestmark = pytest.mark.anyio
OFFERED = [{"name": "backfill", "place": "api.example.org"}, {"name": "alert", "place": ""}]
PLACE = {"project": "praxis", "environment": "production", "workspace": "api.example.org"}


async def due(store: Store, **changes: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await store.call(
        "claim_duties", {"duties": OFFERED, "worker": "w", "limit": 9, "lease_seconds": 60, **changes}
    )
    return found


async def test_of_many_workers_one_does_each_duty_once_per_interval(store: Store) -> None:
    claimed = await asyncio.gather(*(due(store, worker=f"w{number}") for number in range(8)))
    mine = [one for found in claimed for one in found]
    assert sorted(one["name"] for one in mine) == ["alert", "backfill"]
    for one in mine:
        done = {"id": one["id"], "attempt": one["attempt"], "every_seconds": 900}
        assert await store.call("duty_done", done) == {"held": True}
        assert await store.call("duty_done", done) == {"held": False}
    assert await due(store) == []
    assert [one["place"] for one in await due(store, tenant="other", duties=OFFERED[:1])] == ["api.example.org"]


async def test_a_duty_whose_worker_was_lost_or_failed_or_gave_it_back_comes_again(store: Store) -> None:
    [lost] = await due(store, duties=OFFERED[:1], lease_seconds=0)
    [again] = await due(store, duties=OFFERED[:1])
    assert again["attempt"] == 2
    late = {"id": lost["id"], "attempt": 1, "error": "x", "delay_seconds": 0}
    assert await store.call("fail_duty", late) == {"held": False}
    fence = {"id": again["id"], "attempt": 2}
    assert await store.call("renew", {"queue": "duties", **fence, "lease_seconds": 60}) == {"held": True}
    assert await store.call("release", {"queue": "duties", **fence}) == {"held": True}
    [third] = await due(store, duties=OFFERED[:1])
    failed = {"id": third["id"], "attempt": 3, "error": "no answer", "delay_seconds": 3600}
    assert await store.call("fail_duty", failed) == {"held": True}
    assert await due(store, duties=OFFERED[:1]) == []
    [duty] = (await store.call("queue", {}))["duties"]
    assert (duty["failures"], duty["error"], duty["done_seconds"]) == (2, "no answer", None)


async def test_a_duty_that_no_worker_offers_any_more_is_nobodys_and_forgotten(
    store: Store, cluster: Cluster, dsn: str
) -> None:
    def pass_by(length: str) -> None:
        database = dsn.rpartition("/")[2]
        cluster.execute(f"update agentctl.duties set offered_at = offered_at - interval '{length}'", database)

    async def offered() -> dict[str, bool]:
        return {duty["name"]: duty["offered"] for duty in (await store.call("queue", {}))["duties"]}

    await due(store, limit=0)
    pass_by("10 minutes")
    assert await offered() == {"alert": True, "backfill": True}  # nobody has asked since
    await due(store, duties=OFFERED[1:])
    assert await offered() == {"alert": True, "backfill": False}
    await due(store, limit=0)
    assert await offered() == {"alert": True, "backfill": True}
    pass_by("8 days")
    await due(store, duties=OFFERED[1:])
    assert await offered() == {"alert": True}


async def test_events_and_mails_are_given_back_too_and_not_blamed(store: Store) -> None:
    fence = await running(store)
    assert await store.call("release", {"queue": "events", **fence}) == {"held": True}
    assert await store.call("release", {"queue": "events", **fence}) == {"held": False}
    [event] = await claim(store)
    await store.call("store_call", stored({"id": event["id"], "attempt": event["attempt"]}))
    terms = {"worker": "w", "limit": 9, "lease_seconds": 60}
    [mail] = await store.call("claim_mails", terms)
    await store.call("release", {"queue": "outbox", "id": mail["id"], "attempt": mail["attempt"]})
    [mail] = await store.call("claim_mails", terms)
    assert mail["attempt"] == 2
    assert (await store.call("queue", {}))["mails"] == {"pending": 0, "running": 1, "dead": 0}


async def test_an_outage_never_makes_an_event_or_a_mail_dead(store: Store) -> None:
    for number in range(1, 8):
        fence = await running(store) if number == 1 else (await claim(store))[0]
        failure = {"id": fence["id"], "attempt": number, "error": "away", "delay_seconds": 0, "max_attempts": 2}
        assert (await store.call("fail_event", {**failure, "outage": True}))["state"] == "pending"
    standing = await store.call("queue", {})
    assert (standing["waiting_for"], standing["events"]["pending"]) == (["away"], 1)
    assert standing["reasons"] == {"events": ["away"], "recordings": [], "mails": []}
    for outcome in ("pending", "dead"):
        [event] = await claim(store)
        failure = {"id": event["id"], "attempt": event["attempt"], "error": "x", "delay_seconds": 0, "max_attempts": 2}
        assert (await store.call("fail_event", failure))["state"] == outcome
    second = await running(store, "conv_2")
    await store.call("store_call", stored(second, "conv_2"))
    for outage, outcome in ((True, "pending"), (True, "pending"), (False, "dead")):
        [mail] = await store.call("claim_mails", {"worker": "w", "limit": 9, "lease_seconds": 60})
        failed = {"error": "x", "permanent": False, "outage": outage, "delay_seconds": 0, "max_attempts": 1}
        answer = await store.call("mail_failed", {"id": mail["id"], "attempt": mail["attempt"], **failed})
        assert answer["state"] == outcome
    assert await store.call("requeue_mails", {"conversation_id": "conv_1"}) == {"mails": 0}
    assert await store.call("requeue_mails", {}) == {"mails": 1}


async def test_what_was_given_up_is_told_once_until_it_is_given_up_again(store: Store) -> None:
    async def dies() -> None:
        [event] = await claim(store)
        failure = {"id": event["id"], "attempt": event["attempt"], "error": "x", "delay_seconds": 0, "max_attempts": 1}
        await store.call("fail_event", {**failure, "fault": "Malformed"})

    await store.call("accept", delivery())
    await dies()
    untold = await store.call("untold_dead", {"limit": 5})
    assert (untold["count"], [one["conversation_id"] for one in untold["events"]]) == (1, ["conv_1"])
    mails = [{"recipient": "team@example.org", "message": {"subject": "dead"}}]
    told = await asyncio.gather(
        *(store.call("tell_dead", {"until": untold["until"], "id": f"alert_{n}", "mails": mails}) for n in range(4))
    )
    assert sorted(one["told"] for one in told) == [0, 0, 0, 1]
    assert len(await store.call("claim_mails", {"worker": "w", "limit": 9, "lease_seconds": 60})) == 1
    assert (await store.call("untold_dead", {"limit": 5}))["count"] == 0
    assert await store.call("requeue_events", {"states": ["dead"]}) == {"events": 1}
    await dies()
    assert [one["reason"] for one in (await store.call("untold_dead", {"limit": 5}))["events"]] == ["Malformed"]
    assert await store.call("requeue_events", {"states": ["dead"]}) == {"events": 1}
    for _ in range(2):
        await claim(store, lease_seconds=0, max_attempts=1)
    untold = await store.call("untold_dead", {"limit": 5})
    assert [one["reason"] for one in untold["events"]] == ["the worker was lost at each attempt"]


async def test_watermarks_are_of_the_agents_that_are_or_were_ours_and_never_go_back(store: Store) -> None:
    bound = {"kind": "agent", "key": "empfang", "remote_id": "agent_1", "applied": {}}
    await store.call("bind", {**PLACE, "workspace": "main@api.example.org", **bound})
    for workspace, known in (
        ("api.example.org", True),
        ("main@api.example.org", True),
        ("other@api.example.org", False),
    ):
        rows = await store.call("watermarks", {"workspace": workspace})
        assert [(row["agent_id"], row["reached"]) for row in rows] == ([("agent_1", None)] if known else []), workspace
    here = {"workspace": "api.example.org"}
    for reached in ("2026-11-20T09:00:00+00:00", "2026-11-20T08:00:00+00:00"):
        rows = [{"agent_id": one, "reached": reached} for one in ("agent_1", "agent_gone")]
        assert await store.call("advance_watermarks", {**here, "rows": rows}) == {"agents": 2}
    rows = {row.pop("agent_id"): row for row in await store.call("watermarks", here)}
    assert rows["agent_gone"] == {"reached": "2026-11-20T09:00:00+00:00", "bound_at": None}
    assert (rows["agent_1"]["reached"], bool(rows["agent_1"]["bound_at"])) == ("2026-11-20T09:00:00+00:00", True)
    await store.call("store_call", stored(await running(store)))
    assert await store.call("agents_with_calls", {"agent_ids": ["agent_2", "agent_1"]}) == ["agent_1"]
