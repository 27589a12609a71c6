"""Where a project is silent and the platform's default is one that a team should choose knowingly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from agentctl.errors import Problem
from agentctl.resources.assistant import Assistant
from agentctl.sources.problems import located

# Loosely: who answers must be recognisable as a machine (EU AI Act, Art. 50). Only for languages that we can read.
_SAYS_AI = {
    "de": re.compile(r"\bKIs?\b|künstlich|virtuell|digital|automati|assistenz|roboter|computer|\bbots?\b|\bAI\b", re.I),
    "en": re.compile(r"\bAIs?\b|\bA\.I\.|artificial|virtual|digital|automat|robot|computer|\bbots?\b", re.I),
}


def advice(assistant: Assistant) -> Iterator[Problem]:
    """What the plan should warn of. The platform's defaults are those of the published spec."""
    declared = assistant.privacy.model_dump(exclude_none=True)
    privacy = {**declared, **(_leaf(assistant.elevenlabs, "platform_settings", "privacy") or {})}
    path = "privacy"
    if "record_voice" not in privacy:
        yield Problem(
            located(assistant.where, f"{path}.record_voice"),
            "is not declared, and ElevenLabs records every call by default; declare false or true",
            kind="records",
        )
    if "retention_days" not in privacy and privacy.get("zero_retention_mode") is not True:
        yield Problem(
            located(assistant.where, f"{path}.retention_days"),
            "is not declared, and ElevenLabs keeps conversations for ever by default; declare a number, like 30",
            kind="keeps",
        )
    events = assistant.webhooks.events
    if events is not None and "transcript" not in events:
        yield Problem(
            located(assistant.where, "webhooks.events"),
            "lacks transcript: no call of it is delivered to agentctl",
            kind="undelivered",
        )
    yield from _first_message(assistant)


def _first_message(assistant: Assistant) -> Iterator[Problem]:
    agent = _leaf(assistant.elevenlabs, "conversation_config", "agent") or {}
    message = agent.get("first_message", assistant.first_message)
    where = located(assistant.where, "first_message")
    if not isinstance(message, str) or not message.strip():
        what = "is not declared, so the assistant waits in silence and does not say that an AI answers"
        yield Problem(where, what, kind="silent")
        return
    says_ai = _SAYS_AI.get(assistant.language.partition("-")[0])
    if says_ai and not says_ai.search(message):
        yield Problem(where, "does not seem to say that an AI answers", kind="unsaid")


def _leaf(tree: Mapping[str, Any], *path: str) -> Mapping[str, Any] | None:
    node: Any = tree
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else None
