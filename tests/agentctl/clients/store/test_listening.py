"""agentctl.clients.store.listening: what a Postgres notifies, also after the connection was lost."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from agentctl.clients.store.dsn import parsed
from agentctl.clients.store.listening import hear
from agentctl.clients.store.postgres import PostgresStore, connect
from agentctl.errors import StoreUnavailable

pytestmark = pytest.mark.anyio


async def test_it_hears_what_is_notified_and_goes_on_after_a_lost_connection(dsn: str) -> None:
    heard, tries = asyncio.Semaphore(0), 0

    async def refused() -> psycopg.AsyncConnection:
        raise StoreUnavailable("down")

    def opening() -> object:
        nonlocal tries
        tries += 1
        return {1: lambda: None, 2: refused}.get(tries, lambda: connect(parsed(dsn)))()

    listening = asyncio.create_task(hear(opening, "news", heard.release, again_seconds=0.01))  # type: ignore[arg-type]
    async with asyncio.timeout(20), await psycopg.AsyncConnection.connect(dsn, autocommit=True) as other:
        await heard.acquire()  # it has begun
        for _ in range(2):
            await other.execute("notify news")
            await heard.acquire()
            await other.execute("select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%'")
            await heard.acquire()  # it has begun anew: who knows what it has missed
    listening.cancel()
    await asyncio.wait({listening})


async def test_a_store_wakes_whoever_waits_for_a_change(postgres_store: PostgresStore) -> None:
    heard = asyncio.Semaphore(0)
    listening = asyncio.create_task(postgres_store.listen("agentctl_sync", heard.release))
    async with asyncio.timeout(20):
        await heard.acquire()
        await postgres_store.call("request_sync", {"key": "a"})
        await heard.acquire()
    listening.cancel()
    await asyncio.wait({listening})
