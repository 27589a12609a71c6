"""The voices that a workspace may speak with, and how each sounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentctl.clients.download import download
from agentctl.errors import NotFound
from agentctl.resources.endpoints import VOICE, VOICES
from agentctl.wiring import Control

_SAMPLE_BYTES = 5_000_000


@dataclass(frozen=True)
class Voice:
    """One of them. `about`: what its labels say, like `female, middle aged`; `heard`: it has a sample."""

    id: str
    name: str
    about: str = ""
    heard: bool = False


async def voices(control: Control) -> tuple[Voice, ...]:
    """All of the workspace's, by name (elevenlabs.io/docs/api-reference/voices/get-all). Raises as a GET does."""
    found = await control.api.get(VOICES)
    return tuple(sorted(map(_voice, found["voices"]), key=lambda one: (one.name.casefold(), one.id)))


async def sample(control: Control, voice_id: str) -> bytes:
    """A few words by that voice, as the platform offers them. Raises NotFound where it offers none, as a GET does."""
    found = await control.api.get(VOICE, voice_id=voice_id)
    if not (address := found.get("preview_url")):
        raise NotFound(f"voice {voice_id} has no sample", status=404)
    return await download(str(address), what="the sample of a voice", limit=_SAMPLE_BYTES)


def _voice(told: Mapping[str, Any]) -> Voice:
    labels = told.get("labels") or {}
    said = [str(labels[name]).replace("_", " ") for name in ("gender", "age", "accent") if labels.get(name)]
    name = str(told.get("name") or told["voice_id"])
    return Voice(str(told["voice_id"]), name, ", ".join(said), bool(told.get("preview_url")))
