"""Numbers that ring at an agent which is not the tenant's: no word of its people takes them from there.

In a workspace that is shared, whose that agent is they are not told either: of each there is one sentence that they
read, wherever they read why it is held. The operator's word is another matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from agentctl.errors import Problem
from agentctl.resources import agent, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.resources.part import OPERATOR
from agentctl.sync.plan import Change, Planned
from agentctl.verbs.owner import tenant_of
from agentctl.wiring import Control


async def confined(control: Control, plan: Planned) -> Planned:
    """The plan, made for `control.tenant`, with such numbers barred; as it is for the operator, and for whom the
    workspace is their own. Raises StoreError.
    """
    numbers = [one for one in plan.changes if one.desired.kind == phone_number.KIND]
    why = await foreign(control, {one.desired.key: _rings(one) for one in numbers}, control.tenant)
    places = {f"phone_number {number}": told for number, told in why.items()}
    notices = tuple(Problem(one.where, places[one.where]) if one.where in places else one for one in plan.notices)
    return replace(plan, changes=_barring(plan.changes, why), notices=notices)


async def discreet(control: Control, held: Sequence[Change]) -> tuple[Change, ...]:
    """What a sync has held back, as the people whose assistants it is of may read why. Raises StoreError."""
    why: dict[str, str] = {}
    for one in held:
        whose = one.desired.payload
        # What an assistant leaves that is declared no longer rang at its own agent.
        if one.desired.kind == phone_number.KIND and isinstance(whose, Assistant):
            why |= await foreign(control, {one.desired.key: _rings(one)}, whose.tenant)
    return _barring(held, why)


async def foreign(control: Control, rings: Mapping[str, str], tenant: str | None) -> dict[str, str]:
    """Of numbers and the agents that they ring at (empty: none), those that ring at none of `tenant`'s: each with what
    its people read of that. None of them for the operator, and for whom the workspace is their own. Raises StoreError.
    """
    asked = {number: agent_id for number, agent_id in rings.items() if agent_id}
    if not asked or tenant in (None, OPERATOR, control.access.workspace):
        return {}
    # Of all agents here: a sync of one row has the bindings of that row alone.
    known = await (await control.store()).call("bound_ids", {**asdict(control.scope), "kind": agent.KIND})
    bound = {agent_id: key for key, agent_id in known.items()}
    keys = {number: bound.get(agent_id, "") for number, agent_id in asked.items()}
    own = {key for key in {*keys.values()} if key and await tenant_of(control, key) == tenant}
    return {number: _barred(number) for number, key in keys.items() if key not in own}


def _barring(changes: Sequence[Change], why: Mapping[str, str]) -> tuple[Change, ...]:
    return tuple(
        replace(one, barred=why[one.desired.key], doubt="")
        if one.desired.kind == phone_number.KIND and one.desired.key in why
        else one
        for one in changes
    )


def _rings(number: Change) -> str:
    return str(number.observed.body.get("agent_id") or "") if number.observed else ""


def _barred(number: str) -> str:
    return (
        f"{number} rings at an agent that is not this tenant's, and stays there: whoever runs agentctl can change that"
    )
