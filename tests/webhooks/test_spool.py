"""Four recordings at once through the door and into a store: nobody holds one whole, and nobody waits for them."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from pathlib import Path

import pytest

from agentctl.calls import inbox
from agentctl.calls.digest import digester
from agentctl.calls.inbox import Store
from agentctl.calls.process import process
from agentctl.clients.recordings import Directory
from tests.webhooks.site import SECRET, Site, request, served, status
from webhooks.app import door

pytestmark = pytest.mark.anyio
EVENT = b'{"type":"post_call_transcription","data":{"conversation_id":"conv_%d"}}'


def recording(number: int, mebibytes: int) -> bytes:
    sound = base64.b64encode(b"ID3" + bytes([number]) * (mebibytes * 786_432)).decode()
    event = {"type": "post_call_audio", "data": {"conversation_id": f"conv_{number}", "full_audio": sound}}
    return json.dumps(event).encode()


async def test_recordings_come_through_whole_while_small_events_pass(postgres_store: Store, tmp_path: Path) -> None:
    bodies = [recording(number, 6) for number in range(4)]
    async with served(door(postgres_store, secrets=[SECRET])) as site:
        large = [asyncio.create_task(site.say(request(body))) for body in bodies]
        took = [await timed(site, number) for number in range(20)]
        assert [status(answer) for answer in await asyncio.gather(*large)] == [200] * 4
        assert b'"new":false' in await site.say(request(bodies[0]))
    assert sorted(took)[10] < 0.5
    directory = Directory(tmp_path)
    claimed = await inbox.claim(postgres_store, worker="w", limit=30, lease_seconds=60)
    sounds = [event for event in claimed if event.type == "post_call_audio"]
    assert len(claimed) == 24
    for event in sounds:
        outcome = await process(event, store=postgres_store, digester=digester(None), recordings=directory)
        assert outcome.state == "recorded"
    kept = {path.name.partition(".")[0]: path.read_bytes() for path in tmp_path.rglob("*.mp3")}
    assert kept == {f"conv_{number}": b"ID3" + bytes([number]) * (6 * 786_432) for number in range(4)}


LONG = b"x" * 300_000


@pytest.mark.parametrize(
    "body",
    [
        b"no JSON" * 50_000,
        b"[" * 1000 + b" " * 300_000,
        b'{"type": "x", "data": ' + b" " * 300_000,
        b'{"type": "x", "data": {"said": "%s\xff"}}' % LONG,
        b'{"type": "x", "data": {"said": "%s\n"}}' % LONG,
        b'{"type": "x", "data": {"said": "%s\\q"}}' % LONG,
        b'{"type": "x", "data": {"deep": {"said": "%s" 1}}}' % LONG,
        b'["%s"]' % LONG,
    ],
)
async def test_large_nonsense_is_400_though_it_is_signed(body: bytes, postgres_store: Store) -> None:
    async with served(door(postgres_store, secrets=[SECRET])) as site:
        assert status(await site.say(request(body))) == 400
        assert status(await site.say(request(body, signed=b"another"))) == 401
    assert await inbox.claim(postgres_store, worker="w", limit=30, lease_seconds=60) == []


async def test_a_large_one_may_hold_what_no_worker_can_read(postgres_store: Store) -> None:
    deep, digits = b"[" * 5000 + b"]" * 5000, b"9" * 5000
    body = b'{"type": "x", "data": {"deep": %s, "digits": %s, "said": "%s"}}' % (deep, digits, LONG)
    async with served(door(postgres_store, secrets=[SECRET])) as site:
        assert status(await site.say(request(body))) == 200
    (kept,) = await inbox.claim(postgres_store, worker="w", limit=30, lease_seconds=60)
    assert kept.type == "x"


async def timed(site: Site, number: int) -> float:
    start = time.monotonic()
    assert status(await site.say(request(EVENT % number))) == 200
    return time.monotonic() - start
