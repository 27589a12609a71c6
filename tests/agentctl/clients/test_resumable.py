"""Large recordings: in pieces, gone on with by whoever comes next, never more of them in memory than a piece."""

from __future__ import annotations

import os

import httpx
import pytest

from agentctl.calls.sound import Audio
from agentctl.clients.resumable import PIECE
from agentctl.errors import StoreError, StoreUnavailable
from tests.agentctl.calls.fakes import Note
from tests.agentctl.clients.test_bucket import bucket
from tests.agentctl.clients.test_recordings import held, put
from tests.storage import Storage

pytestmark = pytest.mark.anyio

SOUND = os.urandom(2 * PIECE + 1000)


@pytest.fixture
def audio() -> Audio:
    """A file of three pieces."""
    return held(SOUND)


def sent(storage: Storage) -> list[int]:
    """How large each piece was that went there."""
    return [len(one.read()) for one in storage.requests if one.method == "PATCH"]


class Killed(BaseException):
    """A worker's end."""


def kill_at(storage: Storage, piece: int) -> None:
    """End whoever sends the piece of this number."""

    def before(request: httpx.Request) -> None:
        if request.method == "PATCH" and len(sent(storage)) == piece:
            raise Killed

    storage.before = before


async def test_a_large_recording_goes_in_pieces_of_6_mb(audio: Audio) -> None:
    storage = Storage("recordings")
    await put(bucket(storage), "conv_1", audio, "audio/mpeg", Note())
    assert storage.objects["default/conv_1.1.mp3"] == SOUND
    assert storage.types["default/conv_1.1.mp3"] == "audio/mpeg"
    assert sent(storage) == [PIECE, PIECE, 1000]
    assert not any("Authorization" in request.headers for request in storage.requests)


async def test_a_small_one_goes_at_once() -> None:
    storage = Storage("recordings")
    await put(bucket(storage), "conv_1", held(SOUND[:PIECE]), "audio/mpeg", Note())
    assert storage.objects["default/conv_1.1.mp3"] == SOUND[:PIECE]
    assert storage.uploads == {}


@pytest.mark.parametrize("piece", [2, 3])
async def test_who_comes_after_a_killed_worker_goes_on_where_that_one_was(audio: Audio, piece: int) -> None:
    storage, note = Storage("recordings"), Note()
    kill_at(storage, piece)
    with pytest.raises(Killed):
        await put(bucket(storage), "conv_1", audio, "audio/mpeg", note)
    assert storage.objects == {}
    storage.before, storage.requests = lambda request: None, []
    await put(bucket(storage), "conv_1", audio, "audio/mpeg", note)
    assert storage.objects["default/conv_1.1.mp3"] == SOUND
    assert sent(storage) == [PIECE, PIECE, 1000][piece - 1 :]
    assert len(storage.uploads) == 1


async def test_one_that_was_whole_is_not_sent_again(audio: Audio) -> None:
    storage, note = Storage("recordings"), Note()
    for _ in range(2):
        await put(bucket(storage), "conv_1", audio, "audio/mpeg", note)
    assert len(sent(storage)) == 3


async def test_one_whose_file_somebody_deleted_begins_anew(audio: Audio) -> None:
    storage, note = Storage("recordings"), Note()
    await put(bucket(storage), "conv_1", audio, "audio/mpeg", note)
    assert await bucket(storage).discard(bucket(storage).location("conv_1", 1, "audio/mpeg"))
    await put(bucket(storage), "conv_1", audio, "audio/mpeg", note)
    assert storage.objects["default/conv_1.1.mp3"] == SOUND


async def test_an_expired_upload_begins_anew(audio: Audio) -> None:
    for gone in (lambda storage: storage.uploads.clear(), expire):
        storage, note = Storage("recordings"), Note()
        kill_at(storage, 2)
        with pytest.raises(Killed):
            await put(bucket(storage), "conv_1", audio, "audio/mpeg", note)
        storage.before, before = lambda request: None, note.upload
        gone(storage)
        await put(bucket(storage), "conv_1", audio, "audio/mpeg", note)
        assert storage.objects["default/conv_1.1.mp3"] == SOUND
        assert note.upload != before


def expire(storage: Storage) -> None:
    """A day later."""
    for upload in storage.uploads.values():
        upload.expires = 0


async def test_the_key_goes_to_the_projects_own_host_alone(audio: Audio) -> None:
    class Elsewhere(Storage):
        def _begin(self, request: httpx.Request) -> httpx.Response:
            answer = super()._begin(request)
            answer.headers["Location"] = answer.headers["Location"].replace("x.supabase.co", "elsewhere.example")
            return answer

    storage = Elsewhere("recordings")
    await put(bucket(storage), "conv_1", audio, "audio/mpeg", Note())
    assert {request.url.host for request in storage.requests} == {"x.supabase.co"}


@pytest.mark.parametrize(("status", "kind"), [(423, StoreUnavailable), (503, StoreUnavailable), (413, StoreError)])
async def test_a_refused_piece_is_one_of_our_errors(audio: Audio, status: int, kind: type[StoreError]) -> None:
    class Refusing(Storage):
        def _append(self, request: httpx.Request, upload: str) -> httpx.Response:
            return httpx.Response(status, text="geheim")

    with pytest.raises(StoreError) as refused:
        await put(bucket(Refusing("recordings")), "conv_1", audio, "audio/mpeg", Note())
    assert type(refused.value) is kind
    assert "geheim" not in str(refused.value)


async def test_a_server_that_takes_nothing_is_no_endless_loop(audio: Audio) -> None:
    class Stuck(Storage):
        def _append(self, request: httpx.Request, upload: str) -> httpx.Response:
            return httpx.Response(204, headers={"Upload-Offset": "0"})

    with pytest.raises(StoreUnavailable):
        await put(bucket(Stuck("recordings")), "conv_1", audio, "audio/mpeg", Note())
