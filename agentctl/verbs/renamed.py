"""Tell where a folder seems to have been renamed by hand: a sync would make a second agent then."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from agentctl.errors import Problem
from agentctl.resources import agent
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Planned


def doubted(plan: Planned, bindings: Bindings, declared: Collection[str]) -> Planned:
    """The plan with a doubt about each new assistant that is called like one that is no longer declared, and a notice.

    Its documents and tests are doubted with it, and so is the end of the other one. `declared`: every assistant's key.
    """
    gone = bindings.of(agent.KIND).keys() - set(declared)
    names = {bindings.applied(Ref(agent.KIND, key)).get("name"): key for key in sorted(gone)}
    doubts: dict[str, str] = {}
    notices = []
    for change in plan.changes:
        old = names.get(change.desired.body.get("name"))
        if change.action != "create" or change.desired.kind != agent.KIND or change.bound or old is None:
            continue
        new = change.desired.key
        what = f"is new, and {old}, which had its name, is no longer declared; if its folder was renamed, keep "
        notices.append(Problem(change.desired.where, f"{what}its agent and numbers: agentctl rename {old} {new}"))
        why = (
            f"keep the agent and numbers of {old}, which had its name: agentctl rename {old} {new}; for a second agent:"
        )
        doubts |= dict.fromkeys((old, new), f"{why} agentctl sync --take-ours")
    if not doubts:
        return plan
    changes = tuple(
        replace(one, doubt=doubts.get(one.desired.key.partition("/")[0], "") if one.action != "update" else "")
        for one in plan.changes
    )
    return replace(plan, changes=changes, notices=(*plan.notices, *notices))
