"""The parts of an agent's `conversation_config` that agentctl has names of its own for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentctl.resources import knowledge
from agentctl.resources.assistant import MULTILINGUAL_MODEL, Assistant
from agentctl.resources.built_in_tools import built_in_tools
from agentctl.resources.voice import speech
from agentctl.sync.kind import Ref


def spoken(assistant: Assistant) -> dict[str, Any]:
    """`conversation_config.agent`: what it knows, and says first."""
    entries = [
        {
            "type": knowledge.document_type(document),
            "name": document.name,
            "id": Ref(knowledge.KIND, document.key),
            "usage_mode": document.usage,
        }
        for document in assistant.knowledge
    ]
    llm = assistant.llm
    prompt = {"llm": llm.model, "temperature": llm.temperature, "max_tokens": llm.max_tokens}
    return {
        "language": assistant.language,
        **_given({"first_message": assistant.first_message}),
        "prompt": {
            "prompt": assistant.prompt,
            **_given(prompt),
            "knowledge_base": entries,
            **({"rag": settings} if (settings := assistant.rag.settings()) else {}),
            **built_in_tools(assistant.built_in_tools),
        },
    }


def heard(assistant: Assistant) -> dict[str, Any]:
    """`conversation_config.tts`: its voice."""
    # The platform's own default speaks English only, and it refuses that model for any other language.
    foreign = {assistant.language, *assistant.language_presets} - {"en"}
    return {**({"model_id": MULTILINGUAL_MODEL} if foreign else {}), **speech(assistant.voice)}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}
