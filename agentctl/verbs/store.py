"""The database under it all: which migrations it has had, applying the others, stopping the embedded server."""

from __future__ import annotations

from dataclasses import dataclass

from agentctl.errors import StoreBehind
from agentctl.verbs import rights
from agentctl.verbs.rights import NOTHING, Loose
from agentctl.wiring import Control


@dataclass(frozen=True)
class StoreState:
    """`address` has no password; `current` is the newest applied version, None where there is none.

    `pending`: the migrations of this agentctl that the database lacks, as `version_name`. `loose`: what lies open,
    looked at where none is pending, since each closes it.
    """

    address: str
    current: str | None
    pending: tuple[str, ...]
    embedded: bool
    loose: Loose = NOTHING

    @property
    def pending_versions(self) -> list[str]:
        """The pending migrations' versions alone, as the ledger names them."""
        return [name.partition("_")[0] for name in self.pending]


async def status(control: Control) -> StoreState:
    """Where the store is and what it lacks. Changes nothing; the embedded one is started, which migrates it.

    Raises StoreUnavailable, StoreError.
    """
    from agentctl.clients.store import migrations

    address = await _address(control)
    try:
        store = await control.store()
        applied = (await store.call("status", {}))["migrations"] or []
        pending = tuple(migrations.behind(applied))
        loose = NOTHING if pending else await rights.loose(store)
        return StoreState(address, max(applied, default=None), pending, embedded=control.embedded, loose=loose)
    except StoreBehind:
        # Some migrations are missing, that of `status` among them: only a connection of one's own can tell which.
        pending = tuple(await _pending(control))
    had = [migration.version for migration in migrations.migrations() if str(migration) not in pending]
    return StoreState(address, max(had, default=None), pending, embedded=control.embedded)


async def migrate(control: Control) -> list[str]:
    """Apply what is pending and return it, in order. The caller has asked: this changes the database.

    On a plain Postgres the roles that Supabase has are made first; Supabase's own are never touched. Raises UsageError
    if only SUPABASE_URL is set (PostgREST cannot migrate), StoreUnavailable, StoreError.
    """
    from agentctl.clients.store import migrations

    return await migrations.migrate(await control.storehouse.dsn(), shim=True)


async def stop(control: Control) -> bool:
    """Stop the project's embedded server, whoever uses it; False if none ran.

    Raises ConfigurationError outside a project, StoreUnavailable if the server does not end.
    """
    from agentctl.local import postgres

    return await postgres.stop(control.storehouse.place)


async def _address(control: Control) -> str:
    if control.settings.database_url is not None:
        from agentctl.clients.store.dsn import masked

        return masked(await control.storehouse.dsn())
    if not control.embedded:
        return str(control.settings.supabase_url)
    from agentctl.local.place import Place

    await control.storehouse.dsn()  # a start may move it
    # It has no password, and somebody may want to look inside with psql.
    return Place.of(control.storehouse.place).dsn


async def _pending(control: Control) -> list[str]:
    from agentctl.clients.store import migrations

    if control.embedded or control.settings.database_url is not None:
        return await migrations.pending(await control.storehouse.dsn())
    return [str(migration) for migration in migrations.migrations()]
