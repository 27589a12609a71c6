"""Settings and files become clients: the one place where the parts are put together, each when it is first needed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentctl.secrecy.secret import secrets
from agentctl.secrecy.veil import Veil
from agentctl.settings import Settings, load_settings, wanted_environment
from agentctl.tenants import Access, Tenants, households, read

if TYPE_CHECKING:
    from agentctl.calls.process import Recordings
    from agentctl.clients.elevenlabs import ElevenLabs
    from agentctl.clients.twilio import Twilio
    from agentctl.resources.assistant import Assistant
    from agentctl.resources.phone_number import TwilioAccess
    from agentctl.sources.loaded import Loaded
    from agentctl.sources.project import Project
    from agentctl.sources.reading import Reading
    from agentctl.sources.source import Source
    from agentctl.storehouse import Storehouse
    from agentctl.sync.bindings import Bindings, Store
    from agentctl.sync.kind import Kind, Scope
    from agentctl.sync.patience import Patience
    from agentctl.sync.target import Target
    from agentctl.workshop import Workshop


class Control:
    """One project in one environment, with its settings and clients. Make one with `connect`; it closes what it opened.

    `environment`: the one that was named, None for the project's default; `workspace`: the label that it declares;
    `tenant`: the one whose calls were asked for, None where none was named; `access`: whose credentials it has.
    """

    def __init__(
        self,
        directory: Path,
        access: Access,
        stack: AsyncExitStack,
        *,
        has_project: bool,
        environment: str | None = None,
        workspace: str | None = None,
        tenant: str | None = None,
    ) -> None:
        self.directory = directory
        self.access, self.settings = access, access.settings
        self._ours = access.settings  # the project's own
        self.has_project = has_project
        self.environment, self._workspace, self.tenant = environment, workspace, tenant
        self.tell: Callable[[str], None] = lambda text: None  # hears how far something is that takes its time
        self.reading: Reading | None = None  # the files, while they are being read
        self.known: Loaded | None = None  # what is declared, as far as it has been read: see `know`
        self._project: Project | None = None
        self.requests_within = 0  # of those that were opened within it, and are closed
        self._stack = stack

    @property
    def loaded(self) -> Loaded:
        """What is declared, as far as it is known: the project's files, unless more was read, or one assistant alone.

        Problems are in it, not raised. Raises ConfigurationError where there is no project.
        """
        from agentctl.sources.files import load

        return self.known or self.know(load(self.directory, self.environment).housed(self.access.houses))

    def know(self, loaded: Loaded) -> Loaded:
        """Go by this from now on: it is `loaded`, and its target is what bindings and kinds are narrowed to."""
        self.veil.later(loaded.secrets)
        self.known = loaded
        return loaded

    def forget(self) -> None:
        """Have the files read anew."""
        self.known = None

    @property
    def target(self) -> Target | None:
        """The one assistant that all is about; None: the whole project."""
        return self.known.target if self.known else None

    @cached_property
    def source(self) -> Source:
        """Where one assistant is looked up by its key."""
        from agentctl.sources.source import Files
        from agentctl.sources.table.alone import FilesAndTable

        return FilesAndTable(Files(self.directory, self.environment), self.store, lambda: self.scope, self.households)

    @cached_property
    def veil(self) -> Veil:
        """Every secret of settings and files, which no message may repeat."""
        return Veil(*self.settings.secrets, *secrets(self.settings.addresses))

    @property
    def project(self) -> Project:
        """agentctl.toml alone, or what is usable of it: enough to know whose things these are before all is read."""
        from agentctl.sources.project import read_alone

        if self._project is None or not self._project.name:  # a worker lives for weeks, and a wrong file may be mended
            self._project = read_alone(self.directory, self.environment)[0]
        return self._project

    @property
    def scope(self) -> Scope:
        """Project, environment and workspace of this control's bindings.

        Never made from the key, which can be rotated and does not tell which of a host's workspaces it opens.
        """
        from agentctl.sync.kind import Scope

        return Scope(self.project.name, self.project.environment, self.workspace)

    @property
    def workspace(self) -> str:
        """Its name in the store: label@host/tenant, the last one being whose key opens it; at least the host."""
        host, tenant = self.settings.workspace, self.access.workspace
        return f"{self._workspace}@" * bool(self._workspace) + host + f"/{tenant}" * bool(tenant)

    @cached_property
    def api(self) -> ElevenLabs:
        """The ElevenLabs client. Raises ConfigurationError without a key."""
        api = self.access.elevenlabs(self.veil, lambda text: self.tell(text))
        self._stack.push_async_callback(api.aclose)
        return api

    @cached_property
    def patience(self) -> Patience:
        """How long a plan looks for what an interrupted run may have made; `tell` hears of each pause."""
        from agentctl.sync.patience import telling

        return telling(lambda text: self.tell(text))

    @property
    def requests(self) -> int:
        """How many requests went to ElevenLabs so far, repetitions included."""
        return self.requests_within + (self.api.requests if "api" in self.__dict__ else 0)

    @cached_property
    def twilio(self) -> Twilio:
        """The Twilio client. Raises ConfigurationError without credentials."""
        twilio = self.access.twilio(self.veil)
        self._stack.push_async_callback(twilio.aclose)
        return twilio

    def twilio_access(self, *, enable_sms: bool) -> TwilioAccess:
        """What ElevenLabs is given to take a number over."""
        from agentctl.resources.phone_number import TwilioAccess

        assert self.twilio
        return TwilioAccess.of(self.settings, enable_sms=enable_sms)

    async def store(self, *, waiting: bool = False) -> Store:
        """The store: DATABASE_URL, else Supabase, else the embedded Postgres beside agentctl.toml.

        `waiting`: one that is away is no error yet, as for a door or a worker, which live for weeks; each call finds
        out anew. Raises StoreUnavailable where the embedded one does not start, unless `waiting`; ConfigurationError.
        """
        return await self.storehouse.store(waiting=waiting)

    async def store_of_calls(self) -> Store:
        """The store for the calls of the tenant that was named, else for the operator's own. Raises as `store`."""
        from agentctl.calls.tenant import OPERATOR, store_of

        return store_of(await self.store(), self.tenant or OPERATOR)

    @property
    def recordings_of_calls(self) -> Recordings:
        """Where the sound of the calls of that tenant is kept."""
        from agentctl.calls.tenant import OPERATOR, recordings_of

        return recordings_of(self.workshop.recordings, self.tenant or OPERATOR)

    async def store_of_queues(self) -> Store:
        """The store for what is looked at of all tenants, unless one was named. Raises as `store`."""
        from agentctl.calls.tenant import TenantStore

        return TenantStore(await self.store(), self.tenant) if self.tenant else await self.store()

    async def tenants(self, since: Access | None = None) -> Tenants:
        """Who has credentials of its own, with what these are now, or those of `since` alone. Raises StoreError."""
        found = await read(await self.store(), self._ours, self.directory, since)
        self.veil.add(*found.secrets)
        return found

    async def households(self) -> Tenants:
        """Who has credentials of its own, and lives where, without any secret. Raises StoreError."""
        return await households(await self.store(), self._ours)

    @property
    def embedded(self) -> bool:
        """Whether the store is the embedded Postgres."""
        return self.storehouse.embedded

    @cached_property
    def storehouse(self) -> Storehouse:
        """Where the store is, and what this machine keeps for the project."""
        from agentctl.storehouse import Storehouse

        return Storehouse(self.settings, self._stack, self.directory, self.has_project, lambda text: self.tell(text))

    @cached_property
    def workshop(self) -> Workshop:
        """What works on calls: language model, mail route, the place of recordings, and the jobs of a worker."""
        from agentctl.workshop import Workshop

        return Workshop(self.settings, self.veil, self._stack, self.storehouse.state / "recordings")

    async def bindings(self, target: Target | None = None) -> Bindings:
        """The scope's bindings, read now: of `target`, else of what is declared alone, else all."""
        from agentctl.sync.bindings import Bindings
        from agentctl.sync.grouped import Grouped

        return await Bindings(Grouped(await self.store()), self.scope, target or self.target).load()

    async def kinds(self, bindings: Bindings) -> tuple[Kind[Assistant], ...]:
        """Every kind in dependency order; agents are bound to the post-call webhook once there is one."""
        from agentctl.resources import kinds
        from agentctl.resources.place import Place
        from agentctl.resources.post_call import WEBHOOK
        from agentctl.sync.kind import Eager

        webhook = WEBHOOK if bindings.get(WEBHOOK) else None
        made = kinds(Place(self.api, await self.store(), self.scope, webhook, self.tell, self.target))
        for kind in made:
            if isinstance(kind, Eager):
                self._stack.callback(kind.abandon)
        return made

    @asynccontextmanager
    async def afresh(self) -> AsyncIterator[Control]:
        """The same project over the same store, with nothing remembered of earlier looks: files are read anew."""
        async with AsyncExitStack() as stack:
            fresh = self._another(stack, self.access)
            fresh.source = self.source
            yield fresh

    @asynccontextmanager
    async def within(self, access: Access) -> AsyncIterator[Control]:
        """The same project over the same store, with a tenant's credentials and in the workspace that they open."""
        async with AsyncExitStack() as stack:
            there = self._another(stack, access)
            there.tell = lambda text: self.tell(text)
            try:
                yield there
            finally:
                self.requests_within += there.requests

    def _another(self, stack: AsyncExitStack, access: Access) -> Control:
        how: dict[str, Any] = {"environment": self.environment, "workspace": self._workspace, "tenant": self.tenant}
        other = Control(self.directory, access, stack, has_project=self.has_project, **how)
        other.storehouse, other._ours = self.storehouse, self._ours
        other.veil = self.veil  # whoever tells what came of it may have this one alone
        return other

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Have `work` go on as long as this control is open."""
        self._stack.callback(asyncio.create_task(work).cancel)


@asynccontextmanager
async def connect(
    directory: Path | None = None,
    *,
    settings: Settings | None = None,
    environment: str | None = None,
    tenant: str | None = None,
) -> AsyncIterator[Control]:
    """Open the project that holds `directory` (default: the current one) or lies above it, in one environment.

    `environment`: default AGENTCTL_ENV, else what agentctl.toml names; `tenant`: whose calls are asked for, default
    AGENTCTL_TENANT. `settings` replace all that is read from the machine, and the host and key that the environment
    declares. Without an agentctl.toml a control is still useful for doors and workers on a server that has only
    settings. Raises ConfigurationError with every unusable setting, UsageError for an undeclared environment.
    """
    from agentctl.sources.environment import select
    from agentctl.sources.project import FILENAME, home

    root, has_project = home((directory or Path.cwd()).resolve())
    wanted = environment or (settings.agentctl_env if settings else wanted_environment(root))
    there = select(root / FILENAME, wanted, by_variable=not environment)
    if settings is None:
        declared = (there.values, there.variables) if there else (None, None)
        settings = load_settings(root, values=declared[0], variables=declared[1])
    named: dict[str, Any] = {"environment": wanted, "workspace": there.workspace if there else None}
    named["tenant"] = tenant or settings.agentctl_tenant
    async with AsyncExitStack() as stack:
        if settings.otel_exporter_otlp_endpoint is not None:
            from agentctl.clients.otlp import tracing

            stack.enter_context(tracing(settings))
        yield Control(root, Access("", settings), stack, has_project=has_project, **named)
