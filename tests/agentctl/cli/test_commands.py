"""agentctl.cli.commands: commands that are built when they are named are found, listed and completed like any."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentctl.cli.app import run
from agentctl.cli.commands import PLACES, Commands


def test_help_lists_them_all_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines() if line[2:3].strip()] == list(PLACES)


def test_a_misspelt_one_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sycn"]) == 2
    assert "No such command 'sycn'. Did you mean 'sync'?" in capsys.readouterr().err


def test_an_unknown_one_is_none() -> None:
    assert Commands().get("no-such-command") is None


@pytest.mark.parametrize(
    ("words", "offered"),
    [("agentctl sy", ["sync"]), ("agentctl unh", ["unhold"]), ("agentctl calls ret", ["retry", "retain"])],
)
def test_a_shell_completes_them(words: str, offered: list[str]) -> None:
    asked = {"_AGENTCTL_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    agentctl = Path(sys.executable).with_name("agentctl")
    said = subprocess.run([agentctl], env={**os.environ, **asked}, capture_output=True, text=True, timeout=60)
    assert sorted(line.strip() for line in said.stdout.splitlines()) == sorted(offered)
