import re
import shutil
from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError, UsageError
from agentctl.settings import Settings, load_settings
from agentctl.sources import init
from agentctl.sources.files import load
from agentctl.sources.init import write
from agentctl.verbs.talk import TRANSCRIPT

ROOT = Path(__file__).parents[3]


def names(directory: Path) -> set[str]:
    return {path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()}


def test_the_example_has_no_problem_and_no_warning(tmp_path: Path) -> None:
    written = write(tmp_path / "new" / "Müller & Söhne")
    loaded = load(tmp_path / "new" / "Müller & Söhne").checked()
    assert loaded.warnings == ()
    assert loaded.project.name == "mueller-soehne"
    assert {path.name for path in written} >= {
        "agentctl.toml",
        "assistant.toml",
        "prompt.md",
        ".gitignore",
        ".env.example",
    }
    assert all(path.is_file() for path in written)


def test_the_example_is_what_a_german_team_may_put_live(tmp_path: Path) -> None:
    write(tmp_path, project="demo")
    (assistant,) = load(tmp_path).checked().assistants
    assert (assistant.key, assistant.language) == ("empfang", "de")
    assert "KI" in (assistant.first_message or "")
    assert assistant.privacy is not None
    assert assistant.privacy.model_dump(exclude_unset=True) == {"record_voice": False, "retention_days": 30}
    assert assistant.phone.numbers == ("+498999998100",)
    assert assistant.post_call.mail_to == ("team@example.org",)
    told = assistant.elevenlabs["conversation_config"]["conversation"]["client_events"]
    assert {*TRANSCRIPT} < {*told}, "whoever talks to it in a browser reads along"
    assert "{{system__caller_id}}" in assistant.prompt
    assert not re.search(r"\[\[|\[%|\[#", assistant.prompt + (assistant.first_message or ""))
    # Below 500 bytes a document is never indexed, only put into the prompt.
    assert all(
        len((document.text or "").encode()) > 500 for document in assistant.knowledge if document.usage == "auto"
    )


def test_env_and_store_stay_out_of_git(tmp_path: Path) -> None:
    write(tmp_path)
    assert {".env", ".agentctl/"} <= set((tmp_path / ".gitignore").read_text().splitlines())


def test_files_in_the_way_are_listed_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "agentctl.toml").write_text("mine")
    (tmp_path / "shared").write_text("mine")
    with pytest.raises(ConfigurationError) as caught:
        write(tmp_path)
    assert [str(problem) for problem in caught.value.problems] == [
        f"{tmp_path}/agentctl.toml: exists already",
        f"{tmp_path}/shared: is in the way: it is not a directory",
    ]
    assert names(tmp_path) == {"agentctl.toml", "shared"}
    assert (tmp_path / "agentctl.toml").read_text() == "mine"


def test_other_files_and_a_gitignore_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    (tmp_path / "README.md").write_text("mine")
    written = write(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == (tmp_path / "README.md").read_text() == "mine"
    assert tmp_path / ".gitignore" not in written
    assert not list(tmp_path.glob(".agentctl-init-*"))


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = init._place

    def full(source: Path, target: Path) -> None:
        if target.name == "prompt.md":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(init, "_place", full)
    with pytest.raises(ConfigurationError, match="cannot be written: No space left on device"):
        write(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_project_names(tmp_path: Path) -> None:
    write(tmp_path / "営業")
    assert load(tmp_path / "営業").checked().project.name
    with pytest.raises(UsageError):
        write(tmp_path / "x", project="No Good")
    assert not (tmp_path / "x").exists()


def test_the_top_level_env_example_is_the_one_that_init_writes() -> None:
    assert (ROOT / ".env.example").read_bytes() == (ROOT / "agentctl/templates/project/env.example").read_bytes()


def test_env_example_explains_every_variable_with_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    lines = (ROOT / ".env.example").read_text().splitlines()
    variables = {
        line.partition("=")[0]: lines[number - 1] for number, line in enumerate(lines) if "=" in line and line[0] != "#"
    }
    assert set(variables) == {name.upper() for name in Settings.model_fields}
    assert [name for name, above in variables.items() if not re.match(r"^# \S.*\.$", above)] == []
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")
    assert load_settings(tmp_path) == Settings()
