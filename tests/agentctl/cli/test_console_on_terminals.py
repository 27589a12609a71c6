"""agentctl.cli.console, by programs: who is told how to come in, and that no log is."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

SERVE = (sys.executable, "-m", "agentctl", "serve", "--no-worker", "--port", "0")


@pytest.fixture
def env(dsn: str, tmp_path: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DATABASE_URL": dsn}


def test_whoever_reads_the_terminal_comes_in_and_whoever_reads_a_log_does_not(
    env: dict[str, str], tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours) as terminal:
        process = subprocess.Popen(SERVE, cwd=tmp_path, env=env, stdout=theirs, stderr=subprocess.DEVNULL)
        os.close(theirs)
        try:
            assert "Listening on" in terminal.readline()
            found = re.search(r"http://\S+link=\S+", terminal.readline())
            assert found
            with httpx.Client() as browser:
                assert browser.get(found[0]).status_code == 303
                url = found[0].partition("/enter")[0]
                assert browser.get(f"{url}/calls").status_code == 200
                made = subprocess.run(
                    [sys.executable, "-m", "agentctl", "link", "--url", url],
                    cwd=tmp_path, env=env, capture_output=True, text=True, check=True,
                )  # fmt: skip
                assert made.stderr == ""
                browser.cookies.clear()
                assert browser.get(made.stdout.strip()).status_code == 303
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0


def test_there_is_none_where_others_could_reach_it(env: dict[str, str], tmp_path: Path) -> None:
    for how, told in ((("--host", "0.0.0.0"), "no console at 0.0.0.0"), (("--no-console",), "")):
        process = subprocess.Popen(
            [*SERVE, *how], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            port = line.rsplit(":", 1)[1].partition("/")[0]
            assert httpx.get(f"http://127.0.0.1:{port}/calls").status_code == 404
            assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        finally:
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=30)
        assert out == "", "a log has no link in it"
        assert told in err
