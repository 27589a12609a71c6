from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agentctl.errors import ConfigurationError, Stale
from agentctl.sources.pulled import ABSENT, Draft, Untakable, replace
from tests.agentctl.sources.disk import DiskProject

AGENT = ("conversation_config", "agent")
PROMPT = (*AGENT, "prompt", "prompt")
TURN = ("conversation_config", "turn", "turn_timeout")
RETENTION = ("platform_settings", "privacy", "retention_days")


def draft(project: DiskProject, **options: bool) -> Draft:
    (assistant,) = project.load().checked().assistants
    return Draft(project.root, assistant, **options)


def field(assistant: Any, *path: str) -> Any:
    for name in path:
        assistant = assistant[name] if isinstance(assistant, dict) else getattr(assistant, name)
    return assistant


@pytest.mark.parametrize(
    ("keys", "theirs", "place"),
    [
        (("name",), "Front desk", ("name",)),
        ((*AGENT, "language"), "de", ("language",)),
        ((*AGENT, "first_message"), "Two\nlines, an AI.", ("first_message",)),
        ((*AGENT, "prompt", "llm"), "gpt-4o", ("llm", "model")),
        (("conversation_config", "tts", "speed"), 1, ("voice", "speed")),
        (TURN, 8, ("elevenlabs", *TURN)),
        ((*AGENT, "prompt", "temperature"), None, ("elevenlabs", *AGENT, "prompt", "temperature")),
        (RETENTION, 7, ("elevenlabs", *RETENTION)),
        (PROMPT, "  Be\r\nbrief. {{x}} [[y]]\n", ("prompt",)),
    ],
)  # fmt: skip
def test_each_field_has_its_place(
    project: DiskProject, keys: tuple[str, ...], theirs: Any, place: tuple[str, ...]
) -> None:
    made = draft(project)
    made.take(keys, theirs)
    (assistant,) = made.tried().checked().assistants
    found = field(assistant, *place)
    assert found == (theirs if place != ("prompt",) else "Be\nbrief. {{x}} [[y]]")
    assert project.load().checked().assistants == (made.assistant,), "nothing is written yet"
    replace(made.rewrites())
    assert project.load().checked().assistants == (assistant,)


def test_what_is_declared_raw_is_written_there_since_it_wins(project: DiskProject) -> None:
    project.assistant("reception", 'name = "x"\n[elevenlabs.conversation_config.agent]\nlanguage = "en"  # raw\n')
    made = draft(project)
    made.take((*AGENT, "language"), "de")
    (rewrite,) = made.rewrites()
    assert rewrite.after.endswith('language = "de"  # raw\n')


def test_a_default_is_left_and_overridden(project: DiskProject) -> None:
    project.write("agentctl.toml", 'project = "demo"\n[defaults]\nfirst_message = "[[assistant.name]], an AI."\n')
    project.assistant("reception", 'name = "x"\n')
    made = draft(project)
    made.take((*AGENT, "first_message"), "Hello, an AI.")
    assert [(one.where, one.after) for one in made.rewrites()] == [
        ("assistants/reception/assistant.toml", 'name = "x"\nfirst_message = "Hello, an AI."\n')
    ]


def test_what_is_gone_there_goes_here_if_it_is_declared_here(project: DiskProject) -> None:
    made = draft(project)
    made.take(RETENTION, ABSENT)
    made.take(("platform_settings", "data_collection", "action_items", "type"), ABSENT)
    (assistant,) = made.tried().checked().assistants
    assert assistant.elevenlabs["platform_settings"] == {"privacy": {"record_voice": False}}
    assert assistant.post_call.action_items is False
    with pytest.raises(Untakable):
        made.take(("platform_settings", "privacy", "nothing"), ABSENT)


@pytest.mark.parametrize("keys", [("tags",), ("platform_settings", "workspace_overrides", "webhooks", "events")])
def test_what_belongs_to_agentctl_is_not_taken(project: DiskProject, keys: tuple[str, ...]) -> None:
    with pytest.raises(Untakable) as caught:
        draft(project).take(keys, [])
    assert "agentctl sync --take-ours" in caught.value.problem.what


def test_templates(project: DiskProject) -> None:
    project.assistant("reception", 'name = "x"\nfirst_message = "[[assistant.name]]"\n', "[# mine #]Hi.")
    for keys in (PROMPT, (*AGENT, "first_message")):
        with pytest.raises(Untakable, match="--overwrite-templates"):
            draft(project).take(keys, "Hello.")
        made = draft(project, overwrite_templates=True)
        made.take(keys, "Hello.")
        assert made.rewrites()


def test_all_or_none(project: DiskProject, monkeypatch: pytest.MonkeyPatch) -> None:
    made = draft(project)
    made.take(("name",), "Other")
    made.take(PROMPT, "Other.")
    before = {one.where: one.path.read_bytes() for one in made.rewrites()}
    real, calls = Path.replace, list[Path]()

    def fails_second(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", fails_second)
    with pytest.raises(ConfigurationError, match=r"prompt\.md: cannot be written: No space left"):
        replace(made.rewrites())
    monkeypatch.undo()
    assert {one.where: one.path.read_bytes() for one in made.rewrites()} == before
    made.rewrites()[1].path.write_text("Changed meanwhile.")
    with pytest.raises(Stale, match=r"prompt\.md was changed in the meantime"):
        replace(made.rewrites())
    folder = project.root / "assistants" / "reception"
    assert (folder / "assistant.toml").read_bytes() == before["assistants/reception/assistant.toml"]
    assert sorted(path.name for path in folder.iterdir()) == ["assistant.toml", "prompt.md"]


def test_line_ends_byte_order_mark_mode_and_links_stay(project: DiskProject) -> None:
    real = project.write("elsewhere/real.toml", '\ufeffname = "x"  # c\r\nlanguage = "de"\r\n')
    real.chmod(0o640)
    link = project.root / "assistants/reception/assistant.toml"
    link.unlink()
    link.symlink_to(real)
    made = draft(project)
    made.take(("name",), "y")
    replace(made.rewrites())
    assert link.is_symlink()
    assert real.read_bytes().decode() == '\ufeffname = "y"  # c\r\nlanguage = "de"\r\n'
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_criterion_of_the_projects_defaults_is_overridden_with_those_beside_it(project: DiskProject) -> None:
    place = ("platform_settings", "evaluation", "criteria")
    one = 'name = "{0}"\nconversation_goal_prompt = "{0}?"\n'
    entry = '[[defaults.evaluation.criteria]]\nid = "{0}"\n' + one
    project.write("agentctl.toml", 'project = "demo"\n' + entry.format("a") + entry.format("b"))
    project.assistant("reception", 'name = "x"\n')
    made = draft(project)
    made.take((*place, "b", "name"), "Bee")
    (assistant,) = made.tried().checked().assistants
    assert [(one.id, one.name) for one in assistant.evaluation.criteria or ()] == [("a", "a"), ("b", "Bee")]
