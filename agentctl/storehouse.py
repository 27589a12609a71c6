"""Which store there is, and how it is opened: DATABASE_URL, else Supabase, else the embedded Postgres of a project."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from agentctl.errors import ConfigurationError, Problem, StoreUnavailable, UsageError
from agentctl.settings import Settings

if TYPE_CHECKING:
    from agentctl.clients.auth import Auth
    from agentctl.clients.project_key import PublicKey
    from agentctl.clients.store.person import PersonalStores
    from agentctl.clients.store.postgres import PostgresStore
    from agentctl.clients.store.supabase import SupabaseStore
    from agentctl.sync.bindings import Store

_START_SECONDS = 20.0  # what whoever waits for the embedded store leaves it to come up, before going on without it


@dataclass
class Storehouse:
    """`directory`: of the project, or of the command where there is none. `tell` hears of what takes its time. What is
    opened or started is ended with `stack`.
    """

    settings: Settings
    stack: AsyncExitStack
    directory: Path
    has_project: bool
    tell: Callable[[str], None]
    _leased: bool = False  # the embedded server is kept from stopping for being idle
    _store: Store | None = None
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def state(self) -> Path:
        """What this machine keeps for the project: recordings, and the embedded store."""
        return self.settings.agentctl_state_dir or self.directory / ".agentctl"

    @property
    def place(self) -> Path:
        """Where the embedded store lies. Raises ConfigurationError without such a setting and without a project."""
        if not self.has_project and self.settings.agentctl_state_dir is None:
            problem = Problem("agentctl.toml", f"not found in {self.directory} or above, and no other store is set")
            hint = "Run this inside a project (-C DIR; agentctl init writes one), or set DATABASE_URL."
            raise ConfigurationError([problem], hint)
        return self.state

    @property
    def embedded(self) -> bool:
        """Whether it is the embedded Postgres."""
        return self.settings.database_url is None and self.settings.supabase_url is None

    async def store(self, *, waiting: bool) -> Store:
        """The one store, opened by whoever is first; `waiting`: an embedded one that is away is no error yet.

        Raises StoreUnavailable and ConfigurationError.
        """
        async with self._opening:
            if self._store is None:
                store = await self._opened(waiting=waiting)
                self.stack.push_async_callback(store.close)
                self._store = store
            return self._store

    async def operator(self) -> Store:
        """It as it answers the operator, of every tenant: for whoever opens the database as the owner of our tables.

        Raises UsageError where it is reached by Supabase's API, which knows people by their tokens; else as `store`.
        """
        from agentctl.clients.store.operator import OperatorStore
        from agentctl.clients.store.postgres import PostgresStore

        store = await self.store(waiting=True)
        if not isinstance(store, PostgresStore):
            hint = "Set SUPABASE_PUBLISHABLE_KEY, by which people sign in, or DATABASE_URL to its connection string."
            raise UsageError("Supabase's API knows no operator", hint)
        return OperatorStore(store)

    def signed_into(self) -> tuple[str, PublicKey] | None:
        """Address and key of the Supabase project that people sign in to; None: nobody signs in.

        Raises ConfigurationError for a key that is none.
        """
        from agentctl.clients.project_key import public_key

        url = self.settings.supabase_url
        key = public_key(self.settings) if url is not None else None
        return None if key is None else (str(url), key)

    def people(self) -> tuple[Auth, PersonalStores] | None:
        """What knows who people are, and it as it answers each of them; None: nobody signs in.

        Raises ConfigurationError for a key that is none.
        """
        from agentctl.clients.auth import Auth
        from agentctl.clients.store.person import PersonalStores

        if (project := self.signed_into()) is None:
            return None
        auth, stores = Auth(*project), PersonalStores(*project)
        for client in (auth, stores):
            self.stack.push_async_callback(client.close)
        return auth, stores

    async def _opened(self, *, waiting: bool) -> PostgresStore | SupabaseStore:
        settings = self.settings
        if settings.database_url is None and settings.supabase_url is not None:
            from agentctl.clients.store.supabase import SupabaseStore

            assert settings.supabase_service_role_key is not None
            key = settings.supabase_service_role_key.get_secret_value()
            return await SupabaseStore.open(str(settings.supabase_url), key)
        from agentctl.clients.store.postgres import PostgresStore

        if not (self.embedded and waiting):
            return await PostgresStore.open(await self.dsn(), revive=self._started if self.embedded else None)
        store = PostgresStore.dormant(self._started)
        with suppress(StoreUnavailable):
            await store.wake(_START_SECONDS)
        return store

    async def dsn(self) -> str:
        """The Postgres address; the embedded server is started and migrated, another database is left as it is.

        Raises UsageError where only Supabase's API is known.
        """
        if self.settings.database_url is not None:
            return self.settings.database_url.get_secret_value()
        if not self.embedded:
            raise UsageError(
                "this needs a Postgres address, and only SUPABASE_URL is set",
                "Set DATABASE_URL to the project's connection string, or use: supabase db push",
            )
        return await self._started()

    async def _started(self) -> str:
        """The address of the embedded server, which is started and migrated unless it is; it runs as long as we do."""
        from agentctl.clients.store import migrations
        from agentctl.clients.store.dsn import sealed
        from agentctl.local.postgres import running, start

        directory, programs = self.place, self.settings.agentctl_pg_bin
        if self._leased:
            dsn = await start(directory, pg_bin=programs, tell=self.tell)
        else:
            dsn = await self.stack.enter_async_context(running(directory, pg_bin=programs, tell=self.tell))
            self._leased = True
        dsn = sealed(dsn)
        if await migrations.pending(dsn):
            await migrations.migrate(dsn, shim=True, alone=True)
        return dsn
