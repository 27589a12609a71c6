"""Workspaces that are said to be several and are one: what is deleted in one of them would be another's."""

from __future__ import annotations

from dataclasses import asdict

from agentctl.errors import Elsewhere
from agentctl.resources import agent
from agentctl.sync.plan import Plan
from agentctl.wiring import Control


async def must_be_apart(control: Control, plan: Plan) -> None:
    """Raise Elsewhere where an agent that would be deleted is bound in another tenant's workspace, or the project's.

    Two keys may open one workspace, which is not to be seen from them. Raises StoreError.
    """
    doomed = [one for one in plan.changes if one.action == "delete" and one.desired.kind == agent.KIND]
    ids = {one.desired.key: one.observed.remote_id for one in doomed if one.observed}
    if not ids:
        return
    asked = {**asdict(control.scope), "kind": agent.KIND, "ids": ids}
    if shared := await (await control.store()).call("bound_elsewhere", asked):
        raise Elsewhere(
            f"{len(shared)} agents would be deleted here that are bound in another workspace of this project: two keys "
            "open the same one",
            "Say that it is shared: agentctl tenants set TENANT --with TENANT, without a key of its own.",
        )
