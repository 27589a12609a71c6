import asyncio
import hashlib
import io
import os
import re
import signal
import stat
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agentctl.calls.process import Recordings
from agentctl.calls.sound import Audio
from agentctl.clients.recording_name import file_name, folder_name
from agentctl.clients.recordings import Directory
from agentctl.errors import AgentctlError, StoreUnavailable, UsageError
from tests.agentctl.calls.fakes import Note

pytestmark = pytest.mark.anyio


def held(sound: bytes) -> Audio:
    """A file with it."""
    file = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the last reference)
    file.write(sound)
    file.flush()
    return Audio(file, len(sound))


async def put(place: Recordings, conversation_id: str, audio: Audio, content_type: str, note: Note) -> str:
    """Save it as the first event brings it; where that is."""
    location = place.location(conversation_id, 1, content_type)
    await place.save(location, audio, content_type, note)
    return location


IDS = ["../../etc/passwd", "/abs", "a/b", "a\\b", "..", ".", "", "a b", "x" * 500, "conv\x00", "ä", "con:"]


@pytest.mark.parametrize("conversation_id", IDS)
async def test_no_id_leads_out_of_the_directory(conversation_id: str, tmp_path: Path) -> None:
    await put(Directory(tmp_path), conversation_id, held(b"sound"), "audio/mpeg", Note())
    written = Path(urlsplit(Directory(tmp_path).location(conversation_id, 1, "audio/mpeg")).path)
    assert written.parent == tmp_path / "default"
    assert written.read_bytes() == b"sound"
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.1\.mp3", written.name)


def test_different_ids_have_different_names() -> None:
    assert len({folder_name(folder_name(found)) for found in IDS} | {folder_name(found) for found in IDS}) == 2 * len(
        IDS
    )
    assert len({file_name(found, found, "audio/mpeg") for found in IDS}) == len(IDS)
    assert file_name("conv_1", 7, "audio/wav") == "conv_1.7.wav"
    assert file_name("conv_1", "0b3c-1", "text/html") == "conv_1.0b3c-1.bin"


async def test_a_recording_is_replaced_whole_and_is_private(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "new" / "place")
    for sound in (b"one", b"two"):
        await put(directory, "conv_1", held(sound), "audio/mpeg", Note())
    (written,) = (tmp_path / "new" / "place" / "default").iterdir()
    assert written.read_bytes() == b"two"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


async def test_what_is_kept_is_told_by_its_content(tmp_path: Path) -> None:
    directory, digest = Directory(tmp_path), hashlib.sha256(b"sound").hexdigest()
    here = directory.location("conv_1", "event-1", "audio/mpeg")
    await directory.save(here, held(b"sound"), "audio/mpeg", Note())
    asked = [(here, digest), (here, "00" * 32), (here.replace("_1", "_2"), digest), ("supabase:x/y/z.mp3", digest)]
    assert [await directory.keeps(where, 5, sha256) for where, sha256 in asked] == [True, False, False, False]
    assert not await directory.of("acme").keeps(here, 5, digest)


async def test_a_write_that_fails_leaves_nothing_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agentctl.clients.recordings.os.fsync", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        await put(Directory(tmp_path), "conv_1", held(b"sound"), "audio/mpeg", Note())
    assert list((tmp_path / "default").iterdir()) == []


def test_what_a_killed_worker_left_half_written_goes_with_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, folder = Directory(tmp_path), tmp_path / "default"

    def killed(_handle: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def left() -> set[str]:
        """What is there once a worker was killed at the very end of writing."""
        if not (child := os.fork()):
            monkeypatch.setattr("agentctl.clients.recordings.os.fsync", killed)
            asyncio.run(put(directory, "conv_1", held(b"sound"), "audio/mpeg", Note()))
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        return {path.name.partition("~")[0] for path in folder.iterdir()}

    asyncio.run(put(directory, "conv_10", held(b"other"), "audio/mpeg", Note()))
    location = directory.location("conv_1", 1, "audio/mpeg")
    for gone in (directory.erase("conv_1", location), directory.discard(location)):
        assert left() == {"conv_10.1.mp3", ".conv_1.1.mp3"}
        assert asyncio.run(gone)
        assert {path.name for path in folder.iterdir()} == {"conv_10.1.mp3"}
    left()
    asyncio.run(put(directory, "conv_1", held(b"sound"), "audio/mpeg", Note()))
    assert {path.name for path in folder.iterdir()} == {"conv_10.1.mp3", "conv_1.1.mp3"}


async def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        await put(Directory(tmp_path / "file"), "conv_1", held(b"sound"), "audio/mpeg", Note())


async def test_a_recording_can_be_erased_whatever_it_is(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    for content_type in ("audio/mpeg", "audio/wav", "text/html"):
        location = await put(directory, "conv_1", held(b"sound"), content_type, Note())
        await put(directory, "conv_10", held(b"sound"), content_type, Note())
        assert not await directory.erase("conv_1"), "another event's"
        assert await directory.erase("conv_1", location)
        assert not await directory.erase("conv_1", location)
        former = directory.path / location.rpartition("/")[2].replace(".1.", ".")
        former.write_bytes(b"of an earlier version")
        assert await directory.erase("conv_1")
    assert {path.name.partition(".")[0] for path in (tmp_path / "default").iterdir()} == {"conv_10"}


async def test_nothing_is_saved_where_another_tenants_lie(tmp_path: Path) -> None:
    theirs = Directory(tmp_path, "ab").location("conv_1", 1, "audio/mpeg")
    with pytest.raises(AgentctlError, match="is not in"):
        await Directory(tmp_path, "a").save(theirs, held(b"sound"), "audio/mpeg", Note())
    assert list(tmp_path.iterdir()) == []


async def test_a_directory_that_is_reached_by_a_link_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "current").symlink_to(tmp_path / "release")
    directory, linked = Directory(tmp_path / "release"), Directory(tmp_path / "current")
    for stored, asked in ((linked, directory), (directory, linked)):
        await put(stored, "conv_1", held(b"sound"), "audio/mpeg", Note())
        location = stored.location("conv_1", 1, "audio/mpeg")
        assert await asked.is_there(location)
        assert await asked.erase("conv_1", location)


async def test_what_cannot_be_erased_is_told(tmp_path: Path) -> None:
    (tmp_path / "default" / "conv_1.mp3").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="cannot be deleted"):
        await Directory(tmp_path).erase("conv_1")


async def test_a_recording_is_handed_out_from_its_own_folder_alone(tmp_path: Path) -> None:
    directory, neighbour, target = Directory(tmp_path, "a"), Directory(tmp_path, "ab"), io.BytesIO()
    location, other = directory.location("conv_1", 1, "audio/mpeg"), neighbour.location("conv_1", 1, "audio/mpeg")
    for place, sound in ((directory, b"sound"), (neighbour, b"other")):
        await put(place, "conv_1", held(sound), "audio/mpeg", Note())
    await directory.fetch(location, target)
    assert target.getvalue() == b"sound"
    for elsewhere in (other, f"{directory.path.as_uri()}/../ab/conv_1.mp3", "supabase:b/a/conv_1.mp3"):
        with pytest.raises(AgentctlError, match="on this machine"):
            await directory.fetch(elsewhere, io.BytesIO())
    with pytest.raises(UsageError, match="no signed addresses"):
        await directory.sign(location, 60)
