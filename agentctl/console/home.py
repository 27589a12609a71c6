"""The workspace where a tenant's assistants live, and what its people may be told of what goes wrong there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agentctl.calls.tenant import OPERATOR
from agentctl.errors import AgentctlError, ConfigurationError, Problem, StoreError
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


async def spare(control: Control, tenant: str, error: AgentctlError) -> None:
    """Have the error name neither another tenant nor what the project's files declare, which is the operator's.

    Raises StoreError.
    """
    if tenant == OPERATOR or isinstance(error, StoreError):
        return
    if isinstance(error, ConfigurationError):
        own = tuple(one for one in error.problems if one.where.startswith(f"tenant {tenant}: "))
        error.problems = own or (Problem("the project", _UNTOLD),)
        error.message = "\n".join(map(str, error.problems))
        return
    tenants = await control.households()
    error.message, error.hint = tenants.told(tenant, error.message), tenants.told(tenant, error.hint)
