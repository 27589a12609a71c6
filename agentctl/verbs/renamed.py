"""Tell where a folder seems to have been renamed by hand: a sync would make a second agent then."""

from __future__ import annotations

from collections.abc import Iterator

from agentctl.errors import Problem
from agentctl.resources import agent
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Plan


def renamed_by_hand(plan: Plan, bindings: Bindings) -> Iterator[Problem]:
    """Advice for each new assistant that is called like one that is no longer declared."""
    gone = {ref.key for ref in plan.orphans if ref.kind == agent.KIND}
    gone |= {one.desired.key for one in plan.changes if one.action == "delete" and one.desired.kind == agent.KIND}
    names = {bindings.applied(Ref(agent.KIND, key)).get("name"): key for key in sorted(gone)}
    for change in plan.changes:
        old = names.get(change.desired.body.get("name"))
        if change.action == "create" and change.desired.kind == agent.KIND and old is not None:
            what = f"is new, and {old}, which had its name, is no longer declared; if its folder was renamed, keep "
            yield Problem(
                change.desired.where, f"{what}its agent and numbers: agentctl rename {old} {change.desired.key}"
            )
