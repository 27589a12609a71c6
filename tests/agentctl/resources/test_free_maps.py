"""Maps whose keys are the user's own, over a platform that takes a PATCH of such a map for all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import reduce
from typing import Any

import pytest

from agentctl.resources.defaults import beyond_defaults
from agentctl.resources.free_maps import FREE_MAPS, sendable
from agentctl.sync.diff import overlaid
from tests.agentctl.resources.contract import assistant, planned, synced

pytestmark = pytest.mark.anyio
AGENT = "/v1/convai/agents/{agent_id}"
CUSTOM_LLM = "conversation_config.agent.prompt.custom_llm"
WEBHOOK = "platform_settings.workspace_overrides.conversation_initiation_client_data_webhook"
START = {"type": "start", "position": {"x": 0.0, "y": 0.0}, "edge_order": ["e"]}
STAGE = {
    "type": "override_agent",
    "label": "Order",
    "additional_prompt": "Take the order.",
    "conversation_config": {"agent": {"prompt": {"temperature": 0.2}}},
    "position": {"x": 1.0, "y": 1.0},
    "edge_order": [],
}
END = {"type": "end", "position": {"x": 2.0, "y": 2.0}, "edge_order": []}
EDGE = {"source": "start_node", "target": "a", "forward_condition": {"type": "llm", "condition": "wants to order"}}
# Path: an entry of ours, a change of it, an entry that was made in the dashboard, and what the map stands beside.
MAPS: dict[str, tuple[Any, Any, Any, Any]] = {
    "conversation_config.agent.dynamic_variables.dynamic_variable_placeholders": ("1", "2", "theirs", {}),
    "conversation_config.agent.text_behavior_overrides": (
        {"verbosity": "concise", "output_format": "markdown"}, {"verbosity": "auto"}, {"verbosity": "thorough"}, {},
    ),
    f"{CUSTOM_LLM}.request_headers": (
        {"variable_name": "token"}, {"secret_id": "s1"}, {"secret_id": "s2"}, {"url": "https://llm.example.org"},
    ),
    f"{WEBHOOK}.request_headers": ("one", {"secret_id": "s1"}, "plain", {"url": "https://example.org/start"}),
    "platform_settings.alerting.monitor_configs": (
        {"threshold": 0.1, "min_failure_count": 3}, {"threshold": 0.2}, {"threshold": 0.9}, {},
    ),
    "platform_settings.widget.language_presets": (
        {"terms_text": "AGB", "terms_key": "k"}, {"terms_text": "Neue AGB"}, {"terms_text": "Terms"}, {},
    ),
    "workflow.nodes": (STAGE, {"conversation_config": {"agent": {"prompt": {"temperature": 0.4}}}}, END, {}),
    "workflow.edges": (EDGE, {"forward_condition": {"type": "unconditional"}}, {**EDGE, "target": "b"}, {}),
}  # fmt: skip
# A language of text_behavior_overrides is one of a closed list of channels.
NAMES = {"conversation_config.agent.text_behavior_overrides": ("widget", "twilio")}


def under(path: str, value: Any) -> Any:
    return reduce(lambda inner, key: {key: inner}, reversed(path.split(".")), value)


def at(tree: Any, path: str) -> Any:
    return reduce(lambda inner, key: inner[key], path.split("."), tree)


def beside(path: str, value: Any, rest: Mapping[str, Any]) -> Any:
    return overlaid(under(path, value), under(path.rpartition(".")[0], rest)) if rest else under(path, value)


@pytest.mark.parametrize("path", MAPS)
async def test_an_edit_of_one_entry_leaves_its_neighbours_and_the_rest_of_it(
    path: str, kinds: Any, memory: Any, api: Any
) -> None:
    first, change, theirs, rest = MAPS[path]
    ours, other = NAMES.get(path, ("a", "customer"))
    assert (await synced(kinds, memory, assistant(elevenlabs=beside(path, {ours: first}, rest)))).failures == ()
    agent_id = memory.bindings["agent", "empfang"]
    by_hand = await api.get(AGENT, agent_id=agent_id)
    there = {**at(by_hand, path), other: theirs}
    await api.patch(AGENT, json=under(path, there), agent_id=agent_id)
    before = at(await api.get(AGENT, agent_id=agent_id), path)

    wanted = assistant(elevenlabs=beside(path, {ours: change}, rest))
    assert (await synced(kinds, memory, wanted)).failures == ()
    after = at(await api.get(AGENT, agent_id=agent_id), path)
    assert after[other] == before[other]
    if isinstance(change, dict) and not {"secret_id", "forward_condition"} & change.keys():
        assert after[ours] == overlaid(before[ours], change)
    elif isinstance(change, dict) and "forward_condition" in change:
        assert after[ours] == {**before[ours], **change}, "nothing of another sort of condition is left in it"
    else:
        assert after[ours] == change
    assert (await planned(kinds, memory, wanted)).empty
    assert (await synced(kinds, memory, assistant())).failures == ()
    assert at(await api.get(AGENT, agent_id=agent_id), path) == after, "what is declared no longer stays as it is"


async def test_a_workflow_that_was_pulled_and_then_edited_keeps_all_of_it(kinds: Any, memory: Any, api: Any) -> None:
    await synced(kinds, memory, assistant())
    agent_id = memory.bindings["agent", "empfang"]
    prompt = {"tools": [{"type": "client", "name": "copy", "description": ""}], "tool_ids": ["t1"]}
    agent = {"first_message": "Hi", "prompt": {**prompt, "temperature": 0.2}}
    nodes = {"start_node": START, "a": {**STAGE, "conversation_config": {"agent": agent}}}
    made = {"nodes": nodes, "edges": {"e": EDGE}, "prevent_subagent_loops": True}
    await api.patch(AGENT, json={"workflow": made}, agent_id=agent_id)

    pulled = beyond_defaults(await api.get(AGENT, agent_id=agent_id))["workflow"]
    assert (await planned(kinds, memory, assistant(elevenlabs={"workflow": pulled}))).empty
    edited = overlaid(pulled, {"nodes": {"a": {"additional_prompt": "Take it slowly."}}})
    assert (await synced(kinds, memory, assistant(elevenlabs={"workflow": edited}))).failures == ()
    after = (await api.get(AGENT, agent_id=agent_id))["workflow"]
    del agent["prompt"]["tools"]  # a copy of those with the ids
    expected = {**made, "nodes": {**nodes, "a": {**nodes["a"], "additional_prompt": "Take it slowly."}}}
    assert after == expected


def test_every_map_of_the_raw_table_is_tried() -> None:
    tables = ("data_collection", "data_collection_scopes", "criteria")
    elsewhere = {path for path in FREE_MAPS if FREE_MAPS[path].owned or path.endswith(".params.procedures")}
    assert set(MAPS) == set(FREE_MAPS) - elsewhere
    assert {path for path in elsewhere if path.endswith(tables)}


def test_tools_without_ids_are_no_copies() -> None:
    node = {"type": "tool", "tools": [{"tool_id": "t"}]}
    own = {"conversation_config": {"agent": {"prompt": {"tools": [{"name": "x"}], "tool_ids": []}}}}
    body = {"name": "x", "workflow": {"nodes": {"a": node, "b": own, "c": None}}}
    assert json.dumps(sendable(body)) == json.dumps(body)
    assert sendable({"name": "x"}) == {"name": "x"}
