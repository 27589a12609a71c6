import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from agentctl.calls import inbox
from agentctl.calls.inbox import Heading
from agentctl.errors import Malformed, StoreError, StoreUnavailable
from tests.agentctl.calls.fakes import SAMPLES, FakeStore, encoded, event


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.json")))
def test_the_heading_of_each_sample(name: str) -> None:
    raw = (SAMPLES / f"{name}.json").read_bytes()
    body = json.loads(raw)
    data = body["data"]
    expected = Heading(body["type"], data["conversation_id"], data["agent_id"], body["event_timestamp"])
    assert inbox.peek(raw) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"{}", Heading("unknown", None, None, None)),
        (b'{"type": 5, "data": []}', Heading("unknown", None, None, None)),
        (b'{"type": "new_kind", "data": {"x": 1}}', Heading("new_kind", None, None, None)),
        (b'{"type": "a", "event_timestamp": "soon", "data": {"conversation_id": 7}}', Heading("a", None, None, None)),
        (b'{"type": "a", "event_timestamp": 1e300}', Heading("a", None, None, None)),
        (rb'{"type": "a\u0000", "data": {"conversation_id": "c\ud800"}}', Heading("a\ufffd", "c\ufffd", None, None)),
    ],
)
def test_a_strange_heading_is_still_one(payload: bytes, expected: Heading) -> None:
    assert inbox.peek(payload) == expected


def test_the_content_is_not_walked() -> None:
    assert inbox.peek(b'{"type": "a", "data": {"x": ' + b"[" * 400 + b"]" * 400 + b"}}").type == "a"


@pytest.mark.parametrize("payload", [b"", b"[]", b"\xff", b"{", b"[" * 100_000])
def test_no_json_object_no_heading(payload: bytes) -> None:
    with pytest.raises(Malformed):
        inbox.peek(payload)


@pytest.mark.anyio
async def test_accept_stores_the_very_bytes() -> None:
    store = FakeStore(accept={"id": "e1", "new": True})
    raw = rb'{"type": "a",  "data": {"conversation_id": "c", "x": "\u0000"}}'
    accepted = await inbox.accept(store, raw, inbox.peek(raw), "webhook")
    assert (accepted.id, accepted.new) == ("e1", True)
    args = store.args("accept")
    assert args["payload"] == raw
    assert (args["type"], args["conversation_id"], args["source"]) == ("a", "c", "webhook")


@pytest.mark.anyio
async def test_a_store_that_cannot_take_it_is_an_error_never_a_silent_success() -> None:
    store = FakeStore(accept=StoreUnavailable("down"))
    with pytest.raises(StoreUnavailable):
        await inbox.accept(store, b"{}", inbox.peek(b"{}"), "webhook", timeout=3)


@pytest.mark.anyio
async def test_the_same_event_through_both_doors_is_one_row_per_source_of_bytes(postgres_store: inbox.Store) -> None:
    raw = (SAMPLES / "post_call_transcription.json").read_bytes()
    heading = inbox.peek(raw)
    first = await inbox.accept(postgres_store, raw, heading, "webhook")
    again = await inbox.accept(postgres_store, raw, heading, "webhook")
    assert (first.new, again.new, again.id) == (True, False, first.id)
    (claimed,) = await inbox.claim(postgres_store, worker="w", limit=5, lease_seconds=15)
    assert (claimed.payload, claimed.size, claimed.attempt, claimed.assistant) == (None, len(raw), 1, None)
    assert (await inbox.fetch(postgres_store, claimed)).payload == raw
    assert await inbox.claim(postgres_store, worker="w", limit=5, lease_seconds=15) == []


@pytest.mark.anyio
async def test_an_event_without_conversation_id_is_accepted(postgres_store: inbox.Store) -> None:
    raw = b'{"type": "post_call_transcription", "data": {}}'
    assert (await inbox.accept(postgres_store, raw, inbox.peek(raw), "webhook")).new
    (claimed,) = await inbox.claim(postgres_store, worker="w", limit=5, lease_seconds=15)
    assert claimed.conversation_id is None


@pytest.mark.anyio
async def test_a_payload_has_the_more_time_the_larger_it_is() -> None:
    waited: list[float] = []

    class Patient(FakeStore):
        async def call(self, function: str, args: Any, *, timeout: float = 10.0) -> Any:
            waited.append(timeout)
            return await super().call(function, args, timeout=timeout)

    raw = b"\0" * (2 * 1024 * 1024)
    claimed = replace(event(raw), payload=None)
    assert (
        await inbox.fetch(Patient(find_event={"payload": encoded(raw), "size": len(raw), "parts": 0}), claimed)
    ).payload == raw
    assert waited == [12.0]
    with pytest.raises(StoreError, match="no longer stored"):
        await inbox.fetch(FakeStore(find_event=None), claimed)


@pytest.mark.anyio
async def test_what_is_large_goes_in_and_comes_out_in_parts(postgres_store: inbox.Store) -> None:
    parts = [b'{"type": "post_call_audio", ', b'"data": {"conversation_id"', b': "c"}}']
    raw = b"".join(parts)

    async def all_of(some: list[bytes]) -> AsyncIterator[bytes]:
        for part in some:
            yield part

    async def accept(some: list[bytes]) -> inbox.Accepted:
        digest = hashlib.sha256(raw).hexdigest()
        return await inbox.accept_large(postgres_store, all_of(some), inbox.peek(raw), digest, len(raw))

    with pytest.raises(StoreError, match="missing"):
        await accept(parts[:2])
    assert await inbox.claim(postgres_store, worker="w", limit=5, lease_seconds=15) == []
    first, *again = [await accept(parts) for _ in range(3)]
    assert first.new
    assert [(one.id, one.new) for one in again] == [(first.id, False)] * 2
    (claimed,) = await inbox.claim(postgres_store, worker="w", limit=5, lease_seconds=15)
    fetched = await inbox.fetch(postgres_store, claimed)
    assert (fetched.payload, fetched.size, fetched.parts) == (None, len(raw), 3)
    assert [piece async for piece in inbox.pieces(postgres_store, fetched)] == parts
    assert (await inbox.fetch(postgres_store, replace(claimed, type="post_call_transcription"))).payload == raw
