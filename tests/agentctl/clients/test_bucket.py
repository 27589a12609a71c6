from __future__ import annotations

import io
import re

import httpx
import pytest

from agentctl.clients.bucket import Bucket
from agentctl.clients.storage_api import StorageApi
from agentctl.errors import AgentctlError, ConfigurationError, StoreError, StoreUnavailable
from tests.agentctl.calls.fakes import Note
from tests.agentctl.clients.test_recordings import held, put
from tests.storage import Storage

pytestmark = pytest.mark.anyio


def bucket(storage: Storage, tenant: str = "default") -> Bucket:
    """The bucket there."""
    api = StorageApi("https://x.supabase.co/", storage.key, transport=httpx.MockTransport(storage))
    return Bucket(api, "recordings", tenant)


async def test_an_upload_replaces_an_earlier_one() -> None:
    storage = Storage("recordings")
    for sound in (b"one", b"two"):
        await put(bucket(storage), "conv_1", held(sound), "audio/mpeg", Note())
    location = bucket(storage).location("conv_1", 1, "audio/mpeg")
    assert location == "supabase:x.supabase.co/recordings/default/conv_1.1.mp3"
    assert storage.objects == {"default/conv_1.1.mp3": b"two"}
    assert storage.types == {"default/conv_1.1.mp3": "audio/mpeg"}
    assert storage.requests[0].headers["apikey"] == "sb_secret_geheim"
    assert not any("Authorization" in request.headers for request in storage.requests)
    assert "geheim" not in repr(bucket(storage))


@pytest.mark.parametrize(("largest", "limit"), [(50 * 1024**2, None), (500 * 1024**3, 192 * 1024**2)])
async def test_a_missing_bucket_is_made_private_for_sound_alone(largest: int, limit: int | None) -> None:
    storage = Storage(largest=largest)
    await put(bucket(storage), "conv_1", held(b"sound"), "audio/mpeg", Note())
    made = storage.buckets["recordings"]
    assert made["public"] is False
    assert made["allowed_mime_types"] == ["audio/mpeg", "audio/wav", "audio/ogg"]
    assert made.get("file_size_limit") == limit
    assert storage.objects == {"default/conv_1.1.mp3": b"sound"}


async def test_nothing_is_put_into_a_public_bucket_and_it_waits() -> None:
    storage = Storage("recordings")
    storage.buckets["recordings"]["public"] = True
    with pytest.raises(StoreUnavailable, match="is public") as refused:
        await put(bucket(storage), "conv_1", held(b"sound"), "audio/mpeg", Note())
    assert refused.value.outage
    assert "SUPABASE_RECORDINGS_BUCKET" in refused.value.hint
    assert storage.objects == {}


async def test_what_did_not_arrive_whole_is_no_success() -> None:
    class Short(Storage):
        def _upload(self, request: httpx.Request, bucket: str, key: str) -> httpx.Response:
            answer = super()._upload(request, bucket, key)
            self.objects[key] = self.objects[key][:-1]
            return answer

    with pytest.raises(StoreError, match="has 4 bytes of a recording of 5"):
        await put(bucket(Short("recordings")), "conv_1", held(b"sound"), "audio/mpeg", Note())


async def test_a_recording_is_fetched_and_signed_for_a_while() -> None:
    storage = Storage("recordings")
    shelf = bucket(storage)
    location, target = shelf.location("conv_1", 1, "audio/mpeg"), io.BytesIO()
    await put(shelf, "conv_1", held(b"sound"), "audio/mpeg", Note())
    await shelf.fetch(location, target)
    assert target.getvalue() == b"sound"
    address = await shelf.sign(location, 60)
    assert address.startswith("https://x.supabase.co/storage/v1/object/sign/recordings/default/conv_1.1.mp3?token=")
    async with httpx.AsyncClient(transport=httpx.MockTransport(storage)) as anybody:
        assert (await anybody.get(address)).content == b"sound"
        storage.tokens = {token: (name, 0) for token, (name, _) in storage.tokens.items()}
        assert (await anybody.get(address)).status_code == 400


LOCATIONS = [
    "supabase:recordings/other/conv_1.mp3",
    "supabase:recordings/a/conv_1.mp3",
    "supabase:recordings/abc/conv_1.mp3",
    "supabase:recordings/ab/../a/conv_1.mp3",
    "supabase:recordings/ab/",
    "supabase:another/ab/conv_1.mp3",
    "supabase:x.supabase.co/another/ab/conv_1.mp3",
    "supabase:x.supabase.co/recordings/abc/conv_1.mp3",
    "supabase:x.supabase.co/recordings/ab/../a/conv_1.mp3",
    "file:///recordings/ab/conv_1.mp3",
]


@pytest.mark.parametrize("location", LOCATIONS)
async def test_nothing_of_another_tenant_is_handed_out(location: str) -> None:
    storage = Storage("recordings")
    for tenant in ("a", "ab", "abc", "other"):
        await put(bucket(storage).of(tenant), "conv_1", held(b"sound"), "audio/mpeg", Note())
    before = len(storage.requests)
    with pytest.raises(AgentctlError, match="not in the bucket"):
        await bucket(storage, "ab").fetch(location, io.BytesIO())
    with pytest.raises(AgentctlError, match="not in the bucket"):
        await bucket(storage, "ab").sign(location, 60)
    assert len(storage.requests) == before


async def test_what_an_earlier_version_stored_is_handed_out_and_erased_where_it_is_found() -> None:
    storage, target = Storage("recordings"), io.BytesIO()
    shelf, old = bucket(storage), "supabase:recordings/default/conv_1.mp3"
    await shelf.save(old, held(b"sound"), "audio/mpeg", Note())
    await shelf.fetch(old, target)
    assert (await shelf.reaches(old), await shelf.is_there(old)) == (True, True)
    elsewhere = "supabase:y.supabase.co/recordings/default/conv_1.mp3"
    asked = [(old, 5), (old, 4), (old.replace("_1", "_2"), 5), (elsewhere, 5)]
    assert [await shelf.keeps(where, size, "") for where, size in asked] == [True, False, False, False]
    assert not await shelf.discard("supabase:y.supabase.co/recordings/default/conv_1.mp3")
    assert await shelf.erase("conv_1", old)
    assert (target.getvalue(), storage.objects) == (b"sound", {})


async def test_each_tenant_has_a_folder_of_its_own_whatever_it_is_called() -> None:
    storage, target = Storage("recordings"), io.BytesIO()
    names = ["a", "a/b", "a/../b", "..", ".", "", "a b", "ä", "a%2Fb", "a?b#c", "x" * 500, "A", "a\\b", "id-0", "\x00"]
    for tenant in names:
        shelf = bucket(storage).of(tenant)
        await put(shelf, "conv_1", held(tenant.encode() or b"-"), "audio/mpeg", Note())
        await shelf.fetch(shelf.location("conv_1", 1, "audio/mpeg"), target)
    assert target.getvalue() == b"".join(tenant.encode() or b"-" for tenant in names)
    assert len(storage.objects) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+/conv_1\.1\.mp3", key) for key in storage.objects)
    for left, tenant in reversed(list(enumerate(names))):
        shelf = bucket(storage).of(tenant)
        assert await shelf.erase("conv_1", shelf.location("conv_1", 1, "audio/mpeg"))
        assert len(storage.objects) == left


async def test_a_recording_that_somebody_deleted_is_told() -> None:
    shelf = bucket(Storage("recordings"))
    with pytest.raises(AgentctlError, match="any more"):
        await shelf.fetch("supabase:recordings/default/conv_1.mp3", io.BytesIO())
    with pytest.raises(AgentctlError, match="any more"):
        await shelf.sign("supabase:recordings/default/conv_1.mp3", 60)


async def test_a_key_of_lesser_rights_is_refused_before_anything_is_sent() -> None:
    storage = Storage("recordings", key="sb_publishable_geheim")
    with pytest.raises(ConfigurationError, match="publishable"):
        bucket(storage)
    assert storage.requests == []


@pytest.mark.parametrize("content_type", ["audio/mpeg", "audio/wav", "text/html"])
async def test_a_recording_can_be_erased_whatever_it_is(content_type: str) -> None:
    storage = Storage("recordings")
    shelf = bucket(storage)
    location = await put(shelf, "conv_1", held(b"sound"), content_type, Note())
    await put(shelf, "conv_10", held(b"sound"), content_type, Note())
    assert not await shelf.erase("conv_1"), "another event's"
    assert await shelf.erase("conv_1", location)
    assert not await shelf.erase("conv_1", location)
    await shelf.save(location.replace(".1.", "."), held(b"of an earlier version"), content_type, Note())
    assert await shelf.erase("conv_1")
    assert [key.partition(".")[0] for key in storage.objects] == ["default/conv_10"]
    assert not await bucket(Storage()).erase("conv_1")


async def test_what_cannot_be_erased_is_told() -> None:
    storage = Storage("recordings")
    storage.refuse = httpx.Response(503, text="down")
    with pytest.raises(StoreUnavailable, match="to delete a recording"):
        await bucket(storage).erase("conv_1")


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>the project is paused</html>"),
        httpx.Response(200, json="another shape"),
        httpx.Response(200, json={"another": "shape"}),
        httpx.Response(200, content=b'{"cut o'),
        httpx.Response(200, content=b"\xff", headers={"content-type": "application/json"}),
        httpx.Response(302, headers={"location": "https://elsewhere.example/"}),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
    ],
)
async def test_what_is_not_storages_answer_is_waited_out(answer: httpx.Response | Exception) -> None:
    storage = Storage("recordings")
    shelf = bucket(storage)
    location = shelf.location("conv_1", 1, "audio/mpeg")
    await put(shelf, "conv_1", held(b"sound"), "audio/mpeg", Note())
    storage.refuse = answer
    for asked in (
        put(shelf, "conv_1", held(b"sound"), "audio/mpeg", Note()),
        shelf.erase("conv_1"),
        shelf.discard(location),
        shelf.is_there(location),
        shelf.keeps(location, 5, ""),
        shelf.sign(location, 60),
    ):
        with pytest.raises(StoreUnavailable):
            await asked
    assert {request.url.host for request in storage.requests} == {"x.supabase.co"}


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
        await put(bucket(storage), "conv_1", held(b"sound"), "audio/mpeg", Note())
    assert type(caught.value) is kind
    assert "geheim" not in str(caught.value)
