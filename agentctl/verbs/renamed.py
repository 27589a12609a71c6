"""Tell where a folder seems to have been renamed by hand: a sync would make a second agent then."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from agentctl.errors import Problem
from agentctl.resources import agent
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Plan, Planned


def doubted(plan: Planned, bindings: Bindings, declared: Collection[str]) -> Planned:
    """The plan with a doubt about each new assistant that is called like one that is no longer declared, and a notice.

    Its documents and tests are doubted with it, and so is the end of the other one. `declared`: every assistant's key.
    """
    names = _names(plan, bindings, declared)
    doubts: dict[str, str] = {}
    notices = []
    for change in plan.changes:
        gone = names.get(str(change.desired.body.get("name")), ())
        if change.action != "create" or change.desired.kind != agent.KIND or change.bound or not gone:
            continue
        new, old = change.desired.key, " or ".join(gone)
        what = f"is new, and {old}, which had its name, is no longer declared; if its folder was renamed, keep "
        commands = " or ".join(f"agentctl rename {one} {new}" for one in gone)
        notices.append(Problem(change.desired.where, f"{what}its agent and numbers: {commands}"))
        why = f"keep the agent and numbers of {old}, which had its name: {commands}; for a second agent:"
        doubts |= dict.fromkeys((*gone, new), f"{why} agentctl sync --take-ours")
    if not doubts:
        return plan
    changes = tuple(
        replace(one, doubt=doubts.get(one.desired.key.partition("/")[0], "") if one.action != "update" else "")
        for one in plan.changes
    )
    return replace(plan, changes=changes, notices=(*plan.notices, *notices))


def _names(plan: Plan, bindings: Bindings, declared: Collection[str]) -> dict[str, list[str]]:
    """By name: the keys of the agents that are no longer declared, called so there, or when they were last written."""
    seen = {ref.key: bodies for ref, bodies in plan.departed.items() if ref.kind == agent.KIND}
    found: dict[str, list[str]] = {}
    for key in sorted((bindings.of(agent.KIND).keys() | seen.keys()) - set(declared)):
        bodies = (bindings.applied(Ref(agent.KIND, key)), *seen.get(key, ()))
        for name in {str(body["name"]) for body in bodies if body.get("name")}:
            found.setdefault(name, []).append(key)
    return found
