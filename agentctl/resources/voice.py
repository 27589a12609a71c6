"""The voice of an assistant, and of each language that it has a preset for."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from agentctl.resources.part import Part, VoiceId


class Voice(Part):
    """The voice that is heard."""

    id: VoiceId | None = Field(None, description="Voice id from the ElevenLabs voice library.")
    model: str | None = Field(
        None,
        description="Speech model; languages other than en need a *_v2_5 or multilingual one, "
        "and get eleven_flash_v2_5 by default.",
    )
    stability: float | None = Field(None, ge=0, le=1, strict=True, description="Lower is livelier, higher is steadier.")
    similarity_boost: float | None = Field(
        None, ge=0, le=1, strict=True, description="How closely to keep to the original voice."
    )
    speed: float | None = Field(None, ge=0.7, le=1.2, strict=True, description="1 is normal speed.")


def speech(voice: Voice) -> dict[str, Any]:
    """The voice as `tts` of the API takes it, without what is not declared."""
    fields = {
        "voice_id": voice.id,
        "model_id": voice.model,
        "stability": voice.stability,
        "similarity_boost": voice.similarity_boost,
        "speed": voice.speed,
    }
    return {key: value for key, value in fields.items() if value is not None}
