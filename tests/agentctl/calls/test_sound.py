import base64
import hashlib
import json
import resource
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentctl.calls.sound import sound_of
from agentctl.errors import Malformed, StoreUnavailable

pytestmark = pytest.mark.anyio
MP3 = b"ID3" + bytes(range(256)) * 40


def event(full_audio: object, conversation_id: object = "conv_1") -> bytes:
    data = {"conversation_id": conversation_id, "agent_id": "agent_1", "full_audio": full_audio}
    return json.dumps({"type": "post_call_audio", "data": data}).encode()


async def pieces(text: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(text), size):
        yield text[at : at + size]


@pytest.mark.parametrize("size", [1, 1000, 10**6])
@pytest.mark.parametrize("audio", [MP3, MP3[:-1], MP3[:-2]])
async def test_the_sound_is_in_a_file_while_it_is_looked_at(
    audio: bytes, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    text = event(base64.b64encode(audio).decode()).replace(b"/", b"\\/")
    async with sound_of(pieces(text, size)) as sound:
        assert sound.audio.read(0, len(audio) + 1) == audio
        assert list(tmp_path.iterdir()) == [], "whatever ends the process, no voice is left"
        assert (sound.conversation_id, sound.agent_id, sound.audio.size) == ("conv_1", "agent_1", len(audio))
        assert sound.sha256 == hashlib.sha256(audio).hexdigest()
        assert sound.content_type == "audio/mpeg"
    assert sound.audio.file.closed


async def test_a_full_disk_is_waited_for_and_no_fault_of_the_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = event(base64.b64encode(MP3 * 10).decode())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(StoreUnavailable, match="cannot be written to") as refused:
            async with sound_of(pieces(text, 10**6)):
                pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refused.value.outage
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(StoreUnavailable, match="cannot be written to"):
        async with sound_of(pieces(text, 10**6)):
            pass


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (event("QUJD", None), "conversation_id is missing"),
        (event(None), "full_audio is missing"),
        (event(""), "full_audio is missing"),
        (event(7), "full_audio is missing"),
        (event("QUJ"), "not base64"),
        (event("QUI=QUJD"), "not base64"),
        (event("Grüße"), "not base64"),
        (b"[]", "not an object"),
        (b'{"data": {', "not JSON"),
    ],
)
async def test_what_is_no_sound_is_told(text: bytes, reason: str) -> None:
    for size in (3, 10**6):
        with pytest.raises(Malformed, match=reason):
            async with sound_of(pieces(text, size)):
                pass
