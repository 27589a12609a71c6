"""Recordings of a project that kept them as files, or in another bucket, before."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import httpx
import pytest

from agentctl.calls.process import Recordings
from agentctl.clients.bucket import Bucket
from agentctl.clients.recordings import Directory
from agentctl.clients.shelves import Shelves
from agentctl.clients.storage_api import StorageApi
from agentctl.errors import UsageError
from tests.agentctl.calls.fakes import Note
from tests.agentctl.clients.test_recordings import held, put
from tests.storage import Storage

pytestmark = pytest.mark.anyio


async def test_what_was_kept_elsewhere_before_is_handed_out_and_erased_from_there(tmp_path: Path) -> None:
    storage = Storage("recordings")
    api = StorageApi("https://x.supabase.co/", storage.key, transport=httpx.MockTransport(storage))
    shelves = Shelves(Bucket(api, "recordings"), Directory(tmp_path))
    assert shelves.place == "supabase:x.supabase.co/recordings"
    before = Directory(tmp_path).of("acme")
    old, new = before.location("conv_1", 1, "audio/mpeg"), shelves.of("acme").location("conv_2", 1, "audio/mpeg")
    await put(before, "conv_1", held(b"before"), "audio/mpeg", Note())
    assert shelves.place == Directory(tmp_path).place, "a machine that has files has work of its own"
    await put(shelves.of("acme"), "conv_2", held(b"now"), "audio/mpeg", Note())
    for location, sound in ((old, b"before"), (new, b"now")):
        target = io.BytesIO()
        await shelves.of("acme").fetch(location, target)
        assert target.getvalue() == sound
    with pytest.raises(UsageError, match="are files on this machine"):
        await shelves.of("acme").sign(old, 60)
    assert not await shelves.erase("conv_1", old), "another tenant's is not the operator's"
    assert await shelves.of("acme").erase("conv_1", old)
    assert list(tmp_path.glob("*/*")) == []

    renamed = Shelves(Bucket(api, "other"), Directory(tmp_path)).of("acme")
    assert not await renamed.erase("conv_2")
    assert await renamed.erase("conv_2", new)
    assert storage.objects == {}


@pytest.mark.parametrize(
    "lies", ["in the bucket", "in a file here", "in a file of another machine", "in another project"]
)
@pytest.mark.parametrize("has_storage", [True, False])
async def test_a_copy_that_goes_is_not_taken_for_the_recording(tmp_path: Path, lies: str, has_storage: bool) -> None:
    def bucket(project: str) -> Bucket:
        storage = Storage("recordings")
        api = StorageApi(f"https://{project}.supabase.co/", storage.key, transport=httpx.MockTransport(storage))
        return Bucket(api, "recordings")

    ours, here = bucket("x"), Directory(tmp_path / "here")
    places: dict[str, Recordings] = {
        "in the bucket": ours,
        "in a file here": here,
        "in a file of another machine": Directory(tmp_path / "another"),
        "in another project": bucket("y"),
    }

    def former(one: Recordings) -> str:
        """Where an earlier version kept it, which knew a recording by its call alone."""
        return one.location("conv_1", 1, "audio/mpeg").replace(".1.", ".")

    place, location = places[lies], former(places[lies])
    for one in places.values():
        await one.save(former(one), held(b"sound"), "audio/mpeg", Note())
    eraser: Recordings = Shelves(ours, here) if has_storage else here
    reached: list[Recordings] = [ours, here] if has_storage else [here]
    assert await eraser.erase("conv_1", location) is (place in reached)
    assert [await one.is_there(former(one)) for one in reached] == [False] * len(reached)
    assert await place.is_there(location) is (place not in reached)
    assert await place.keeps(location, 5, hashlib.sha256(b"sound").hexdigest()) is (place not in reached)
    assert not await eraser.erase("conv_1", location)
