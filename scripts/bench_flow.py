"""How long it takes from the commit of a product's row to its agent, where each request to the platform takes 50 ms.

The floor is what nobody could do better: hear of the commit and send the PATCH, knowing all that there is to know.
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
from agentctl.settings import Settings
from agentctl.verbs.flow import syncing
from agentctl.verbs.flow.job import QUIET_SECONDS
from agentctl.wiring import connect
from tests import postgrest
from tests.cluster import VERIFIER, Cluster, wheel_binaries
from tests.rows import TABLE, WATCH, Rows

LATENCY_MS = 50
ASSISTANTS = 200
LIMIT_SECONDS = 2.0
ROWS = """
    insert into public.phone_assistants (slug, name, prompt)
    select 'a' || i, 'A' || i, 'Hallo' from generate_series(1, %s) i
"""
EDIT = "update public.phone_assistants set prompt = 'Sag ' || clock_timestamp() where slug = 'a7'"
EDITS = "update public.phone_assistants set prompt = prompt || '!' where slug like 'a1%'"


def flow(runs: int | None) -> None:
    """One table: the floor, and a worker over each transport."""
    asyncio.run(_flow(runs or 20))


async def _flow(runs: int) -> None:
    cluster = Cluster(wheel_binaries())
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="agentctl-bench-") as scratch:
        cluster.create()
        stack.callback(cluster.remove)
        dsn = cluster.dsn(cluster.new_database())
        await migrate(dsn, shim=True)
        cluster.execute(f"alter role authenticator login password '{VERIFIER}'")
        project = stack.enter_context(postgrest.project(dsn.replace("//postgres:", "//authenticator:")))
        (Path(scratch) / "agentctl.toml").write_text('project = "shop"\n')
        rest = {"supabase_url": project.url, "supabase_service_role_key": project.service_key}
        async with running() as sandbox, await psycopg.AsyncConnection.connect(dsn, autocommit=True) as product:
            bench = _Bench(Path(scratch), dsn, sandbox, product, runs)
            await bench.filled()
            await sandbox.latency(LATENCY_MS)
            print(
                f"\nfrom the commit of one of {ASSISTANTS} rows to the end of its sync: the agent changed, and verified"
            )
            print(f"each request takes {LATENCY_MS} ms; a job waits {QUIET_SECONDS} s for another edit")
            floor = await bench.floor()
            _row("floor: LISTEN, one PATCH", floor, floor)
            for name, settings in (("Postgres", {"database_url": dsn}), ("PostgREST, looking once a second", rest)):
                _row(f"worker over {name}", await bench.worker(settings), floor)
            async with bench.working({"database_url": dsn}) as rows:
                began = time.perf_counter()
                edited = await product.execute(EDITS)
                for _ in range(edited.rowcount):
                    await rows.ended(60)
                each = (time.perf_counter() - began) / edited.rowcount
            print(f"{edited.rowcount} rows in one statement: {each:.3f} s for each, one after another")


class _Bench:
    def __init__(
        self, root: Path, dsn: str, sandbox: Sandbox, product: psycopg.AsyncConnection[Any], runs: int
    ) -> None:
        self._root, self._dsn, self._sandbox, self._product, self._runs = root, dsn, sandbox, product, runs

    async def filled(self) -> None:
        """All rows are there, and their agents."""
        await self._product.execute(TABLE.encode())
        await self._product.execute(WATCH.encode())
        await self._product.execute(ROWS, (ASSISTANTS,))
        async with connect(self._root, settings=self._settings({"database_url": self._dsn})) as control:
            control.source = Rows(self._dsn, control.project)
            assert (await syncing.once(control)).done == ASSISTANTS

    async def floor(self) -> list[float]:
        """Hear of it, and write it."""
        headers = {"xi-api-key": self._sandbox.key}
        async with (
            httpx.AsyncClient(base_url=self._sandbox.url, headers=headers) as client,
            await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as listening,
        ):
            agents = (await client.get("/v1/convai/agents", params={"search": "A7"})).json()["agents"]
            body = {"tags": agents[0]["tags"]}
            await listening.execute("listen agentctl_sync")
            async with aclosing(listening.notifies()) as heard:

                async def written() -> None:
                    await anext(heard)
                    await client.patch(f"/v1/convai/agents/{agents[0]['agent_id']}", json=body)

                return await self._timed(written)

    async def worker(self, settings: dict[str, Any]) -> list[float]:
        """An idle worker."""
        async with self.working(settings) as rows:

            async def synced() -> None:
                ended = (await rows.ended())[1]
                assert not ended.error, ended.error

            await self._product.execute(EDIT)
            await synced()
            return await self._timed(synced)

    @asynccontextmanager
    async def working(self, settings: dict[str, Any]) -> AsyncIterator[Rows]:
        """While it works. What was noted before is done first."""
        async with connect(self._root, settings=self._settings(settings)) as control:
            control.source = rows = Rows(self._dsn, control.project)
            await syncing.once(control)
            while rows.rest():
                await rows.ended()
            stop = asyncio.Event()
            working = asyncio.create_task(syncing.work(control, stop=stop))
            yield rows
            stop.set()
            await working

    async def _timed(self, ended: Callable[[], Awaitable[None]]) -> list[float]:
        seconds = []
        for count in range(self._runs):
            await asyncio.sleep(0.37 * (count % 3))  # at any moment between two looks
            await self._product.execute(EDIT)
            began = time.perf_counter()
            await ended()
            seconds.append(time.perf_counter() - began)
        return seconds

    def _settings(self, settings: dict[str, Any]) -> Settings:
        return Settings(elevenlabs_base_url=self._sandbox.url, elevenlabs_api_key=self._sandbox.key, **settings)


def _row(name: str, seconds: list[float], floor: list[float]) -> None:
    median, most = statistics.median(seconds), max(seconds)
    verdict = "" if most < LIMIT_SECONDS else f"  NOT below {LIMIT_SECONDS:g} s"
    ratio = median / statistics.median(floor)
    print(f"{name:44} {min(seconds):7.3f} min {median:7.3f} median {most:7.3f} max {ratio:7.2f}x{verdict}")
