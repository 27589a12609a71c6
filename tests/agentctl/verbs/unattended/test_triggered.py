"""agentctl.verbs.unattended.triggered: what becomes of a sync that was asked for when its server is stopped."""

from __future__ import annotations

import asyncio
import logging

import pytest

from agentctl.verbs.unattended import triggered
from agentctl.verbs.unattended.triggered import Syncs
from agentctl.wiring import connect
from tests.telephony import Bench, bench

__all__ = ["bench"]


def stopped(bench: Bench) -> None:
    """A sync is asked for, and its server ends while an agent is made."""

    async def session() -> None:
        async with connect(bench.root) as control:
            syncs = Syncs(control)
            assert syncs.start()
            async with asyncio.timeout(30):
                while len(bench.sandbox.state()["agents"]) < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            await syncs.end()
            assert not syncs.start(), "nobody would wait for it"

    bench.declare("notdienst")
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n[mail]\nto = ["team@example.org"]\n')
    asyncio.run(session())


def test_what_runs_is_finished(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agentctl")
    bench.sandbox.fault(method="GET", path="/v1/convai/agents/*", skip=1, delay_ms=300)
    stopped(bench)
    assert "sync: 3 done, 0 failed" in caplog.text
    assert bench("plan", "--exit-code")[0] == 0


def test_what_takes_too_long_is_ended_and_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "agentctl")
    monkeypatch.setattr(triggered, "LAST_SECONDS", triggered.AFTER_SECONDS + 0.3)
    bench.sandbox.fault(method="POST", path="/v1/convai/agents/create", hang=True, apply=True)
    stopped(bench)
    log = caplog.text
    assert "did not come to its end: this run was ended, since its server was stopped: 0 of 3 changes are done" in log
    assert "Not done: agent notdienst, post_call empfang, post_call notdienst." in log
    assert log.count("since its server was stopped") == 1
    (mail,) = bench.store("claim_mails", worker="test", limit=50, lease_seconds=3600)
    assert "agent notdienst" in str(mail["message"])
    assert bench("sync", "--yes", "--quiet")[0] == 0, "the next one goes on from there"
