"""A plan as it may be told: without the secrets that it has brought to light, which nothing told after it repeats."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from agentctl.errors import Problem
from agentctl.secrecy.facing import former
from agentctl.secrecy.secret import secrets
from agentctl.secrecy.shown import shown
from agentctl.secrecy.veil import Veil
from agentctl.sync.diff import Edit
from agentctl.sync.plan import Change, Planned


def veiled(plan: Planned, veil: Veil) -> Planned:
    """The plan as it may be told; `veil` learns what is secret there, and was once, before it is asked for anything.

    What others have named may be named like a secret, which it takes out.
    """
    veil.add(*_observed(plan.changes))
    veil.add(*[one for change in plan.changes for edit in change.edits for one in _former(edit, veil)])
    names = [*(one.name for one in plan.unmanaged), *map(str, plan.notices), *(one.others for one in plan.changes)]
    if veil(whole := "\n".join(names)) == whole:
        return plan
    unmanaged = tuple(replace(one, name=veil(one.name)) for one in plan.unmanaged)
    notices = tuple(Problem(veil(one.where), veil(one.what)) for one in plan.notices)
    changes = tuple(replace(one, others=veil(one.others)) for one in plan.changes)
    return replace(plan, unmanaged=unmanaged, notices=notices, changes=changes)


def _observed(changes: Iterable[Change]) -> Iterator[Any]:
    """What stands under a secret's name in what is there: the same may stand in its texts, where no name tells."""
    for change in changes:
        if change.observed is not None:
            yield from secrets(change.observed.body)
        # What was applied once, or in a revision, and is sealed there, is no secret itself.
        for edit in change.edits:
            yield from secrets(edit.before, edit.keys)
            yield from secrets(edit.after, edit.keys)


def _former(edit: Edit, veil: Veil) -> Iterator[str]:
    if edit.before is not None and edit.after is not None:  # What is new faces nothing.
        yield from former(*(shown(side, edit.keys, veil) for side in (edit.before, edit.after)))
