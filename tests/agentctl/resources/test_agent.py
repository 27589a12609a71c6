"""The agent of an assistant, over a sandbox that behaves as the platform does."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.errors import Ambiguous, Ignored, SyncError
from agentctl.resources.assistant import Document
from tests.agentctl.resources.contract import assistant, edits, planned, synced

pytestmark = pytest.mark.anyio
HOURS = Document(key="empfang/hours", name="hours", text="Geöffnet von neun bis fünf.")


async def only_agent(sandbox: Any) -> Any:
    (agent,) = (await sandbox.state())["agents"].values()
    return agent


async def test_everything_that_is_declared_arrives_and_nothing_is_left_to_do(
    kinds: Any, memory: Any, sandbox: Any
) -> None:
    wanted = assistant(
        language="de",
        first_message="Guten Tag!",
        llm={"model": "gemini-2.5-flash", "temperature": 0.3, "max_tokens": 300},
        voice={"id": "21m00Tcm4TlvDq8ikWAM", "stability": 0.4, "similarity_boost": 0.7, "speed": 1},
        knowledge=[HOURS],
        elevenlabs={
            "conversation_config": {"turn": {"turn_timeout": 9}},
            "platform_settings": {"privacy": {"retention_days": 30}},
        },
    )  # fmt: skip
    assert (await synced(kinds, memory, wanted)).failures == ()
    assert (await planned(kinds, memory, wanted)).empty
    agent = await only_agent(sandbox)
    config = agent["conversation_config"]
    assert config["agent"]["first_message"] == "Guten Tag!"
    assert config["agent"]["prompt"]["prompt"] == "Hilf."
    assert config["agent"]["prompt"]["temperature"] == 0.3
    assert config["tts"]["model_id"] == "eleven_flash_v2_5"
    assert config["turn"]["turn_timeout"] == 9
    assert agent["platform_settings"]["privacy"]["retention_days"] == 30
    assert agent["platform_settings"]["summary_language"] == "de"
    assert "action_items" in agent["platform_settings"]["data_collection"]
    (entry,) = config["agent"]["prompt"]["knowledge_base"]
    assert entry["id"] == memory.bindings["knowledge_document", "empfang/hours"]
    assert "agentctl:beispiel/production/empfang" in agent["tags"]


async def test_one_changed_field_is_one_edit_and_one_small_patch(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(first_message="Hallo"))
    changed = assistant(first_message="Guten Tag")
    found = await planned(kinds, memory, changed)
    assert edits(found, "agent") == [("conversation_config.agent.first_message", "Hallo", "Guten Tag")]
    await sandbox.clear_log()
    await synced(kinds, memory, changed)
    (patch,) = [entry for entry in await sandbox.log() if entry["method"] == "PATCH"]
    assert patch["request_body"] == {"conversation_config": {"agent": {"first_message": "Guten Tag"}}}


async def test_a_second_sync_sends_no_write(kinds: Any, memory: Any, sandbox: Any) -> None:
    wanted = assistant(knowledge=[HOURS])
    await synced(kinds, memory, wanted)
    await sandbox.clear_log()
    await synced(kinds, memory, wanted)
    assert {entry["method"] for entry in await sandbox.log()} == {"GET"}


async def test_what_the_dashboard_added_stays(kinds: Any, memory: Any, api: Any) -> None:
    await synced(kinds, memory, assistant())
    agent_id = memory.bindings["agent", "empfang"]
    theirs = {"tags": ["vip"], "conversation_config": {"turn": {"turn_timeout": 12}}}
    tags = (await api.get("/v1/convai/agents/{agent_id}", agent_id=agent_id))["tags"]
    await api.patch("/v1/convai/agents/{agent_id}", json={**theirs, "tags": [*tags, "vip"]}, agent_id=agent_id)
    assert (await planned(kinds, memory, assistant())).empty
    await synced(kinds, memory, assistant(name="Zentrale"))
    agent = await api.get("/v1/convai/agents/{agent_id}", agent_id=agent_id)
    assert "vip" in agent["tags"]
    assert agent["conversation_config"]["turn"]["turn_timeout"] == 12


async def test_an_agent_whose_binding_was_lost_is_found_by_its_tag(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant())
    before = dict(memory.bindings)
    memory.bindings.clear()
    assert (await synced(kinds, memory, assistant())).ok
    assert memory.bindings == before
    assert len((await sandbox.state())["agents"]) == 1


async def test_two_agents_with_our_tag_stop_the_sync_of_that_assistant(kinds: Any, memory: Any, api: Any) -> None:
    tags = ["managed-by:agentctl", "agentctl:beispiel/production/empfang"]
    for _ in range(2):
        await api.post("/v1/convai/agents/create", json={"name": "x", "tags": tags, "conversation_config": {}})
    found = await planned(kinds, memory, assistant())
    assert isinstance(found.failures[0].error, Ambiguous)
    assert not [change for change in found.changes if change.desired.kind == "agent"]


async def test_an_archived_agent_with_our_tag_is_not_made_a_second_time(kinds: Any, memory: Any, api: Any) -> None:
    await synced(kinds, memory, assistant())
    archived = {"platform_settings": {"archived": True}}
    await api.patch("/v1/convai/agents/{agent_id}", json=archived, agent_id=memory.bindings["agent", "empfang"])
    memory.bindings.clear()
    found = await planned(kinds, memory, assistant())
    assert "archived" in str(found.failures[0].error)
    assert not [change for change in found.changes if change.desired.kind == "agent"]


async def test_an_archived_agent_is_drift_even_where_nothing_is_remembered_of_it(
    kinds: Any, memory: Any, api: Any
) -> None:
    await synced(kinds, memory, assistant())
    memory.applied["agent", "empfang"] = {"name": "Empfang"}  # as before agentctl knew of it
    path = {"path": "/v1/convai/agents/{agent_id}", "agent_id": memory.bindings["agent", "empfang"]}
    assert (await planned(kinds, memory, assistant())).changes == ()
    await api.patch(**path, json={"platform_settings": {"archived": True}})
    (change,) = (await planned(kinds, memory, assistant())).changes
    assert [(one.path, one.before, one.origin) for one in change.foreign] == [
        ("platform_settings.archived", True, "there")
    ]
    meant = assistant(elevenlabs={"platform_settings": {"archived": True}})
    assert (await planned(kinds, memory, meant)).changes == ()


async def test_a_key_that_the_platform_ignores_is_named_after_create_and_after_update(kinds: Any, memory: Any) -> None:
    wrong = {"conversation_config": {"agent": {"frist_message": "Hallo"}}}
    for _ in ("create", "update"):
        (failure,) = [
            f for f in (await synced(kinds, memory, assistant(elevenlabs=wrong))).failures if f.ref.kind == "agent"
        ]
        assert isinstance(failure.error, Ignored)
        assert "conversation_config.agent.frist_message" in str(failure.error)


async def test_a_voice_that_does_not_exist_is_refused_before_anything_is_written(kinds: Any, memory: Any) -> None:
    found = await planned(kinds, memory, assistant(voice={"id": "noSuchVoice00000000"}))
    (failure, *_) = found.failures
    assert isinstance(failure.error, SyncError)
    assert "assistants/empfang/assistant.toml: voice.id" in str(failure.error)
    assert "noSuchVoice00000000" in str(failure.error)


async def test_knowledge_that_is_no_longer_declared_is_detached(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(knowledge=[HOURS]))
    found = await planned(kinds, memory, assistant())
    assert [ref.key for ref in found.orphans] == ["empfang/hours"]
    await synced(kinds, memory, assistant())
    assert (await only_agent(sandbox))["conversation_config"]["agent"]["prompt"]["knowledge_base"] == []


async def test_the_platforms_variables_pass_through_untouched(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(prompt="Anruf von {{system__caller_id}}"))
    assert (await only_agent(sandbox))["conversation_config"]["agent"]["prompt"][
        "prompt"
    ] == "Anruf von {{system__caller_id}}"
