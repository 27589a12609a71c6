"""What the `platform_settings` of an agent are by what its assistant declares."""

from __future__ import annotations

from typing import Any

from agentctl.resources.assistant import Assistant
from agentctl.resources.platform_settings import IN_SERVICE, SETTINGS, given


def platform_settings(assistant: Assistant) -> dict[str, Any]:
    """The parts of `platform_settings` that the assistant declares, with what follows from its being declared."""
    parts: dict[str, Any] = {**IN_SERVICE[SETTINGS]}
    if assistant.evaluation.criteria is not None:
        parts["evaluation"] = {"criteria": [given(criterion) for criterion in assistant.evaluation.criteria]}
    if items := assistant.data_collection:
        parts["data_collection"] = {name: given(item, "scope") for name, item in items.items()}
    if scopes := {name: item.scope for name, item in items.items() if item.scope}:
        parts["data_collection_scopes"] = scopes
    for name in ("privacy", "call_limits", "auth"):
        if declared := given(getattr(assistant, name)):
            parts[name] = declared
    if hosts := parts.get("auth", {}).get("allowlist"):
        parts["auth"]["allowlist"] = [{"hostname": host} for host in hosts]
    if overrides := given(assistant.overrides):
        client = {name: overrides.pop(name) for name in ("agent", "tts", "conversation") if name in overrides}
        parts["overrides"] = {**({"conversation_config_override": client} if client else {}), **overrides}
    return parts
