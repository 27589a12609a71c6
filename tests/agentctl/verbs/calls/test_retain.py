"""[retention] in agentctl.toml: a plan shows it, a sync declares it, a worker carries it out."""

from __future__ import annotations

from agentctl.calls.retention import changes
from agentctl.verbs.work import once, process
from tests.telephony import Bench, bench

__all__ = ["bench"]
LONG_AGO = 1_600_000_000


def declare(bench: Bench, table: str) -> None:
    (bench.root / "agentctl.toml").write_text(f'project = "beispiel"\n{table}')


def turns(bench: Bench, conversation_id: str) -> int:
    return len(bench.json("calls", "show", conversation_id)["turns"])


def test_what_a_project_declares_is_shown_kept_and_done(bench: Bench) -> None:
    order = {"agent_id": bench.agent()["agent_id"], "deliver": False, "audio": False, "started_at": LONG_AGO}
    old = bench.sandbox.call(**order)["conversation_id"]
    bench.json("calls", "backfill", "--since", "2020-01-01")
    bench.control(process)
    assert bench.json("calls", "retain")["erased"]["calls"] == 0
    assert turns(bench, old) > 0

    declare(bench, "[retention]\ntranscripts = 30\naudio = 7\n")
    note = "retention: transcripts are kept for 30 days instead of for ever, from this sync on; what is older is erased"
    assert note in bench("plan")[1]
    assert bench.json("calls", "retain")["limits"][0]["transcripts"] is None  # a plan changes nothing
    assert bench("sync", "--yes")[0] == 0
    assert "retention:" not in bench("plan")[1]
    assert turns(bench, old) > 0
    bench.control(once)
    assert bench.json("calls", "show", old)["emptied_at"]
    assert turns(bench, old) == 0
    code, out, _ = bench("calls", "retain")
    assert code == 0
    assert "beispiel/production keeps transcripts 30 days, recordings 7 days, raw events for ever." in out
    declare(bench, "")
    assert "recordings are kept for ever instead of for 7 days" in bench("plan")[1]


def test_a_limit_that_is_none_is_refused(bench: Bench) -> None:
    declare(bench, "[retention]\ntranscripts = 0\naudit = 7\nvideo = 3\n")
    code, _, err = bench("plan")
    assert code == 2
    for problem in ("retention.transcripts: must be >= 1", "retention.audit: must be >= 31", "unknown key 'video'"):
        assert problem in err


def test_changes_are_told_by_sort() -> None:
    assert changes({}, {}) == []
    assert changes({"raw_events": 5, "audio": 1}, {"raw_events": None, "audio": 1}) == [
        "raw events are kept for ever instead of for 5 days"
    ]
