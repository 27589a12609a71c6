"""The store over a Postgres connection: the embedded database, or the one that DATABASE_URL names.

A deadline here is hard. A server that hangs (rather than being down) answers nothing, not even psycopg's request to
cancel; so a call that is late has its socket shut down, which wakes it at once, and its connection is thrown away.

Connections are pooled here and not by psycopg_pool: that one connects in the background with growing pauses, so that a
stopped server is noticed only at the deadline and a restarted one late. Here the caller's own attempt fails or works.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, LiteralString, Self

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from pydantic_core import from_json

from agentctl.calls.wire import aside
from agentctl.clients.awaited import awaited
from agentctl.clients.store.dsn import address, parsed
from agentctl.clients.store.listening import hear
from agentctl.clients.store.wire import encoded, refusal
from agentctl.errors import StoreError, StoreSilent, StoreUnavailable

_REMEDY = "Check DATABASE_URL, and that the server runs and takes connections; `agentctl doctor` looks at both."
_PLACE = sql.SQL("%b::bytea")
_CLAIMING: LiteralString = "with claimed as materialized (select set_config('request.jwt.claims', %s, true)) "

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Revive = Callable[[], Coroutine[Any, Any, str]]


@dataclass
class _Attempt:
    """One call under way. `connection` is set while a server may be working for it."""

    connection: Connection | None = None
    late: bool = False


class PostgresStore:
    """`call` runs one of the functions public.agentctl_*. Safe to share by all tasks of one event loop."""

    def __init__(self, params: dict[str, Any], *, connections: int, revive: Revive | None = None) -> None:
        self._params = params
        self._revive = revive
        self._reviving: asyncio.Task[str] | None = None
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[Connection] = []
        self._late: set[asyncio.Task[Any]] = set()
        self._closed = False

    @classmethod
    async def open(cls, dsn: str, *, connections: int = 8, revive: Revive | None = None) -> Self:
        """Check the DSN; the first call connects. `connections` is the most that are held at once.

        `revive` starts a server that is our own and is found dead, and returns its address.

        Raises ConfigurationError for what is not a DSN, without quoting it.
        """
        return cls(parsed(dsn), connections=connections, revive=revive)

    @classmethod
    def dormant(cls, revive: Revive, *, connections: int = 8) -> Self:
        """Of a server of our own that may not run: it has no address before `revive` has told it."""
        return cls({}, connections=connections, revive=revive)

    async def wake(self, seconds: float) -> None:
        """Start the server, and wait for it for at most `seconds`; after that it goes on by itself.

        Raises StoreUnavailable, and what else `revive` raises.
        """
        try:
            async with asyncio.timeout(seconds):
                self._params = parsed(await self._revived())
        except TimeoutError:
            raise StoreUnavailable(f"the database did not start within {seconds:g} s") from None

    def __repr__(self) -> str:
        return f"PostgresStore({address(self._params)})"

    async def call(
        self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0, claims: str | None = None
    ) -> Any:
        """Run public.agentctl_`function` and return its JSON; `timeout` in seconds covers everything.

        `claims`: who asks, as PostgREST would hand it over (request.jwt.claims), for this call alone.

        Raises StoreUnavailable (also at the deadline, when the work may still be done by the server), StoreBehind
        or StoreError.
        """
        if self._closed:
            raise StoreUnavailable("the store is closed")
        attempt = _Attempt()
        task = asyncio.create_task(self._run(function, args, attempt, claims))
        try:
            with awaited(lambda: f"No answer came to {function} at {address(self._params)}."):
                await asyncio.wait({task}, timeout=timeout)
        finally:
            # Late, or given up by whoever waits for us.
            if not task.done():
                self._abandon(task, attempt)
        if attempt.late:
            raise StoreSilent(f"the database did not answer within {timeout:g} s ({function})", _REMEDY)
        return task.result()

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Until cancelled, call `heard` when something was notified on `channel`, or may have been unheard."""
        await hear(lambda: connect(self._params) if self._params else None, channel, heard)

    async def close(self) -> None:
        """Close the idle connections now and those at work as they finish."""
        self._closed = True
        if self._reviving is not None:
            self._reviving.cancel()
        while self._idle:
            await self._idle.pop().close()
        if self._late:
            await asyncio.wait(self._late, timeout=1)

    async def _run(self, function: str, args: Mapping[str, Any], attempt: _Attempt, claims: str | None) -> Any:
        blobs: list[bytes] = []
        text = await encoded(args, partial(_beside, blobs))
        async with self._slots:
            connection = attempt.connection = await self._connection()
            try:
                query = _query(function, len(blobs), claims is not None)
                row = await (await connection.execute(query, (*filter(None, (claims,)), text, *blobs))).fetchone()
            except psycopg.Error as error:
                raise _meaning(function, error) from None
            finally:
                attempt.connection = None
                await self._release(connection, attempt)
        answer = row[0] if row else None
        return None if answer is None else await aside(len(answer), from_json, answer)

    async def _connection(self) -> Connection:
        while self._idle:
            # The one used last is the least likely to have been closed by something in between.
            connection = self._idle.pop()
            if _alive(connection):
                return connection
            await connection.close()
        if self._params:
            try:
                return await connect(self._params)
            except StoreUnavailable:
                if self._revive is None:
                    raise
        self._params = parsed(await self._revived())
        return await connect(self._params)

    async def _revived(self) -> str:
        """Once for all calls that find it dead; it goes on when the one that began it misses its deadline."""
        assert self._revive is not None
        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.ensure_future(self._revive())
        return await asyncio.shield(self._reviving)

    async def _release(self, connection: Connection, attempt: _Attempt) -> None:
        usable = connection.info.transaction_status == TransactionStatus.IDLE
        if usable and not attempt.late and not self._closed:
            self._idle.append(connection)
        else:
            await connection.close()

    def _abandon(self, task: asyncio.Task[Any], attempt: _Attempt) -> None:
        attempt.late = True
        if attempt.connection is None:
            task.cancel()
        else:
            cut(attempt.connection)
        self._late.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        # Its outcome was reported as the missed deadline.
        if not task.cancelled():
            task.exception()


async def connect(params: dict[str, Any]) -> Connection:
    """One connection, in autocommit mode and without prepared statements, which a transaction pooler would mix up.

    Raises StoreUnavailable with the server's reason.
    """
    try:
        return await psycopg.AsyncConnection.connect(**params, autocommit=True, prepare_threshold=None)
    except (psycopg.Error, OSError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        if password := params.get("password"):
            reason = reason.replace(str(password), "***")
        raise StoreUnavailable(f"no connection to {address(params)}: {reason}", _REMEDY) from None


async def run(connection: Connection, statement: LiteralString | bytes, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement on a connection and return its rows. Raises as PostgresStore.call does."""
    try:
        cursor = await connection.execute(statement, values or None)
        return await cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        raise _meaning("migrate", error) from None


def _beside(blobs: list[bytes], part: bytes) -> int:
    """Bytes travel as such, after the JSON, which has their number: base64 costs both sides half as much again."""
    blobs.append(part)
    return len(blobs)


@cache
def _query(function: str, blobs: int, claimed: bool) -> bytes:
    # Each of the bytes in a place of its own: psycopg takes its time over a list.
    places = sql.SQL(", ").join([_PLACE] * blobs)
    beside = sql.SQL(", array[{}]").format(places) if blobs else sql.SQL("")
    query = sql.SQL("select public.{}(%s::jsonb{})::text").format(sql.Identifier(f"agentctl_{function}"), beside)
    return (sql.SQL(_CLAIMING + "{} from claimed").format(query) if claimed else query).as_bytes()


def _meaning(function: str, error: psycopg.Error) -> StoreError:
    if error.sqlstate is None:
        return StoreSilent(f"the connection to the database was lost ({function})", _REMEDY)
    return refusal(function, error.sqlstate, error.diag.message_primary or "")


def _alive(connection: Connection) -> bool:
    """Whether an idle connection still is one: on a sound one there is nothing to read, neither words nor the end."""
    waiting = select.poll()
    try:
        waiting.register(connection.pgconn.socket, select.POLLIN)
        return not waiting.poll(0)
    except (OSError, psycopg.Error):
        return False


def cut(connection: Connection) -> None:
    """End what a connection is waiting for, at once and without asking the server."""
    # Shut down and not closed: the descriptor stays taken until libpq itself gives it back.
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.pgconn.socket)) as wire:
        wire.shutdown(socket.SHUT_RDWR)
