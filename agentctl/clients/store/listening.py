"""Hear what a Postgres notifies, on a connection of its own (postgresql.org/docs/current/sql-notify.html).

Whoever listens must look for work from time to time all the same: behind a pooler that hands connections from one
transaction to the next nothing is heard, nor is it while the connection is broken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

from agentctl.errors import StoreUnavailable

Opening = Callable[[], Awaitable[psycopg.AsyncConnection[Any]] | None]

_AGAIN_SECONDS = 5.0


async def hear(
    opening: Opening, channel: str, heard: Callable[[], None], *, again_seconds: float = _AGAIN_SECONDS
) -> None:
    """Call `heard` for each notification on `channel`, and whenever listening begins; runs until cancelled.

    `opening`: connects, or None while there is nowhere to connect to. What cannot be had is tried again.
    """
    while True:
        with suppress(StoreUnavailable, psycopg.Error):
            if (coming := opening()) is not None:
                await _hear(await coming, channel, heard)
        await asyncio.sleep(again_seconds)


async def _hear(connection: psycopg.AsyncConnection[Any], channel: str, heard: Callable[[], None]) -> None:
    try:
        await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
        heard()
        async for _ in connection.notifies():
            heard()
    finally:
        await connection.close()
