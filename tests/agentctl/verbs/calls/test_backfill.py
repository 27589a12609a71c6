"""agentctl.verbs.calls.backfill: what no webhook brought is fetched, from a sandbox into a real store."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from agentctl import worker
from agentctl.errors import Elsewhere, Rejected
from agentctl.settings import load_settings
from agentctl.verbs.calls.backfill import CaughtUp, backfill
from agentctl.verbs.upkeep import duties
from agentctl.verbs.work import process
from agentctl.wiring import Control
from tests.telephony import Bench, bench, served

__all__ = ["bench"]
NOW = datetime.now(UTC)


def fetched(bench: Bench, since: datetime | None = None) -> CaughtUp:
    return bench.control(lambda control: backfill(control, since))


async def in_workspace(control: Control) -> str:
    return control.workspace


def asked_for(bench: Bench) -> list[str]:
    """The conversations that were asked for one by one."""
    begin = "/v1/convai/conversations/"
    return [entry["path"].removeprefix(begin) for entry in bench.sandbox.log() if entry["path"].startswith(begin)]


def held(bench: Bench, **order: Any) -> str:
    made = bench.sandbox.call(**{"agent_id": bench.agent()["agent_id"], "deliver": False, "audio": False, **order})
    return str(made["conversation_id"])


def ago(**length: int) -> int:
    return int((datetime.now(UTC) - timedelta(**length)).timestamp())


def test_of_300_calls_of_which_a_random_third_was_not_delivered_all_are_there(bench: Bench) -> None:
    agent_id, chance = bench.agent()["agent_id"], random.Random(300)
    lost = set(chance.sample(range(300), 100))
    settings = load_settings(bench.root)
    with served(bench.root, settings.model_copy(update={"elevenlabs_webhook_secret": (SecretStr("wsec_x"),)})) as url:
        secret = bench.json("webhook", "register", url, "--yes")["secret"]
    known = settings.model_copy(update={"elevenlabs_webhook_secret": (SecretStr(secret),)})
    port = int(url.split(":")[2].partition("/")[0])
    with served(bench.root, known, port=port), ThreadPoolExecutor(8) as pool:
        orders = [{"agent_id": agent_id, "audio": False, "deliver": number not in lost} for number in range(300)]
        made = list(pool.map(lambda order: bench.sandbox.call(**order), orders))
    assert sum(delivery["status"] == 200 for one in made for delivery in one["deliveries"]) == 200

    missing = {one["conversation_id"] for one in made if not one["deliveries"]}
    found = fetched(bench)
    assert (found.listed, set(found.entered), found.failed) == (300, missing, ())
    assert sorted(asked_for(bench)) == sorted(missing)
    assert fetched(bench).entered == ()
    assert len(asked_for(bench)) == 100

    tally = bench.control(process)
    rows = bench.store("list_calls", limit=1000)
    assert (tally.done, tally.failed, len(rows)) == (300, 0, 300)
    assert sum(row["source"] == "backfill" for row in rows) == 100
    # A webhook that comes late, or again, changes neither the number of calls nor what was delivered.
    with served(bench.root, known, port=port):
        delivered = [one["conversation_id"] for one in made if one["deliveries"]]
        for conversation_id in [*sorted(missing)[:5], *delivered[:5]]:
            assert bench.sandbox.deliver(conversation_id)[0]["status"] == 200
    bench.control(process)
    rows = bench.store("list_calls", limit=1000)
    assert (len(rows), sum(row["source"] == "backfill" for row in rows)) == (300, 95)


def test_a_call_that_is_still_running_is_looked_at_again_however_long_it_takes(bench: Bench) -> None:
    long_call = held(bench, started_at=ago(hours=5), status="in-progress")
    over = held(bench, started_at=ago(hours=1))
    first = fetched(bench, NOW - timedelta(hours=6))
    assert (first.entered, first.running) == ((over,), 1)
    for status in ("processing", "done"):
        bench.sandbox.finish(long_call, status)
        found = fetched(bench)
        assert found.entered == ((long_call,) if status == "done" else ())
    assert fetched(bench).since > datetime.now(UTC) - timedelta(minutes=1)
    assert asked_for(bench) == [over, long_call]


def test_calls_of_an_agent_that_is_gone_are_found_and_those_of_others_left_alone(bench: Bench) -> None:
    content = {"conversation_config": {}, "name": "Somebody else's"}
    others = bench.control(lambda control: control.api.post("/v1/convai/agents/create", json=content))["agent_id"]
    gone = bench.control(lambda control: control.api.post("/v1/convai/agents/create", json=content))["agent_id"]
    foreign, orphan, ours = held(bench, agent_id=others), held(bench, agent_id=gone), held(bench)
    for agent_id in (gone, bench.agent()["agent_id"]):
        bench.control(lambda control, one=agent_id: control.api.delete("/v1/convai/agents/{agent_id}", agent_id=one))  # type: ignore[misc]
    found = fetched(bench)
    assert set(found.entered) == {orphan, ours}
    assert found.foreign == 1
    assert foreign not in asked_for(bench)
    bench.control(process)
    assert {row["conversation_id"] for row in bench.store("list_calls", limit=9)} == {orphan, ours}


def test_a_workspace_where_nobody_called_is_known_by_an_agent_of_ours_in_one_request(bench: Bench) -> None:
    def asked() -> int:
        return sum(entry["path"] == "/v1/convai/agents" for entry in bench.sandbox.log())

    before = asked()
    assert fetched(bench).listed == 0
    assert asked() == before + 1
    held(bench)
    assert fetched(bench).listed == 1
    assert asked() == before + 1


def test_where_none_of_the_bound_agents_is_there_nothing_is_fetched_and_the_look_is_not_over(bench: Bench) -> None:
    agent_id = bench.agent()["agent_id"]
    content = {"conversation_config": {}, "name": "Somebody else's"}
    others = bench.control(lambda control: control.api.post("/v1/convai/agents/create", json=content))["agent_id"]
    held(bench, agent_id=others)
    for one in (agent_id, others):
        bench.control(lambda control, one=one: control.api.delete("/v1/convai/agents/{agent_id}", agent_id=one))  # type: ignore[misc]
    with pytest.raises(Elsewhere, match=r"the only agent .* is not there: ELEVENLABS_API_KEY probably"):
        fetched(bench)
    [row] = bench.store("watermarks", workspace=bench.control(in_workspace))
    assert (row["reached"], bench.store("list_events", states=None, limit=9)) == (None, [])


def test_a_refusal_for_the_rate_slows_it_down_and_loses_nothing(bench: Bench) -> None:
    made = {held(bench) for _ in range(20)}
    bench.sandbox.fault(path="/v1/convai/conversations/*", status=429, headers={"retry-after": "0.05"}, times=6)
    assert set(fetched(bench).entered) == made


def test_one_that_cannot_be_had_holds_the_watermark_and_nobody_else(bench: Bench) -> None:
    broken, sound = held(bench, started_at=ago(hours=3)), held(bench, started_at=ago(hours=2))
    refusal = {"detail": {"status": "odd", "message": "no"}}
    path = f"/v1/convai/conversations/{broken}"
    bench.sandbox.fault(path=path, status=400, body=refusal)
    found = fetched(bench, NOW - timedelta(hours=4))
    assert (found.entered, found.failed) == ((sound,), (broken,))
    bench.sandbox.fault(path=path, status=400, body=refusal)
    with pytest.raises(Rejected):
        fetched(bench)
    assert fetched(bench).entered == (broken,)


def test_what_is_listed_and_not_there_is_looked_for_again_and_for_an_hour_after_its_end(bench: Bench) -> None:
    lagging, deleted = held(bench, started_at=ago(minutes=40)), held(bench, started_at=ago(hours=3))
    for made in (lagging, deleted):
        bench.sandbox.fault(path=f"/v1/convai/conversations/{made}", status=404, times=2)
    reached = {"agent_id": bench.agent()["agent_id"], "reached": (NOW - timedelta(hours=4)).isoformat()}
    bench.store("advance_watermarks", workspace=bench.control(in_workspace), rows=[reached])
    for failed, gone in (({deleted, lagging}, ()), ({lagging}, (deleted,))):
        found = fetched(bench)
        assert (found.entered, set(found.failed), found.gone) == ((), failed, gone)
    assert fetched(bench).entered == (lagging,)
    assert fetched(bench).since > datetime.now(UTC) - timedelta(minutes=1)


def test_who_asks_for_more_gets_more(bench: Bench) -> None:
    old = held(bench, started_at=ago(days=20))
    assert fetched(bench).entered == ()
    assert fetched(bench, NOW - timedelta(days=30)).entered == (old,)


def test_one_that_was_killed_is_gone_on_with(bench: Bench) -> None:
    made = {held(bench) for _ in range(40)}
    bench.sandbox.latency(20)
    process_ = subprocess.Popen(
        [sys.executable, "-m", "agentctl", "-C", str(bench.root), "calls", "backfill"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 60
    while len(asked_for(bench)) < 10 and process_.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.01)
    process_.kill()
    process_.wait()
    bench.sandbox.latency(0)
    rest = fetched(bench)
    assert 0 < len(rest.entered) < 40
    assert fetched(bench).entered == ()
    events = bench.store("list_events", states=None, limit=100)
    assert {event["conversation_id"] for event in events} == made
    assert len(events) == 40


def test_of_several_workers_one_fetches_each_quarter_of_an_hour(bench: Bench) -> None:
    made = {held(bench) for _ in range(3)}

    async def many(control: Control) -> None:
        workers = [worker.run([await duties.job(control)], once=True) for _ in range(4)]
        await asyncio.gather(*workers)

    bench.control(many)
    assert {event["conversation_id"] for event in bench.store("list_events", states=None, limit=9)} == made
    assert sum(entry["path"] == "/v1/convai/conversations" for entry in bench.sandbox.log()) == 1


def mailed(bench: Bench) -> set[str]:
    """Calls of which somebody is mailed."""
    bench.control(process)
    return {mail["conversation_id"] for mail in bench.store("claim_mails", worker="w", limit=50, lease_seconds=600)}


def bound(bench: Bench, **length: int) -> None:
    """The agents of this store were bound so long ago."""
    address = load_settings(bench.root).database_url
    assert address is not None
    with psycopg.connect(address.get_secret_value(), autocommit=True) as connection:
        connection.execute("update agentctl.bindings set bound_at = %s", [datetime.now(UTC) - timedelta(**length)])


def test_calls_that_were_over_before_their_agent_was_bound_here_are_stored_and_mailed_to_nobody(bench: Bench) -> None:
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    assert bench("sync", "--yes")[0] == 0
    bound(bench, minutes=20)
    before, during, after = (held(bench, started_at=ago(minutes=length)) for length in (25, 20, 5))

    found = fetched(bench)

    assert set(found.entered) == {before, during, after}
    assert mailed(bench) == {during, after}
    assert {row["conversation_id"] for row in bench.store("list_calls", limit=9)} == set(found.entered)


def test_of_what_was_over_between_another_stores_end_and_the_first_sync_here_people_are_told(bench: Bench) -> None:
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    assert bench("sync", "--yes")[0] == 0
    bound(bench, minutes=20)
    told, between, after = (held(bench, started_at=ago(minutes=length)) for length in (90, 40, 5))

    found = bench.json("calls", "backfill", "--since", "2h", "--mailed-until", "60m")

    assert found["entered"] == [told, between, after]
    assert mailed(bench) == {between, after}
    # Of one that is bound later, who had it until then has told.
    bound(bench, minutes=-5)
    held(bench, started_at=ago(minutes=30))
    assert fetched(bench).entered
    assert mailed(bench) == set()


def test_what_another_store_has_mailed_is_mailed_by_no_backfill_that_comes_later(bench: Bench) -> None:
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    assert bench("sync", "--yes")[0] == 0
    bound(bench, days=3)
    told, untold = held(bench, started_at=ago(hours=9)), held(bench, started_at=ago(hours=1))
    for wrong in ("later", ""):  # as a variable that was not filled in
        code, _, err = bench("calls", "backfill", "--mailed-until", wrong)
        assert (code, "is no time" in err) == (2, True)
    assert bench.json("calls", "backfill", "--since", "1h", "--mailed-until", "8h")["entered"] == [told, untold]
    late = held(bench, started_at=ago(hours=10))

    assert bench.json("calls", "backfill", "--since", "1d")["entered"] == [late]

    assert mailed(bench) == {untold}
    assert {row["conversation_id"] for row in bench.store("list_calls", limit=9)} == {told, untold, late}
