"""Maps whose keys are the user's own, over a platform that takes a PATCH of such a map for all of it."""

from __future__ import annotations

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
TOOL = {"type": "tool", "tools": [{"tool_id": "t1"}], "position": {"x": 1.0, "y": 1.0}, "edge_order": []}
END = {"type": "end", "position": {"x": 2.0, "y": 2.0}, "edge_order": []}
WHEN = {"type": "llm", "label": None, "condition": "wants to order"}
EDGE = {"source": "start_node", "target": "a", "forward_condition": WHEN, "backward_condition": None}
# Path: an entry of ours, a change of it, an entry that was made in the dashboard, and what the map stands beside.
MAPS: dict[str, tuple[Any, Any, Any, Any]] = {
    "conversation_config.agent.dynamic_variables.dynamic_variable_placeholders": ("1", "2", "theirs", {}),
    "conversation_config.agent.text_behavior_overrides": (
        {"verbosity": "concise", "interaction_budget": "realtime"}, {"verbosity": "auto"},
        {"verbosity": "thorough"}, {},
    ),
    f"{CUSTOM_LLM}.request_headers": (
        {"secret_id": "s1"}, {"secret_id": "s3"}, {"secret_id": "s2"}, {"url": "https://llm.example.org"},
    ),
    f"{WEBHOOK}.request_headers": ("one", "two", {"secret_id": "s2"}, {"url": "https://example.org/start"}),
    "platform_settings.alerting.monitor_configs": (
        {"threshold": 0.1, "min_failure_count": 3}, {"threshold": 0.2}, {"threshold": 0.9}, {},
    ),
    "platform_settings.widget.language_presets": (
        {"terms_text": "AGB", "terms_key": "k"}, {"terms_text": "Neue AGB"}, {"terms_text": "Terms"}, {},
    ),
    "workflow.nodes": (TOOL, {"position": {"x": 5.0}}, END, {}),
    "workflow.edges": (EDGE, {"forward_condition": {"condition": "is hungry"}}, {**EDGE, "target": "b"}, {}),
}  # fmt: skip
# Keys of text_behavior_overrides are channels, of a list that grows.
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
    await api.patch(AGENT, json=beside(path, there, rest), agent_id=agent_id)
    before = at(await api.get(AGENT, agent_id=agent_id), path)

    wanted = assistant(elevenlabs=beside(path, {ours: change}, rest))
    assert (await synced(kinds, memory, wanted)).failures == ()
    after = at(await api.get(AGENT, agent_id=agent_id), path)
    assert after[other] == before[other]
    assert after[ours] == overlaid({"it": before[ours]}, {"it": change})["it"]
    assert (await planned(kinds, memory, wanted)).empty
    assert (await synced(kinds, memory, assistant())).failures == ()
    assert at(await api.get(AGENT, agent_id=agent_id), path) == after, "what is declared no longer stays as it is"


async def test_a_workflow_that_was_pulled_and_then_edited_keeps_all_of_it(kinds: Any, memory: Any, api: Any) -> None:
    await synced(kinds, memory, assistant())
    agent_id = memory.bindings["agent", "empfang"]
    nodes = {"start_node": START, "a": TOOL, "z": END}
    made = {"nodes": nodes, "edges": {"e": EDGE}, "prevent_subagent_loops": True}
    await api.patch(AGENT, json={"workflow": made}, agent_id=agent_id)

    pulled = beyond_defaults(await api.get(AGENT, agent_id=agent_id))["workflow"]
    assert (await planned(kinds, memory, assistant(elevenlabs={"workflow": pulled}))).empty
    edited = overlaid(pulled, {"nodes": {"a": {"position": {"x": 7.0}}}})
    assert (await synced(kinds, memory, assistant(elevenlabs={"workflow": edited}))).failures == ()
    after = (await api.get(AGENT, agent_id=agent_id))["workflow"]
    assert after == overlaid(made, {"nodes": {"a": {"position": {"x": 7.0}}}})


def test_every_map_that_only_a_raw_table_declares_is_tried() -> None:
    raw = {path for path, rule in FREE_MAPS.items() if not rule.owned and not path.endswith(".params.procedures")}
    assert set(MAPS) == raw


def test_copies_of_tools_beside_their_ids_are_not_sent() -> None:
    def stage(**prompt: Any) -> Any:
        return {"type": "override_agent", "conversation_config": {"agent": {"first_message": "Hi", "prompt": prompt}}}

    def body(stage: Any) -> Any:
        rest = {"a": {"type": "tool", "tools": [{"tool_id": "t"}]}, "b": None, "c": {"conversation_config": None}}
        return {"name": "x", "workflow": {"nodes": {**rest, "stage": stage}, "edges": {}}}

    copied = body(stage(tools=[{"name": "x"}], tool_ids=["t"], temperature=0.2))
    assert sendable(copied) == body(stage(tool_ids=["t"], temperature=0.2))
    own = body(stage(tools=[{"name": "x"}], tool_ids=[]))
    assert sendable(own) == own
    assert sendable({"name": "x"}) == {"name": "x"}
