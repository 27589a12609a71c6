import json
import re
import stat
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from agentctl.clients.recordings import Bucket, Directory, file_name
from agentctl.errors import StoreError, StoreUnavailable

pytestmark = pytest.mark.anyio


def held(sound: bytes) -> Path:
    """A file with it."""
    with tempfile.NamedTemporaryFile(delete=False) as file:
        file.write(sound)
    return Path(file.name)


IDS = ["../../etc/passwd", "/abs", "a/b", "a\\b", "..", ".", "", "a b", "x" * 500, "conv\x00", "ä", "con:"]


@pytest.mark.parametrize("conversation_id", IDS)
async def test_no_id_leads_out_of_the_directory(conversation_id: str, tmp_path: Path) -> None:
    location = await Directory(tmp_path).save(conversation_id, held(b"sound"), "audio/mpeg")
    written = Path(urlsplit(location).path)
    assert written.parent == tmp_path / "default"
    assert written.read_bytes() == b"sound"
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.mp3", written.name)


def test_different_ids_have_different_names() -> None:
    assert len({file_name(found, "audio/mpeg") for found in IDS}) == len(IDS)
    assert file_name("conv_1", "audio/wav") == "conv_1.wav"
    assert file_name("conv_1", "text/html") == "conv_1.bin"


async def test_a_recording_is_replaced_whole_and_is_private(tmp_path: Path) -> None:
    directory = Directory(tmp_path / "new" / "place")
    first = await directory.save("conv_1", held(b"one"), "audio/mpeg")
    assert await directory.save("conv_1", held(b"two"), "audio/mpeg") == first
    (written,) = (tmp_path / "new" / "place" / "default").iterdir()
    assert written.read_bytes() == b"two"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600


async def test_a_write_that_fails_leaves_nothing_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agentctl.clients.recordings.os.fsync", full)
    with pytest.raises(StoreUnavailable, match="No space left"):
        await Directory(tmp_path).save("conv_1", held(b"sound"), "audio/mpeg")
    assert list((tmp_path / "default").iterdir()) == []


async def test_a_directory_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        await Directory(tmp_path / "file").save("conv_1", held(b"sound"), "audio/mpeg")


class Storage:
    """Supabase Storage as far as an upload goes: buckets, objects, x-upsert."""

    def __init__(self, *buckets: str) -> None:
        self.buckets: dict[str, dict[str, object]] = {name: {} for name in buckets}
        self.objects: dict[str, bytes] = {}
        self.requests: list[httpx.Request] = []
        self.refuse: httpx.Response | Exception | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.refuse, Exception):
            raise self.refuse
        if self.refuse is not None:
            return self.refuse
        path = request.url.path.removeprefix("/storage/v1/")
        if path == "bucket":
            made = json.loads(request.content)
            self.buckets[made["id"]] = made
            return httpx.Response(200, json={"name": made["id"]})
        if request.method == "DELETE":
            if path.removeprefix("object/") not in self.buckets:
                return httpx.Response(404, json={"statusCode": "404", "error": "x", "message": "Bucket not found"})
            gone = [key for key in json.loads(request.content)["prefixes"] if self.objects.pop(key, None) is not None]
            return httpx.Response(200, json=[{"name": key} for key in gone])
        _, bucket, key = path.split("/", 2)
        if bucket not in self.buckets:
            missing = {"statusCode": "404", "error": "Bucket not found", "message": "Bucket not found"}
            return httpx.Response(400, json=missing)
        if key in self.objects and request.headers.get("x-upsert") != "true":
            return httpx.Response(400, json={"statusCode": "409", "error": "Duplicate", "message": "exists"})
        self.objects[key] = request.read()
        return httpx.Response(200, json={"Key": f"{bucket}/{key}", "Id": "1"})


def bucket(storage: Storage) -> Bucket:
    return Bucket("https://x.supabase.co/", "sb_secret_geheim", "recordings", transport=httpx.MockTransport(storage))


async def test_an_upload_replaces_an_earlier_one() -> None:
    storage = Storage("recordings")
    for sound in (b"one", b"two"):
        location = await bucket(storage).save("conv_1", held(sound), "audio/mpeg")
        assert location == "supabase:recordings/default/conv_1.mp3"
    assert b"two" in storage.objects["default/conv_1.mp3"]
    assert b"audio/mpeg" in storage.objects["default/conv_1.mp3"]
    assert storage.requests[0].headers["apikey"] == "sb_secret_geheim"
    assert "Authorization" not in storage.requests[0].headers
    assert "geheim" not in repr(bucket(storage))


async def test_a_missing_bucket_is_created_and_private() -> None:
    storage = Storage()
    await bucket(storage).save("conv_1", held(b"sound"), "audio/mpeg")
    assert storage.buckets["recordings"]["public"] is False
    assert b"sound" in storage.objects["default/conv_1.mp3"]


@pytest.mark.parametrize("content_type", ["audio/mpeg", "audio/wav", "text/html"])
async def test_a_recording_can_be_erased_whatever_it_is(content_type: str, tmp_path: Path) -> None:
    directory, storage = Directory(tmp_path), Storage("recordings")
    for shelf in (directory, bucket(storage)):
        assert not await shelf.erase("conv_1")
        await shelf.save("conv_1", held(b"sound"), content_type)
        await shelf.save("conv_10", held(b"sound"), content_type)
        assert await shelf.erase("conv_1")
        assert not await shelf.erase("conv_1")
    assert [path.stem for path in (tmp_path / "default").iterdir()] == ["conv_10"]
    assert len(storage.objects) == 1
    assert not await bucket(Storage()).erase("conv_1")


async def test_what_cannot_be_erased_is_told(tmp_path: Path) -> None:
    storage = Storage("recordings")
    storage.refuse = httpx.Response(503, text="down")
    with pytest.raises(StoreUnavailable, match="to delete a recording"):
        await bucket(storage).erase("conv_1")
    (tmp_path / "default" / "conv_1.mp3").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="cannot be deleted"):
        await Directory(tmp_path).erase("conv_1")


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (
            httpx.Response(403, json={"statusCode": "403", "error": "Unauthorized", "message": "geheim"}),
            StoreUnavailable,
        ),
        (httpx.Response(413, json={"statusCode": "413", "error": "Too large", "message": "x"}), StoreError),
        (httpx.Response(503, text="down"), StoreUnavailable),
        (httpx.ConnectError("refused"), StoreUnavailable),
        (httpx.ReadTimeout("slow"), StoreUnavailable),
    ],
)
async def test_a_refusal_is_one_of_our_errors(refusal: httpx.Response | Exception, kind: type[StoreError]) -> None:
    storage = Storage("recordings")
    storage.refuse = refusal
    with pytest.raises(StoreError) as caught:
        await bucket(storage).save("conv_1", held(b"sound"), "audio/mpeg")
    assert type(caught.value) is kind
    assert "geheim" not in str(caught.value)
