from pathlib import Path

import pytest

from agentctl.errors import ConfigurationError
from agentctl.sources.project import find
from tests.agentctl.sources.disk import DiskProject


def test_find_takes_the_nearest_file_upward(project: DiskProject) -> None:
    inner = project.root / "assistants" / "reception"
    assert find(inner) == project.root.resolve() / "agentctl.toml"
    assert find(project.write("assistants/agentctl.toml", "").parent / "reception").parent.name == "assistants"


def test_find_says_what_to_do_where_there_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        find(tmp_path)
    assert str(caught.value.problems[0]) == f"agentctl.toml: not found in {tmp_path.resolve()} or above"
    assert "agentctl init" in caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("", "project: is missing"),
        (
            "project = 'Demo'",
            "project: must be at most 63 of a-z, 0-9, - and _, and begin with a letter or digit (got 'Demo')",
        ),
        (
            "project = 'demo'\n[mail]\nto = ['x']",
            "mail.to[0]: must be one mail address, like team@example.org (got 'x')",
        ),
        (
            "project = 'demo'\n[defaults]\nname = 'x'",
            "defaults: unknown key 'name', known are auth, built_in_tools, call_limits, conversation, data_collection, "
            "elevenlabs, evaluation, "
            "first_message, knowledge_base, language, language_presets, llm, overrides, post_call, privacy, rag, "
            "voice, webhooks",
        ),
        ("project = 'demo'\n[defaults.llm]\ntemperature = 3", "defaults.llm.temperature: must be <= 1 (got 3)"),
        (
            "project = 'demo'\n[defaults.elevenlabs]\ntags = []",
            "defaults.elevenlabs.tags: belongs to agentctl, which finds its own agents by their tags",
        ),
        (
            "project = 'demo'\n[vars]\nassistant = 'x'",
            "vars: 'assistant' cannot be a variable: [[assistant.name]] and the like are there already",
        ),
        (
            "project = 'demo'\n[vars]\nmy-firm = 'x'",
            "vars: 'my-firm' cannot be a variable: use letters, digits and _, as in [[company_name]]",
        ),
        ("project = 'demo'\n[sync]\ngate = 'yes'", "sync.gate: must be true or false (got text: 'yes')"),
        ("project = 'demo'\n[sync]\ngate_timeout = 0", "sync.gate_timeout: must be >= 1 (got 0)"),
        ("project = 'demo'\n[sync]\ngate_timeout = nan", "sync.gate_timeout: must be finite (got nan)"),
        ("project = 'demo'\n[sync]\ngate_timeout = '5m'", "sync.gate_timeout: must be a number (got text: '5m')"),
        (
            "project = 'demo'\nenvironment = 'Live!'",
            "environment: must be at most 63 of a-z, 0-9, - and _, and begin with a letter or digit (got 'Live!')",
        ),
    ],
)
def test_a_wrong_agentctl_toml(project: DiskProject, toml: str, message: str) -> None:
    project.write("agentctl.toml", toml)
    assert project.problems() == [f"agentctl.toml: {message}"]
