"""What a plan needs before a person sees it, whichever verb has made it: doubts, remedies, and the veil at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentctl.resources import agent, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Kind
from agentctl.telemetry import figures
from agentctl.verbs import former_secrets
from agentctl.verbs.directed import directed, whose
from agentctl.verbs.remedy import pointed
from agentctl.verbs.renaming import outdated
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.ringing import left_there, routed, unfinished
from agentctl.wiring import Control

# With less than these a plan is one step, made for keys and numbers that its verb has looked at.
_WHOLE = {agent.KIND, phone_number.KIND}


async def showable(
    control: Control,
    plan: ProjectPlan,
    bindings: Bindings,
    kinds: Sequence[Kind[Any]],
    declared: Sequence[Assistant],
    only: Sequence[str] = (),
) -> ProjectPlan:
    """The plan with what is probably not meant of it, what to do about what is wrong, and no secret to be told.

    `kinds`: those that it was made of. `declared`: every assistant of the project, and one that is rolled back as it is
    to be. `only`: the globs of keys that have narrowed it. Raises StoreError.
    """
    figures.PLANS.add()
    for change in plan.changes:
        if change.overwrites:
            figures.DRIFT.add(change.desired.kind)
    if {kind.name for kind in kinds} >= _WHOLE:
        plan = await unfinished.named(control, plan, bindings, declared, only)
        plan = await left_there.named(control, plan)
        plan = await outdated.doubted(control, plan, bindings, kinds, declared)
    plan = routed.settled(pointed(plan, plan.assistants))
    plan = await routed.doubted(control, plan, bindings)
    plan = directed(plan, await whose(control))
    return await former_secrets.veiled(control, plan)  # It hides what all before it has said, too.
