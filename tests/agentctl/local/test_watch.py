"""The watchdog: the server goes when nobody needs it, and not a moment before."""

import inspect
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from agentctl.local.lease import lease
from agentctl.local.lock import is_held, released
from agentctl.local.place import Place
from agentctl.local.postgres import running, start, status
from agentctl.local.watch import Watch

pytestmark = pytest.mark.anyio

# Shorter than any test's patience, longer than the time between two looks.
IDLE = 0.15
SOON = 15.0
LONGER_THAN_IDLE = 0.45


async def ends(kept: Path, seconds: float = SOON) -> bool:
    """Whether the server ends by itself within `seconds`."""
    return await released(Place.of(kept).server_lock, seconds)


async def test_an_unused_server_is_stopped_in_order_and_the_next_start_brings_it_back(kept: Path) -> None:
    await start(kept, idle_seconds=IDLE)

    assert await ends(kept)
    assert await released(Place.of(kept).watch_lock, SOON)
    assert "database system is shut down" in Place.of(kept).log_tail()

    dsn = await start(kept)
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


async def test_a_lease_keeps_the_server_and_its_end_lets_it_go(kept: Path) -> None:
    async with running(kept, idle_seconds=IDLE):
        assert not await ends(kept, LONGER_THAN_IDLE)
    assert await ends(kept)


async def test_a_connection_keeps_the_server_without_any_lease(kept: Path) -> None:
    dsn = await start(kept, idle_seconds=IDLE)
    with psycopg.connect(dsn) as connection:
        assert not await ends(kept, LONGER_THAN_IDLE)
        assert connection.execute("select 1").fetchone() == (1,)
    assert await ends(kept)


async def test_a_killed_client_does_not_keep_the_server(kept: Path) -> None:
    holder = f"""
import asyncio
from pathlib import Path
from agentctl.local.postgres import running
async def main():
    async with running(Path({str(kept)!r}), idle_seconds={IDLE}) as dsn:
        print(dsn, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline()
            assert not await ends(kept, LONGER_THAN_IDLE)
        finally:
            process.kill()

    assert await ends(kept)


def looked(directory: Path) -> tuple[Place, Watch]:
    """A watchdog beside the real one, which has looked once."""
    place = Place.of(directory)
    with place.watch_lock.open() as lock:
        watch = Watch(str(place.directory), str(place.sockets), "no-psql", os.dup(lock.fileno()))
    watch.look()
    return place, watch


async def test_a_start_in_the_last_moment_is_not_overlooked(kept: Path) -> None:
    await start(kept)
    place, watch = looked(kept)

    await start(kept)

    assert not watch.stop()
    assert is_held(place.server_lock)
    watch.look()
    assert watch.stop()
    assert not is_held(place.server_lock)


async def test_a_watchdog_whose_store_was_removed_leaves_the_next_server_alone(kept: Path) -> None:
    await start(kept)
    place, watch = looked(kept)
    assert watch.is_ours()
    place.watch_lock.unlink()
    assert not watch.is_ours()
    await start(kept)
    assert not watch.is_ours()
    assert not watch.stop()
    watch.run()
    assert is_held(place.server_lock)


async def test_the_last_start_says_how_long_idle_is(kept: Path) -> None:
    await start(kept, idle_seconds=IDLE)
    async with lease(kept):
        await start(kept, idle_seconds=600)
    assert not await ends(kept, LONGER_THAN_IDLE)


async def test_a_server_without_its_watchdog_gets_a_new_one(kept: Path) -> None:
    await start(kept)
    pid = (await status(kept)).pid
    watch_lock = Place.of(kept).watch_lock
    os.kill(int(watch_lock.read_text()), signal.SIGKILL)
    assert await released(watch_lock, SOON)

    async with running(kept, idle_seconds=IDLE):
        assert (await status(kept)).pid == pid
        assert is_held(watch_lock)
    assert await ends(kept)


async def test_the_watchdog_loads_nothing_heavy() -> None:
    listed = (
        "import runpy, sys; runpy.run_path(sys.argv[1]);"
        "print(sorted({'agentctl', 'asyncio', 'pydantic', 'psycopg', 'subprocess'} & set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-I", "-S", "-c", listed, inspect.getfile(Watch)], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"
