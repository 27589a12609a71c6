"""Connections of a lent database's stores, kept for the next store when one is closed.

A new one costs the server 3 ms, and each function that it is asked for 5 ms more, since every backend reads the
catalogue and plans anew; a test opens a dozen stores. Each is left as it was when it connected, but for what it knows.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, LiteralString

import psycopg
from psycopg.pq import TransactionStatus

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

# What DISCARD ALL does, but that plans stay. A database with a temporary table is not lent again. Whoever counts the
# connections of agentctl counts none that is closed.
_LEFT = "set application_name = 'kept'; unlisten *; select pg_advisory_unlock_all()"
_AS_NEW = "reset all"


class Kept:
    """Those of one database: a pool, as psycopg knows it, that gets a connection when somebody closes it."""

    close_returns = True

    def __init__(self, *, sound: Callable[[], bool]) -> None:
        """`sound`: whether a connection from before can still be trusted; one that hangs answers no question."""
        self._sound = sound
        self._idle: list[Connection] = []
        self._process = os.getpid()

    async def connect(self, opening: Callable[[], Awaitable[Connection]]) -> Connection:
        """One that was kept, or a new one. A process that was forked off has its own: these are its parent's."""
        if os.getpid() != self._process:
            return await opening()
        while self._idle and self._sound():
            connection = self._idle.pop()
            connection.lock = asyncio.Lock()  # the other one may be another event loop's
            if await _done(connection, _AS_NEW):
                return connection
            connection.pgconn.finish()
        connection = await opening()
        connection._pool = self  # type: ignore[attr-defined]
        return connection

    async def putconn(self, connection: Connection) -> None:
        """Keep it if it is whole; else it is closed."""
        idle = connection.info.transaction_status == TransactionStatus.IDLE
        if self._sound() and idle and await _done(connection, _LEFT):
            self._idle.append(connection)
        else:
            connection.pgconn.finish()

    def pids(self) -> list[int]:
        """The server's processes behind those that nobody uses."""
        return [connection.info.backend_pid for connection in self._idle]

    def close(self) -> None:
        for connection in self._idle:
            connection.pgconn.finish()
        self._idle.clear()


async def _done(connection: Connection, statements: LiteralString) -> bool:
    """Whether it still is a connection, and these were run."""
    try:
        await connection.execute(statements)
    except psycopg.Error:
        return False
    return True
