"""A large recording whose worker was killed: the next one, anywhere, goes on with its upload."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from agentctl.calls import inbox
from agentctl.calls.begun import BegunUpload
from agentctl.calls.digest import digester
from agentctl.calls.missing_sound import as_event
from agentctl.calls.process import process
from agentctl.calls.retention import retain
from agentctl.clients.bucket import Bucket
from agentctl.clients.recordings import Directory
from agentctl.clients.resumable import PIECE
from agentctl.clients.shelves import Shelves
from agentctl.clients.storage_api import StorageApi
from agentctl.errors import StoreUnavailable
from tests.agentctl.clients.test_bucket import bucket
from tests.agentctl.clients.test_resumable import Killed, kill_at, sent
from tests.storage import Storage
from tests.stores import Store, running, stored

pytestmark = pytest.mark.anyio

SOUND = os.urandom(2 * PIECE + 1000)
LEFT = {"conversation_id": "conv_1", "at_vendor": False, "recording": None}


async def claimed(store: Store, **changes: float) -> inbox.Event:
    (event,) = await inbox.claim(store, worker="w", limit=5, lease_seconds=changes.get("lease_seconds", 60))
    return event


async def test_the_next_worker_goes_on_with_the_upload(postgres_store: Store) -> None:
    payload, storage = as_event("conv_1", "agent_1", SOUND), Storage()
    await inbox.accept(postgres_store, payload, inbox.peek(payload), "webhook")
    kill_at(storage, 2)
    for piece in (1, 2):
        event = await claimed(postgres_store, lease_seconds=0 if piece == 1 else 60)
        try:
            outcome = await process(event, store=postgres_store, digester=digester(None), recordings=bucket(storage))
        except Killed:
            storage.before = lambda request: None
    assert outcome.state == "recorded"
    assert storage.objects == {file_of(event): SOUND}
    assert sent(storage) == [PIECE, PIECE, PIECE, 1000]  # the second twice: with it, the first worker ended
    assert len(storage.uploads) == 1
    shown = await postgres_store.call("list_events", {"states": ["done"], "limit": 5})
    assert [row["state"] for row in shown] == ["done"]


def file_of(event: inbox.Event) -> str:
    """What it brings, in the bucket."""
    return f"default/{event.conversation_id}.{event.id}.mp3"


async def begun(
    store: Store, storage: Storage, meanwhile: Callable[[], None], *, sound: bytes = SOUND, kill: bool = False
) -> inbox.Event:
    """A claimed recording; `meanwhile` happens as its second piece is sent, or all of a small one. `kill`: whoever
    stores it is lost when all of it is there.
    """
    payload = as_event("conv_1", "agent_1", sound)
    await inbox.accept(store, payload, inbox.peek(payload), "webhook")

    def die(request: httpx.Request) -> None:
        if "/object/info/" in request.url.path:
            storage.before = lambda request: None
            raise Killed

    def before(request: httpx.Request) -> None:
        if len(sent(storage)) == 2 or "/object/recordings/" in request.url.path:
            storage.before = die if kill else lambda request: None
            meanwhile()

    storage.before = before
    return await claimed(store)


def forget(dsn: str) -> None:
    asked = json.dumps({"conversation_ids": ["conv_1"], "numbers": [], "event_ids": [], "remains": [LEFT]})
    with psycopg.connect(dsn) as database:
        for step in ("mark_forgotten", "erase", "leave_remains"):
            database.execute(f"select public.agentctl_{step}(%s)", (asked,))


@pytest.mark.parametrize("sound", [SOUND, b"sound"])
async def test_what_a_worker_that_was_lost_stored_of_a_forgotten_call_is_found_without_it(
    postgres_store: Store, dsn: str, sound: bytes
) -> None:
    storage, store = Storage("recordings"), postgres_store
    event = await begun(store, storage, partial(forget, dsn), sound=sound, kill=True)
    with pytest.raises(Killed):
        await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    assert storage.objects == {file_of(event): sound}
    assert await store.call("tenants", {}) == [{"tenant": "default", "has_calls": False}]
    storage.requests = []
    assert (await retain(store, bucket(storage))).recordings == 1
    assert storage.objects == {}
    assert [(one.method, one.url.path) for one in storage.requests] == [("DELETE", "/storage/v1/object/recordings")]

    storage.objects[file_of(event)] = sound  # it was not lost, and slower than its lease
    assert (await retain(store, bucket(storage))).recordings == 1
    assert storage.objects == {}
    later = "set begun_at = begun_at - interval '25 hours', abandoned_at = abandoned_at - interval '25 hours'"
    sql(dsn, f"update agentctl.begun_recordings {later}")
    assert (await retain(store, bucket(storage))).recordings == 0
    assert await store.call("tenants", {}) == []


async def test_what_somebody_goes_on_with_is_nobodys_to_erase(postgres_store: Store, dsn: str) -> None:
    storage, store = Storage("recordings"), postgres_store
    event = await begun(store, storage, lambda: None, kill=True)
    with pytest.raises(Killed):
        await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    assert (await retain(store, bucket(storage))).recordings == 0
    with psycopg.connect(dsn) as database:
        database.execute("update agentctl.events set due_at = now()")
    later = await claimed(store)
    assert (await process(later, store=store, digester=digester(None), recordings=bucket(storage))).state == "recorded"
    assert (await retain(store, bucket(storage))).recordings == 0
    assert storage.objects == {file_of(event): SOUND}

    forget(dsn)
    storage.objects.clear()
    storage.objects[file_of(event)] = SOUND  # by the first, which was not lost
    assert (await retain(store, bucket(storage))).recordings == 1
    assert storage.objects == {}


async def test_what_was_stored_in_a_bucket_of_another_name_by_a_worker_that_was_lost_goes(
    postgres_store: Store, dsn: str, tmp_path: Path
) -> None:
    storage, store = Storage("recordings", "others"), postgres_store
    event = await begun(store, storage, lambda: None, kill=True)
    with pytest.raises(Killed):
        await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    with psycopg.connect(dsn) as database:
        database.execute("update agentctl.events set due_at = now()")
    moved = Shelves(bucket(storage).named("others"), Directory(tmp_path))
    assert (
        await process(await claimed(store), store=store, digester=digester(None), recordings=moved)
    ).state == "recorded"
    assert {upload.bucket for upload in storage.uploads.values()} == {"recordings", "others"}
    assert (await retain(store, moved)).recordings == 1
    assert [json.loads(one.content) for one in storage.requests if one.method == "DELETE"] == [
        {"prefixes": [file_of(event)]}
    ]
    assert [one.url.path for one in storage.requests if one.method == "DELETE"] == ["/storage/v1/object/recordings"]


async def test_what_somebody_stores_while_others_are_erased_stays(postgres_store: Store, dsn: str) -> None:
    storage = Storage("recordings")
    keys = {name: f"default/{name}.mp3" for name in ("conv_1", "conv_2", "conv_3")}
    for name, key in keys.items():
        storage.objects[key] = b"sound"
        columns = f"(conversation_id, location) values ('{name}', 'supabase:recordings/{key}')"
        sql(dsn, f"insert into agentctl.begun_recordings {columns}")

    def meanwhile(request: httpx.Request) -> None:
        storage.before = lambda request: None
        stored = f"'conv_2', 'supabase:recordings/{keys['conv_2']}', 'audio/mpeg', 5, 'ab'"
        columns = "conversation_id, location, content_type, size, sha256"
        sql(dsn, f"insert into agentctl.recordings ({columns}) values ({stored})")

    storage.before = meanwhile
    assert (await retain(postgres_store, bucket(storage))).recordings == 2
    assert storage.objects == {keys["conv_2"]: b"sound"}


async def test_what_is_stored_again_elsewhere_leaves_nothing_where_it_was(
    postgres_store: Store, dsn: str, tmp_path: Path
) -> None:
    storage, files = Storage("recordings"), Directory(tmp_path)
    another, first = Shelves(bucket(storage), Directory(tmp_path / "none")), ""
    for sound, where in ((b"sound", files), (b"other sound", another)):
        payload = as_event("conv_1", "agent_1", sound)
        await inbox.accept(postgres_store, payload, inbox.peek(payload), "webhook")
        event = await claimed(postgres_store)
        outcome = await process(event, store=postgres_store, digester=digester(None), recordings=where)
        assert outcome.state == "recorded"
        first = first or files.location("conv_1", event.id, "audio/mpeg")
        # That of a first attempt which was lost, and whose file another machine has.
        left = f"'conv_1', '{first}', 2, now() - interval '60 days'"
        columns = "conversation_id, location, attempts, begun_at"
        sql(dsn, f"insert into agentctl.begun_recordings ({columns}) values ({left}) on conflict do nothing")
    assert [one.read_bytes() for one in tmp_path.rglob("*.mp3")] == [b"sound"]
    assert (await retain(postgres_store, another)).recordings == 0
    assert (await retain(postgres_store, Shelves(bucket(storage), files))).recordings == 1
    assert [*tmp_path.rglob("*.mp3")] == []
    assert storage.objects == {file_of(event): b"other sound"}


@pytest.mark.parametrize("order", [("webhook", "backfill"), ("backfill", "webhook")])
async def test_a_fetched_recording_never_displaces_a_delivered_one(
    order: tuple[str, str], postgres_store: Store, tmp_path: Path
) -> None:
    states = {}
    for source in order:
        payload = as_event("conv_1", "agent_1", source.encode())
        await inbox.accept(postgres_store, payload, inbox.peek(payload), source)
        event = await claimed(postgres_store)
        shelf = Directory(tmp_path)
        outcome = await process(event, store=postgres_store, digester=digester(None), recordings=shelf)
        states[source] = outcome.state
    assert states == {"webhook": "recorded", "backfill": "superseded" if order[0] == "webhook" else "recorded"}
    await retain(postgres_store, shelf)
    assert [one.read_bytes() for one in tmp_path.rglob("*.mp3")] == [b"webhook"]
    assert await inbox.claim(postgres_store, worker="w", limit=5, lease_seconds=60) == []


async def test_what_is_stored_again_in_one_project_by_another_name_of_it_stays(postgres_store: Store, dsn: str) -> None:
    storage = Storage("recordings")
    api = StorageApi("http://127.0.0.1:54321", storage.key, transport=httpx.MockTransport(storage))
    payload = as_event("conv_1", "agent_1", b"sound")
    await inbox.accept(postgres_store, payload, inbox.peek(payload), "webhook")
    for turn, where in enumerate((bucket(storage), bucket(storage), Bucket(api, "recordings"))):
        await postgres_store.call("requeue_events", {"conversation_id": "conv_1"})
        event = await claimed(postgres_store)
        outcome = await process(event, store=postgres_store, digester=digester(None), recordings=where)
        assert outcome.state == "recorded"
        assert (await retain(postgres_store, where)).recordings == 0
        assert storage.objects == {file_of(event): b"sound"}
        if not turn:
            with psycopg.connect(dsn) as database:  # an earlier version told of no project
                told = "update agentctl.recordings set location = replace(location, 'x.supabase.co/', '')"
                database.execute(told)


async def test_a_call_that_is_forgotten_while_its_recording_goes_up_leaves_none(
    postgres_store: Store, dsn: str
) -> None:
    storage = Storage("recordings")
    event = await begun(postgres_store, storage, partial(forget, dsn))
    outcome = await process(event, store=postgres_store, digester=digester(None), recordings=bucket(storage))
    assert outcome.state == "refused"
    assert storage.objects == {}


def sql(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as database:
        database.execute(statement)


OLD = "now() - interval '31 days'"
EMPTIED = f"update agentctl.calls set started_at = {OLD}"
OUTLIVED = f"update agentctl.events set received_at = {OLD} where type = 'post_call_audio'"


async def limited(store: Store) -> None:
    """A call of a project that keeps words and sound for 30 days each."""
    await store.call("store_call", stored(await running(store), call={"started_at": "2026-11-01T09:30:00+01:00"}))
    limits = {"transcripts": 30, "audio": 30}
    await store.call("save_retention", {"project": "praxis", "environment": "production", **limits})


async def test_what_waited_until_it_was_due_to_be_erased_is_not_stored_anew(postgres_store: Store, dsn: str) -> None:
    storage, store = Storage("recordings"), postgres_store
    await limited(store)
    storage.refuse = httpx.Response(503, text="down")
    event = await begun(store, storage, lambda: None, sound=b"sound")
    with pytest.raises(StoreUnavailable):
        await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    sql(dsn, OUTLIVED)
    await retain(store, bucket(storage))
    storage.requests = []
    outcome = await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    assert outcome.state == "refused"
    assert "older than recordings" in outcome.reason
    assert storage.requests == []
    assert await store.call("list_events", {"states": ["pending", "running"], "limit": 9}) == []
    again = as_event("conv_1", "agent_1", b"in other bytes")
    assert not (await inbox.accept(store, again, inbox.peek(again), "webhook")).new


async def test_what_waited_until_the_words_of_its_call_went_is_kept_as_long_as_sound_is(
    postgres_store: Store, dsn: str
) -> None:
    storage, store = Storage("recordings"), postgres_store
    await limited(store)
    storage.refuse = httpx.Response(503, text="down")
    event = await begun(store, storage, lambda: None, sound=b"sound")
    with pytest.raises(StoreUnavailable):
        await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    sql(dsn, EMPTIED)
    assert (await retain(store, bucket(storage))).calls == 1
    storage.refuse = None
    outcome = await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    assert (outcome.state, storage.objects) == ("recorded", {file_of(event): b"sound"})
    sql(dsn, "update agentctl.recordings set stored_at = now() - interval '31 days'")
    assert (await retain(store, bucket(storage))).recordings == 1
    assert storage.objects == {}


async def test_what_is_due_to_be_erased_while_it_goes_up_leaves_none(postgres_store: Store, dsn: str) -> None:
    storage, store = Storage("recordings"), postgres_store
    await limited(store)
    event = await begun(store, storage, partial(sql, dsn, OUTLIVED), sound=b"sound")
    outcome = await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    assert (outcome.state, storage.objects) == ("refused", {})
    assert not (await store.call("show_call", {"conversation_id": "conv_1"}))["recording"]


async def test_a_recording_that_is_stored_again_is_kept_no_longer_for_it(postgres_store: Store, dsn: str) -> None:
    storage, store = Storage("recordings"), postgres_store
    await store.call("store_call", stored(await running(store)))
    await store.call(
        "save_retention", {"project": "praxis", "environment": "production", "transcripts": 5, "audio": 30}
    )
    event = await begun(store, storage, lambda: None, sound=b"sound")
    await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    sql(dsn, "update agentctl.events set received_at = now() - interval '29 days'")
    sql(dsn, EMPTIED)
    await retain(store, bucket(storage))
    await store.call("requeue_events", {"conversation_id": "conv_1"})
    assert (
        await process(await claimed(store), store=store, digester=digester(None), recordings=bucket(storage))
    ).state == "recorded"
    assert storage.objects == {file_of(event): b"sound"}
    sql(dsn, "update agentctl.recordings set stored_at = stored_at - interval '2 days'")
    assert (await retain(store, bucket(storage))).recordings == 1
    assert storage.objects == {}


async def test_of_two_workers_on_one_upload_the_later_claim_wins(postgres_store: Store, dsn: str) -> None:
    storage = Storage("recordings")

    def sleep() -> None:
        """The first is held up until its claim is another's, who has sent the second piece."""
        with psycopg.connect(dsn) as database:
            database.execute("update agentctl.events set due_at = now()")
        (upload,) = storage.uploads.values()
        upload.content = SOUND[: 2 * PIECE]

    event = await begun(postgres_store, storage, sleep)
    shelf = bucket(storage)
    with pytest.raises(StoreUnavailable):
        await process(event, store=postgres_store, digester=digester(None), recordings=shelf)
    assert storage.objects == {}
    later = await claimed(postgres_store)
    outcome = await process(later, store=postgres_store, digester=digester(None), recordings=shelf)
    assert (outcome.state, storage.objects) == ("recorded", {file_of(event): SOUND})
    assert len(storage.uploads) == 1
    outcome = await process(event, store=postgres_store, digester=digester(None), recordings=shelf)
    assert (outcome.state, storage.objects) == ("lost", {file_of(event): SOUND})


class Slow:
    """The store of a worker to which something happens before it can say that a recording is stored."""

    def __init__(self, store: Store, meanwhile: Callable[[], Awaitable[None]]) -> None:
        self._store, self._meanwhile = store, meanwhile

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        if function == "store_recording":
            await self._meanwhile()
        return await self._store.call(function, args, timeout=timeout)


async def test_of_two_recordings_of_a_call_at_once_one_is_stored_whole(postgres_store: Store, dsn: str) -> None:
    storage, store = Storage("recordings"), postgres_store
    for sound in (b"first", b"other"):
        payload = as_event("conv_1", "agent_1", sound)
        await inbox.accept(store, payload, inbox.peek(payload), "webhook")
    first, other = await inbox.claim(store, worker="w", limit=2, lease_seconds=60)

    async def stored(event: inbox.Event, store: Store) -> str:
        return (await process(event, store=store, digester=digester(None), recordings=bucket(storage))).state

    async def meanwhile() -> None:
        with pytest.raises(StoreUnavailable, match="another worker is at a recording of the call"):
            await stored(other, store)

    def kept() -> dict[str, str]:
        with psycopg.connect(dsn) as database:
            return dict(database.execute("select storage_path, sha256 from agentctl.recordings").fetchall())

    assert await stored(first, Slow(store, meanwhile)) == "recorded"
    assert kept() == {file_of(first): hashlib.sha256(b"first").hexdigest()}
    assert await stored(other, store) == "recorded"
    assert kept() == {file_of(other): hashlib.sha256(b"other").hexdigest()}
    assert (await retain(store, bucket(storage))).recordings == 1
    assert storage.objects == {file_of(other): b"other"}


@pytest.mark.parametrize(
    ("while_away", "ended"), [("stored", "superseded"), ("claimed anew, too", "lost"), ("begun", "waits")]
)
async def test_who_was_cut_off_and_goes_on_displaces_nothing(
    while_away: str, ended: str, postgres_store: Store, dsn: str, tmp_path: Path
) -> None:
    """Its lease ends while it saves a fetched recording, and the delivered one comes."""
    store, shelf = postgres_store, Directory(tmp_path)

    async def accepted(source: inbox.Source) -> inbox.Event:
        payload = as_event("conv_1", "agent_1", source.encode())
        await inbox.accept(store, payload, inbox.peek(payload), source)
        return await claimed(store)

    async def state(event: inbox.Event, store: Store) -> str:
        return (await process(event, store=store, digester=digester(None), recordings=shelf)).state

    async def meanwhile() -> None:
        delivered = await accepted("webhook")
        sql(dsn, "update agentctl.events set due_at = now() where source = 'backfill'")
        if while_away == "begun":
            recording = {"conversation_id": "conv_1", "location": "file:///elsewhere/conv_1.mp3"}
            fence = {"event_id": delivered.id, "attempt": delivered.attempt}
            assert (await store.call("begin_recording", {**fence, "recording": recording}))["held"]
            return
        assert await state(delivered, store) == "recorded"
        if while_away == "claimed anew, too":
            assert await state(await claimed(store), store) == "superseded"

    fetched, late = await accepted("backfill"), Slow(store, meanwhile)
    if ended == "waits":
        with pytest.raises(StoreUnavailable, match="another worker is at a recording of the call"):
            await state(fetched, late)
        return
    assert await state(fetched, late) == ended
    await retain(store, shelf)
    assert [one.read_bytes() for one in tmp_path.rglob("*.mp3")] == [b"webhook"]
    with psycopg.connect(dsn) as database:
        ((location, size),) = database.execute("select location, size from agentctl.recordings").fetchall()
    assert (await shelf.is_there(location), size) == (True, len("webhook"))


async def test_what_is_being_erased_is_begun_by_nobody(postgres_store: Store, dsn: str) -> None:
    """Its call was stored elsewhere, say: what the first attempt left goes, and somebody stores it there anew."""
    storage, store = Storage("recordings"), postgres_store
    event = await begun(store, storage, lambda: None, sound=b"sound")
    await process(event, store=store, digester=digester(None), recordings=bucket(storage))
    again = "insert into agentctl.begun_recordings (conversation_id, location) select conversation_id, location"
    sql(dsn, f"{again} from agentctl.recordings")
    sql(dsn, "delete from agentctl.recordings")
    waits = 'select public.agentctl_requeue_events(\'{"conversation_id": "conv_1"}\')'
    refused = []

    def meanwhile(request: httpx.Request) -> None:
        storage.before = lambda request: None
        with psycopg.connect(dsn) as database:
            database.execute(waits)
            ((fence,),) = database.execute(
                """select public.agentctl_claim_events('{"worker": "w", "limit": 1, "lease_seconds": 0}')"""
            ).fetchall()
            asked = {"event_id": fence[0]["id"], "attempt": fence[0]["attempt"]}
            recording = {
                "conversation_id": "conv_1",
                "location": bucket(storage).location("conv_1", event.id, "audio/mpeg"),
            }
            refused.extend(
                database.execute(
                    "select public.agentctl_begin_recording(%s)", (json.dumps({**asked, "recording": recording}),)
                ).fetchone()
                or ()
            )

    storage.before = meanwhile
    assert (await retain(store, bucket(storage))).recordings == 1
    assert refused == [{"held": False, "busy": True}]
    outcome = await process(await claimed(store), store=store, digester=digester(None), recordings=bucket(storage))
    assert (outcome.state, storage.objects) == ("recorded", {file_of(event): b"sound"})


async def test_the_note_is_the_claims_and_nobody_elses(store: Store) -> None:
    payload = as_event("conv_1", "agent_1", b"sound")
    await inbox.accept(store, payload, inbox.peek(payload), "webhook")
    event = await claimed(store)
    note = BegunUpload(store, event)
    assert await note.read() is None
    await note.write("first")
    assert await note.read() == "first"
    await BegunUpload(store, replace(event, attempt=event.attempt + 1)).write("second")
    assert await note.read() == "first"
