"""agentctl plan, agentctl sync: faces, exit codes, and what is left when one is ended in the middle."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentctl.cli.app import run
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from tests.example import NUMBER, Example

DOCUMENTS = {"empfang/oeffnungszeiten", "empfang/anfahrt", "shared/unternehmen"}
COLOUR = "\x1b["


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, sandbox: BlockingSandbox, dsn: str, monkeypatch: pytest.MonkeyPatch) -> Example:
    example = Example(tmp_path / "Büro Süd", sandbox, dsn)
    for name, value in example.env.items():
        monkeypatch.setenv(name, value)
    return example


class Cli:
    """Commands in this process, which is quicker than one of their own."""

    def __init__(self, project: Example, capsys: pytest.CaptureFixture[str]) -> None:
        self._root = project.root
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run(["-C", str(self._root), *arguments])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def cli(project: Example, capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(project, capsys)


def converged(project: Example) -> None:
    """Everything is there once, and nothing is left to do."""
    before = project.writes()
    found = project.json("sync", "--yes")
    assert found["changes"] == []
    assert found["failures"] == []
    assert project.writes() == before
    state = project.sandbox.state()
    assert len(state["agents"]) == 1
    assert len(state["documents"]) == len(DOCUMENTS)
    (agent,) = state["agents"].values()
    used = {entry["id"] for entry in agent["conversation_config"]["agent"]["prompt"]["knowledge_base"]}
    assert used == set(state["documents"])


# Faces and exit codes


def test_a_plan_writes_nothing_and_its_face_is_stable(cli: Cli, project: Example) -> None:
    code, out, err = cli("plan", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert {(change["kind"], change["key"], change["action"]) for change in found["changes"]} == {
        *(("knowledge_document", key, "create") for key in DOCUMENTS),
        ("agent", "empfang", "create"),
        ("post_call", "empfang", "create"),
    }
    for change in found["changes"]:
        assert change["edits"]
        assert all(set(edit) == {"path", "from", "to", "changed"} for edit in change["edits"])
    assert found["counts"] == {"create": 5, "update": 0, "delete": 0, "unchanged": 0}
    assert project.writes() == []
    assert cli("plan", "--exit-code")[0] == 3


def test_without_a_yes_nothing_is_written_and_it_is_2(cli: Cli, project: Example) -> None:
    for arguments in (["sync"], ["sync", "--json"]):
        code, out, err = cli(*arguments)
        assert code == 2
        assert "--yes" in err
        assert ("--json" in arguments) == (out == "")
    assert project.writes() == []


def test_a_sync_prints_one_document_on_stdout_and_its_progress_on_stderr(cli: Cli) -> None:
    code, out, err = cli("sync", "--yes", "--json")
    assert code == 0
    assert json.loads(out)["counts"]["create"] == 5
    assert "[5/5] post_call empfang: created" in err


def test_a_second_sync_writes_nothing(cli: Cli, project: Example) -> None:
    assert cli("sync", "--yes")[0] == 0
    before = project.writes()
    code, out, err = cli("sync")
    assert (code, err) == (0, "")
    assert "Nothing to do: 5 unchanged, 1 waiting for you." in out
    assert project.writes() == before
    assert cli("plan", "--exit-code")[0] == 3, "its number waits for an import"


def test_an_edit_is_shown_field_by_field_and_is_the_only_write(cli: Cli, project: Example) -> None:
    cli("sync", "--yes")
    toml = project.root / "assistants/empfang/assistant.toml"
    toml.write_text(toml.read_text().replace("stability = 0.5", "stability = 0.25"))
    prompt = project.root / "assistants/empfang/prompt.md"
    prompt.write_text(prompt.read_text() + "\nSag am Ende: Servus.\n")
    before = project.writes()
    code, out, _ = cli("plan", "--exit-code")
    assert code == 3
    assert "  ~ agent empfang\n" in out
    assert "      conversation_config.tts.stability: 0.5 -> 0.25\n" in out
    assert "        +Sag am Ende: Servus.\n" in out
    assert cli("sync", "--yes")[0] == 0
    ((method, path),) = project.writes()[len(before) :]
    assert method == "PATCH"
    assert path.startswith("/v1/convai/agents/")


def test_drift_at_the_platform_is_seen(cli: Cli, project: Example, sandbox: BlockingSandbox) -> None:
    cli("sync", "--yes")
    (agent_id,) = sandbox.state()["agents"]
    body = {"conversation_config": {"agent": {"first_message": "Hallo!"}}}
    url = f"{sandbox.url}/v1/convai/agents/{agent_id}"
    httpx.patch(url, json=body, headers={"xi-api-key": sandbox.key}, trust_env=False).raise_for_status()
    shown = cli("plan")[1]
    assert "first_message was changed at the platform" in shown
    assert 'conversation_config.agent.first_message: "Hallo!" -> "Guten Tag' in shown
    assert (cli("status")[1].splitlines()[0].split(maxsplit=1), cli("status", "--exit-code")[0]) == (
        ["empfang", "drifted"],
        3,
    )
    before = project.writes()
    code, out, _ = cli("sync", "--yes")
    assert code == 3
    assert "held back: agent empfang: conversation_config.agent.first_message" in out
    assert project.writes() == before
    held = json.loads(cli("sync", "--yes", "--json")[1])["held"]
    path = "conversation_config.agent.first_message"
    assert held == [{"kind": "agent", "key": "empfang", "paths": [path], "destroys": []}]
    assert cli("sync", "--yes", "--take-ours")[0] == 0
    converged(project)


def test_what_is_no_longer_declared_goes_with_prune_alone(cli: Cli, project: Example, sandbox: BlockingSandbox) -> None:
    other = project.root / "assistants/notdienst"
    other.mkdir()
    (other / "assistant.toml").write_text('name = "Notdienst"\n')
    (other / "prompt.md").write_text("Hilf.\n")
    assert cli("sync", "--yes")[0] == 0
    for file in other.iterdir():
        file.unlink()
    other.rmdir()
    assert "agent notdienst is no longer declared" in cli("sync", "--yes")[1]
    assert len(sandbox.state()["agents"]) == 2
    code, out, _ = cli("sync", "--yes", "--prune", "--json")
    assert code == 0
    assert json.loads(out)["counts"]["delete"] == 2
    assert [agent["name"] for agent in sandbox.state()["agents"].values()] == ["Empfang"]
    assert cli("sync", "--prune", "--only", "empfang")[0] == 2


def test_a_number_that_is_not_imported_is_told_and_fails_nothing(cli: Cli) -> None:
    code, out, _ = cli("sync", "--yes")
    assert code == 0
    assert f"agentctl import-number {NUMBER} --assistant empfang" in out


def test_only_what_matches(cli: Cli, project: Example, sandbox: BlockingSandbox) -> None:
    other = project.root / "assistants/notdienst"
    other.mkdir()
    (other / "assistant.toml").write_text('name = "Notdienst"\n')
    (other / "prompt.md").write_text("Hilf.\n")
    code, out, err = cli("sync", "--yes", "--only", "empfnag")
    assert (code, out) == (2, "")
    assert "no assistant matches 'empfnag'" in err
    assert "Did you mean empfang?" in err
    assert cli("plan", "--only", "x*")[0] == 2
    assert project.writes() == []
    assert cli("sync", "--yes", "--only", "not*")[0] == 0
    assert [agent["name"] for agent in sandbox.state()["agents"].values()] == ["Notdienst"]
    assert cli("sync", "--yes", "--only", "empfang", "--only", "notdienst")[0] == 0
    assert len(sandbox.state()["agents"]) == 2


def test_one_failure_stops_only_what_needs_it_and_is_1(cli: Cli, project: Example, sandbox: BlockingSandbox) -> None:
    other = project.root / "assistants/notdienst"
    other.mkdir()
    (other / "assistant.toml").write_text('name = "Notdienst"\n[voice]\nid = "Nobody0000000000"\n')
    (other / "prompt.md").write_text("Hilf.\n")
    code, out, _ = cli("sync", "--yes", "--json")
    assert code == 1
    found = json.loads(out)
    assert {failure["key"] for failure in found["failures"]} == {"notdienst"}
    assert "Nobody0000000000" in found["failures"][0]["error"]
    assert [agent["name"] for agent in sandbox.state()["agents"].values()] == ["Empfang"]


def test_raw_keys_that_nobody_knows_are_told_with_the_nearest(cli: Cli, project: Example) -> None:
    toml = project.root / "assistants/empfang/assistant.toml"
    toml.write_text(toml.read_text() + '\n[elevenlabs.conversation_config.agent]\nfirstmessage = "Hallo"\n')
    _, out, _ = cli("plan")
    assert "firstmessage" in out
    assert "did you mean conversation_config.agent.first_message?" in out
    code, out, _ = cli("sync", "--yes")
    assert code == 1
    assert "did not keep conversation_config.agent.firstmessage" in out


# On a terminal


def test_on_a_terminal_it_asks_in_colour(project: Example) -> None:
    code, shown = project.on_terminal("sync", typed={"Apply this?": "n\n"})
    assert code == 2
    assert COLOUR in shown
    assert "nothing was changed" in shown
    assert project.writes() == []
    code, shown = project.on_terminal("sync", typed={"Apply this?": "y\n"})
    assert code == 0
    assert "5 done, 0 failed." in shown
    converged(project)


def test_no_color_is_honoured(project: Example) -> None:
    assert COLOUR in project.on_terminal("plan")[1]
    code, shown = project.on_terminal("plan", NO_COLOR="1")
    assert code == 0
    assert "+ agent empfang" in shown
    assert COLOUR not in shown
    assert COLOUR not in project("plan")
    json.loads(project.on_terminal("plan", "--json")[1])


def test_ctrl_c_at_the_question_ends_it_at_once(project: Example) -> None:
    code, shown = project.on_terminal("sync", typed={"Apply this?": "\x03"})
    assert code == 1, "killed, since it went on waiting"
    assert "Traceback" not in shown
    assert project.writes() == []


# Ended in the middle

STEPS = {
    "a document": ("POST", "/v1/convai/knowledge-base/text", 0),
    "the last document": ("POST", "/v1/convai/knowledge-base/text", 2),
    "the agent": ("POST", "/v1/convai/agents/create", 0),
    "reading the agent back": ("GET", "/v1/convai/agents/agent_*", 0),
}


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_in_the_middle_the_next_sync_makes_nothing_twice(
    project: Example, cli: Cli, step: str, applied: bool
) -> None:
    killed(project, step, applied)
    assert cli("sync", "--yes")[0] == 0
    converged(project)


def test_what_a_killed_sync_may_have_made_is_looked_for_as_long_as_lists_may_lag_behind(project: Example) -> None:
    killed(project, "the agent", applied=False)
    begin = time.monotonic()
    syncing = project.ended("sync", "--yes")
    assert time.monotonic() - begin > 7.5
    assert [line.split(" for ")[0] for line in syncing.stderr.splitlines() if "looking again" in line] == [
        f"  looking again in {pause} s" for pause in ("0.5", "1", "2", "4")
    ]
    assert syncing.returncode == 0
    converged(project)


def killed(project: Example, step: str, applied: bool) -> None:
    """A first sync that dies with SIGKILL at one of its requests."""
    method, path, skip = STEPS[step]
    project.sandbox.fault(method=method, path=path, skip=skip, hang=True, apply=applied)
    with project.started("sync", "--yes") as syncing:
        project.until(path)
        syncing.kill()
        syncing.wait()


def test_ctrl_c_in_the_middle_the_next_sync_makes_nothing_twice(project: Example, sandbox: BlockingSandbox) -> None:
    sandbox.fault(method="POST", path="/v1/convai/agents/create", hang=True, apply=True)
    with project.started("sync", "--yes") as syncing:
        project.until("/v1/convai/agents/create")
        syncing.send_signal(signal.SIGINT)
        out, err = syncing.communicate(timeout=30)
    assert syncing.returncode == 130
    assert "error: stopped" in err
    assert "Traceback" not in out + err
    project("sync", "--yes")
    converged(project)


def test_an_answer_that_was_lost_makes_nothing_twice(project: Example, sandbox: BlockingSandbox) -> None:
    for path in ("/v1/convai/knowledge-base/text", "/v1/convai/agents/create"):
        sandbox.fault(method="POST", path=path, drop="after")
    ended = project.ended("sync", "--yes")
    assert ended.returncode == 1
    assert "may or may not have been carried out" in ended.stdout + ended.stderr
    for _ in range(2):
        project.ended("sync", "--yes")
    converged(project)


def test_two_syncs_at_once_end_in_one_of_everything(project: Example, sandbox: BlockingSandbox) -> None:
    sandbox.latency(50)
    with project.started("sync", "--yes") as one, project.started("sync", "--yes") as other:
        for syncing in (one, other):
            _, err = syncing.communicate(timeout=60)
            assert "Traceback" not in err
    sandbox.latency(0)
    project.ended("sync", "--yes")
    converged(project)
