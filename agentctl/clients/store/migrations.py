"""The migrations that came with this version, and applying them to a database.

Each file is one transaction and ends by entering itself in the ledger `agentctl.migrations`, so that it does not matter
who applies it: this module, the Supabase CLI or a person with psql.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psycopg

from agentctl.clients.store.dsn import parsed
from agentctl.clients.store.postgres import Connection, connect, cut, run
from agentctl.errors import StoreError, StoreUnavailable

_PACKAGE = Path(__file__).parents[2]
# In an installed wheel, and in a checkout.
_FOLDERS = (_PACKAGE / "local" / "migrations", _PACKAGE.parent / "supabase" / "migrations")
_ROLES = _PACKAGE / "local" / "roles.sql"
_REMEDY = (
    "Check that the server runs and that nothing in it holds locks, then run it again: what is done stays done, and a "
    "new database has all of it or nothing."
)
_LOCK = 7_204_913_118  # any number that nobody else's advisory locks use
_OLDEST_SERVER = 15  # `unique nulls not distinct`
_STATEMENT_SECONDS = 60  # for a lock, and for one statement
_SECONDS = 120.0  # for one file, on a server that hangs and keeps to no timeout of its own
_SEAL = b"\ncall agentctl.seal();\n"  # near the end of each file: who may do what is made anew, by the catalogue


@dataclass(frozen=True, order=True)
class Migration:
    """One file: `version` is its timestamp, as the Supabase CLI reads file names."""

    version: str
    name: str
    path: Path

    def __str__(self) -> str:
        return f"{self.version}_{self.name}"


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations of this version of agentctl, in order. Raises StoreError if they were not installed."""
    for folder in _FOLDERS:
        found = sorted(_files(folder))
        if found:
            return tuple(found)
    raise StoreError("agentctl was installed without its migrations", "Install it again from a complete wheel.")


def behind(applied: Iterable[str]) -> list[str]:
    """Which migrations are missing, given the versions that `status` reports. A newer database lacks nothing."""
    known = set(applied)
    return [str(migration) for migration in migrations() if migration.version not in known]


async def pending(dsn: str) -> list[str]:
    """The migrations that this database has not had yet, in order. Changes nothing."""
    async with _connected(dsn) as (connection, _):
        return behind(await _applied(connection))


async def migrate(dsn: str, *, shim: bool, alone: bool = False) -> list[str]:
    """Apply what is pending and return it, in order. Several processes may do so at once.

    `shim`: on a plain Postgres of our own, first make the roles and the schema that Supabase has. The caller decides
    whether this database may be changed at all. A new one gets all files in one transaction, or none; in any other what
    is done stays done, and no file waits for locks while it holds another's. `alone`: nobody can come in who has not
    every right, so that rights are made once there, too, by the last file, and not by each: seven eighths of the
    server's time. Whoever goes on after a run that was cut short comes to the last file as well.
    """
    # By another connection: one that has looked in vain for what somebody else makes meanwhile goes on missing it.
    missing = await pending(dsn)
    new = len(missing) == len(migrations())
    unsealed = missing[:-1] if alone else []
    async with _connected(dsn) as (connection, going_on):
        if shim:
            await _make_roles(connection)
        if new:
            return await _apply(connection, migrations(), going_on, unsealed=missing[:-1])
        return [name for one in migrations() for name in await _apply(connection, [one], going_on, unsealed=unsealed)]


def _files(folder: Path) -> Iterator[Migration]:
    for path in folder.glob("*.sql"):
        if match := re.fullmatch(r"(\d+)_(\w+)", path.stem):
            yield Migration(match[1], match[2], path)


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[tuple[Connection, Callable[[], None]]]:
    """A connection, and what has its time begin anew: a server that is slow and answers is not given up."""
    connection = await connect(parsed(dsn))
    loop = asyncio.get_running_loop()
    # Cut and not cancelled: a server that hangs answers not even psycopg's request to cancel.
    late = loop.call_later(_SECONDS, cut, connection)

    def going_on() -> None:
        nonlocal late
        late.cancel()
        late = loop.call_later(_SECONDS, cut, connection)

    try:
        if connection.info.server_version < _OLDEST_SERVER * 10_000:
            raise StoreError(f"this database is older than Postgres {_OLDEST_SERVER}", "Use a newer server.")
        yield connection, going_on
    except (psycopg.Error, StoreUnavailable) as error:
        if late.when() <= loop.time():
            raise StoreUnavailable(f"the database did not answer within {_SECONDS:g} s (migrate)", _REMEDY) from None
        if isinstance(error, StoreUnavailable):
            raise
        # What `run` does not see: the end of a transaction.
        raise StoreUnavailable("the connection to the database was lost while migrating", "Run it again.") from None
    finally:
        late.cancel()
        await connection.close()


async def _applied(connection: Connection) -> set[str]:
    if not await _exists(connection, "agentctl.migrations"):
        return set()
    return {version for (version,) in await run(connection, "select version from agentctl.migrations")}


async def _exists(connection: Connection, table: str) -> bool:
    return (await run(connection, "select to_regclass(%s) is not null", table))[0][0] is True


async def _apply(
    connection: Connection, files: Sequence[Migration], going_on: Callable[[], None], *, unsealed: Collection[str]
) -> list[str]:
    """Which of them this process was the one to apply, all at once. Lock and change end together, also behind a
    transaction pooler. Rights that nobody could use before the end need not be made before: those files are `unsealed`.
    """
    async with connection.transaction():
        await _lock(connection)
        known = await _applied(connection)
        missing = [migration for migration in files if migration.version not in known]
        for migration in missing:
            going_on()
            text = migration.path.read_bytes()
            await run(connection, text.replace(_SEAL, b"\n") if str(migration) in unsealed else text)
        if missing and await _pushed_from_here(connection):
            await run(
                connection,
                "insert into supabase_migrations.schema_migrations (version, name) "
                "select * from unnest(%s::text[], %s::text[]) "
                "on conflict do nothing",
                [migration.version for migration in missing],
                [migration.name for migration in missing],
            )
    return [str(migration) for migration in missing]


async def _pushed_from_here(connection: Connection) -> bool:
    """Whether the Supabase CLI's ledger is of our folder: then `supabase db push` would try the same again.

    The ledger of a product that has migrations of its own is left alone. With a version that the product has no file
    of, its next push would be refused.
    """
    if not await _exists(connection, "supabase_migrations.schema_migrations"):
        return False
    ours = [migration.version for migration in migrations()]
    return not await run(
        connection, "select version from supabase_migrations.schema_migrations where version <> all(%s) limit 1", ours
    )


async def _lock(connection: Connection) -> None:
    """Wait for our turn. The timeouts end with the transaction, so that a pooler hands them to nobody else."""
    for name in ("lock_timeout", "statement_timeout"):
        await run(connection, "select set_config(%s, %s, true)", name, f"{_STATEMENT_SECONDS}s")
    await run(connection, "select pg_advisory_xact_lock(%s)", _LOCK)


async def _make_roles(connection: Connection) -> None:
    async with connection.transaction():
        await _lock(connection)
        # It decides by itself, and does nothing on Supabase.
        await run(connection, _ROLES.read_bytes())
