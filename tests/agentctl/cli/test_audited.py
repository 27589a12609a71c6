"""Whatever shows what callers said leaves a row in the audit log, with nothing personal in it."""

from __future__ import annotations

import json

import pytest

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


def test_what_failed_shows_nothing_and_leaves_no_row(bench: Bench) -> None:
    assert bench("calls", "show", "conv_none")[0] == 1
    assert bench("calls", "audit") == (0, "", "Nobody has read or erased anything yet.\n")


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
