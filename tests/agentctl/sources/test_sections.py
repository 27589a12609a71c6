"""The sections of assistant.toml: their errors in the words of the file, and defaults beneath them."""

from __future__ import annotations

import pytest

from tests.agentctl.sources.disk import DiskProject

TOML = "assistants/reception/assistant.toml"


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[privacy]\nretention = 3", "privacy: unknown key 'retention', did you mean 'retention_days'?"),
        ("[privacy]\nretention_days = -2", "privacy.retention_days: must be >= -1 (got -2)"),
        (
            "[data_collection.x]\ntype = 'string'\ndescripton = '?'",
            "data_collection.x: unknown key 'descripton', did you mean 'description'?",
        ),
        ("[data_collection.'a b']\ntype = 'string'\ndescription = '?'", "data_collection.a b: must be at most 64 of"),
        ("[built_in_tools.hang_up]", "built_in_tools: unknown key 'hang_up'"),
        ("[language_presets.DE]", "language_presets.DE: must be a language code in lower case"),
        (
            f"[[evaluation.criteria]]\nid = 'x'\nname = 'x'\nconversation_goal_prompt = '{'x' * 2001}'",
            "evaluation.criteria[0].conversation_goal_prompt: must be at most 2000 characters long (got 2001)",
        ),
        (
            "[[built_in_tools.transfer_to_agent.transfers]]\nassistant = 'resception'\ncondition = 'x'",
            "built_in_tools.transfer_to_agent.transfers[0].assistant: no assistant 'resception', "
            "did you mean 'reception'?",
        ),
        (
            "[[built_in_tools.transfer_to_agent.transfers]]\nassistant = 'reception'\ncondition = 'x'",
            "built_in_tools.transfer_to_agent.transfers[0].assistant: is this assistant itself",
        ),
        ("[elevenlabs.platform_settings]\nprivacy = 3", "elevenlabs.platform_settings.privacy: must be a table"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(project: DiskProject, toml: str, message: str) -> None:
    project.assistant("reception", f'name = "Reception"\n{toml}\n')
    problems = project.problems()
    assert any(problem.startswith(f"{TOML}: {message}") for problem in problems), problems


def test_defaults_lie_under_every_section_and_presets_are_templates(project: DiskProject) -> None:
    project.write(
        "agentctl.toml",
        'project = "demo"\n[vars]\nfirm = "Acme"\n[defaults.privacy]\nrecord_voice = false\nretention_days = 30\n'
        '[defaults.built_in_tools.end_call]\n[defaults.data_collection.mood]\ntype = "string"\ndescription = "Mood"\n',
    )
    project.assistant(
        "reception",
        'name = "Reception"\nfirst_message = "An AI."\n[privacy]\nretention_days = 7\n'
        '[language_presets.de]\nfirst_message = "KI der [[firm]]"\nprompt = "[[assistant.name]]"\n',
    )
    (assistant,) = project.load().checked().assistants
    assert (assistant.privacy.record_voice, assistant.privacy.retention_days) == (False, 7)
    assert assistant.built_in_tools.end_call is not None
    assert set(assistant.data_collection) == {"mood"}
    preset = assistant.language_presets["de"]
    assert (preset.first_message, preset.prompt) == ("KI der Acme", "Reception")
    assert project.warnings() == []
