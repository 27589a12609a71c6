"""A large recording whose worker was killed: the next one, anywhere, goes on with its upload."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from agentctl.calls import inbox
from agentctl.calls.begun import BegunUpload
from agentctl.calls.digest import digester
from agentctl.calls.missing_sound import as_event
from agentctl.calls.process import process
from agentctl.clients.resumable import PIECE
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
