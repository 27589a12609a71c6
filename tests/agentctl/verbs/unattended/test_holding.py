"""agentctl.verbs.unattended.holding: a hold is said where nobody watches, when it begins and daily."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import date
from pathlib import Path

import pytest

from agentctl.verbs.unattended import holding
from agentctl.verbs.unattended.triggered import Syncs
from agentctl.wiring import connect
from tests.telephony import Bench, bench

__all__ = ["bench"]
CRON = ("sync", "--yes", "--quiet")


def edit(bench: Bench, text: str, key: str = "empfang") -> None:
    (bench.root / "assistants" / key / "prompt.md").write_text(f"{text}\n")


@pytest.fixture
def held(bench: Bench) -> Bench:
    bench.declare("zwei")
    edit(bench, "Schlecht.")
    assert bench(*CRON)[0] == 0
    assert bench("rollback", "empfang", "--yes")[0] == 0
    return bench


def told(revision: int) -> str:
    what = f"held at revision {revision}: its files are left alone until they change, or: agentctl unhold empfang"
    return f"assistants/empfang: {what}"


def test_cron_says_it_when_it_begins_and_once_a_day(held: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert held(*CRON, "--only", "zwei") == (0, "", ""), "it is not asked for"
    assert held(*CRON) == (0, "", f"note: {told(1)}\n")
    assert held(*CRON) == (0, "", "")
    assert held(*CRON, "--only", "empfang") == (0, "", ""), "it was said today"
    monkeypatch.setattr(holding, "_today", lambda: date(2999, 1, 1))
    assert held(*CRON) == (0, "", f"note: {told(1)}\n")
    assert held(*CRON) == (0, "", "")
    assert held("rollback", "empfang", "--to", "2", "--yes")[0] == 0
    assert held(*CRON) == (0, "", f"note: {told(2)}\n"), "it is another hold"
    edit(held, "Gut.")
    code, out, err = held(*CRON)
    assert (code, out) == (0, "beispiel/production: 1 updated\n")
    assert "so the hold ends with this sync" in err
    assert held(*CRON) == (0, "", "")


def test_it_is_mailed_once_and_so_is_its_end(held: Bench, tmp_path: Path) -> None:
    def mails(*more: str) -> list[str]:
        assert held(*CRON, "--mail-to", "ops@example.org", *more)[0] == 0
        rows = held.store("claim_mails", worker="test", limit=50, lease_seconds=3600)
        return [f"{row['message']['subject']}\n{row['message']['text']}" for row in rows]

    report = tmp_path / "report.json"
    assert mails("--only", "zwei") == []
    (mail,) = mails("--report", str(report))
    assert mail.startswith("beispiel/production: Held by a rollback\n")
    assert "assistants/empfang is held at revision 1" in mail
    assert "agentctl unhold empfang" in mail
    assert json.loads(report.read_text())["holds"] == [{"assistant": "empfang", "revision": 1}]
    assert mails() == []
    assert held("unhold", "empfang")[0] == 0
    assert [mail.partition("\n")[0] for mail in mails()] == ["beispiel/production: Sync is back to normal"]


def test_a_sync_that_a_request_asks_for_logs_it_as_often(held: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "agentctl")

    async def asked() -> None:
        async with connect(held.root) as control:
            syncs = Syncs(control)
            assert syncs.start()
            await syncs.end()

    for _ in range(2):
        asyncio.run(asked())
    assert [one.getMessage() for one in caplog.records if one.name.startswith("agentctl")] == [f"sync: {told(1)}"]
