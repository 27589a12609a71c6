"""How long it takes from the commit of a product's row to its agent and back; each request to ElevenLabs takes 50 ms.

The row is one of a table of the product's own, mapped with paths into its JSON, each with knowledge. The floor is what
nobody could do better: hear of the commit and send the PATCH, knowing all that there is to know.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg

from agentctl.clients.store.migrations import migrate
from agentctl.sandbox.harness import Sandbox, running
from agentctl.verbs.flow import syncing
from agentctl.verbs.flow.job import QUIET_SECONDS
from agentctl.verbs.rows import adopt
from tests import postgrest
from tests.cluster import VERIFIER, Cluster, wheel_binaries
from tests.product import MADE, TABLE, Product

LATENCY_MS = 50
ASSISTANTS = 200
LIMIT_SECONDS = 2.0
_SUBJECT = 107
_LOOK_SECONDS = 0.005
ROWS = """
    insert into commpro_phone_assistants
        (id, customer, title, behavior_prompt, first_message, locale, documentation, active)
    select i, 'acme', 'Assistant ' || i, 'Help with ' || i, 'Guten Tag, hier ist die KI.', 'de',
        jsonb_build_object('knowledge_base', 'We are number ' || i), true
    from generate_series(1, %s) i
"""
EDIT = "update commpro_phone_assistants set behavior_prompt = 'Say ' || clock_timestamp() where id = %s"
EDITS = "update commpro_phone_assistants set behavior_prompt = behavior_prompt || '!'"
SYNCED = "select elevenlabs_synced_at, elevenlabs_sync_error from commpro_phone_assistants where id = %s"
SINCE = "select count(*) from commpro_phone_assistants where elevenlabs_synced_at > %s"

# Seconds from the commit until the PATCH arrived, and until all was done.
Run = tuple[float, float]


def flow(runs: int | None) -> None:
    """One table: the floor, and a worker over each transport."""
    asyncio.run(_flow(runs or 10))


async def _flow(runs: int) -> None:
    cluster = Cluster(wheel_binaries())
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="agentctl-bench-") as scratch:
        cluster.create()
        stack.callback(cluster.remove)
        dsn = cluster.dsn(cluster.new_database())
        await migrate(dsn, shim=True)
        cluster.execute(f"alter role authenticator login password '{VERIFIER}'")
        project = stack.enter_context(postgrest.project(dsn.replace("//postgres:", "//authenticator:")))
        rest = {"supabase_url": project.url, "supabase_service_role_key": project.service_key}
        async with running() as sandbox, await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            bench = _Bench(Path(scratch), dsn, sandbox, connection, runs)
            await bench.filled()
            await sandbox.latency(LATENCY_MS)
            print(f"\none of {ASSISTANTS} rows is edited; each request takes {LATENCY_MS} ms")
            print(f"an idle worker, which waits {QUIET_SECONDS} s for another edit; seconds from the commit until")
            print(f"{'':38}{'the PATCH is received':27} the row is told")
            print(f"{'':38}{'median     max':17}{'beside':10} median     max")
            floor = await bench.floor()
            _row("floor: LISTEN, one PATCH", floor, floor)
            for name, settings in (("Postgres", {"database_url": dsn}), ("PostgREST, looking once a second", rest)):
                _row(f"worker over {name}", await bench.worker(settings), floor)
            each = await bench.bulk() / ASSISTANTS
            print(f"{ASSISTANTS} rows in one statement: {each:.3f} s for each, one after another")


class _Bench:
    def __init__(
        self, root: Path, dsn: str, sandbox: Sandbox, connection: psycopg.AsyncConnection[Any], runs: int
    ) -> None:
        self._root, self._dsn, self._sandbox, self._connection, self._runs = root, dsn, sandbox, connection, runs
        self._patch = ""

    async def filled(self) -> None:
        """All rows are there, and their agents."""
        product = Product(self._root, self._dsn, self._sandbox)
        product.sql(MADE)
        await self._connection.execute(ROWS, (ASSISTANTS,))
        async with product.opened() as control:
            await adopt.adopt(control, await adopt.look(control, TABLE))
        applied = await product.sync()
        assert applied.ok, applied.failures
        self._patch = f"/v1/convai/agents/{product.rows('elevenlabs_agent_id')[_SUBJECT]}"

    async def floor(self) -> list[Run]:
        """Hear of it, and write it."""
        headers = {"xi-api-key": self._sandbox.key}
        async with (
            httpx.AsyncClient(base_url=self._sandbox.url, headers=headers) as client,
            await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as listening,
        ):
            body = {"tags": (await client.get(self._patch)).json()["tags"]}
            await listening.execute("listen agentctl_sync")
            async with aclosing(listening.notifies()) as heard:

                async def written() -> None:
                    await anext(heard)
                    await client.patch(self._patch, json=body)

                return await self._timed(written)

    async def worker(self, settings: dict[str, Any]) -> list[Run]:
        """An idle worker."""
        async with self._working(settings):
            told = [await self._told()]

            async def written() -> None:
                while (now := await self._told()) == told[-1]:
                    await asyncio.sleep(_LOOK_SECONDS)
                told.append(now)

            return await self._timed(written)

    async def bulk(self) -> float:
        """Seconds until all rows were told of an edit of all of them."""
        async with self._working({"database_url": self._dsn}):
            [(now,)] = await (await self._connection.execute("select now()")).fetchall()
            began = time.perf_counter()
            await self._connection.execute(EDITS)
            while True:
                [(done,)] = await (await self._connection.execute(SINCE, (now,))).fetchall()
                if done == ASSISTANTS:
                    return time.perf_counter() - began
                await asyncio.sleep(_LOOK_SECONDS)

    async def _told(self) -> Any:
        [(at, error)] = await (await self._connection.execute(SYNCED, (_SUBJECT,))).fetchall()
        assert error is None, error
        return at

    @asynccontextmanager
    async def _working(self, settings: dict[str, Any]) -> AsyncIterator[None]:
        """While it works. What was noted before is done first."""
        async with Product(self._root, self._dsn, self._sandbox, **settings).opened() as control:
            await syncing.once(control)
            stop = asyncio.Event()
            working = asyncio.create_task(syncing.work(control, stop=stop))
            try:
                yield
            finally:
                stop.set()
                await working

    async def _timed(self, ended: Callable[[], Awaitable[None]]) -> list[Run]:
        found = []
        for count in range(self._runs + 1):  # the first warms up
            await asyncio.sleep(1 + 0.37 * (count % 3))  # at any moment between two looks
            await self._sandbox.clear_log()
            await self._connection.execute(EDIT, (_SUBJECT,))
            committed = time.time()
            await ended()
            done = time.time() - committed
            writes = [one for one in await self._sandbox.log() if one["method"] == "PATCH"]
            assert [one["path"] for one in writes] == [self._patch], writes
            found.append((writes[0]["at"] - committed, done))
        return found[1:]


def _row(name: str, runs: list[Run], floor: list[Run]) -> None:
    (received, most), (told, longest) = ((statistics.median(one), max(one)) for one in zip(*runs, strict=True))
    ratio = received / statistics.median(one for one, _ in floor)
    verdict = "" if most < LIMIT_SECONDS else f"  NOT below {LIMIT_SECONDS:g} s"
    print(f"{name:36} {received:8.3f} {most:7.3f} {ratio:7.0f}x {told:10.3f} {longest:7.3f}{verdict}")
