"""How a conversation goes, and what is different in another language: parts of `conversation_config`.

A preset is what the agent switches to when a caller speaks that language (with the built-in tool language_detection)
or when a client asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agentctl.resources.part import Part
from agentctl.resources.voice import Voice, speech

PRESETS = "conversation_config.language_presets"


class LanguagePreset(Part):
    """What is said and heard in one other language; what is left out stays as in the assistant's own."""

    first_message: str | None = Field(None, description="What the assistant says first. [[ ]] as in prompt.md.")
    prompt: str | None = Field(None, description="A prompt of its own; default: the assistant's.", repr=False)
    voice: Voice = Voice()


class Conversation(Part):
    """Limits of one conversation."""

    max_duration_seconds: int | None = Field(
        None, ge=1, strict=True, description="When a conversation is ended; ElevenLabs' default is 600."
    )
    text_only: bool | None = Field(None, strict=True, description="Text alone, without audio.")


def preset(declared: LanguagePreset) -> dict[str, Any]:
    """One entry of `language_presets`, as the API takes it."""
    agent: dict[str, Any] = {}
    if declared.first_message is not None:
        agent["first_message"] = declared.first_message
    if declared.prompt is not None:
        agent["prompt"] = {"prompt": declared.prompt}
    tts = speech(declared.voice)
    return {"overrides": {**({"agent": agent} if agent else {}), **({"tts": tts} if tts else {})}}


def conversation(limits: Conversation, presets: Mapping[str, LanguagePreset]) -> dict[str, Any]:
    """The parts of `conversation_config` that are declared here."""
    parts: dict[str, Any] = {}
    if given := limits.model_dump(exclude_none=True):
        parts["conversation"] = given
    if presets:
        parts["language_presets"] = {language: preset(declared) for language, declared in presets.items()}
    return parts
