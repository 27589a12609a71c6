"""The sync of one assistant in the workspace where it lives."""

from __future__ import annotations

from functools import partial

from agentctl.errors import Busy
from agentctl.resources.part import OPERATOR
from agentctl.sources.loaded import Loaded
from agentctl.sources.source import Gone, SyncOutcome
from agentctl.sync.target import Target
from agentctl.tenants import Access, Tenants
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.flow.departure import hush, lives
from agentctl.verbs.flow.one import sync_one
from agentctl.verbs.places import within_held
from agentctl.verbs.ringing.given_up import had
from agentctl.verbs.rows.silenced import keeps, left_by
from agentctl.wiring import Control

_WAIT_SECONDS = 3.0  # for another sync; after that the job is put back, and others have their turn


async def sync_housed(control: Control, key: str) -> SyncOutcome:
    """As `sync_one`, with the credentials of its tenant. One that is gone leaves wherever it has an agent.

    Raises Busy where another sync of the project does not end, and where it has moved while others were waited for, so
    that it is not made where it was to be before.
    """

    async def must_live_there(there: Control, found: Loaded | Gone) -> None:
        if isinstance(found, Gone) and found.then == "keep":
            return  # nothing is done, wherever that is not done
        homes = await _homes(control, await control.households(), key, found)
        if there.access.workspace not in {one.workspace for one in homes}:
            raise Busy(f"{key} has moved to another workspace meanwhile", "It is tried again there.")

    tenants = await control.tenants()
    homes: list[Access | None] = [None]
    left: list[tuple[Access, list[str]]] = []
    if tenants.apart:
        found = await control.source.one(key)
        homes = [*await _homes(control, tenants, key, found)]
        left = await _left(control, tenants, key, found)
    outcomes = []
    for access in homes:
        async with within_held(control, access, partial(exclusive, wait=_WAIT_SECONDS)) as there:
            outcomes.append(await sync_one(there, key, must_live_there))
    for access, numbers in left:
        async with within_held(control, access, partial(exclusive, wait=_WAIT_SECONDS)) as there:
            outcomes.append(await hush(there, key, numbers))
    errors = "\n".join(one.error for one in outcomes if one.error)
    shown = "\n".join(one.shown for one in outcomes if one.shown)
    return SyncOutcome(errors, held=any(one.held for one in outcomes), discreet=shown)


async def _homes(control: Control, tenants: Tenants, key: str, found: Loaded | Gone) -> list[Access]:
    if isinstance(found, Loaded):
        return [tenants.home(_tenant(found, key))]
    bound = []
    for access in tenants.workspaces:
        async with control.within(access) as there:
            if lives(await there.bindings(Target(key)), key):
                bound.append(access)
    return bound or [tenants.project]


async def _left(control: Control, tenants: Tenants, key: str, found: Loaded | Gone) -> list[tuple[Access, list[str]]]:
    """The numbers that ring at an agent which it has left in another workspace, and that nobody is to answer by now."""
    if isinstance(found, Gone) or not found.target or not found.assistants:
        return []
    (declared,), left = found.assistants, list[tuple[Access, list[str]]]()
    rows = [one for one in await had(control, key) if not keeps(declared, one["number"], here=False)]
    for access in tenants.workspaces if rows else ():
        if access.workspace != tenants.home(declared.tenant).workspace:
            async with control.within(access) as there:
                given = [one["number"] for one in rows if one["workspace"] == there.scope.workspace]
                given = sorted(await left_by(there, dict.fromkeys(given, declared)))
            left += [(access, given)] if given else []
    return left


def _tenant(found: Loaded, key: str) -> str:
    rows = found.rows.rows if found.rows else ()
    known = {one.key: one.tenant for one in found.assistants} | {row.key: row.tenant for row in rows}
    return known.get(key, OPERATOR)
