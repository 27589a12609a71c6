"""agentctl.verbs.unattended.report: the same trouble has one digest, other trouble another."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agentctl.errors import (
    AgentctlError,
    ApiError,
    Busy,
    ConfigurationError,
    NotPassed,
    Problem,
    Rejected,
    TimedOut,
    Unreachable,
)
from agentctl.sync.apply import Applied
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Observed, Ref
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs.unattended.report import Report

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def report(error: Exception | None = None, applied: Applied | None = None, exit_code: int = 1) -> Report:
    return Report(NOW, NOW, exit_code, 0, None, applied, (), error)


def failed(error: AgentctlError, key: str = "empfang") -> Applied:
    return Applied(Plan(), (), (Failure(Ref("agent", key), "assistants/empfang", error),))


def held(path: str) -> Applied:
    change = Change("update", Desired("agent", "empfang", {}, ""), (Edit((path,), 1, 2, "there"),), Observed("a", {}))
    return Applied(Plan(), (), (), (change,))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ApiError("no (request 00ab34cd77ff)", status=500), ApiError("no (request 99ab34cd7711)", status=500)),
        (AgentctlError("no answer after 30 s at 12:01:00"), AgentctlError("no answer after 31 s at 12:16:02")),
        (
            NotPassed("hours failed: The agent was rude.", tests={"hours": "failed"}),
            NotPassed("hours failed: It did not greet.", tests={"hours": "failed"}),
        ),
        (Unreachable("GET /x: connection refused"), Unreachable("GET /y: timeout while waiting")),
        (Rejected("POST /x: 422 (must not)", status=422), Rejected("POST /x: 422 (may not)", status=422)),
        (TimedOut("1 of 4 are done", "a"), TimedOut("3 of 4 are done", "b")),
    ],
)  # fmt: skip
def test_the_same_trouble_at_another_time_has_the_same_digest(one: AgentctlError, other: AgentctlError) -> None:
    assert report(one).digest == report(other).digest != ""
    assert report(None, failed(one)).digest == report(None, failed(other)).digest


def test_other_trouble_has_another_digest() -> None:
    errors = [
        ApiError("GET /x: refused", status=401),
        ApiError("GET /x: refused", status=404),
        AgentctlError("GET /x: refused"),
        ConfigurationError([Problem("a.toml", "voice.speed: must be <= 1.2")]),
        ConfigurationError([Problem("a.toml", "voice.speed: must be <= 1.3")]),
        KeyError("x"),
        NotPassed("no", tests={"hours": "failed"}),
        NotPassed("no", tests={"hours": "not run"}),
        NotPassed("no", tests={"tone": "failed"}),
        Rejected("no", status=422, places=("['body', 'name'] missing",)),
        Rejected("no", status=422, places=("['body', 'voice'] missing",)),
    ]
    found = {report(error).digest for error in errors}
    found |= {report(None, failed(errors[2], key)).digest for key in ("a", "b")}  # type: ignore[arg-type]
    found |= {report(None, held(path)).digest for path in ("name", "tags")}
    assert len(found) == len(errors) + 4
    assert report(None, Applied(Plan(), (), ()), 0).digest == ""


def test_the_digest_of_what_is_held_back_is_no_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    before = report(None, held("name")).digest
    monkeypatch.setattr("agentctl.verbs.unattended.report.held_back", lambda change: "in other words")
    assert report(None, held("name")).digest == before


def test_the_outcome_is_what_came_of_it_whatever_the_exit_code_is_called() -> None:
    assert report(AgentctlError("no"), held("name"), 3).outcome == "failed"
    assert report(None, failed(AgentctlError("no")), 3).outcome == "failed"
    assert report(None, held("name"), 1).outcome == "held"
    assert report(None, Applied(Plan(), (), ()), 0).outcome == report(None, None, 0).outcome == "normal"


def test_each_failure_begins_with_its_resource() -> None:
    error = AgentctlError("PATCH /v1/convai/agents/{agent_id}: 422", "Correct the file.")
    assert report(None, failed(error)).findings == (
        "agent empfang: PATCH /v1/convai/agents/{agent_id}: 422\n  Correct the file.",
    )
    assert report(None, failed(AgentctlError("agent empfang: waits"))).findings == ("agent empfang: waits",)
    other = report(None, failed(AgentctlError("agent empfangshalle was not created")))
    assert other.findings == ("agent empfang: agent empfangshalle was not created",)


def test_an_unforeseen_error_is_not_quoted() -> None:
    assert report(KeyError("a caller's words")).findings == ("agentctl itself failed: KeyError",)


def test_waiting_for_another_sync_says_nothing_of_the_project() -> None:
    assert not report(Busy("another")).telling
    assert report(TimedOut("late")).telling
