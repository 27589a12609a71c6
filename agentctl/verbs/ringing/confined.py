"""A plan that is agreed on for one tenant: no word of its people takes a number from an agent that is not the tenant's.

In a workspace that is shared, whose that agent is they are not told either. The operator's word is another matter.
"""

from __future__ import annotations

from dataclasses import replace

from agentctl.errors import Problem
from agentctl.resources import agent, phone_number
from agentctl.sync.plan import Change, Planned
from agentctl.verbs.owner import tenant_of
from agentctl.wiring import Control


async def confined(control: Control, plan: Planned) -> Planned:
    """The plan, made for `control.tenant`, with such numbers barred; as it is for the operator, and for whom the
    workspace is their own. Raises StoreError.
    """
    numbers = [one for one in plan.changes if one.desired.kind == phone_number.KIND]
    if not numbers or control.tenant in (None, control.access.workspace):
        return plan
    keys = {agent_id: key for key, agent_id in (await control.bindings()).of(agent.KIND).items()}
    rings = {one.desired.key: keys.get(at, "") for one in numbers if (at := _rings(one))}
    own = {key for key in {*rings.values()} if key and await tenant_of(control, key) == control.tenant}
    why = {number: _barred(number) for number, key in rings.items() if key not in own}
    barred = {number.desired.ref: why[number.desired.key] for number in numbers if number.desired.key in why}
    changes = tuple(
        replace(one, barred=barred[one.desired.ref], doubt="") if one.desired.ref in barred else one
        for one in plan.changes
    )
    places = {f"phone_number {number}": told for number, told in why.items()}
    notices = tuple(Problem(one.where, places[one.where]) if one.where in places else one for one in plan.notices)
    return replace(plan, changes=changes, notices=notices)


def _rings(number: Change) -> str:
    return str(number.observed.body.get("agent_id") or "") if number.observed else ""


def _barred(number: str) -> str:
    return (
        f"{number} rings at an agent that is not this tenant's, and stays there: whoever runs agentctl can change that"
    )
