"""How log lines look: JSON, whoever writes them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

from agentctl.cli.app import run
from agentctl.cli.logs import Format, Level, log_to_stderr
from agentctl.telemetry.fields import bound


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    ours = [logging.getLogger(name) for name in ("agentctl", "webhooks")]
    before = root.handlers[:], root.level, [one.level for one in ours]
    yield
    root.handlers, root.level = before[0], before[1]
    for one, level in zip(ours, before[2], strict=True):
        one.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    written = capsys.readouterr().err
    assert written.isascii()
    return [json.loads(line) for line in written.splitlines()]


def test_a_record_is_one_object_with_the_ids_at_hand(capsys: pytest.CaptureFixture[str]) -> None:
    copy_context().run(log_to_stderr, Level.info, Format.json)
    with bound(job="events", event_id=7, conversation_id="conv_1"):
        try:
            raise RuntimeError("a caller's words")
        except RuntimeError:
            logging.getLogger("agentctl.worker").exception("forged\n{} \x1b[2J\u202e", extra={"fields": {"more": [1]}})
    logging.getLogger("httpx").info("https://user:password@example.org")
    (line,) = lines(capsys)
    assert line.pop("time").endswith("+00:00")
    place = line.pop("exception")
    assert place.startswith("RuntimeError in test_logs.py:")
    assert line == {
        "level": "error", "logger": "agentctl.worker", "message": "forged\n{} \x1b[2J\u202e",
        "job": "events", "event_id": 7, "conversation_id": "conv_1", "more": [1],
    }  # fmt: skip


@pytest.mark.parametrize("how", ["option", "variable", "file"])
def test_messages_and_errors_of_any_command_are_such_lines_too(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "probe"\nunknown = 1\n')
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")  # else a server of its own is started
    option = ["--log-format", "json"] if how == "option" else []
    if how == "variable":
        monkeypatch.setenv("AGENTCTL_LOG_FORMAT", "json")
    if how == "file":
        (tmp_path / ".env").write_text("AGENTCTL_LOG_FORMAT=json\n")
        (tmp_path / ".env").chmod(0o600)
    assert run(["-C", str(tmp_path), *option, "plan"]) == 2
    (line,) = lines(capsys)
    assert (line["level"], line["logger"]) == ("error", "agentctl.cli")
    assert "unknown" in line["message"]
    assert not line["message"].startswith("error")


def test_another_format_is_an_error_that_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTCTL_LOG_FORMAT", "xml")
    assert run(["-C", str(tmp_path), "calls", "status"]) == 2
    assert "AGENTCTL_LOG_FORMAT: must be text or json" in capsys.readouterr().err
