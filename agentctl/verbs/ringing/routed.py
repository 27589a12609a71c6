"""Numbers that ring elsewhere than at their assistant: whose doing that is, and what to do about it.

Where another environment routes one, nobody changed anything there, so that neither side may take the other's.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from agentctl.errors import AgentctlError, Ambiguous, Blocked, Problem
from agentctl.resources import agent, phone_number
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Failure, Planned, refs
from agentctl.verbs.ringing.confined import foreign
from agentctl.verbs.wording import sentence
from agentctl.wiring import Control

_TAG = re.compile(rf"{agent.MARK}(?P<project>[^/]+)/(?P<environment>[^/]+)/(?P<key>.+)")


class Owner(NamedTuple):
    """Whose agent it is, by its mark."""

    project: str
    environment: str
    key: str


async def doubted(control: Control, plan: Planned, bindings: Bindings) -> Planned:
    """The plan with a doubt, and a notice, about each number that rings at an agent of another environment or project.

    One whose agent cannot be read, or carries no other's mark, stays as it is.
    """
    asked = [one for one in plan.changes if one.desired.kind == phone_number.KIND and one.overwrites and not one.barred]
    rings = [one.observed.body.get("agent_id") if one.observed else None for one in asked]
    owners = await asyncio.gather(*(_owner(control, agent_id, bindings) for agent_id in rings))
    found = {one.desired.ref: (one, owner) for one, owner in zip(asked, owners, strict=True) if owner}
    if not found:
        return plan
    doubts = {ref: _doubt(control, ref.key, one.desired.payload.key, owner) for ref, (one, owner) in found.items()}
    notices = [Problem(f"phone_number {ref.key}", doubt) for ref, doubt in doubts.items()]
    changes = [replace(one, doubt=one.doubt or doubts.get(one.desired.ref, "")) for one in plan.changes]
    return replace(plan, changes=tuple(changes), notices=(*plan.notices, *notices))


def settled(plan: Planned) -> Planned:
    """The plan without numbers that it would bring to an assistant of which nobody can tell which agent it is.

    They stay where they ring, as failures: callers follow once a person has decided.
    """
    disputed = {one.ref for one in plan.failures if isinstance(one.error, Ambiguous)}
    stay = {
        one.desired.ref: Failure(one.desired.ref, one.desired.where, _waits(one.desired.ref, lost))
        for one in plan.changes
        if one.desired.kind == phone_number.KIND and (lost := refs(one.desired.body) & disputed)
    }
    changes = tuple(one for one in plan.changes if one.desired.ref not in stay)
    return replace(plan, changes=changes, failures=(*plan.failures, *stay.values())) if stay else plan


def _waits(number: Ref, agents: Collection[Ref]) -> Blocked:
    whose = " or ".join(sorted(one.key for one in agents))
    return Blocked(f"phone_number {number.key} stays where it rings until it is known which agent {whose} is")


async def way_back(
    control: Control,
    bindings: Bindings,
    number: str,
    key: str,
    *,
    number_id: str,
    agent_id: str | None,
    reader: str | None = None,
) -> str:
    """What makes `number`, which rings at `agent_id` (None: nowhere), ring at the assistant `key`.

    A plain sync leaves it where somebody has put it, as it does with any drift. `reader`: the tenant whose people
    read it, who are not told whose that agent is; None: the operator. Raises StoreError.
    """
    if why := await foreign(control, {number: agent_id or ""}, reader):
        return why[number]
    if owner := await _owner(control, agent_id, bindings):
        return sentence(_doubt(control, number, key, owner))
    applied = bindings.memory(Ref(phone_number.KIND, number), number_id)
    if not agent_id if applied is None else applied.get("agent_id", agent_id) == agent_id:
        return "agentctl sync"
    way = f"Let it ring here again: agentctl sync --take-ours --only {key}"
    return f"{way}; or take where it rings into the files: agentctl pull {key}" if agent_id else way


async def _owner(control: Control, agent_id: str | None, bindings: Bindings) -> Owner | None:
    if not agent_id or agent_id in bindings.of(agent.KIND).values():
        return None
    try:
        there = await agent.Agent(control.api, control.scope).read(agent_id)
    except AgentctlError:
        return None
    marks = [Owner(*match.groups()) for tag in there.body.get("tags") or () if (match := _TAG.fullmatch(str(tag)))]
    ours = (control.scope.project, control.scope.environment)
    return None if any(one[:2] == ours for one in marks) else next(iter(marks), None)


def _doubt(control: Control, number: str, key: str, owner: Owner) -> str:
    here = control.scope
    same = owner.project == here.project
    whose = (
        f"environment {owner.environment}" if same else f"environment {owner.environment} of project {owner.project}"
    )
    return (
        f"{number} is routed by {whose}, to its {owner.key}, and nobody changed that at the platform; give "
        f"{here.environment} numbers of its own, or none: phone.numbers = [] under "
        f"[environments.{here.environment}.assistants.{key}] in agentctl.toml; a sync with --take-ours takes "
        f"the callers of {owner.environment} away from it"
    )
