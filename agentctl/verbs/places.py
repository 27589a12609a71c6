"""Controls for all the places where things of a project's tenants may be: its workspace, and those that are theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from typing import Generic, NoReturn, TypeVar

from agentctl.errors import AgentctlError, Busy, ConfigurationError, Several, StoreError, UsageError
from agentctl.resources.part import OPERATOR
from agentctl.settings import nearest
from agentctl.tenants import KEY, Access
from agentctl.verbs.directed import within
from agentctl.wiring import Control

Result = TypeVar("Result")
Hold = Callable[[Control], AbstractAsyncContextManager[None]]


async def is_keyed(control: Control) -> bool:
    """Whether there is any workspace to go to now: with the project's key, or with that of a tenant, whatever it opens.

    Raises StoreError.
    """
    if control.settings.elevenlabs_api_key is not None:
        return True
    return any(row[KEY] for row in await (await control.store()).call("tenant_credentials", {}))


@dataclass(frozen=True)
class Everywhere(Generic[Result]):
    """What came of it wherever it came to its end. `errors`: of the other workspaces, each with its tenant's name."""

    results: tuple[Result, ...]
    errors: tuple[AgentctlError, ...] = ()

    def checked(self) -> tuple[Result, ...]:
        """The results. Raises the error, if there is one; several as one."""
        if len(self.errors) > 1:
            raise Several.of(self.errors)
        if self.errors:
            raise self.errors[0]
        return self.results


def named(workspace: str, error: AgentctlError) -> AgentctlError:
    """The error, with the name of the tenant in whose workspace it was met; the project's has none."""
    about = f"tenant {workspace}: "
    if not workspace or error.message.startswith(about):
        return error
    if isinstance(error, ConfigurationError):
        error.problems = tuple(replace(one, where=f"{about}{one.where}") for one in error.problems)
    error.message = about + error.message
    return error


@asynccontextmanager
async def unheld(control: Control) -> AsyncIterator[None]:
    """As `exclusive`, of work that keeps nobody out."""
    yield


async def raised(there: Control, error: AgentctlError) -> NoReturn:
    """An error is nothing but that."""
    raise error


async def in_each(
    control: Control,
    body: Callable[[Control], Awaitable[Result | None]],
    *,
    hold: Hold = unheld,
    failed: Callable[[Control, AgentctlError], Awaitable[Result | None]] = raised,
) -> Everywhere[Result]:
    """What `body` answers in one workspace after the other, the project's first; None: there is nothing to do.

    `hold`: what keeps others out meanwhile, such as `exclusive`. Who lives there is asked once it does, since somebody
    may have moved while it was waited for. `failed`: what comes of an error of `body`, if anything does. An error ends
    it there alone; the store's ends all.
    """
    visits: Sequence[Access | None] = [control.access]
    if not control.access.is_known:
        tenants = await control.tenants()
        visits = tenants.workspaces if tenants.apart else [None]
    done: list[Result] = []
    errors: list[AgentctlError] = []
    for access in visits:
        try:
            async with within_held(control, access, hold) as there:
                try:
                    result = await body(there)
                except AgentctlError as error:
                    result = await failed(there, error)
            done += [] if result is None else [result]
        except AgentctlError as error:
            errors.append(named(access.workspace if access else "", error))
            if isinstance(error, StoreError):
                break
    return Everywhere(tuple(done), tuple(errors))


@asynccontextmanager
async def within_held(control: Control, access: Access | None, hold: Hold) -> AsyncIterator[Control]:
    """A control with what that tenant has now, while `hold` keeps others out; None: the one that there is.

    Raises Busy where the tenant left that workspace meanwhile.
    """
    if access is None:
        async with hold(control):
            yield control
        return
    async with control.within(access) as place, hold(place):
        now = (await control.tenants(access)).of(access.tenant)
        if now.workspace != access.workspace:
            raise Busy(f"{access.tenant} has moved to another workspace meanwhile", "Run it again.")
        async with within(control, now) as there:
            yield there


async def is_shut(there: Control) -> bool:
    """Whether it is the project's workspace, and has no key, while others have one. Raises StoreError."""
    shut = not there.access.workspace and there.settings.elevenlabs_api_key is None
    return shut and await is_keyed(there)


@asynccontextmanager
async def housed(control: Control, *, sure: bool = False) -> AsyncIterator[Control]:
    """The control for the work of the tenant that was named: in its workspace alone, with its credentials.

    Raises UsageError for a name that nobody has, where it matters which workspace that is; not with `sure`, for one
    that somebody is a member of, though there is nothing of it yet.
    """
    tenants = await control.tenants() if control.tenant else None
    if tenants is None or not tenants.own:
        yield control
        return
    rows = [] if sure else await (await control.store()).call("tenants", {})
    known = [OPERATOR, *tenants.own, *(row["tenant"] for row in rows)]
    if not sure and control.tenant not in known:
        near = nearest(control.tenant or "", known)
        hint = f"Did you mean {near}?" if near else "One that is new has no agent yet: leave --tenant out."
        raise UsageError(f"there is no tenant {control.tenant!r}", hint)
    async with within(control, tenants.of(control.tenant)) as there:
        yield there


@asynccontextmanager
async def dwellings(control: Control) -> AsyncIterator[list[Control]]:
    """Wherever calls of the tenant that was named may lie: in its workspace, and in the project's, where it was before.

    The project's is left out where it has no key, unless it is the only one.
    """
    async with housed(control) as there:
        both = there is not control and control.settings.elevenlabs_api_key is not None
        yield [there, control] if both and there.access.workspace else [there]


@asynccontextmanager
async def others(control: Control) -> AsyncIterator[list[Control]]:
    """Where else calls of the tenant that was named may lie: in workspaces of others in which agents are that are or
    were its own, as where it lived with somebody.

    For the operator all of them: what is of no assistant is its own, wherever it came from. Raises StoreError.
    """
    async with AsyncExitStack() as stack:
        tenants = await control.tenants()
        own = tenants.of(control.tenant).workspace
        places = [
            await stack.enter_async_context(within(control, access))
            for access in tenants.apart
            if access.workspace != own
        ]
        if places and control.tenant not in (None, OPERATOR):
            known = await (await control.store_of_calls()).call("homes_of", asdict(control.scope))
            places = [there for there in places if there.workspace in known]
        yield places
