"""Errors and plans whose commands are for the workspace that they are about, so that they can be pasted as they are.

This is done where they are made: later, when those of several workspaces are told as one, nobody knows whose each is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from agentctl.errors import AgentctlError, ConfigurationError, StoreError
from agentctl.sync.applied import Applied
from agentctl.sync.plan import Change, Failure
from agentctl.tenants import Access
from agentctl.verbs.commands import Whose
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.wiring import Control


async def whose(control: Control) -> Whose:
    """For whom the commands are that this control's work names. Raises StoreError."""
    access, loaded = control.access, control.known
    if loaded is None or loaded.project.table is None:
        return Whose(access.tenant)
    own = {name for name, one in (await control.households()).own.items() if access.workspace or one.has_twilio}
    numbers = {number: one.tenant for one in loaded.assistants for number in one.phone.numbers if one.tenant in own}
    return Whose(access.tenant, numbers)


def directed(plan: ProjectPlan, to: Whose) -> ProjectPlan:
    """The plan, which knows then whose it is."""
    told(to, *plan.failures, *plan.waiting, *plan.doubled)
    notices = tuple(replace(one, what=to(one.what)) for one in plan.notices)
    return replace(plan, notices=notices, changes=tuple(_change(one, to) for one in plan.changes), whose=to)


def done(applied: Applied, to: Whose) -> Applied:
    """What became of such a plan."""
    told(to, *applied.failures, *applied.left)
    return applied


def told(to: Whose, *failures: Failure) -> None:
    """As `blamed`, of each."""
    for one in failures:
        blamed(one.error, to)


def blamed(error: AgentctlError, to: Whose) -> None:
    """Have the error name them."""
    if isinstance(error, ConfigurationError):
        error.problems = tuple(replace(one, what=to(one.what)) for one in error.problems)
    error.message, error.hint = to(error.message), to(error.hint)


@asynccontextmanager
async def within(control: Control, access: Access) -> AsyncIterator[Control]:
    """As `control.within`; errors that leave the block name it."""
    async with control.within(access) as there:
        try:
            yield there
        except AgentctlError as error:
            try:
                blamed(error, await whose(there))
            except StoreError:
                blamed(error, Whose(access.tenant))
            raise


def _change(change: Change, to: Whose) -> Change:
    if not change.withheld:
        return change
    return replace(change, doubt=to(change.doubt), barred=to(change.barred))
