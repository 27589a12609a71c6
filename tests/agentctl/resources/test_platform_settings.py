"""Every section of an assistant at a sandbox that is held to the published spec: set, drifted, taken away."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from agentctl.resources.endpoints import AGENT
from agentctl.resources.platform_settings import PRIVACY
from agentctl.resources.post_call import WEBHOOK
from tests.agentctl.resources.contract import assistant, edits, planned, synced

pytestmark = pytest.mark.anyio

CRITERION = {"id": "solved", "name": "Anliegen gelöst", "conversation_goal_prompt": "War es am Ende gelöst?"}
SECTIONS: dict[str, Any] = {
    "conversation": {"max_duration_seconds": 300, "text_only": False},
    "language_presets": {
        "en": {"first_message": "Hello, an AI answers.", "prompt": "Help.", "voice": {"id": "EXAVITQu4vr4xnSDxMaL"}},
        "fr": {},
    },
    "built_in_tools": {
        "end_call": {"description": "Nach dem Abschied.", "pre_tool_speech": "force"},
        "language_detection": {"only_at_conversation_start": True},
        "transfer_to_number": {
            "enable_client_message": False,
            "transfers": [
                {"phone_number": "+498999998177", "condition": "Ein Mensch wird verlangt.", "transfer_type": "blind"},
                {"sip_uri": "sip:desk@example.org", "condition": "Sonst."},
            ],
        },
        "skip_turn": {},
        "play_keypad_touch_tone": {"suppress_turn_after_dtmf": True},
        "voicemail_detection": {"voicemail_message": "Bitte rufen Sie zurück."},
    },
    "evaluation": {
        "criteria": [
            {**CRITERION, "use_knowledge_base": True, "scope": "agent", "llm": "gemini-2.5-flash"},
            {**CRITERION, "id": "tone", "scoring_mode": "numeric_uniform", "max_score": 5, "score_instructions": "5"},
        ]
    },
    "data_collection": {
        "mood": {"type": "string", "description": "Stimmung", "enum": ["gut", "schlecht"], "scope": "agent"},
        "urgent": {"type": "boolean", "description": "Dringend?", "name": "Eile", "llm": "gemini-2.5-flash"},
    },
    "privacy": {
        "record_voice": False,
        "retention_days": 30,
        "delete_transcript_and_pii": True,
        "delete_audio": True,
        "apply_to_existing_conversations": False,
        "zero_retention_mode": False,
        "conversation_history_redaction": {"enabled": True, "entities": ["name", "email_address"]},
    },
    "call_limits": {"agent_concurrency_limit": 3, "daily_limit": 100, "bursting_enabled": False},
    "overrides": {
        "agent": {"first_message": True, "language": True, "prompt": {"prompt": True}},
        "tts": {"voice_id": True},
        "conversation": {"text_only": True},
        "custom_llm_extra_body": True,
    },
    "auth": {"enable_auth": True, "allowlist": ["example.org", "www.example.org"], "require_origin_header": True},
}
PLACES = {
    "conversation": ("conversation_config", "conversation"),
    "language_presets": ("conversation_config", "language_presets"),
    "built_in_tools": ("conversation_config", "agent", "prompt", "built_in_tools"),
}


async def agent(memory: Any, api: Any, key: str = "empfang") -> Any:
    return await api.get(AGENT, agent_id=memory.bindings["agent", key])


def at(tree: Any, *path: str) -> Any:
    for name in path:
        tree = tree[name]
    return tree


@pytest.mark.parametrize("section", SECTIONS)
async def test_each_section_arrives_alone_and_then_nothing_is_left_to_do(
    kinds: Any, memory: Any, api: Any, section: str
) -> None:
    await synced(kinds, memory, assistant(language="de"))
    before = await agent(memory, api)
    wanted = assistant(language="de", **{section: SECTIONS[section]})
    paths = [path for path, _, _ in edits(await planned(kinds, memory, wanted), "agent")]
    place = ".".join(PLACES.get(section, ("platform_settings", section)))
    assert paths
    assert all(path.startswith((place, f"platform_settings.{section}_scopes")) for path in paths)
    assert (await synced(kinds, memory, wanted)).failures == ()
    assert (await planned(kinds, memory, wanted)).empty
    changed = {one for one in before["platform_settings"] if before["platform_settings"][one] != (
        await agent(memory, api))["platform_settings"][one]}  # fmt: skip
    assert changed <= {section, f"{section}_scopes"}


async def test_a_new_agent_has_all_of_them_by_one_request(kinds: Any, memory: Any, api: Any, sandbox: Any) -> None:
    wanted = assistant(language="de", **SECTIONS)
    assert (await synced(kinds, memory, wanted)).failures == ()
    writes = [entry for entry in await sandbox.log() if entry["method"] in ("POST", "PATCH")]
    assert [entry["path"] for entry in writes] == ["/v1/convai/agents/create"]
    assert (await planned(kinds, memory, wanted)).empty
    found = await agent(memory, api)
    tools = at(found, *PLACES["built_in_tools"])
    assert tools["transfer_to_agent"] is None
    assert tools["transfer_to_number"]["params"]["transfers"][0]["transfer_destination"] == {
        "type": "phone",
        "phone_number": "+498999998177",
    }
    assert found["platform_settings"]["data_collection_scopes"] == {"mood": "agent"}
    assert found["platform_settings"]["auth"]["allowlist"][0] == {"hostname": "example.org"}
    assert found["platform_settings"]["overrides"]["conversation_config_override"]["agent"]["prompt"]["prompt"] is True
    presets = found["conversation_config"]["language_presets"]
    assert presets["en"]["overrides"]["tts"]["voice_id"] == "EXAVITQu4vr4xnSDxMaL"
    assert presets["fr"]["overrides"]["agent"] is None


async def test_what_is_declared_no_longer_goes_and_what_others_added_stays(kinds: Any, memory: Any, api: Any) -> None:
    await synced(kinds, memory, assistant(language="de", **SECTIONS))
    theirs = {
        "platform_settings": {
            "data_collection": {
                **(await agent(memory, api))["platform_settings"]["data_collection"],
                "theirs": {"type": "number", "description": "Anzahl"},
            }
        },
        "conversation_config": {"agent": {"prompt": {"built_in_tools": {"skip_turn": None}}}},
    }
    await api.patch(AGENT, json=theirs, agent_id=memory.bindings["agent", "empfang"])
    less = assistant(language="de", data_collection={"mood": {"type": "string", "description": "Laune"}})
    done = await synced(kinds, memory, less)
    assert done.failures == ()
    assert (await planned(kinds, memory, less)).empty
    found = await agent(memory, api)
    collected = found["platform_settings"]["data_collection"]
    assert set(collected) == {"action_items", "mood", "theirs"}
    assert (collected["mood"]["description"], collected["mood"]["enum"]) == ("Laune", ["gut", "schlecht"])
    assert found["platform_settings"]["data_collection_scopes"] == {}
    assert found["platform_settings"]["evaluation"]["criteria"] == []
    assert found["conversation_config"]["language_presets"] == {}
    assert set(at(found, *PLACES["built_in_tools"]).values()) == {None}
    assert found["platform_settings"]["privacy"]["retention_days"] == 30, "a single value stays as it was last set"


async def test_an_entry_that_was_changed_there_is_not_taken_away(kinds: Any, memory: Any, api: Any) -> None:
    await synced(kinds, memory, assistant(built_in_tools={"end_call": {"description": "Am Ende."}}))
    tool = at(await agent(memory, api), *PLACES["built_in_tools"])["end_call"]
    edited = {"agent": {"prompt": {"built_in_tools": {"end_call": {**tool, "description": "Nie."}}}}}
    await api.patch(AGENT, json={"conversation_config": edited}, agent_id=memory.bindings["agent", "empfang"])
    done = await synced(kinds, memory, assistant())
    (held,) = done.held
    assert [edit.origin for edit in held.foreign] == ["both"]
    assert at(await agent(memory, api), *PLACES["built_in_tools"])["end_call"]["description"] == "Nie."


async def test_two_assistants_can_transfer_to_each_other(kinds: Any, memory: Any, api: Any, sandbox: Any) -> None:
    def one(key: str, other: str) -> Any:
        transfers = [{"assistant": other, "condition": "Dafür ist der andere da."}]
        tools = {"transfer_to_agent": {"transfers": transfers}, "end_call": {}}
        return assistant(key=key, where=f"assistants/{key}/assistant.toml", name=key, built_in_tools=tools)

    both = (one("empfang", "notdienst"), one("notdienst", "empfang"))
    assert (await synced(kinds, memory, *both)).failures == ()
    assert (await planned(kinds, memory, *both)).empty
    for key, other in (("empfang", "notdienst"), ("notdienst", "empfang")):
        tools = at(await agent(memory, api, key), *PLACES["built_in_tools"])
        (transfer,) = tools["transfer_to_agent"]["params"]["transfers"]
        assert transfer["agent_id"] == memory.bindings["agent", other]
        assert tools["end_call"]
    assert len((await sandbox.state())["agents"]) == 2
    alone = await planned(kinds, memory, one("empfang", "nachtdienst"))
    assert [str(failure.error) for failure in alone.failures] == [
        "agent empfang needs agent nachtdienst, which is not there"
    ]


async def test_an_assistants_own_webhook_comes_before_the_projects(api: Any) -> None:
    from agentctl.resources.agent import Agent
    from tests.agentctl.resources.contract import SCOPE

    def bound(**declared: Any) -> Any:
        (desired,) = Agent(api, SCOPE, WEBHOOK).desired(assistant(webhooks=declared))
        return desired.body["platform_settings"]["workspace_overrides"]["webhooks"]

    assert bound() == {"post_call_webhook_id": WEBHOOK, "events": ["transcript", "audio", "call_initiation_failure"]}
    assert bound(events=["transcript"]) == {"post_call_webhook_id": WEBHOOK, "events": ["transcript"]}
    assert bound(post_call_webhook_id="wh_1") == {"post_call_webhook_id": "wh_1"}
    assert bound(post_call_webhook_id="none") == {"post_call_webhook_id": None}


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ({}, {"retention_days": 30}, ""),
        (
            {},
            {"retention_days": 30, "apply_to_existing_conversations": True},
            "stored conversations older than 30 days",
        ),
        (
            {"retention_days": 30},
            {"retention_days": 30, "apply_to_existing_conversations": True},
            "stored conversations older than 30 days",
        ),
        (
            {"retention_days": 30, "apply_to_existing_conversations": True},
            {"retention_days": 90, "apply_to_existing_conversations": True},
            "",
        ),
        ({}, {"retention_days": -1, "apply_to_existing_conversations": True}, ""),
        # Raw settings may hold anything, and the platform reads it in its own way.
        ({}, {"retention_days": 5.0, "apply_to_existing_conversations": 1}, "stored conversations older than 5 days"),
        (
            {},
            {"retention_days": "5", "apply_to_existing_conversations": "yes"},
            "stored conversations older than 5 days",
        ),
        (
            {},
            {"retention_days": "a week", "apply_to_existing_conversations": True},
            "stored conversations older than 0 days",
        ),
        ({}, {"retention_days": 5, "apply_to_existing_conversations": "false"}, ""),
        ({}, {"delete_audio": "TRUE", "apply_to_existing_conversations": True}, "stored recordings"),
        (
            {"retention_days": None, "apply_to_existing_conversations": True},
            {"retention_days": 9, "apply_to_existing_conversations": True},
            "stored conversations older than 9 days",
        ),
        ({}, {"delete_audio": True, "apply_to_existing_conversations": True}, "stored recordings"),
        (
            {"zero_retention_mode": True, "apply_to_existing_conversations": False},
            {"zero_retention_mode": True, "apply_to_existing_conversations": True},
            "everything personal in stored conversations",
        ),
        (
            {},
            {"conversation_history_redaction": {"enabled": True}, "apply_to_existing_conversations": True},
            "personal details in stored conversations",
        ),
    ],
)
def test_what_a_change_of_privacy_deletes(before: dict[str, Any], after: dict[str, Any], lost: str) -> None:
    assert PRIVACY.destroys(before, after) == lost


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("data_collection", {"x": {"type": "number", "description": "?", "enum": ["1"]}}, "type string only"),
        ("data_collection", {"a b": {"type": "number", "description": "?"}}, "letters, digits"),
        ("evaluation", {"criteria": [CRITERION, CRITERION]}, "two criteria have the id 'solved'"),
        ("webhooks", {"transcript_format": "opentelemetry"}, "needs a post_call_webhook_id"),
        ("built_in_tools", {"transfer_to_agent": {"transfers": [{"condition": "x"}]}}, "exactly one of assistant"),
        ("built_in_tools", {"transfer_to_number": {"transfers": [{"condition": "x"}]}}, "exactly one of phone_number"),
        ("built_in_tools", {"transfer_to_number": {"transfers": []}}, "at least 1"),
        ("privacy", {"retention_days": -2}, "greater than or equal to -1"),
        ("call_limits", {"daily_limit": "many"}, "valid integer"),
        ("auth", {"shareable_token": "x"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant(section: str, value: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        assistant(**{section: value})
