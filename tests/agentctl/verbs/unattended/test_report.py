"""agentctl.verbs.unattended.report: the same trouble has one digest, and the file is never half a report."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

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
    UsageError,
)
from agentctl.sync.apply import Applied
from agentctl.sync.diff import Edit
from agentctl.sync.kind import Desired, Observed, Ref
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs.unattended.report import Report, must_be_writable, save

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


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    save(path, "{}\n")
    save(path, '{"ok": true}\n')
    assert path.read_text() == '{"ok": true}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none" / "r.json"):
        with pytest.raises(UsageError, match="--report"):
            must_be_writable(path)
    with pytest.raises(AgentctlError, match="cannot be written"):
        save(tmp_path / "none" / "r.json", "{}")


def test_only_a_file_is_replaced(tmp_path: Path) -> None:
    """As root, a report at /dev/full would take the device's place."""
    fifo, loop, stdout = tmp_path / "fifo", tmp_path / "loop", tmp_path / "stdout"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    stdout.symlink_to(f"/proc/{os.getpid()}/fd/1")
    (tmp_path / "to-fifo").symlink_to(fifo)
    before = sorted(tmp_path.iterdir())
    names = [fifo, loop, stdout, tmp_path / "to-fifo", *map(Path, ("/dev/null", "/dev/stdout", "/dev/fd/1"))]
    for path in names:
        with pytest.raises(UsageError, match=f"--report: {path} is (no ordinary file|a link)"):
            must_be_writable(path)
    for path in names[:4]:
        with pytest.raises(UsageError, match="--report"):
            save(path, "{}")
    assert fifo.is_fifo()
    assert loop.is_symlink()
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(UsageError, match="--json"):
        must_be_writable(Path("/dev/stdout"))


def test_stdout_is_no_file_even_where_it_leads_to_one(tmp_path: Path) -> None:
    with (tmp_path / "out.json").open("w") as stream, pytest.raises(UsageError, match="--json"):
        must_be_writable(Path(f"/proc/self/fd/{stream.fileno()}"))


def test_of_a_link_the_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    file, link, new = tmp_path / "there" / "report.json", tmp_path / "latest", tmp_path / "new"
    file.write_text("before")
    link.symlink_to("there/report.json")
    new.symlink_to(tmp_path / "there" / "none.json")
    for one in (link, new):
        must_be_writable(one)
        save(one, "{}\n")
        assert one.is_symlink()
    assert (file.read_text(), new.read_text()) == ("{}\n", "{}\n")
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["none.json", "report.json"]
