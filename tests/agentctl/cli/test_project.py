"""agentctl init, agentctl schema."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from jsonschema_rs import Draft202012Validator, meta

from agentctl.cli.app import run

FILES = {
    "agentctl.toml",
    ".env.example",
    ".gitignore",
    "assistants/empfang/assistant.toml",
    "assistants/empfang/prompt.md",
}


@pytest.mark.parametrize("name", ["telefon", "Büro Süd", "it's here; rm -rf"])
def test_init_writes_a_project_wherever_it_is_told_to(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", str(tmp_path / name)]) == 0
    captured = capsys.readouterr()
    written = {str(Path(line).relative_to(tmp_path / name)) for line in captured.out.splitlines()}
    assert written >= FILES
    assert all((tmp_path / name / path).is_file() for path in written)
    # What it says to type next can be typed.
    cd, _, _ = captured.err.removeprefix("Next: ").partition(" && ")
    assert shlex.split(cd) == ["cd", str(tmp_path / name)]
    where = subprocess.run(["sh", "-c", f"{cd} && pwd"], capture_output=True, text=True, check=True)
    assert where.stdout.strip() == str(tmp_path / name)


def test_init_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["init", "--project", "praxis"]) == 0
    assert 'project = "praxis"' in (tmp_path / "agentctl.toml").read_text()
    assert "Next: cp .env.example .env" in capsys.readouterr().err


def test_init_replaces_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "agentctl.toml").write_text("mine")
    assert run(["init", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "agentctl.toml: exists already" in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["agentctl.toml"]
    assert (tmp_path / "agentctl.toml").read_text() == "mine"


def test_init_where_nothing_can_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    # Root may write everywhere but below a file and in /proc.
    for where in (tmp_path / "file" / "project", Path("/proc/agentctl")):
        assert run(["init", str(where)]) == 2
        assert "Traceback" not in (said := capsys.readouterr().err)
        assert str(where.parent) in said
    assert run(["init", str(tmp_path / "new"), "--project", "Not A Name!"]) == 2
    assert not (tmp_path / "new").exists()


def test_schema_is_one_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    meta.validate(schema)
    check = Draft202012Validator(schema)
    assert check.is_valid({"name": "Empfang", "voice": {"stability": 0.5}})
    assert not check.is_valid({"name": "Empfang", "voice": {"stability": 1.5}})
    assert not check.is_valid({"name": "Empfang", "vioce": {}})
