"""A plan that somebody has read, applied as they read it or not at all.

It is not kept in between: it is made anew, and has to be the same, so that whichever server is asked can apply it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from agentctl.errors import Stale
from agentctl.secrecy.secret import sealed
from agentctl.sync.applied import Applied
from agentctl.sync.ledger import OnChange
from agentctl.sync.plan import Change, Plan
from agentctl.verbs import rollback, sync, workspaces
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.places import Everywhere
from agentctl.verbs.pulling import pull as pulling
from agentctl.verbs.pulling.pull import Pull
from agentctl.verbs.ringing.confined import confined
from agentctl.verbs.rollback import Rollback
from agentctl.verbs.workspaces import Outcome
from agentctl.wiring import Control


@dataclass(frozen=True)
class Agreement:
    """`only`: globs of the assistants that the plan was of. `marks`: the mark of each workspace's part, by its tenant.

    `take_ours`: what was changed at the platform may be overwritten; `destroy`: stored conversations may go.
    """

    only: Sequence[str]
    marks: Mapping[str, str]
    take_ours: bool = False
    destroy: bool = False


async def plan(control: Control, only: Sequence[str]) -> Everywhere[Outcome[Plan]]:
    """What a sync of these would change, in each workspace. Writes nothing. Raises as `sync.plan`."""

    async def here(there: Control, mine: Sequence[str]) -> Plan:
        return await confined(there, await sync.plan(there, mine))

    return await workspaces.everywhere(control, only, here, workspaces.planned)


def mark(plan: Plan) -> str:
    """What tells it from others: each write, the object it goes to, and what stood there; nothing can be read in it."""
    told = {
        "changes": [_terms(change) for change in plan.changes],
        "lapsed": [[ref.kind, ref.key, remote] for ref, remote in plan.lapsed],
        "contents": dict(plan.contents),
        "barred": plan.barred,
    }
    text = json.dumps(sealed(told), sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def apply(control: Control, agreement: Agreement, *, on_change: OnChange | None = None) -> Applied:
    """Make that plan true. Raises Stale, before anything is written in a workspace, where it would be another one now;
    Busy while another sync runs there; else as `sync.apply`.
    """

    async def here(there: Control, mine: Sequence[str]) -> Applied:
        found = await confined(there, await sync.plan(there, mine))
        if mark(found) != agreement.marks.get(there.access.workspace):
            raise _stale()
        return await sync.apply(
            there, found, take_ours=agreement.take_ours, destroy=agreement.destroy, on_change=on_change
        )

    done = await workspaces.everywhere(control, agreement.only, here, workspaces.applied, hold=exclusive)
    return workspaces.summed(done.results or done.checked())


async def way_back(control: Control, key: str, to: int | None) -> Rollback:
    """What it takes to make `key` what it was at revision `to`. Writes nothing. Raises as `rollback.look`."""
    found = await rollback.look(control, key, to)
    return replace(found, plan=await confined(control, found.plan))


async def roll_back(
    control: Control,
    key: str,
    to: int,
    marked: str,
    *,
    take_ours: bool = False,
    destroy: bool = False,
    on_change: OnChange | None = None,
) -> Applied:
    """Make `key` what it was at revision `to`, and hold it there, if the plan of that still has this mark.

    `control`: in the workspace where it lives. Raises Stale before anything is written, Busy; else as `rollback`.
    """
    async with exclusive(control):
        found = await way_back(control, key, to)
        if mark(found.plan) != marked:
            raise _stale()
        return await rollback.rollback(control, found, take_ours=take_ours, destroy=destroy, on_change=on_change)


def mark_of_pull(found: Pull) -> str:
    """What tells it from others: each file as it is and as it would be, and the texts that are taken."""
    files = [[one.where, one.before, one.after] for one in found.files]
    text = json.dumps([files, [_terms(change) for change in found.texts]], sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def take(control: Control, key: str, marked: str, *, overwrite_templates: bool = False) -> Pull:
    """Take what was changed at the platform into the files of `key`, if that still has this mark.

    `control`: in the workspace where it lives. Raises Stale before anything is written, Busy; else as `pull.write`.
    """
    async with exclusive(control):
        found = await pulling.pull(control, [key], overwrite_templates=overwrite_templates, discreet=True)
        if mark_of_pull(found) != marked:
            raise _stale()
        await pulling.write(control, found)
        return found


def _stale() -> Stale:
    return Stale("this plan has gone stale: something has changed since it was shown", "Look at the new one.")


def _terms(change: Change) -> list[Any]:
    edits = [[edit.path, edit.before, edit.after, edit.origin, edit.removes] for edit in change.edits]
    desired = change.desired
    return [change.action, desired.kind, desired.key, change.bound, change.replaces, change.destroys, edits]
