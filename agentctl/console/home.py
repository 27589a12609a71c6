"""The workspace where a tenant's assistants live, and what its people may be told of what goes wrong there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict

from agentctl.calls.tenant import OPERATOR
from agentctl.errors import AgentctlError, ConfigurationError, Problem, StoreError
from agentctl.tenants import Tenants
from agentctl.verbs.places import housed
from agentctl.wiring import Control

_UNTOLD = "something in it is wrong, and keeps this from being done; whoever runs agentctl is told what, by doctor"


@asynccontextmanager
async def home(control: Control, tenant: str) -> AsyncIterator[Control]:
    """`control` for that tenant's work, where its assistants live; for the operator's everywhere.

    Errors that leave the block are such as its people may read. Raises StoreError.
    """
    control.tenant = None if tenant == OPERATOR else tenant
    try:
        async with housed(control, sure=True) as there:
            yield there
    except AgentctlError as error:
        await spare(control, tenant, error)
        raise


def place(there: Control) -> dict[str, str]:
    """Where the agents are that `there` syncs: a scope; nothing where no project says which one."""
    return asdict(there.scope) if there.has_project and there.project.name else {}


async def spare(control: Control, tenant: str, error: AgentctlError) -> None:
    """Have the error name neither another tenant nor what the project's files declare, which is the operator's.

    Raises StoreError.
    """
    if tenant == OPERATOR or isinstance(error, StoreError):
        return
    tenants = await control.households()
    if isinstance(error, ConfigurationError):
        own = [one for one in error.problems if _is_own(one, tenant, tenants)]
        error.problems = (*own,) or (Problem("the project", _UNTOLD),)
        error.message, error.hint = "\n".join(map(str, error.problems)), error.hint if own else ""
    else:
        error.message, error.hint = tenants.told(tenant, error.message), tenants.told(tenant, error.hint)


def _is_own(problem: Problem, tenant: str, tenants: Tenants) -> bool:
    """Whether it is about this tenant's credentials, or about a setting that is nobody's in particular."""
    told = str(problem)
    is_setting = problem.where.isidentifier() and tenants.told(tenant, told) == told
    return is_setting or problem.where.startswith(f"tenant {tenant}: ")
