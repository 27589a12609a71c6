"""agentctl.cli.app: every command has help, help loads nothing, and no failure leaves as a traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from agentctl.cli.app import app, run
from agentctl.cli.command_line import DIRECTORY, ENVIRONMENT
from agentctl.sandbox.harness import BlockingSandbox, running_thread

HEAVY = (
    *("httpx", "pydantic", "supabase", "elevenlabs", "psycopg", "starlette", "uvicorn", "rich", "jinja2"),
    *("tenacity", "twilio", "tomlkit"),
)
VENDORS = ("elevenlabs", "supabase", "storage3", "twilio")
# What mails and digests are made of, what edits files, what speaks HTTP/2, and other commands.
NOT_OF_A_SYNC = (
    *("jinja2", "tomlkit", "h2", "rich", "starlette", "agentctl.calls.digest", "agentctl.calls.process"),
    *("agentctl.verbs.unattended.notice", "agentctl.cli.calls", "agentctl.cli.serve", "agentctl.cli.webhook"),
)


def paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, part in getattr(command, "commands", {}).items():
        yield from paths(part, (*path, name))


COMMANDS = list(paths(typer.main.get_command(app)))


def test_every_command_of_the_project_is_there() -> None:
    words = {" ".join(path) for path in COMMANDS}
    assert words >= {
        *("init", "schema", "plan", "sync", "import-number", "release-number", "up", "serve", "work", "doctor"),
        *("calls list", "calls show", "calls process", "calls events", "db migrate", "db status", "db stop"),
        *("webhook register", "webhook status", "webhook send", "sandbox", "sandbox call"),
    }


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...], flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path, flag]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: {' '.join(('agentctl', *path))} ")
    assert len(said.splitlines()[2].strip()) > 10, "no description"


def test_help_loads_typer_and_nothing_else() -> None:
    assert loaded(["--help"], HEAVY, Path()) == []


def test_the_version_loads_no_command() -> None:
    assert loaded(["--version"], (*HEAVY, "agentctl.cli.sync", "agentctl.cli.calls"), Path()) == []


def test_listing_calls_loads_no_vendor_sdk(dsn: str, tmp_path: Path) -> None:
    assert loaded(["calls", "list"], (*VENDORS, "starlette", "uvicorn"), tmp_path, DATABASE_URL=dsn) == []


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread() as running:
        yield running


@pytest.mark.parametrize(
    ("raw", "sdks"), [("", []), ("[elevenlabs.conversation_config.turn]\nturn_timeout = 9\n", ["elevenlabs"])]
)
def test_a_plan_loads_the_sdk_only_for_raw_keys(
    sandbox: BlockingSandbox, dsn: str, tmp_path: Path, raw: str, sdks: list[str]
) -> None:
    assert loaded(["plan"], VENDORS, tmp_path, **project(sandbox, dsn, tmp_path, raw)) == sdks


def test_a_sync_with_nothing_to_do_loads_only_what_it_needs(sandbox: BlockingSandbox, dsn: str, tmp_path: Path) -> None:
    settings = project(sandbox, dsn, tmp_path)
    assert loaded(["sync", "--yes"], ("httpx", *VENDORS), tmp_path, **settings) == ["httpx"]
    assert loaded(["sync", "--yes"], NOT_OF_A_SYNC, tmp_path, **settings) == []


def project(sandbox: BlockingSandbox, dsn: str, tmp_path: Path, raw: str = "") -> dict[str, str]:
    """One assistant, and the settings to sync it. `raw`: what its file says beside its name."""
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n', encoding="utf-8")
    assistant = tmp_path / "assistants" / "empfang"
    assistant.mkdir(parents=True)
    (assistant / "assistant.toml").write_text(f'name = "Empfang"\n{raw}', encoding="utf-8")
    (assistant / "prompt.md").write_text("Du bist der Empfang.\n", encoding="utf-8")
    return {"ELEVENLABS_BASE_URL": sandbox.url, "ELEVENLABS_API_KEY": sandbox.key, "DATABASE_URL": dsn}


def loaded(arguments: list[str], modules: tuple[str, ...], directory: Path, **settings: str) -> list[str]:
    """Which of `modules` a fresh interpreter has loaded after a command that succeeded."""
    program = (
        "import sys; from agentctl.__main__ import main; asked = sys.argv.pop(1).split(',')\n"
        "try: main()\n"
        "finally: print('LOADED', *(name for name in asked if sys.modules.get(name)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, ",".join(modules), *arguments],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "HOME": str(directory), **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()[-1].split()[1:]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("agentctl 0.")


@pytest.mark.parametrize("arguments", [["no-such-command"], ["plan", "--no-such-option"], ["calls", "show"]])
def test_a_wrong_call_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().out == ""


def test_a_wrong_configuration_is_2_with_every_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://x@127.0.0.1/x")
    monkeypatch.setenv("WEBHOOK_MAX_BYTES", "many")
    monkeypatch.setenv("SUPABASE_URL", "no url")
    assert run(["-C", str(tmp_path), "calls", "list"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "WEBHOOK_MAX_BYTES" in captured.err
    assert "SUPABASE_URL" in captured.err


def test_outside_a_project_it_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "plan"]) == 2
    assert "agentctl init" in capsys.readouterr().err


def test_a_run_leaves_neither_its_environment_nor_its_project_to_the_next(tmp_path: Path) -> None:
    assert run(["-C", str(tmp_path), "--env", "staging", "plan"]) == 2
    assert (ENVIRONMENT.get(), DIRECTORY.get()) == (None, Path())


def test_a_bug_is_one_line_without_what_it_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> dict[str, Any]:
        raise RuntimeError("sk-secret")

    monkeypatch.setattr("agentctl.sources.assistant_file.schema", broken)
    assert run(["schema"]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: agentctl itself failed: RuntimeError in test_app.py:")
    assert "Traceback" not in captured.err
    assert "sk-secret" not in captured.err
    assert captured.out == ""


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> dict[str, Any]:
        raise KeyboardInterrupt

    monkeypatch.setattr("agentctl.sources.assistant_file.schema", interrupted)
    assert run(["schema"]) == 130
    assert "Traceback" not in capsys.readouterr().err
