"""Sections of assistant.toml over the command line: what deletes conversations, what goes, what a pull writes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agentctl.resources.endpoints import AGENT
from agentctl.sandbox.harness import running_thread
from agentctl.wiring import Control
from tests.example import Example
from tests.telephony import Bench, bench

__all__ = ["bench"]

TOOLS = ("conversation_config", "agent", "prompt", "built_in_tools")
SECTIONS = """
[[evaluation.criteria]]  # was zählt
id = "solved"
name = "Gelöst"
conversation_goal_prompt = "War es gelöst?"

[data_collection.mood]
type = "string"
description = "Stimmung"

[privacy]
retention_days = 30  # Tage

[language_presets.en]
first_message = "Hello from [[assistant.name]], an AI."
voice = { speed = 1.1 }

[built_in_tools.end_call]
description = "Am Ende."

[built_in_tools.skip_turn]

[[built_in_tools.transfer_to_agent.transfers]]
assistant = "notdienst"
condition = "Notfall"

[call_limits]
daily_limit = 10

[auth]
allowlist = ["example.org"]

[webhooks]
events = ["transcript"]
"""


def edit(bench: Bench, body: dict[str, Any]) -> None:
    """Somebody edits the agent in the dashboard."""

    async def send(control: Control) -> None:
        agent_id = (await control.bindings()).of("agent")["empfang"]
        await control.api.patch(AGENT, json=body, agent_id=agent_id)

    bench.control(send)


def test_stored_conversations_are_deleted_by_a_yes_of_its_own_alone(bench: Bench) -> None:
    declared = bench.toml.read_text()
    bench.toml.write_text(declared + "[privacy]\nretention_days = 30\n")
    assert bench("sync", "--yes")[0] == 0, "new conversations only: nothing is deleted"
    more = "[privacy]\nretention_days = 7\napply_to_existing_conversations = true\n"
    bench.toml.write_text(declared.replace("Empfang", "Pforte") + more)
    assert "deletes for good: stored conversations older than 7 days" in bench("plan")[1]
    (change,) = [one for one in bench.json("plan")["changes"] if one["kind"] == "agent"]
    assert change["destroys"] == ["stored conversations older than 7 days"]
    for options in ((), ("--take-ours",)):
        code, out, _ = bench("sync", "--yes", *options)
        assert code == 3
        assert "retention_days (would delete stored conversations older than 7 days)" in out
        assert "agentctl sync --delete-conversations" in out
        assert "pull KEY" not in out
    agent = bench.agent("pforte")
    assert agent["platform_settings"]["privacy"]["retention_days"] == 30
    assert agent["name"] == "Pforte", "the rest is done"
    code, out, _ = bench("sync", "--yes", "--json")
    assert (code, json.loads(out)["held"][0]["destroys"]) == (3, ["stored conversations older than 7 days"])
    assert bench("sync", "--yes", "--delete-conversations")[0] == 0
    assert bench.agent("pforte")["platform_settings"]["privacy"]["apply_to_existing_conversations"] is True
    assert bench("plan", "--exit-code")[0] == 0


def test_on_a_terminal_it_is_asked_for_apart(tmp_path: Path, dsn: str) -> None:
    with running_thread() as sandbox:
        project = Example(tmp_path / "project", sandbox, dsn)
        project("sync", "--yes")
        toml = project.root / "assistants" / "empfang" / "assistant.toml"
        toml.write_text(toml.read_text() + "\n[privacy]\napply_to_existing_conversations = true\n")
        code, shown = project.on_terminal("sync", typed={"Apply this?": "y\n", "Delete that?": "n\n"})
        assert code == 3, shown
        assert "agent empfang: stored conversations older than 30 days. Delete that?" in shown
        code, shown = project.on_terminal("sync", typed={"Apply this?": "y\n", "Delete that?": "y\n"})
        assert code == 0, shown
        assert project.json("plan")["changes"] == []


def test_what_somebody_changed_there_is_pulled_into_the_sections(bench: Bench) -> None:
    bench.declare("notdienst")
    bench.toml.write_text(bench.toml.read_text() + SECTIONS)
    assert bench("sync", "--yes")[0] == 0
    assert bench("plan", "--exit-code")[0] == 0
    agent = bench.agent()
    preset = agent["conversation_config"]["language_presets"]["en"]
    assert preset["overrides"]["agent"]["first_message"] == "Hello from Empfang, an AI."
    tools = agent
    for name in TOOLS:
        tools = tools[name]
    transfer = tools["transfer_to_agent"]
    ours = transfer["params"]["transfers"][0]
    transfer["params"]["transfers"] = [{**ours, "condition": "Feuer"}, {"agent_id": "agent_x", "condition": "Sonst"}]
    preset["overrides"]["tts"]["speed"] = 0.9
    criterion = agent["platform_settings"]["evaluation"]["criteria"][0]
    edit(bench, {
        "conversation_config": {
            "language_presets": {"en": preset},
            "agent": {"prompt": {"built_in_tools": {
                "end_call": {**tools["end_call"], "description": "Nach dem Abschied."},
                "skip_turn": None,
                "transfer_to_agent": transfer,
            }}},
        },
        "platform_settings": {
            "evaluation": {"criteria": [{**criterion, "name": "Erledigt"}, {**criterion, "id": "tone", "llm": None}]},
            "data_collection": {
                **agent["platform_settings"]["data_collection"],
                "mood": {"type": "string", "description": "Laune"},
            },
            "privacy": {"retention_days": 90},
            "call_limits": {"daily_limit": 20},
            "auth": {"allowlist": [{"hostname": "example.org"}, {"hostname": "example.com"}]},
            "workspace_overrides": {"webhooks": {"events": ["transcript", "audio"]}},
        },
    })  # fmt: skip
    code, out, err = bench("pull", "--all", "--yes")
    assert code == 0, out + err
    text = bench.toml.read_text()
    found = tomllib.loads(text)
    assert "elevenlabs" not in found
    assert "# Tage" in text
    assert [(one["id"], one["name"]) for one in found["evaluation"]["criteria"]] == [("solved", "Erledigt")]
    assert found["data_collection"]["mood"]["description"] == "Laune"
    assert (found["privacy"], found["call_limits"]) == ({"retention_days": 90}, {"daily_limit": 20})
    assert found["auth"]["allowlist"] == ["example.org", "example.com"]
    assert found["webhooks"]["events"] == ["transcript", "audio"]
    assert found["language_presets"]["en"]["voice"] == {"speed": 0.9}
    assert found["built_in_tools"]["end_call"]["description"] == "Nach dem Abschied."
    assert "skip_turn" not in found["built_in_tools"]
    first, second = found["built_in_tools"]["transfer_to_agent"]["transfers"]
    assert (first["assistant"], first["condition"]) == ("notdienst", "Feuer")
    assert second["agent_id"] == "agent_x"
    assert bench("plan", "--exit-code")[0] == 0


def test_action_items_that_are_switched_off_are_no_longer_asked_for(bench: Bench) -> None:
    assert set(bench.agent()["platform_settings"]["data_collection"]) == {"action_items"}
    bench.toml.write_text(bench.toml.read_text() + "[post_call]\naction_items = false\n")
    assert "action_items" in bench("plan")[1]
    assert bench("sync", "--yes")[0] == 0
    assert bench.agent()["platform_settings"]["data_collection"] == {}
    assert bench("plan", "--exit-code")[0] == 0


def test_registering_a_webhook_takes_nothing_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.toml.write_text(bench.toml.read_text() + "[built_in_tools.end_call]\n")
    assert bench("sync", "--yes")[0] == 0
    assert bench("webhook", "register", "https://door.example.org/webhooks/elevenlabs", "--yes")[0] == 0
    agent = bench.agent()
    assert set(agent["platform_settings"]["data_collection"]) == {"action_items"}
    assert agent["conversation_config"]["agent"]["prompt"]["built_in_tools"]["end_call"]
