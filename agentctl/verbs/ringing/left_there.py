"""Numbers that are left in another workspace of the project than their assistants live in: answered there, or dead."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace

from agentctl.errors import AgentctlError, Waiting
from agentctl.resources.phone_number import KIND, PhoneNumber
from agentctl.sync.plan import Failure
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.wiring import Control


@dataclass(frozen=True)
class LeftThere:
    """A number in another workspace. `workspace`: the tenant whose it is; empty: the project's. `agents`: the ids of
    those at which it rings; None: nobody could look.
    """

    workspace: str
    agents: Collection[str] | None

    @property
    def is_dead(self) -> bool:
        """Whether it is known that nobody answers."""
        return self.agents is not None and not self.agents

    def __str__(self) -> str:
        where = f"the workspace of tenant {self.workspace}" if self.workspace else "the project's workspace"
        if self.agents is None:
            return f"it is left in {where}, which could not be looked into"
        rings = f"rings at {', '.join(sorted(self.agents))}" if self.agents else "rings at no agent: nobody answers it"
        return f"it is left in {where}, where it {rings}"


async def left_there(control: Control, numbers: Collection[str]) -> dict[str, LeftThere]:
    """Those of `numbers`, none of which is in this workspace, that are in another of the project. Raises StoreError."""
    store, found = await control.store(), dict[str, LeftThere]()
    tenants = await control.tenants(control.access) if numbers else None
    for access in tenants.workspaces if tenants and tenants.apart else ():
        if access.workspace == control.access.workspace:
            continue
        async with control.within(access) as there:
            bound = await store.call("bound_ids", {**asdict(there.scope), "kind": KIND, "keys": list(numbers)})
            try:
                rings = await PhoneNumber(there.api).ringing() if bound else {}
                found |= {one: LeftThere(access.workspace, rings[one]) for one in bound if one in rings}
            except AgentctlError:
                found |= {one: LeftThere(access.workspace, None) for one in bound}
    return found


async def named(control: Control, plan: ProjectPlan) -> ProjectPlan:
    """The plan, in which each number that waits for its import says where it is meanwhile. Raises StoreError."""
    left = await left_there(control, [one.ref.key for one in plan.waiting if one.ref.kind == KIND])

    def told(one: Failure) -> Failure:
        where = left.get(one.ref.key) if one.ref.kind == KIND else None
        return replace(one, error=Waiting(f"{one.error.message}; {where}", one.error.hint)) if where else one

    return replace(plan, waiting=tuple(map(told, plan.waiting))) if left else plan
