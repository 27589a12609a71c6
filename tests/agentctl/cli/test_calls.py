"""agentctl calls: the JSON faces, the text faces, the exit codes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agentctl.calls import inbox
from agentctl.cli.app import run
from agentctl.settings import Settings
from agentctl.wiring import connect

SAMPLE = (Path(__file__).parents[2] / "samples" / "post_call_transcription.json").read_bytes()
CONVERSATION = "conv_7401k5m9x2p8ec3rqv6dtnhb0fzw"

Cli = Callable[..., tuple[int, str, str]]
Deliver = Callable[[bytes], str]


@pytest.fixture
def cli(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("COLUMNS", "160")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(tmp_path), "calls", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def deliver(dsn: str, tmp_path: Path) -> Deliver:
    async def accept(payload: bytes) -> str:
        async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as control:
            return str((await inbox.accept(await control.store(), payload, inbox.peek(payload), "webhook")).id)

    return lambda payload: asyncio.run(accept(payload))


def changed(**content: Any) -> bytes:
    event = json.loads(SAMPLE)
    event["data"] |= content
    return json.dumps(event).encode()


def test_the_faces_for_machines(cli: Cli, deliver: Deliver) -> None:
    assert json.loads(cli("list", "--json")[1]) == []
    deliver(SAMPLE)
    code, out, _ = cli("process", "--json")
    assert code == 0
    assert json.loads(out) | {"done": 1, "failed": 0, "dead": 0} == json.loads(out)
    (row,) = json.loads(cli("list", "--json")[1])
    assert row["conversation_id"] == CONVERSATION
    assert row["assistant"] is None
    assert row["status"] == "done"
    assert row["started_at"].startswith("2025-11-20T")
    assert row["duration_secs"] == 23
    assert "Rückruf" in row["summary"]
    assert row["action_items"] == []
    code, out, err = cli("show", CONVERSATION, "--json")
    assert (code, err) == (0, "")
    shown = json.loads(out)
    assert row.items() <= shown.items()
    assert shown["turns"][0].items() >= {"role": "agent", "at_secs": 0}.items()
    assert shown["digest"]["engine"] == "elevenlabs"
    assert shown["mails"] == []


def test_the_faces_for_people(cli: Cli, deliver: Deliver) -> None:
    assert cli("list") == (0, "", "No calls yet.\n")
    deliver(SAMPLE)
    assert cli("process")[1] == "1 done, 0 failed.\n"
    _, out, _ = cli("list")
    head, row = out.splitlines()
    assert head.split() == ["CONVERSATION", "WHEN", "ASSISTANT", "NUMBER", "LENGTH", "ABOUT"]
    assert row.startswith(CONVERSATION)
    assert row.endswith("00:23   Rückrufbitte Angebot")
    _, out, _ = cli("show", CONVERSATION)
    assert "Erika Muster bittet um Rückruf zum Angebot" in out
    assert "Summarised by ElevenLabs' analysis." in out
    assert "\n  1  00:04  user    Hallo, Erika Muster, ich hätte gern einen Rückruf zum Angebot.\n" in out
    assert "\n  2  00:09  agent   [tool create_ticket called]\n" in out
    assert "done  post_call_transcription" in out


def test_a_call_that_is_not_there_is_1(cli: Cli) -> None:
    code, out, err = cli("show", "conv_none", "--json")
    assert (code, out) == (1, "")
    assert "there is no call 'conv_none'" in err


def test_limit(cli: Cli, deliver: Deliver) -> None:
    for n in range(3):
        deliver(changed(conversation_id=f"conv_{n}"))
    cli("process")
    assert len(json.loads(cli("list", "--limit", "2", "--json")[1])) == 2
    assert len(json.loads(cli("list", "--json")[1])) == 3
    assert cli("list", "--limit", "0")[0] == 2


def test_what_was_not_understood_is_shown(cli: Cli, deliver: Deliver) -> None:
    event_id = deliver(b'{"type": "post_call_horoscope", "data": {}}')
    assert event_id in cli("events", "--state", "pending")[1]
    assert "1 kept, since they were not understood: agentctl calls events --state kept" in cli("process")[1]
    _, out, _ = cli("events")
    assert "post_call_horoscope" in out
    assert "kept" in out
    (event,) = json.loads(cli("events", "--json")[1])
    assert event | {"id": event_id, "state": "kept", "attempt": 1} == event
    assert cli("events", "--state", "dead") == (0, "", "None are dead.\n")
    code, out, _ = cli("process", event_id, "--json")
    assert code == 0
    assert json.loads(out) | {"requeued": 1, "kept": 1} == json.loads(out)


def test_what_fails_is_1(cli: Cli, deliver: Deliver, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> object:
        raise RuntimeError("a caller's words")

    deliver(SAMPLE)
    monkeypatch.setattr("agentctl.calls.jobs.process", broken)
    code, out, err = cli("process")
    assert code == 1
    assert "0 done, 1 failed.\nWaiting: 1 events." in out
    assert "a caller's words" not in out + err


def test_processing_again_what_is_not_there_is_1(cli: Cli) -> None:
    code, out, err = cli("process", "conv_none")
    assert (code, out) == (1, "")
    assert "nothing to process again for 'conv_none'" in err


def test_a_caller_cannot_drive_the_terminal(cli: Cli, deliver: Deliver) -> None:
    evil = "\x1b]0;owned\x07\x9b2J\u202e\r\nConversation"
    analysis = json.loads(SAMPLE)["data"]["analysis"] | {"transcript_summary": evil, "call_summary_title": evil}
    deliver(changed(transcript=[{"role": "user", "message": evil, "time_in_call_secs": 0}], analysis=analysis))
    cli("process")
    for face in (cli("list")[1], cli("show", CONVERSATION)[1]):
        assert not set("\x1b\x07\x9b\u202e\r") & set(face)
    lines = cli("show", CONVERSATION)[1].splitlines()
    assert lines.count("Conversation") == 1  # what was said cannot pretend to be a heading


def test_a_database_that_is_behind_says_what_to_do(empty_dsn: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    code, out, err = cli("list")
    assert (code, out) == (1, "")
    assert "agentctl db migrate" in err
