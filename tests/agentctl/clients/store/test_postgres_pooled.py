"""agentctl.clients.store.postgres behind a pooler in transaction mode: two connections for everybody."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr

from agentctl.calls import inbox
from agentctl.clients.store import migrations
from agentctl.clients.store.postgres import PostgresStore
from agentctl.errors import Busy
from agentctl.settings import Settings
from agentctl.verbs.calls.call import calls
from agentctl.verbs.calls.queue import queue
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.work import process
from agentctl.wiring import connect
from tests import pgbouncer

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(pgbouncer.program() is None, reason="PgBouncer is not installed"),
]
SAMPLE = json.loads((Path(__file__).parents[3] / "samples" / "post_call_transcription.json").read_text("utf-8"))
CALLS = 40
SIZE = 2


@pytest.fixture
def pooled(dsn: str, tmp_path: Path) -> Iterator[str]:
    with pgbouncer.pooling(dsn, tmp_path, size=SIZE) as address:
        yield address


def body(number: int) -> bytes:
    return json.dumps({**SAMPLE, "data": {**SAMPLE["data"], "conversation_id": f"conv_{number}"}}).encode()


def backends(dsn: str) -> int:
    """How many connections the server has besides the one that asks, and those of the tests themselves."""
    with psycopg.connect(dsn) as connection:
        counted = connection.execute(
            "select count(*) from pg_stat_activity where application_name = 'agentctl' and datname = current_database()"
        ).fetchone()
    assert counted is not None
    return int(counted[0])


async def test_doors_and_workers_share_two_connections_and_each_call_is_there_once(
    dsn: str, pooled: str, tmp_path: Path
) -> None:
    settings, most = Settings(database_url=SecretStr(pooled)), 0
    async with connect(tmp_path, settings=settings) as one, connect(tmp_path, settings=settings) as other:
        stores = [await one.store(), await other.store()]

        async def accept(number: int) -> bool:
            payload = body(number // 2)  # Each comes to both, as a sender repeats what it had no answer to.
            return (await inbox.accept(stores[number % 2], payload, inbox.peek(payload), "webhook")).new

        new = await asyncio.gather(*map(accept, range(2 * CALLS)))
        assert sum(new) == CALLS
        most = backends(dsn)
        done = await asyncio.gather(process(one), process(other))
        assert (sum(tally.done for tally in done), sum(tally.failed for tally in done)) == (CALLS, 0)
        most = max(most, backends(dsn))
        assert len(await calls(one, limit=2 * CALLS)) == CALLS
        assert not any((await queue(other))["events"].values())
    assert 1 <= most <= SIZE


async def test_of_two_syncs_one_stops(pooled: str, tmp_path: Path) -> None:
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n')
    settings, begun, over = Settings(database_url=SecretStr(pooled)), asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with connect(tmp_path, settings=settings) as control, exclusive(control):
            begun.set()
            await over.wait()

    holding = asyncio.create_task(first())
    await begun.wait()
    async with connect(tmp_path, settings=settings) as control:
        with pytest.raises(Busy):
            async with exclusive(control):
                pass
        over.set()
        await holding
        async with exclusive(control):
            pass


async def test_several_migrate_an_empty_database_at_once(empty_dsn: str, tmp_path: Path) -> None:
    with pgbouncer.pooling(empty_dsn, tmp_path, size=SIZE) as address:
        done = await asyncio.gather(*(migrations.migrate(address, shim=True) for _ in range(3)))
        known = [str(one) for one in migrations.migrations()]
        assert sorted(name for some in done for name in some) == known
        store = await PostgresStore.open(address)
        assert (await store.call("status", {}))["migrations"]
        await store.close()


async def test_a_late_answer_is_nobody_elses(dsn: str, pooled: str) -> None:
    store = await PostgresStore.open(pooled)
    with psycopg.connect(dsn) as holder:
        holder.execute("lock table agentctl.events in access exclusive mode")
        late = [store.call("queue", {}, timeout=0.3) for _ in range(SIZE + 1)]
        found = await asyncio.gather(*late, return_exceptions=True)
    assert [type(one).__name__ for one in found] == ["StoreSilent"] * (SIZE + 1)
    assert set(await store.call("status", {})) > {"events", "mails"}
    await store.close()
