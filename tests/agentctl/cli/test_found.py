"""agentctl calls list, actions, export and stats, as people and programs use them one after another."""

from __future__ import annotations

import asyncio
import csv
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentctl.cli.app import run
from agentctl.clients.store.postgres import PostgresStore
from tests.stores import running, stored

Cli = Callable[..., tuple[int, str, str]]
NEW, OLD = "conv_new", "conv_old"


@pytest.fixture
def cli(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("TZ", "UTC")
    asyncio.run(_fill(dsn))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(tmp_path), "calls", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


async def _fill(dsn: str) -> None:
    store = await PostgresStore.open(dsn)
    digest = {"engine": "llm", "title": "=cmd()", "summary": "Der Rückruf *eilt*;\n=HYPERLINK(1)", "language": "de"}
    item = {"position": 0, "what": "Zurückrufen", "who": "Empfang", "due": "morgen", "done": False}
    calls: dict[str, dict[str, Any]] = {
        OLD: {"call": {"started_at": "2020-01-02T10:00:00Z"}, "action_items": [], "digest": None},
        NEW: {"call": {"answer_ms": [400, 900]}, "digest": digest | {"outcome": "callback"}, "action_items": [item]},
    }
    for name, changes in calls.items():
        await store.call("store_call", stored(await running(store, name), name, **changes))
    await store.close()


def names(cli: Cli, *arguments: str) -> list[str]:
    code, out, _ = cli("list", *arguments, "--json")
    assert code == 0
    return [call["conversation_id"] for call in json.loads(out)]


def test_each_option_asks_for_something(cli: Cli) -> None:
    assert names(cli) == [NEW, OLD]
    assert names(cli, "--assistant", "nobody") == []
    assert names(cli, "--since", "2020-01-03") == [NEW]
    assert names(cli, "--until", "2020-01-01") == []
    assert names(cli, "--until", "2020-01-02") == [OLD]
    assert names(cli, "--number", "089 / 9999 8100", "--open") == [NEW]
    assert names(cli, "--outcome", "callback") == [NEW]
    assert names(cli, "--status", "failed") == []
    assert names(cli, "--search", "rückrufe -angebot") == [NEW]
    assert names(cli, "--before", NEW) == [OLD]


def test_a_list_for_people_shows_hits_and_how_to_go_on(cli: Cli) -> None:
    _, out, err = cli("list", "--search", "rückruf", "--limit", "1")
    _, row, snippet = out.splitlines()
    assert row.startswith(NEW)
    assert snippet.startswith("    Rückruf *eilt*;")
    assert f"--before {NEW}" in err
    assert cli("list", "--search", "nirgends") == (0, "", "No calls like that.\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("list", "--since", "neulich"), "is no time"),
        (("list", "--number", "unbekannt"), "is no telephone number"),
        (("list", "--search", "  "), "nothing to look for"),
        (("actions", "done", "conv_1"), "is no action item's id"),
        (("actions", "done", "conv_1:0"), "is an item's place, which another digest of its call changes"),
        (("export", "--format", "csv", "-o", "/nowhere/calls.csv"), "cannot be written"),
        (("export", "--format", "csv", "-o", "/"), "cannot be written"),
    ],
)
def test_what_cannot_be_meant_is_told(cli: Cli, arguments: tuple[str, ...], reason: str) -> None:
    code, out, err = cli(*arguments)
    assert (code, out) == (2, "")
    assert reason in err


def test_action_items_are_ticked_off_and_opened_again(cli: Cli) -> None:
    (item,) = json.loads(cli("actions", "list", "--json")[1])
    name = item["id"]
    assert name.startswith(f"{NEW}:")
    assert name in cli("actions", "list")[1]
    assert "[ ] Zurückrufen (Empfang, morgen)" in cli("actions", "list")[1]
    assert item | {"what": "Zurückrufen", "done": False, "assistant": "empfang"} == item

    assert cli("actions", "done", name) == (0, "", "Now done: Zurückrufen\n")
    assert cli("actions", "done", name)[2] == "Was already done: Zurückrufen\n"
    assert cli("actions", "list") == (0, "", "Nothing is left to do.\n")
    assert "[x] Zurückrufen" in cli("actions", "list", "--all")[1]
    assert json.loads(cli("actions", "reopen", name, "--json")[1])["changed"] is True
    assert names(cli, "--open") == [NEW]
    code, _, err = cli("actions", "done", f"{NEW}:aaaaaaaa")
    assert code == 1
    assert "there is no action item" in err
    rows = json.loads(cli("audit", "--json")[1])
    told = [
        (row["action"], row["subject"]) for row in rows if row["action"] != "actions list" and row["action"] != "list"
    ]
    item_of = {"item": name}
    failed = ("actions done", {"outcome": "AgentctlError"})
    assert told == [failed, ("actions reopen", item_of), ("actions done", item_of), ("actions done", item_of)]


def test_an_export_is_whole_private_and_free_of_formulas(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    assert cli("export", "--format", "csv", "-o", str(path)) == (0, "", f"2 calls in {path}\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    new, old = csv.DictReader(path.read_text("utf-8-sig").splitlines())
    assert (new["conversation_id"], new["outcome"], new["duration_secs"]) == (NEW, "callback", "42")
    assert (new["title"], new["external_number"]) == ("'=cmd()", "'+498999998100")
    assert new["summary"] == "Der Rückruf *eilt*; '=HYPERLINK(1)"
    assert new["transcript"] == "agent: Guten Tag"
    assert old["conversation_id"] == OLD

    lines = cli("export", "--format", "jsonl", "--since", "2020-01-03")[1].splitlines()
    assert [json.loads(line)["turns"][0]["message"] for line in lines] == ["Guten Tag"]
    text = cli("export", "--format", "md", "--search", "rückruf")[1]
    assert "> Der Rückruf \\*eilt\\*; =HYPERLINK(1)\n" in text
    assert "- [ ] Zurückrufen (Empfang, morgen)\n" in text


def test_an_export_that_fails_leaves_what_was_there(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("what was there")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    assert cli("export", "--format", "csv", "-o", str(path))[0] == 1
    assert path.read_text() == "what was there"
    assert [one.name for one in tmp_path.iterdir()] == ["calls.csv"]


def test_statistics(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("stats", "--since", "2020-01-01")
    assert code == 0
    assert out.splitlines()[1].split() == [
        "empfang", "2", "0", "1:24", "0:42", "-", "100%", "0.40", "s", "0.90", "s", "callback", "1"
    ]  # fmt: skip
    counted = json.loads(cli("stats", "--since", "2020-01-03", "--json")[1])
    assert (counted["all"]["calls"], counted["assistants"][0]["assistant"]) == (1, "empfang")
    page = tmp_path / "stats.html"
    assert cli("stats", "--html", str(page))[2] == f"The page is in {page}\n"
    assert page.read_text("utf-8").startswith("<!doctype html>")
