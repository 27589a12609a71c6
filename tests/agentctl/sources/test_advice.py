import pytest

from tests.agentctl.sources.disk import ASSISTANT, PRIVACY, DiskProject

TOML = "assistants/reception/assistant.toml"
PATH = f"{TOML}: privacy"


def test_silence_on_privacy_and_on_the_machine_is_said(project: DiskProject) -> None:
    project.assistant("reception", 'name = "Reception"')
    assert project.warnings() == [
        f"{PATH}.record_voice: is not declared, and ElevenLabs records every call by default; declare false or true",
        f"{PATH}.retention_days: is not declared, and ElevenLabs keeps conversations for ever by default; "
        "declare a number, like 30",
        f"{TOML}: first_message: is not declared, "
        "so the assistant waits in silence and does not say that an AI answers",
    ]
    assert project.problems() == []


def test_defaults_count_as_declared(project: DiskProject) -> None:
    defaults = PRIVACY.replace("[elevenlabs", "[defaults.elevenlabs")
    project.write("agentctl.toml", f'project = "demo"\n[defaults]\nfirst_message = "An AI answers."\n{defaults}')
    project.assistant("reception", 'name = "Reception"')
    assert project.warnings() == []


@pytest.mark.parametrize(
    ("language", "message", "warned"),
    [
        ("en", "Hello, how can I help?", True),
        ("en", "Hello, I am Anna, an AI assistant.", False),
        ("de", "Guten Tag, was kann ich für Sie tun?", True),
        ("de", "Guten Tag, hier ist die KI-Assistentin.", False),
        ("de", "Guten Tag, hier ist der digitale Empfang.", False),
        ("pl", "Dzień dobry.", False),
    ],
)
def test_the_first_message_should_say_that_an_ai_answers(
    project: DiskProject, language: str, message: str, warned: bool
) -> None:
    toml = ASSISTANT.replace("Hello, an AI answers.", message)
    project.assistant("reception", f'language = "{language}"\n{toml}')
    expected = [f"{TOML}: first_message: does not seem to say that an AI answers"] if warned else []
    assert project.warnings() == expected


def test_a_raw_first_message_is_the_one_that_counts(project: DiskProject) -> None:
    project.assistant("reception", ASSISTANT + '[elevenlabs.conversation_config.agent]\nfirst_message = "Hi."\n')
    assert project.warnings() == [f"{TOML}: first_message: does not seem to say that an AI answers"]
