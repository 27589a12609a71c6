"""What becomes of an assistant whose declaration was deleted: its number rings there no more, its agent is put away.

What it said and was told stays: calls are nobody's declaration.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from agentctl.errors import NotFound, Unauthorized
from agentctl.resources import agent, phone_number
from agentctl.resources.platform_settings import SETTINGS
from agentctl.sources.loaded import Loaded
from agentctl.sources.mapping import OnDelete
from agentctl.sources.source import SyncOutcome
from agentctl.sync import planning
from agentctl.sync.applied import Applied
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Ref
from agentctl.sync.target import Target
from agentctl.verbs import sync
from agentctl.verbs.flow.outcome import outcome
from agentctl.verbs.flow.witnesses import gone
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.ringing.given_up import heirs, wake
from agentctl.verbs.rows.silenced import silent
from agentctl.verbs.showable import showable
from agentctl.wiring import Control

_WHERE = "no longer declared"
# A tenant reads it: of a workspace that it shared with others it says no more.
_UNHEARD = (
    "{} may ring on in a workspace that it has left, of which the key is refused: agentctl tenants check tells which"
)


async def depart(control: Control, key: str, then: OnDelete) -> SyncOutcome:
    """Archive its agent, or delete it with all that is its own; nothing where none is there, or it is kept.

    Archived, it keeps its binding, so that a declaration that comes back has the same agent; so is one of which the
    create was cut off, whatever `then` is: nobody has seen it yet. What somebody changed at the platform is left alone
    as in any sync. A number that another assistant of this workspace declares is left to that, and rings at an archived
    agent until then. Raises as `gone`, `sync.plan`, `sync.apply` and `outcome` do.
    """
    if then == "keep" or not lives(bindings := await control.bindings(Target(key)), key):
        return SyncOutcome()
    agent_id = bindings.get(Ref(agent.KIND, key))
    try:
        rings = await _numbers(control, agent_id) if agent_id else []
    except NotFound:
        return await gone(control, key, str(agent_id))
    # Before anything is silent: whoever is cut off after that would look for them at an agent that has no number.
    left = await heirs(control, key, rings)
    await wake(control, left.values())
    if then == "delete" and agent_id:
        return await outcome(control, await _end(control, key, rings, "delete"))
    return await outcome(control, await _end(control, key, [one for one in rings if one not in left], "archive"))


async def hush(control: Control, key: str, numbers: Collection[str]) -> SyncOutcome:
    """Have these numbers, so far as they ring at its agent by our doing, ring at nobody; the agent stays as it is.

    One that another assistant of this workspace declares is left to that. A key that is refused is told: the row's sync
    where it lives by now does not wait for it. Raises as `sync.plan`, `sync.apply` and `outcome` do.
    """
    agent_id = (await control.bindings(Target(key))).get(Ref(agent.KIND, key))
    try:
        rings = await phone_number.PhoneNumber(control.api).ringing()
    except Unauthorized:
        return SyncOutcome(_UNHEARD.format(", ".join(sorted(numbers))), held=True)
    here = [one for one in numbers if agent_id in rings.get(one, ())]
    left = await heirs(control, key, here)
    await wake(control, left.values())
    return await outcome(control, await _end(control, key, [one for one in here if one not in left], "keep"))


async def _end(control: Control, key: str, rings: Sequence[str], then: OnDelete) -> Applied:
    target = Target(key, frozenset(Ref(phone_number.KIND, one) for one in rings))
    control.know(Loaded(control.project, (), target=target))
    return await sync.apply(control, await _plan(control, target, rings, then), force=True)


def lives(bindings: Bindings, key: str) -> bool:
    """Whether an agent of that key was made there, or may have been."""
    ref = Ref(agent.KIND, key)
    return bindings.get(ref) is not None or bindings.intended(ref)


async def _numbers(control: Control, agent_id: str) -> list[str]:
    """The numbers that ring at its agent. Raises NotFound."""
    seen = await agent.Agent(control.api, control.scope).read(agent_id)
    return [str(one["phone_number"]) for one in seen.body.get("phone_numbers") or ()]


async def _plan(control: Control, target: Target, rings: Sequence[str], then: OnDelete) -> ProjectPlan:
    bindings = await control.bindings()
    kinds = await control.kinds(bindings)
    how: dict[str, Any] = {"whole": then == "delete", "prune": then == "delete"}
    more = [*_silenced(bindings, target, rings), *([_archived(target)] if then == "archive" else ())]
    made = await planning.plan(kinds, (), bindings, more=more, patience=control.patience, **how)
    found = ProjectPlan.of(made, (), note=_WHERE)
    # Nothing is made for what is declared no longer, and what only carries its mark may be another's: of the whole
    # project alone can be told whose.
    is_end = {"create": False, "update": True}
    ends = [one for one in found.changes if is_end.get(one.action, _is_bound(one.bound, one.observed))]
    return await showable(control, replace(found, changes=tuple(ends)), bindings, kinds, (), [target.key])


def _is_bound(bound: str | None, observed: Any) -> bool:
    return observed is not None and observed.remote_id == bound


def _silenced(bindings: Bindings, target: Target, rings: Sequence[str]) -> Iterator[Desired]:
    """Its numbers without an agent. One that somebody else has made ring there is nothing of ours."""
    agent_id = bindings.get(Ref(agent.KIND, target.key))
    for number in rings:
        if bindings.applied(Ref(phone_number.KIND, number)).get("agent_id") == agent_id:
            yield silent(number, _WHERE, target)


def _archived(target: Target) -> Desired:
    return Desired(agent.KIND, target.key, {SETTINGS: {"archived": True}}, _WHERE, payload=target, partial=True)
