"""Every message that names a command names the environment too: nobody who follows it writes into another one."""

from __future__ import annotations

import inspect
import json
import logging
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agentctl import cli
from agentctl.calls.backfill import CaughtUp
from agentctl.cli import (
    app,
    doctor,
    history,
    knowledge,
    logs,
    number,
    queue,
    render,
    render_call,
    render_pull,
    rotation,
    sandbox,
    session,
    sync,
    testing,
    unattended,
    webhook,
)
from agentctl.cli.addressed import addressed, naming
from agentctl.errors import Problem, SyncError
from agentctl.resources.test_run import Result
from agentctl.resources.webhook import Webhook
from agentctl.sync.apply import Applied
from agentctl.sync.kind import Desired, Ref, Scope
from agentctl.sync.plan import Change, Failure, Plan, Unmanaged
from agentctl.verbs.commands import COMMANDS
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.knowledge import Refreshed
from agentctl.verbs.numbers.number import Imported
from agentctl.verbs.numbers.release import Released
from agentctl.verbs.post_call.registration import Registered
from agentctl.verbs.post_call.rotation import Rotated, Rotation
from agentctl.verbs.post_call.webhook import Sent, Status
from agentctl.verbs.pulling.adopting import Adopting
from agentctl.verbs.pulling.pull import Pull
from agentctl.verbs.revisions.history import History, ProjectPlan
from agentctl.verbs.revisions.hold import Hold
from agentctl.verbs.status import Standing
from agentctl.verbs.testing import Outcome
from agentctl.verbs.unattended.notice import composed
from agentctl.verbs.unattended.report import Report
from agentctl.verbs.work import Drained
from tests.telephony import bench

__all__ = ["bench"]
SAID = "put ours back with: agentctl sync --take-ours"
BARE = re.compile(rf"\bagentctl (?:{'|'.join(COMMANDS)})\b")
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SCOPE = Scope("beispiel", "staging", "api.elevenlabs.io")

PROBLEM = Problem("agent desk", SAID)
ERROR = SyncError(f"agent desk: {SAID}", f"Or: {SAID}")
FAILURE = Failure(Ref("agent", "desk"), "desk.toml", ERROR)
GONE = Change("update", Desired("agent", "desk", {}, "desk.toml"), bound="agent_1")
PLAN = Plan(
    notices=(PROBLEM,), waiting=(FAILURE,), failures=(FAILURE,), unmanaged=(Unmanaged("agent", "agent_9", "Alt"),)
)
APPLIED = Applied(PLAN, (), (FAILURE, FAILURE), held=(GONE,), left=(FAILURE,))
PULL = Pull(("desk",), {}, (), (PROBLEM,), (FAILURE,), PLAN)
ADOPTING = Adopting((), (PROBLEM,), (PROBLEM,))
REPORT = Report(NOW, NOW, 1, 7, SCOPE, APPLIED, (), ERROR, "staging")
HISTORY = [History("desk", (), Hold("desk", 3, "digest", "2026-11-21"))]
STANDINGS = [Standing("desk", "held", (SAID,))]
OUTCOMES = [Outcome("desk", Result("greets", "not run", SAID))]
REFRESHED = [Refreshed("prices", "https://www.example.org", ERROR)]
HOOK = Webhook("wh_1", "agentctl", "https://door.example.org")
TURNING = Rotation(HOOK.url, "wh_1", "prove", "wh_2")
ENDING = Rotation(HOOK.url, "wh_1", "end", "wh_2", moved_at=1e9)
STATUS = Status("wh_1", HOOK, (), None, (SAID,), TURNING)
REGISTERED = Registered(HOOK, True, None, (), (), ("desk",), None, (SAID,), APPLIED.held)
SENT = Sent(HOOK.url, "transcript", None, 401, "no", 0.1, SAID)
IMPORTED = Imported("+49", "desk", "agent_1", "phnum_1", True, True, {}, False, True, {}, {}, (SAID,))
RELEASED = Released("+49", True, False, None, (), (SAID,))
COUNTS = {"pending": 0, "running": 0, "kept": 1, "dead": 1}
AGES = {f"oldest_{one}_seconds": None for one in ("event", "recording", "mail", "row", "sync")}
QUEUES = dict.fromkeys(("events", "recordings", "mails", "rows", "syncs"), COUNTS)
TROUBLES: dict[str, list[Any]] = {"waiting_for": [], "troubled_rows": [], "troubled_syncs": [], "duties": []}
NO_STRANGERS = {"strangers": {"calls": 0, "agents": 0}}
STANDING = {**QUEUES, **AGES, **TROUBLES, **NO_STRANGERS}
HELD = {"reached": True, "conversation_id": "conv_1", "deliveries": [], "webhook": "off"}
UNKEPT = cast(Any, SimpleNamespace(env_file=None))
ROLLBACK = cast(Any, SimpleNamespace(key="desk", revision=2, plan=ProjectPlan.of(PLAN, [])))

TOLD: dict[str, Callable[[], Any]] = {
    "doctor.finding_json": lambda: doctor.finding_json(Finding("agents", "broken", SAID, SAID)),
    "doctor.finding_text": lambda: doctor.finding_text(Finding("agents", "broken", SAID, SAID)),
    "history._outcome": lambda: history._outcome(ROLLBACK, APPLIED, held=True),
    "knowledge.refreshed_json": lambda: knowledge.refreshed_json(REFRESHED),
    "knowledge.refreshed_text": lambda: knowledge.refreshed_text(REFRESHED),
    "number._released_json": lambda: number._released_json(RELEASED),
    "number.imported_json": lambda: number.imported_json(IMPORTED),
    "queue.fetched_text": lambda: queue.fetched_text(CaughtUp(NOW, entered=("conv_1",))),
    "queue.standing_text": lambda: queue.standing_text(STANDING),
    "render.applied_json": lambda: render.applied_json(APPLIED),
    "render.failure_json": lambda: render.failure_json(FAILURE),
    "render.failure_text": lambda: render.failure_text(FAILURE),
    "render.history_text": lambda: render.history_text(HISTORY),
    "render.left_text": lambda: render.left_text(FAILURE),
    "render.plan_json": lambda: render.plan_json(PLAN),
    "render.plan_text": lambda: render.plan_text(PLAN),
    "render.status_json": lambda: render.status_json(STANDINGS),
    "render.status_text": lambda: render.status_text(STANDINGS),
    "render_call.drained_text": lambda: render_call.drained_text(Drained(0, 0, 0, 0, 1, 1, 0, 0)),
    "render_pull.pull_json": lambda: render_pull.pull_json(PULL, ADOPTING, [FAILURE]),
    "render_pull.pull_text": lambda: render_pull.pull_text(PULL, ADOPTING),
    "rotation._rotated_json": lambda: rotation._rotated_json(Rotated(TURNING, SAID), UNKEPT),
    "rotation._rotated_text": lambda: rotation._rotated_text(Rotated(TURNING, SAID), "SECRET", "read"),
    "rotation.rotation_text": lambda: [rotation.rotation_text(one) for one in (TURNING, ENDING)],
    "sandbox.outcome": lambda: sandbox.outcome(HELD),
    "sync.outcome": lambda: sync.outcome(APPLIED),
    "testing.results_json": lambda: testing.results_json(OUTCOMES),
    "testing.results_text": lambda: testing.results_text(OUTCOMES),
    "unattended.report_json": lambda: unattended.report_json(REPORT),
    "webhook._registered_json": lambda: webhook._registered_json(REGISTERED, UNKEPT),
    "webhook._registered_text": lambda: webhook._registered_text(REGISTERED),
    "webhook._sent_json": lambda: webhook._sent_json(SENT),
    "webhook._status_text": lambda: webhook._status_text(STATUS),
    "webhook.status_json": lambda: webhook.status_json(STATUS),
}
# What they show is all data, and no message of ours.
DATA = {
    "adopting._text", "db._json", "number._imported_text", "number._released_text", "render.held_json",
    "render.held_text", "queue.fetched_json", "render.history_json", "render.to_json", "render_call.call_text",
    "render_call.events_text", "render_call.mails_text", "render_digest.redigested_text", "render_found.items_text",
    "render_found.list_text", "render_found.snippet_text", "render_stats.table_text", "rotation.rotation_json",
    "webhook._bound_text", "webhook._sent_text",
}  # fmt: skip


@pytest.fixture
def staging() -> Iterator[None]:
    with naming("staging"):
        yield


@pytest.mark.usefixtures("staging")
@pytest.mark.parametrize("name", sorted(TOLD))
def test_whatever_is_told_names_the_environment(name: str) -> None:
    told = json.dumps(TOLD[name](), ensure_ascii=False, default=str)
    assert "agentctl --env staging " in told
    assert BARE.findall(told) == []


@pytest.mark.parametrize("name", sorted(TOLD))
def test_where_none_was_named_none_is_told(name: str) -> None:
    with naming(None):
        assert "--env" not in json.dumps(TOLD[name](), ensure_ascii=False, default=str)


def test_none_is_forgotten() -> None:
    found = set()
    for module in (import_module(f"agentctl.cli.{one.name}") for one in pkgutil.iter_modules(cli.__path__)):
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ == module.__name__ and name.endswith(("_text", "_json", "outcome")):
                found.add(f"{module.__name__.rpartition('.')[2]}.{name}")
    assert found == {*TOLD, *DATA}


@pytest.mark.usefixtures("staging")
def test_errors_messages_and_the_log_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    app._fail(SAID, 1)
    session.say(SAID)
    number._print(SAID)
    for form in (logs._Lines("%(message)s"), logs._Json()):
        print(form.format(logging.makeLogRecord({"msg": SAID})))
    captured = capsys.readouterr()
    assert (captured.out + captured.err).count("agentctl --env staging sync --take-ours") == 5
    assert BARE.findall(captured.out + captured.err) == []


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_mail_names_that_of_its_run(language: str) -> None:
    class Many(Report):
        findings = (*REPORT.findings, *(f"agent {one}" for one in range(50)))

    message = composed(Many(NOW, NOW, 1, 0, SCOPE, None, (), None, "staging"), SCOPE, language)
    assert "agentctl --env staging plan" in message["text"]
    for part in (message["text"], message["html"]):
        assert "agentctl --env staging sync --take-ours" in part
        assert BARE.findall(part) == []


def test_a_report_names_that_of_its_run_wherever_it_is_read(tmp_path: Path) -> None:
    with naming(None):
        unattended.Unattended(report=tmp_path / "report.json")._save(REPORT)
        assert addressed(SAID) == SAID
    written = (tmp_path / "report.json").read_text()
    assert "agentctl --env staging sync" in written
    assert BARE.findall(written) == []
