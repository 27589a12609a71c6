"""agentctl serve, agentctl work: as processes, ended by signals."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from agentctl.calls import inbox
from agentctl.cli.app import run
from agentctl.cli.logs import Level, log_to_stderr
from agentctl.settings import Settings
from agentctl.wiring import connect
from tests import commands
from tests.commands import Command
from webhooks.signature import HEADER, sign

SAMPLE = (Path(__file__).parents[2] / "samples" / "post_call_transcription.json").read_bytes()
SECRET = "wsec_only_for_tests"
PATIENCE_SECONDS = 30


def started(directory: Path, *arguments: str, **settings: str) -> AbstractContextManager[Command]:
    return commands.started(arguments, directory, {"PATH": "/usr/bin:/bin", "HOME": str(directory), **settings})


def accept(dsn: str, directory: Path, payload: bytes) -> int | str | None:
    async def once() -> int | str | None:
        async with connect(directory, settings=Settings(database_url=SecretStr(dsn))) as control:
            return (await inbox.accept(await control.store(), payload, inbox.peek(payload), "webhook")).id

    return asyncio.run(once())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_in_order(dsn: str, tmp_path: Path, number: signal.Signals) -> None:
    settings = {"DATABASE_URL": dsn, "ELEVENLABS_WEBHOOK_SECRET": f"wsec_old, {SECRET}"}
    with started(tmp_path, "serve", "--port", "0", "--log-level", "info", **settings) as process:
        line = process.stdout.readline()
        found = re.fullmatch(r"Listening on (http://127\.0\.0\.1:\d+/webhooks/elevenlabs)\n", line)
        assert found
        header = {HEADER: sign(SAMPLE, SecretStr(SECRET), int(time.time()))}
        assert httpx.post(found[1], content=SAMPLE, headers=header).status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    assert out == f"Console: agentctl link --url {urljoin(found[1], '/')} makes a link into it\n"
    assert "warning: neither SMTP_URL nor RESEND_API_KEY is set: mails wait in the outbox." in err
    assert re.search(
        r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ INFO +accepted: .*post_call_transcription", err, re.MULTILINE
    )
    assert "Traceback" not in err
    assert "wsec" not in err


def test_a_port_in_use_is_1(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(["-C", str(tmp_path), "serve", "--port", str(taken.getsockname()[1])]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Address already in use\n  Choose another --host or --port." in captured.err


def test_without_any_store_it_does_not_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "serve", "--port", "0"]) == 2
    assert "agentctl.toml" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["x", "70000", ":9464", "0.0.0.0:"])
def test_a_place_that_is_none_is_2(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "work", "--metrics", place]) == 2
    assert "Write --metrics 9464" in capsys.readouterr().err


def test_figures_of_a_worker_that_ends_are_of_no_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "work", "--once", "--metrics", "0"]) == 2
    assert "Leave out --once" in capsys.readouterr().err


def test_a_worker_alone(dsn: str, tmp_path: Path) -> None:
    event = accept(dsn, tmp_path, SAMPLE)
    logged = ("--log-level", "debug", "--log-format", "json")
    with started(tmp_path, "work", "--json", "--metrics", "0", *logged, DATABASE_URL=dsn) as process:
        said = []
        while f"events {event}: done" not in (line := process.stderr.readline()):
            assert line, "the worker ended by itself"
            said.append(json.loads(line)["message"])
        done = json.loads(line)
        assert (done["job"], done["attempt"]) == ("events", 1)
        assert (done["event_id"], done["conversation_id"]) == (event, json.loads(SAMPLE)["data"]["conversation_id"])
        (url,) = [message.removeprefix("Figures at ") for message in said if message.startswith("Figures at ")]
        assert 'agentctl_work_total{job="events",outcome="done"} 1' in httpx.get(url).text.splitlines()
        assert httpx.get(url.replace("/metrics", "/healthz")).status_code == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, err
    assert json.loads(out) == {"done": 1, "failed": 0, "lost": 0}


def test_work_once(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    accept(dsn, tmp_path, SAMPLE)
    assert run(["-C", str(tmp_path), "work", "--once", "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)
    assert counts | {"done": 1, "failed": 0, "dead": 0} == counts


def test_work_once_is_1_when_something_is_given_up(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def lose() -> None:
        async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as control:
            for _ in range(5):
                await (await control.store()).call("claim_events", {"worker": "lost", "limit": 1, "lease_seconds": 0})

    monkeypatch.setenv("DATABASE_URL", dsn)
    accept(dsn, tmp_path, SAMPLE)
    asyncio.run(lose())
    assert run(["-C", str(tmp_path), "work", "--once"]) == 1
    assert "1 given up for good" in capsys.readouterr().out


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    ours = [logging.getLogger(name) for name in ("agentctl", "webhooks")]
    before = root.handlers[:], root.level, [one.level for one in ours]
    yield
    root.handlers, root.level = before[0], before[1]
    for one, level in zip(ours, before[2], strict=True):
        one.setLevel(level)


def test_a_record_is_one_line_and_says_nothing_of_an_exception_but_its_place(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr(Level.info)
    try:
        raise RuntimeError("a caller's words")
    except RuntimeError:
        logging.getLogger("agentctl.worker").exception("forged\n2026-01-01 ERROR \x1b[2J")
    logging.getLogger("httpx").info("https://user:password@example.org")
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert "\x1b" not in err
    assert "a caller's words" not in err
    assert "(RuntimeError in test_serve.py:" in err
    assert "password" not in err


def test_work_once_ends_with_1_where_syncs_wait_for_a_project_that_cannot_be_read(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "shop"\n[surce]\n')
    accept(dsn, tmp_path, SAMPLE)
    with started(tmp_path, "work", "--once", "--json", DATABASE_URL=dsn) as process:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, json.loads(out)["done"]) == (0, 1), err
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select agentctl.request_sync('front-desk')")
    accept(dsn, tmp_path, SAMPLE.replace(b"conv_7401k5m9x2p8ec3rqv6dtnhb0fzw", b"conv_7401k5m9x2p8ec3rqv6dtnhb0fzx"))

    with started(tmp_path, "work", "--once", DATABASE_URL=dsn) as process:
        out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 1
    assert out.startswith("1 done, 0 failed.\n1 syncs wait until agentctl.toml can be read: agentctl.toml: unknown key")
