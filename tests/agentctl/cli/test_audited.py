"""Whatever shows what callers said leaves a row in the audit log, with nothing personal in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from agentctl.verbs.calls import audit
from agentctl.wiring import connect
from tests.telephony import Bench, bench

__all__ = ["bench"]
READING = (
    (("list",), "list"),
    (("list", "--number", "+498999998999", "--search", "Muster", "--assistant", "empfang", "--limit", "5"), "list"),
    (("events",), "events"),
    (("mails",), "mails"),
    (("actions", "list", "--number", "8999"), "actions list"),
    (("export", "--format", "jsonl", "--search", "Muster"), "exported"),
)


def test_each_reading_leaves_a_row_without_numbers_and_words(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTCTL_ACTOR", "Datenschutz")
    for arguments, action in READING:
        assert bench("calls", *arguments)[0] == 0
        [row] = bench.json("calls", "audit", "--limit", "1")
        assert (row["action"], row["actor"]) == (action, "Datenschutz")
    rows = bench.json("calls", "audit")
    assert not [one for one in ("Muster", "8999", "498999998999") if one in json.dumps(rows)]
    asked = next(row["subject"]["asked"] for row in rows if row["action"] == "list")
    assert asked == {"number": True, "search": True, "assistant": "empfang", "limit": "5"}
    monkeypatch.delenv("AGENTCTL_ACTOR")
    bench("calls", "list")
    code, out, _ = bench("calls", "audit", "--since", "1h")
    assert code == 0
    assert "@" in out.splitlines()[1]
    assert "Datenschutz" in out
    assert bench.json("calls", "audit", "--limit", "1")[0]["actor"] != "Datenschutz"


def test_what_failed_or_was_killed_shows_nothing_and_leaves_a_row(bench: Bench, dsn: str) -> None:
    assert bench("calls", "audit") == (0, "", "Nobody has read or erased anything yet.\n")
    assert bench("calls", "show", "conv_none")[0] == 1
    [row] = bench.json("calls", "audit")
    assert (row["action"], row["subject"]) == ("show", {"outcome": "AgentctlError"})
    killed = "insert into agentctl.audit (actor, action, subject, begun, at) values ('x', 'sync', %s, true, %s)"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for hours in (2, 0):
            at = datetime.now(UTC) - timedelta(hours=hours)
            connection.execute(killed.encode(), ['{"keys": ["empfang"]}', at])
    rows = bench.json("calls", "audit", "--limit", "3")
    assert [row["subject"].get("outcome") for row in rows] == ["under way", "AgentctlError", "interrupted"]
    assert (rows[-1]["subject"]["keys"], rows[-1].keys()) == (["empfang"], row.keys())


@pytest.mark.anyio
async def test_what_changes_something_is_noted_before_it_does(bench: Bench) -> None:
    async with connect(bench.root) as control:
        async with audit.noted(control, "sync", keys=["empfang"]) as told:
            (row,) = await audit.audit(control)
            told["done"] = 1
        assert row["subject"] == {"keys": ["empfang"], "outcome": "under way"}
        assert await audit.audit(control) == [{**row, "subject": {"keys": ["empfang"], "done": 1}}]


def test_every_command_about_calls_is_known_here() -> None:
    """One that is new has to say whether it shows what callers said."""
    from agentctl.cli.calls import app

    audited = {
        "list_calls",
        "show",
        "events",
        "mails",
        "export",
        "recording",
        "list_items",
        "forget",
        "retain",
        "to_test",
        "done",
        "reopen",
    }
    silent = {"process", "status", "retry", "backfill", "digest", "stats", "audit", "sink"}
    commands = [one.callback for one in app.registered_commands]
    commands += [one.callback for group in app.registered_groups for one in group.typer_instance.registered_commands]
    assert {one.__name__ for one in commands if one} == audited | silent
