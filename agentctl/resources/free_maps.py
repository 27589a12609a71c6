"""The maps of an agent whose keys are the user's own words and no fields of the API.

Whether a PATCH that leaves a key out of such a map takes it away is not documented [either is survived]: they are
written whole. The list is that of the published spec (`additionalProperties`); a map inside an entry or a list needs
no line of its own, since those are written complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl.resources.built_in_tools import TOOLS, BuiltInTools
from agentctl.resources.criteria import CRITERIA
from agentctl.resources.language_presets import PRESETS
from agentctl.sync.kind import Keyed

# A header is a text, or one of these references; so is what a custom model is asked with.
_REFERENCES = frozenset({"secret_id", "variable_name", "env_var_label", "auth_connection_id"})
_HEADERS = Keyed(whole=True, forms=_REFERENCES)
_CUSTOM_LLM = "conversation_config.agent.prompt.custom_llm"
_INITIATION = "platform_settings.workspace_overrides.conversation_initiation_client_data_webhook"
_WORKFLOW = Keyed(whole=True, forms=frozenset({"type"}))
FREE_MAPS: Mapping[str, Keyed] = {
    CRITERIA: Keyed(owned=True, whole=True),
    "platform_settings.data_collection": Keyed(owned=True, whole=True),
    "platform_settings.data_collection_scopes": Keyed(owned=True, whole=True),
    PRESETS: Keyed(owned=True, whole=True),
    "conversation_config.agent.dynamic_variables.dynamic_variable_placeholders": Keyed(whole=True),
    "conversation_config.agent.text_behavior_overrides": Keyed(whole=True),
    f"{_CUSTOM_LLM}.request_headers": _HEADERS,
    f"{_INITIATION}.request_headers": _HEADERS,
    "platform_settings.alerting.monitor_configs": Keyed(whole=True),
    "platform_settings.widget.language_presets": Keyed(whole=True),
    "workflow.nodes": _WORKFLOW,
    "workflow.edges": _WORKFLOW,
    **{f"{TOOLS}.{tool}.params.procedures": Keyed(whole=True) for tool in BuiltInTools.model_fields},
}
# Objects with fields that the spec requires of a PATCH too: one field alone would be refused.
COMPLETE: Mapping[str, Keyed] = {_CUSTOM_LLM: _HEADERS, _INITIATION: _HEADERS}
_PROMPT = ("conversation_config", "agent", "prompt")


def sendable(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """An agent's `body` without the copies of tools that an answer has beside their ids in a node of the workflow.

    The platform refuses a request with both (422 `tools_and_tool_ids_provided`).
    """
    workflow = body.get("workflow")
    nodes = workflow.get("nodes") if isinstance(workflow, Mapping) else None
    if not isinstance(workflow, Mapping) or not isinstance(nodes, Mapping):
        return body
    slim = {name: _without_copies(node, _PROMPT) for name, node in nodes.items()}
    return {**body, "workflow": {**workflow, "nodes": slim}}


def _without_copies(part: Any, path: tuple[str, ...]) -> Any:
    if not isinstance(part, Mapping):
        return part
    if path:
        return {**part, path[0]: _without_copies(part[path[0]], path[1:])} if path[0] in part else part
    return {key: value for key, value in part.items() if key != "tools"} if part.get("tool_ids") else part
