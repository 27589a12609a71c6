"""agentctl.verbs.voices: what a workspace may speak with."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest
from pydantic import SecretStr

from agentctl.errors import NotFound
from agentctl.sandbox.harness import running
from agentctl.settings import Settings
from agentctl.verbs.voices import Voice, sample, voices
from agentctl.wiring import connect

pytestmark = pytest.mark.anyio


async def test_they_are_told_by_name_and_can_be_heard(tmp_path: Path) -> None:
    async with running() as sandbox:
        settings = Settings(elevenlabs_base_url=sandbox.url, elevenlabs_api_key=SecretStr(sandbox.key))
        async with connect(tmp_path, settings=settings) as control:
            found = await voices(control)
            with wave.open(io.BytesIO(await sample(control, found[0].id))) as sound:
                assert sound.getnframes() > 0
            with pytest.raises(NotFound):
                await sample(control, "nobody")
            one = {"voice_id": "x", "name": "Ada", "labels": {"gender": "female", "age": "middle_aged"}}
            await sandbox.fault(path="/v1/voices", status=200, body={"voices": [one]})
            assert await voices(control) == (Voice("x", "Ada", "female, middle aged"),)
            await sandbox.fault(path="/v1/voices/x", status=200, body=one)
            with pytest.raises(NotFound):
                await sample(control, "x")
    assert [one.name for one in found] == sorted(one.name for one in found)
    assert Voice("21m00Tcm4TlvDq8ikWAM", "Rachel", heard=True) in found
