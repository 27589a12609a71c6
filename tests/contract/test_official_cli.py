"""The vendor's own CLI as a second client of the sandbox. It exits 0 on failure, so its words, the state and the log
are what counts.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from tests import npm
from tests.contract.openapi import cli

pytestmark = pytest.mark.skipif(not npm.runs_here(), reason="the pinned CLI binary is for Linux on x86-64")

Run = Callable[..., str]
COMPLAINTS = ("error", "failed", "invalid", "not found")


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread(Options()) as found:
        yield found


@pytest.fixture
def elevenlabs(sandbox: BlockingSandbox, tmp_path: Path) -> Run:
    """Run one of its commands in an empty home and return everything it said."""

    def run(*arguments: str, folder: Path = tmp_path) -> str:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "ELEVENLABS_API_KEY": sandbox.key}
        command = [str(cli()), *arguments, "--base-url", sandbox.url]
        ended = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True)
        said = ended.stdout + ended.stderr
        assert not [word for word in COMPLAINTS if word in said.lower()], said
        return said

    return run


def test_init_add_push_status_and_pull(elevenlabs: Run, sandbox: BlockingSandbox, tmp_path: Path) -> None:
    elevenlabs("agents", "init", ".")
    assert "Created agent" in elevenlabs("agents", "add", "Empfang", "--template", "minimal")
    (agent,) = sandbox.state()["agents"].values()
    assert agent["name"] == "Empfang"

    config_file = next((tmp_path / "agent_configs").glob("*.json"))
    config = json.loads(config_file.read_text())
    config["conversation_config"]["agent"]["first_message"] = "Guten Tag!"
    config_file.write_text(json.dumps(config))
    said = elevenlabs("agents", "push")
    assert "Updated agent" in said
    assert "not persisted" not in said
    (agent,) = sandbox.state()["agents"].values()
    assert agent["conversation_config"]["agent"]["first_message"] == "Guten Tag!"

    assert agent["agent_id"] in elevenlabs("agents", "status")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    elevenlabs("agents", "init", ".", folder=elsewhere)
    elevenlabs("agents", "pull", "--all", "--yes", folder=elsewhere)
    pulled = json.loads(next((elsewhere / "agent_configs").glob("*.json")).read_text())
    assert pulled["conversation_config"]["agent"]["first_message"] == "Guten Tag!"


def test_a_page_size_over_the_maximum_is_clamped(elevenlabs: Run, sandbox: BlockingSandbox, tmp_path: Path) -> None:
    said = elevenlabs("agents", "list", "--page-size", "100", "--format", "json")
    assert json.loads(said)["agents"] == []
    assert {entry["status"] for entry in sandbox.log()} == {200}
