"""Each field of an agent has its key in assistant.toml, and what the file says of it makes the same field again."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.resources.agent import Agent
from agentctl.resources.assistant import Assistant
from agentctl.sources.assistant_file import AssistantFile
from agentctl.sources.counterpart import in_file, map_entry, place
from agentctl.sources.listed import as_lists
from agentctl.sync.diff import contains
from agentctl.sync.kind import Ref
from tests.agentctl.resources.contract import SCOPE, assistant
from tests.agentctl.resources.test_platform_settings import SECTIONS

TOOLS = ("conversation_config", "agent", "prompt", "built_in_tools")
TRANSFERS = [{"assistant": "notdienst", "condition": "Notfall"}, {"agent_id": "agent_x", "condition": "Sonst"}]
FULL = {
    **SECTIONS,
    "built_in_tools": {**SECTIONS["built_in_tools"], "transfer_to_agent": {"transfers": TRANSFERS}},
    "webhooks": {"post_call_webhook_id": "none", "events": ["transcript"]},
}
CONSTANT = {"type", "name", "system_tool_type"}  # what a tool always says of itself


def body(declared: Assistant) -> Any:
    (desired,) = Agent(None, SCOPE).desired(declared)  # type: ignore[arg-type]
    return desired.body


def leaves(tree: Any, at: tuple[str, ...] = ()) -> Any:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*at, key))
        else:
            yield (*at, key), value


def put(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = value


def test_an_agent_laid_into_a_file_field_by_field_is_the_same_agent() -> None:
    declared = assistant(language="de", **FULL)
    table: dict[str, Any] = {name: {} for name in ("built_in_tools", "language_presets")}
    for keys, theirs in leaves(body(declared)):
        path = place(keys, declared)
        if path is None:
            of_nobody = {*CONSTANT, "archived", "overrides", "prompt", "knowledge_base"}
            assert keys[0] == "tags" or "action_items" in keys or keys[-1] in of_nobody, keys
            if (entry := map_entry(keys)) and "action_items" not in keys:
                table[entry[0]].setdefault(entry[1], {})
        else:
            put(table, path, in_file(keys, theirs))
    file = AssistantFile.model_validate({**as_lists(table), "name": "Empfang"})
    again = declared.model_copy(update={name: getattr(file, name) for name in FULL})
    assert body(again) == body(declared)


@pytest.mark.parametrize("section", ["built_in_tools", "language_presets", "data_collection"])
def test_a_whole_entry_has_a_place_even_if_it_is_declared_no_longer(section: str) -> None:
    entries = body(assistant(**{section: FULL[section]}))
    maps = {
        "built_in_tools": TOOLS,
        "language_presets": ("conversation_config", "language_presets"),
        "data_collection": ("platform_settings", "data_collection"),
    }
    for name in maps[section]:
        entries = entries[name]
    bare = assistant(data_collection={})
    for name, theirs in entries.items():
        if name == "action_items":
            continue
        keys = (*maps[section], name)
        assert place(keys, bare) == (section, name)
        again = assistant(**{section: {name: in_file(keys, {**theirs, "unheard_of": 1, "llm": None})}})
        made: Any = body(again)
        for step in keys:
            made = made[step]
        assert contains(made, theirs)


def test_what_only_the_raw_settings_can_say_has_no_place() -> None:
    bare = assistant()
    for keys in (
        ("platform_settings", "widget", "variant"),
        ("platform_settings", "privacy", "unheard_of"),
        ("platform_settings", "data_collection", "mood", "description"),
        ("platform_settings", "data_collection_scopes", "mood"),
        ("platform_settings", "workspace_overrides", "webhooks", "events"),
        (*TOOLS, "end_call", "description"),
    ):
        assert place(keys, bare) is None
    transfers = in_file((*TOOLS, "transfer_to_agent", "params", "transfers"), [{"agent_id": Ref("agent", "a")}])
    assert transfers == [{"assistant": "a"}]
