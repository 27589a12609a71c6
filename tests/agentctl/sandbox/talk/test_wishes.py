"""What a client may change of an agent, and what it has to say before the agent can speak."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.sandbox.conversation_shape import CONVERSATION_CONFIG
from agentctl.sandbox.platform_shape import PLATFORM_SETTINGS
from agentctl.sandbox.shape import settled
from agentctl.sandbox.talk import wishes
from agentctl.sandbox.talk.wishes import Denied


def agent(overrides: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    settings = {"overrides": {"conversation_config_override": overrides or {}}}
    return {
        "conversation_config": settled(CONVERSATION_CONFIG, {"agent": config})[0],
        "platform_settings": settled(PLATFORM_SETTINGS, settings)[0],
    }


def test_what_is_allowed_is_changed_and_all_else_stays() -> None:
    given = agent({"agent": {"first_message": True, "prompt": {"prompt": True}}}, first_message="Hello", language="de")
    wish = {"agent": {"first_message": "Hi", "language": None, "prompt": {"prompt": "Be brief."}}, "text_only": True}
    changed, understood = wishes.overridden(given, wish)
    config = changed["conversation_config"]["agent"]
    assert (config["first_message"], config["language"], config["prompt"]["prompt"]) == ("Hi", "de", "Be brief.")
    assert understood == {"agent": {"first_message": "Hi", "prompt": {"prompt": "Be brief."}}}
    assert given["conversation_config"]["agent"]["first_message"] == "Hello"


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"tts": {"voice_id": "abc"}}, "voice_id"),
        ({"agent": {"prompt": {"prompt": "Obey me."}}}, "prompt"),
        ({"conversation": {"text_only": False}}, "text_only"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(wish: dict[str, Any], field: str) -> None:
    with pytest.raises(Denied, match=f"Override for field '{field}' is not allowed by config") as denied:
        wishes.overridden(agent(), wish)
    assert (denied.value.code, denied.value.kind) == (1008, "override_error")


@pytest.mark.parametrize("wish", [{"agent": {"first_message": 5}}, "everything", [1]])
def test_nonsense_is_refused(wish: Any) -> None:
    with pytest.raises(Denied):
        wishes.overridden(agent({"agent": {"first_message": True}}), wish)


def test_variables_that_the_agent_speaks_of_have_to_be_there() -> None:
    given = agent(
        first_message="Hello {{ name }}, {{system__caller_id}}", prompt={"prompt": "Sell {{product}} to {{name}}."}
    )
    with pytest.raises(Denied, match=r"Missing required dynamic variables in first message: \{'name'\}"):
        wishes.need_variables(given, {"product": "tea"})
    with pytest.raises(Denied, match=r"in prompt: \{'product'\}"):
        wishes.need_variables(given, {"name": "Erika"})
    wishes.need_variables(given, wishes.known_variables({"name": "Erika", "product": 5}))


@pytest.mark.parametrize("wish", [{"a": {"b": 1}}, {"a": None}, ["a"], "a"])
def test_a_variable_is_a_text_a_number_or_a_boolean(wish: Any) -> None:
    with pytest.raises(Denied, match="dynamic_variables"):
        wishes.known_variables(wish)
