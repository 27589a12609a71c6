"""Numbers that another environment routes: nobody changed anything there, so that neither side may take the other's."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import NamedTuple

from agentctl.errors import AgentctlError, Problem
from agentctl.resources import agent, phone_number
from agentctl.sync.bindings import Bindings
from agentctl.sync.plan import Change, Planned
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
    asked = [one for one in plan.changes if one.desired.kind == phone_number.KIND and one.overwrites]
    owners = await asyncio.gather(*(_owner(control, one, bindings) for one in asked))
    found = {one.desired.ref: (one, owner) for one, owner in zip(asked, owners, strict=True) if owner}
    if not found:
        return plan
    doubts = {ref: _doubt(control, change, owner) for ref, (change, owner) in found.items()}
    notices = [Problem(f"phone_number {ref.key}", doubt) for ref, doubt in doubts.items()]
    changes = [replace(one, doubt=one.doubt or doubts.get(one.desired.ref, "")) for one in plan.changes]
    return replace(plan, changes=tuple(changes), notices=(*plan.notices, *notices))


async def _owner(control: Control, change: Change, bindings: Bindings) -> Owner | None:
    agent_id = change.observed.body.get("agent_id") if change.observed else None
    if not agent_id or agent_id in bindings.of(agent.KIND).values():
        return None
    try:
        there = await agent.Agent(control.api, control.scope).read(str(agent_id))
    except AgentctlError:
        return None
    marks = [Owner(*match.groups()) for tag in there.body.get("tags") or () if (match := _TAG.fullmatch(str(tag)))]
    ours = (control.scope.project, control.scope.environment)
    return None if any(one[:2] == ours for one in marks) else next(iter(marks), None)


def _doubt(control: Control, change: Change, owner: Owner) -> str:
    here, assistant = control.scope, change.desired.payload
    same = owner.project == here.project
    whose = (
        f"environment {owner.environment}" if same else f"environment {owner.environment} of project {owner.project}"
    )
    return (
        f"{change.desired.key} is routed by {whose}, to its {owner.key}, and nobody changed that at the platform; give "
        f"{here.environment} numbers of its own, or none: phone.numbers = [] under "
        f"[environments.{here.environment}.assistants.{assistant.key}] in agentctl.toml; a sync with --take-ours takes "
        f"the callers of {owner.environment} away from it"
    )
