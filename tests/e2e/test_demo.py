"""scripts/demo: the main job from files to mail, checked by itself, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from queue import Queue

import pytest

from scripts import demo as script

ROOT = Path(__file__).parents[2]
STEPS = ["init", "plan", "sync", "import-number", "webhook", "call", "store", "mail", "second-sync"]
PATIENCE_SECONDS = 300


def demo(scratch: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run it as scripts/demo does, with a directory for temporary files of its own."""
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), *arguments],
        cwd=scratch,
        env={**os.environ, "TMPDIR": str(scratch), **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def left_running(scratch: Path) -> list[str]:
    """The processes that have to do with the directory, by their command lines and working directories."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            where = os.readlink(entry / "cwd")
        except OSError:
            continue
        if str(scratch) in command or where.startswith(str(scratch)):
            found.append(command)
    return found


def nothing_is_left(scratch: Path) -> None:
    assert [path.name for path in scratch.iterdir()] == []
    if Path("/proc/self/cmdline").exists():
        assert left_running(scratch) == []


def test_for_people_it_tells_the_whole_story_and_nothing_is_left(tmp_path: Path) -> None:
    # A user's own settings are none of the demo's.
    ended = demo(tmp_path, ELEVENLABS_API_KEY="sk_mine", DATABASE_URL="postgresql://mine.invalid/x")
    assert ended.returncode == 0, ended.stderr
    headings = re.findall(r"^── (.*?) ─+$", ended.stdout, re.MULTILINE)
    assert headings == [*(title for _, title, _ in script.STEPS), "Done"]
    for part in (
        "+ agent empfang",
        "conversation_config.agent.first_message",
        "user    Guten Tag, hier ist Erika Muster.",
        "[ ] Rückruf zum Angebot",
        "To: team@example.org",
        "$ agentctl sync --yes\n…\n5 done, 0 failed.\n",
        "$ agentctl sync --yes\nNothing to do: 6 unchanged.\nEverything is in sync.\n",
        f"{len(STEPS)} steps, each result checked",
    ):
        assert part in ended.stdout, part
    nothing_is_left(tmp_path)


def test_for_machines_a_run_in_which_every_step_held_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    run = script.Demo(Path(), quiet=True, env={}, mailbox=Queue())
    for name, title, _ in script.STEPS:
        run.step(name, title, lambda _: None)
    run.report(True)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    result = json.loads(out)
    assert result["ok"] is True
    assert [step["name"] for step in result["steps"]] == STEPS
    assert all(step["ok"] is True and step["seconds"] >= 0 for step in result["steps"])


def test_a_step_that_fails_is_told_ends_with_1_and_leaves_nothing_to_look_at(tmp_path: Path) -> None:
    # Without a Postgres where one is said to be, the second step cannot work.
    ended = demo(tmp_path, "--json", "--keep", AGENTCTL_PG_BIN=str(tmp_path.parent / "nowhere"))
    assert ended.returncode == 1
    assert ended.stdout.count("\n") == 1
    result = json.loads(ended.stdout)
    assert result["ok"] is False
    assert [(step["name"], step["ok"]) for step in result["steps"]] == [("init", True), ("plan", False)]
    assert "demo failed at plan: agentctl plan" in ended.stderr
    assert "Traceback" not in ended.stderr
    nothing_is_left(tmp_path)


def test_it_can_be_stopped(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / "demo.py")],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "+ agent empfang" in line:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert process.returncode == 1
    assert "stopped" in err
    assert "Traceback" not in err
    nothing_is_left(tmp_path)
