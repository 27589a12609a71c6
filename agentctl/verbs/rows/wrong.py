"""Rows that are wrong: each a failure of its own in the plan, whose agent is no orphan anywhere; others are synced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from agentctl.errors import ConfigurationError, NotFound
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.agent import Agent
from agentctl.resources.phone_number import KIND as NUMBER_KIND
from agentctl.sources.loaded import Loaded
from agentctl.sync.bindings import Bindings
from agentctl.sync.departure import words
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Failure, Planned
from agentctl.wiring import Control

_REMEDY = "Correct the row and run it again; the others are synced all the same."


def failures(loaded: Loaded, only: Sequence[str] = ()) -> tuple[Failure, ...]:
    """One for each wrong row that `only` (globs; none: all) asks for."""
    wrong = loaded.rows.wrong if loaded.rows else ()
    return tuple(
        Failure(Ref(AGENT_KIND, row.key), row.where, ConfigurationError(list(row.problems), _REMEDY))
        for row in wrong
        if not only or any(fnmatchcase(row.key, glob) for glob in only)
    )


async def marked(
    control: Control, plan: Planned, loaded: Loaded, bindings: Bindings, only: Sequence[str] = ()
) -> Planned:
    """The plan with those failures, and without the end of anything that belongs to a wrong row.

    Where something ends, its agent is looked at: what that names there is kept, and nothing else for its sake.
    Also to one that lives in another workspace, as far as can be seen: a wrong row may not say whose it is.
    """
    keys = {*loaded.unsure, *(row.key for row in (loaded.rows.wrong if loaded.rows else ()))}
    if not keys:
        return plan
    is_theirs = belonging(keys, bindings)
    changes = tuple(one for one in plan.changes if one.action != "delete" or not is_theirs(one.desired.ref))
    failed = failures(loaded, only)
    if any(one.action == "delete" for one in changes):
        seen = await asyncio.gather(*(_names(control, bindings.get(one.ref)) for one in failed))
        failed = tuple(replace(one, names=names) for one, names in zip(failed, seen, strict=True))
    return replace(
        plan,
        changes=changes,
        orphans=tuple(ref for ref in plan.orphans if not is_theirs(ref)),
        abandoned=tuple(ref for ref in plan.abandoned if not is_theirs(ref)),
        lapsed=tuple(one for one in plan.lapsed if not is_theirs(one[0])),
        failures=(*plan.failures, *failed),
    )


async def _names(control: Control, agent_id: str | None) -> set[str]:
    if agent_id is None:
        return set()
    try:
        return words((await Agent(control.api, control.scope).read(agent_id)).body)
    except NotFound:
        return set()


def belonging(keys: Collection[str], bindings: Bindings) -> Callable[[Ref], bool]:
    """Whether something is of the assistants with these keys, or rings at one of them."""
    agents = {bindings.get(Ref(AGENT_KIND, key)) for key in keys} - {None}

    def is_theirs(ref: Ref) -> bool:
        rings = ref.kind == NUMBER_KIND and bindings.applied(ref).get("agent_id") in agents
        return rings or ref.key.partition("/")[0] in keys

    return is_theirs
