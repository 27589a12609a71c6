"""What an agent has beyond the platform's defaults: the part of it that a file has to say.

defaults.json holds the defaults of the published OpenAPI spec (response schemas of an agent), and five that the spec
describes without giving them. A default that has changed since does no harm: its field is then said though it need
not be, or left to the platform, which has it anyway.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from agentctl.resources.free_maps import FREE_MAPS, sendable
from agentctl.secrecy.secret import withheld

Path = tuple[str, ...]

# Parts of an answer that no request may have, and those that agentctl declares in its own way.
_NOT_OURS: frozenset[Path] = frozenset({
    ("conversation_config", "agent", "prompt", "tools"),
    ("platform_settings", "safety"),
    ("platform_settings", "archived"),
    ("platform_settings", "queueing_config", "hold_audio"),
})  # fmt: skip
# Without an id it says what would be delivered, and no place to deliver it to.
_WEBHOOKS = ("platform_settings", "workspace_overrides", "webhooks")
_SECTIONS = ("conversation_config", "platform_settings")
# Objects whose keys are the user's own: an entry counts by being there, however little is in it.
_MAPS = frozenset(path.rpartition(".")[2] for path in FREE_MAPS)
_NOTHING: tuple[Any, ...] = (None, "", [], {})
# In defaults.json: what each entry of a list or map has that does not say otherwise.
_EACH = "*"


@cache
def defaults() -> Mapping[str, Any]:
    """`conversation_config` and `platform_settings` of an agent of which nothing was said."""
    found: Mapping[str, Any] = json.loads((files("agentctl.resources") / "defaults.json").read_text("utf-8"))
    return found


def beyond_defaults(agent: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of an agent, as the API answers it, that differ from the defaults. Its name, tags and the like are
    not among them; a field without a known default is, unless it is empty.
    """
    found: dict[str, Any] = {}
    for section in _SECTIONS:
        if kept := _beyond(agent.get(section) or {}, defaults()[section], (section,)):
            found[section] = kept
    if workflow := _workflow(sendable(agent).get("workflow") or {}):
        found["workflow"] = workflow
    return found


def inline_tools(agent: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the tools that stand in the agent itself, which no request may name beside `tool_ids`.

    A read of an agent may repeat there what `tool_ids` and `built_in_tools` say (the platform's documentation), so that
    as many as have an id are no others.
    """
    prompt = agent["conversation_config"]["agent"]["prompt"]
    tools = [one for one in prompt.get("tools") or () if isinstance(one, Mapping) and one.get("type") != "system"]
    return tuple(str(one.get("name")) for one in tools) if len(tools) > len(prompt.get("tool_ids") or ()) else ()


def without_secrets(settings: Mapping[str, Any], at: Path = ()) -> tuple[dict[str, Any], tuple[Path, ...]]:
    """`settings` less the secrets that stand there in plain text (secrecy/secret.py says which), and where they were.

    References to the platform's own store of secrets ({"secret_id": …}) are no secrets. A list with one in it goes as
    a whole, since the platform takes lists whole.
    """
    kept: dict[str, Any] = {}
    lost: list[Path] = []
    for key, value in settings.items():
        here = (*at, key)
        if isinstance(value, Mapping):
            inner, gone = without_secrets(value, here)
            lost += gone
            if inner or not gone:
                kept[key] = inner
        elif any(True for _ in withheld(value, here)):
            lost.append(here)
        else:
            kept[key] = value
    return kept, tuple(lost)


def _beyond(values: Mapping[str, Any], known: Mapping[str, Any], at: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        here, default = (*at, key), known.get(key)
        if here in _NOT_OURS or (here == _WEBHOOKS and not (value or {}).get("post_call_webhook_id")):
            continue
        if isinstance(default, Mapping) and _EACH in default and value:
            kept: Any = _entries(value, default[_EACH], here)
        elif key in _MAPS and isinstance(value, Mapping):
            kept = {name: _slim(entry) for name, entry in value.items() if entry is not None}
        elif isinstance(value, Mapping):
            kept = _beyond(value, default if isinstance(default, Mapping) else {}, here)
        else:
            if value != default and (key in known or value not in _NOTHING):
                found[key] = _without_null(value)
            continue
        if kept:
            found[key] = kept
    return found


def _entries(value: Any, default: Any, at: Path) -> Any:
    """The entries of a list or a map without what each of them has by default."""

    def slim(entry: Any) -> Any:
        return _beyond(entry, default, at) if isinstance(entry, Mapping) and isinstance(default, Mapping) else entry

    if isinstance(value, Mapping):
        return {name: slim(entry) for name, entry in value.items() if entry is not None and entry != default}
    return [slim(entry) for entry in value]


def _slim(entry: Any) -> Any:
    """An entry without nulls, and without the objects that held nothing else."""
    if not isinstance(entry, Mapping):
        return _without_null(entry)
    inner = {key: _slim(value) for key, value in entry.items() if value is not None}
    return {key: value for key, value in inner.items() if value != {}}


def _workflow(workflow: Mapping[str, Any]) -> dict[str, Any]:
    """A workflow that is more than its start. Where the start stands on the canvas is nothing."""
    nodes, edges = workflow.get("nodes") or {}, workflow.get("edges") or {}
    if len(nodes) <= 1 and not edges and not workflow.get("prevent_subagent_loops"):
        return {}
    whole: dict[str, Any] = _without_null(workflow)
    return whole


def _without_null(value: Any) -> Any:
    """Entries of lists without what they do not have; a null that stands for itself stays."""
    if isinstance(value, Mapping):
        return {key: _without_null(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_without_null(entry) for entry in value]
    return value
