"""agentctl calls status, retry, backfill: what they print, and what they end with."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

import pytest

from tests.stores import delivery, mail, stored
from tests.telephony import Bench, bench

__all__ = ["bench"]
SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("since", ["2030-01-01", "99999d", "yesterday"])
def test_a_time_at_which_nothing_can_have_been_is_refused(bench: Bench, since: str) -> None:
    code, out, err = bench("calls", "backfill", "--since", since)
    assert (code, out) == (2, "")
    assert repr(since) in err


def test_what_is_missing_is_fetched_and_what_was_given_up_is_queued_again(bench: Bench) -> None:
    made = bench.sandbox.call(agent_id=bench.agent()["agent_id"], deliver=False)["conversation_id"]
    assert "0 wait or are worked on" in bench("calls", "status")[1]
    code, out, _ = bench("calls", "backfill", "--since", "1d")
    assert (code, "1 conversations since" in out, "1 were missing" in out) == (0, True, True)
    assert bench.json("calls", "backfill")["entered"] == []
    assert "1 wait or are worked on, the oldest for" in bench("calls", "status")[1]

    (event,) = bench.store("claim_events", worker="w", limit=1, lease_seconds=60)
    failed = {"error": "Storage is away\n  Check it.", "delay_seconds": 0, "max_attempts": 5, "outage": True}
    bench.store("fail_event", id=event["id"], attempt=1, **failed)
    assert "waiting: Storage is away" in bench("calls", "status")[1]
    (event,) = bench.store("claim_events", worker="w", limit=1, lease_seconds=60)
    bench.store("fail_event", id=event["id"], attempt=2, error="x", delay_seconds=0, max_attempts=1)
    status = bench.json("calls", "status")
    assert (status["events"]["dead"], status["events"]["pending"]) == (1, 0)
    assert "1 given up: agentctl calls retry --all" in bench("calls", "status")[1]

    for wrong in ((), (made, "--all")):
        assert bench("calls", "retry", *wrong)[0] == 2
    assert bench("calls", "retry", "conv_none")[0] == 1
    assert bench("calls", "retry", "--all")[1] == "1 events, 0 mails, 0 rows and 0 syncs wait for a worker again.\n"
    done = bench.json("work", "--once")
    assert (done["done"], done["dead"], done["duties_failed"]) == (1, 0, 0)
    assert bench.json("calls", "show", made)["status"] == "done"
    assert bench.json("calls", "retry", made) == {"events": 1, "mails": 0, "rows": 0, "syncs": 0}
    code, out, _ = bench("calls", "status")
    assert "backfill" in out
    assert "seconds ago" in out


def test_calls_of_agents_that_nobody_has_synced_into_this_store_are_told(bench: Bench) -> None:
    sample = json.loads((SAMPLES / "post_call_transcription.json").read_text())
    sample["data"] |= {"conversation_id": "conv_1", "agent_id": "agent_1001k3e7r"}
    sample["data"]["metadata"]["start_time_unix_secs"] = int(time.time()) - 60
    payload = base64.b64encode(json.dumps(sample).encode()).decode()
    named = {"conversation_id": "conv_1", "agent_id": "agent_1001k3e7r", "event_timestamp": int(time.time())}
    bench.store("accept", type=sample["type"], source="webhook", payload=payload, **named)
    assert "nobody has synced" not in bench("calls", "status")[1]
    told = bench("work", "--once")[2]
    assert "conv_1 is a call of agent agent_1001k3e7r, which nobody has synced into this store" in told
    assert bench.json("calls", "status")["strangers"] == {"calls": 1, "agents": 1}
    assert "1 of the last 7 days are of agents that nobody has synced into this store" in bench("calls", "status")[1]
    report = bench("doctor")[1]
    assert "1 calls of the last 7 days are of 1 agents that nobody has synced into this store" in report


def test_a_mail_that_was_given_up_is_shown_with_its_reason_and_sent_again_by_itself(bench: Bench) -> None:
    bench.store("accept", **delivery("conv_1"))
    (event,) = bench.store("claim_events", worker="w", limit=1, lease_seconds=60)
    fence = {"id": event["id"], "attempt": 1}
    bench.store("store_call", **stored(fence, mails=[mail("a@example.org"), mail("b@example.org")]))
    assert bench.json("calls", "mails", "--state", "dead") == []
    for one in bench.store("claim_mails", worker="w", limit=2, lease_seconds=60):
        failed = {"error": f"no such mailbox: {one['recipient']}", "delay_seconds": 0, "max_attempts": 1}
        bench.store("mail_failed", id=one["id"], attempt=1, **failed)

    shown = bench("calls", "mails")[1]
    first, second = bench.json("calls", "mails", "--state", "dead")

    assert shown.count("no such mailbox") == 2
    assert {first["recipient"], second["recipient"]} == {"a@example.org", "b@example.org"}
    assert "message" not in first
    assert bench("calls", "retry", first["id"])[1].startswith("0 events, 1 mails")
    assert [one["state"] for one in bench.json("calls", "mails", "--state", "pending")] == ["pending"]
    assert [one["id"] for one in bench.json("calls", "mails", "--state", "dead")] == [second["id"]]
    assert bench("calls", "retry", first["id"])[0] == 1, "it waits already"


def test_one_that_cannot_be_fetched_is_said(bench: Bench) -> None:
    agent_id = bench.agent()["agent_id"]
    made = [bench.sandbox.call(agent_id=agent_id, deliver=False)["conversation_id"] for _ in range(2)]
    refusal = {"detail": {"status": "odd", "message": "no"}}
    bench.sandbox.fault(path=f"/v1/convai/conversations/{made[0]}", status=400, body=refusal)
    code, out, _ = bench("calls", "backfill")
    assert (code, "1 could not be fetched" in out) == (1, True)


def test_trouble_at_elevenlabs_keeps_nothing_else_from_being_done(bench: Bench) -> None:
    payload = base64.b64encode(b"{}").decode()
    bench.store("accept", type="x", conversation_id=None, source="webhook", payload=payload)
    refusal = {"detail": {"status": "missing_permissions", "message": "no"}}
    bench.sandbox.fault(path="/v1/convai/conversations", status=403, body=refusal)
    code, out, _ = bench("work", "--once")
    assert (code, "1 done, 0 failed." in out, "1 duties could not be done" in out) == (1, True, True)
    (duty,) = (one for one in bench.store("queue")["duties"] if one["name"] == "backfill")
    assert (duty["failures"], duty["due_seconds"] <= 900) == (1, True)


def test_syncs_that_wait_or_were_given_up_are_shown_and_taken_up_again(bench: Bench) -> None:
    bench.store("request_sync", key="empfang")
    bench.store("request_sync", key="nobody")
    assert bench.json("calls", "status")["syncs"] == {"pending": 2, "running": 0, "held": 0, "dead": 0}
    code, out, _ = bench("work", "--once", "--json")
    done = json.loads(out)
    assert (code, done["synced"], done["syncs_failed"], done["dead"], done["dead_syncs"]) == (1, 1, 1, 1, 1)
    assert bench("work", "--once")[0] == 0, "it was told of once"
    bench.store("request_sync", key="nobody")
    assert bench.json("calls", "status")["syncs"] == {"pending": 1, "running": 0, "held": 0, "dead": 0}
    code, out, _ = bench("work", "--once")
    assert (code, "1 syncs given up for good: agentctl calls retry --all" in out) == (1, True)
    shown = bench("calls", "status")[1]
    assert "syncs: 0 wait or are worked on" in shown
    assert "1 given up: agentctl calls retry --all" in shown
    assert "nobody (dead): assistants/nobody is not there" in shown
    assert bench("calls", "retry", "--all")[1] == "0 events, 0 mails, 0 rows and 1 syncs wait for a worker again.\n"
