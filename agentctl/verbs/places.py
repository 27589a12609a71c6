"""Controls for all the places where things of a project's tenants may be: its workspace, and those that are theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from agentctl.errors import AgentctlError, ConfigurationError, Several, StoreError, UsageError
from agentctl.resources.part import OPERATOR
from agentctl.settings import nearest
from agentctl.tenants import KEY
from agentctl.wiring import Control

Result = TypeVar("Result")


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


async def in_each(control: Control, body: Callable[[Control], Awaitable[Result]]) -> Everywhere[Result]:
    """What `body` answers in each workspace, the project's first, if it has a key or nobody else does.

    An error ends it there alone; the store's ends all.
    """
    apart = [] if control.access.is_known else (await control.tenants()).apart
    done: list[Result] = []
    errors: list[AgentctlError] = []

    async def tried(there: Control) -> None:
        try:
            done.append(await body(there))
        except AgentctlError as error:
            errors.append(named(there.access.workspace, error))

    if control.settings.elevenlabs_api_key is not None or not apart:
        await tried(control)
    for access in apart:
        if not any(isinstance(error, StoreError) for error in errors):
            async with control.within(access) as there:
                await tried(there)
    return Everywhere(tuple(done), tuple(errors))


@asynccontextmanager
async def housed(control: Control) -> AsyncIterator[Control]:
    """The control for the work of the tenant that was named: in its workspace alone, with its credentials.

    Raises UsageError for a name that nobody has, where it matters which workspace that is.
    """
    tenants = await control.tenants() if control.tenant else None
    if tenants is None or not tenants.own:
        yield control
        return
    rows = await (await control.store()).call("tenants", {})
    known = [OPERATOR, *tenants.own, *(row["tenant"] for row in rows)]
    if control.tenant not in known:
        near = nearest(control.tenant or "", known)
        hint = f"Did you mean {near}?" if near else "One that is new has no agent yet: leave --tenant out."
        raise UsageError(f"there is no tenant {control.tenant!r}", hint)
    async with control.within(tenants.of(control.tenant)) as there:
        yield there


@asynccontextmanager
async def dwellings(control: Control) -> AsyncIterator[list[Control]]:
    """Wherever calls of the tenant that was named may lie: in its workspace, and in the project's, where it was before.

    The project's is left out where it has no key, unless it is the only one.
    """
    async with housed(control) as there:
        both = there is not control and control.settings.elevenlabs_api_key is not None
        yield [there, control] if both and there.access.workspace else [there]
