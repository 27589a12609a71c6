"""A large recording whose worker was killed: the next one, anywhere, goes on with its upload."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace

import httpx
import psycopg
import pytest

from agentctl.calls import inbox
from agentctl.calls.begun import BegunUpload
from agentctl.calls.digest import digester
from agentctl.calls.missing_sound import as_event
from agentctl.calls.process import process
from agentctl.clients.resumable import PIECE
from agentctl.errors import StoreUnavailable
from tests.agentctl.clients.test_bucket import bucket
from tests.agentctl.clients.test_resumable import Killed, kill_at, sent
from tests.storage import Storage
from tests.stores import Store

pytestmark = pytest.mark.anyio

SOUND = os.urandom(2 * PIECE + 1000)


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
    assert storage.objects == {"default/conv_1.mp3": SOUND}
    assert sent(storage) == [PIECE, PIECE, PIECE, 1000]  # the second twice: with it, the first worker ended
    assert len(storage.uploads) == 1
    shown = await postgres_store.call("list_events", {"states": ["done"], "limit": 5})
    assert [row["state"] for row in shown] == ["done"]


async def begun(store: Store, storage: Storage, meanwhile: Callable[[], None]) -> inbox.Event:
    """A claimed recording; `meanwhile` happens as its second piece is sent."""
    payload = as_event("conv_1", "agent_1", SOUND)
    await inbox.accept(store, payload, inbox.peek(payload), "webhook")

    def before(request: httpx.Request) -> None:
        if len(sent(storage)) == 2:
            storage.before = lambda request: None
            meanwhile()

    storage.before = before
    return await claimed(store)


async def test_a_call_that_is_forgotten_while_its_recording_goes_up_leaves_none(
    postgres_store: Store, dsn: str
) -> None:
    storage = Storage("recordings")

    def forget() -> None:
        asked = json.dumps({"conversation_ids": ["conv_1"], "numbers": [], "event_ids": []})
        with psycopg.connect(dsn) as database:
            database.execute("select public.agentctl_mark_forgotten(%s)", (asked,))
            database.execute("select public.agentctl_erase(%s)", (asked,))

    event = await begun(postgres_store, storage, forget)
    outcome = await process(event, store=postgres_store, digester=digester(None), recordings=bucket(storage))
    assert outcome.state == "refused"
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
    assert (outcome.state, storage.objects) == ("recorded", {"default/conv_1.mp3": SOUND})
    assert len(storage.uploads) == 1
    outcome = await process(event, store=postgres_store, digester=digester(None), recordings=shelf)
    assert (outcome.state, storage.objects) == ("lost", {"default/conv_1.mp3": SOUND})


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
