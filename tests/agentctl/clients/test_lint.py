import subprocess
import sys
from typing import Any

import pytest

from agentctl.clients.lint import UnknownKey, unknown_keys

# Every key that the vendor's documentation names, in its place: nothing here may be called unknown.
RIGHT_CONFIG: dict[str, Any] = {
    "agent": {
        "first_message": "Guten Tag",
        "language": "de",
        "dynamic_variables": {"dynamic_variable_placeholders": {"firma": "Beispiel", "any_name": 1}},
        "disable_first_message_interruptions": True,
        "prompt": {
            "prompt": "…",
            "llm": "a-model-of-tomorrow",
            "temperature": None,
            "max_tokens": -1,
            "tool_ids": [],
            "built_in_tools": {"end_call": {"name": "end_call", "params": {"system_tool_type": "end_call"}}},
            "knowledge_base": [{"type": "text", "name": "Preise", "id": "doc_1", "usage_mode": "auto"}],
            "custom_llm": {"url": "https://llm.example", "request_headers": {"X-Own": "1"}},
            "rag": {"enabled": True, "embedding_model": "e5_mistral_7b_instruct"},
            "backup_llm_config": {"preference": "override", "order": ["gpt-4o"]},
            "timezone": "Europe/Berlin",
        },
    },
    "tts": {"model_id": "eleven_flash_v2_5", "voice_id": "v", "stability": 0.5, "similarity_boost": 1, "speed": 1.0},
    "asr": {"quality": "high", "keywords": ["Beispiel"]},
    "turn": {"turn_timeout": 7, "soft_timeout_config": {"timeout_seconds": 3, "message": "Hm"}},
    "conversation": {"max_duration_seconds": 600, "client_events": ["audio"]},
    "language_presets": {"en": {"overrides": {"agent": {"first_message": "Hello"}}}},
}
RIGHT_SETTINGS: dict[str, Any] = {
    "evaluation": {"criteria": [{"id": "a", "name": "A", "type": "prompt", "conversation_goal_prompt": "…"}]},
    "data_collection": {"action_items": {"type": "string", "description": "…"}, "own_name": {"type": "boolean"}},
    "workspace_overrides": {"webhooks": {"post_call_webhook_id": "w", "events": ["transcript"]}},
    "privacy": {"record_voice": False, "retention_days": 30},
    "auth": {"enable_auth": True, "allowlist": [{"hostname": "example.org"}]},
    "call_limits": {"daily_limit": 10},
    "overrides": {"conversation_config_override": {"agent": {"first_message": True, "prompt": {"prompt": True}}}},
    "summary_language": "de",
}


def test_says_nothing_about_keys_that_exist() -> None:
    assert unknown_keys(RIGHT_CONFIG, RIGHT_SETTINGS) == []


@pytest.mark.parametrize(
    ("config", "settings", "path", "suggestion"),
    [
        (
            {"agent": {"firstmessage": "x"}},
            {},
            "conversation_config.agent.firstmessage",
            "conversation_config.agent.first_message",
        ),
        (
            {"agent": {"prompt": {"temprature": 1}}},
            {},
            "conversation_config.agent.prompt.temprature",
            "conversation_config.agent.prompt.temperature",
        ),
        ({"prompt": {"prompt": "x"}}, {}, "conversation_config.prompt", "conversation_config.agent.prompt"),
        ({"prompt": "x"}, {}, "conversation_config.prompt", "conversation_config.agent.prompt.prompt"),
        ({"agent": {"llm": "x"}}, {}, "conversation_config.agent.llm", "conversation_config.agent.prompt.llm"),
        ({"voice_id": "x"}, {}, "conversation_config.voice_id", "conversation_config.tts.voice_id"),
        (
            {},
            {"workspace_overrides": {"webhooks": {"post_call_webhook": "w"}}},
            "platform_settings.workspace_overrides.webhooks.post_call_webhook",
            "platform_settings.workspace_overrides.webhooks.post_call_webhook_id",
        ),
        (
            {},
            {"retention_days": 3},
            "platform_settings.retention_days",
            "platform_settings.privacy.retention_days",
        ),
        (
            {},
            {"data_collection": {"own_name": {"type": "string", "descripton": "x"}}},
            "platform_settings.data_collection.own_name.descripton",
            "platform_settings.data_collection.own_name.description",
        ),
        (
            {"agent": {"prompt": {"knowledge_base": [{"usagemode": "auto"}]}}},
            {},
            "conversation_config.agent.prompt.knowledge_base.0.usagemode",
            "conversation_config.agent.prompt.knowledge_base.0.usage_mode",
        ),
        ({"zzzzqqq": 1}, {}, "conversation_config.zzzzqqq", ""),
    ],
)
def test_finds_a_wrong_key_and_the_right_one(
    config: dict[str, Any], settings: dict[str, Any], path: str, suggestion: str
) -> None:
    assert unknown_keys(config, settings) == [UnknownKey(path, suggestion)]


def test_a_union_member_is_judged_by_its_own_keys() -> None:
    # "order" belongs to the member "override" and not to "disabled".
    backup = {"agent": {"prompt": {"backup_llm_config": {"preference": "disabled", "order": []}}}}
    assert [found.path for found in unknown_keys(backup, {})] == [
        "conversation_config.agent.prompt.backup_llm_config.order"
    ]


@pytest.mark.parametrize("odd", [None, 3, "text", [], [1, {"x": 1}], {"agent": None}, {"agent": "x"}, {"agent": [1]}])
def test_values_of_any_kind_are_survived(odd: Any) -> None:
    unknown_keys({"tts": odd}, {"privacy": odd})


def test_importing_it_loads_no_sdk_and_using_it_loads_no_sdk_client() -> None:
    program = (
        "import sys; from agentctl.clients.lint import unknown_keys;"
        "assert 'elevenlabs' not in sys.modules; unknown_keys({'x': 1}, {});"
        "assert 'elevenlabs.client' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
