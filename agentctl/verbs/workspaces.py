"""A project's work in each of its workspaces: the project's own, and those of tenants with a key of their own.

Each is a world of its own, with its own lease, bindings and client: what goes wrong in one stops no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from agentctl.errors import AgentctlError, Busy, StoreError, UsageError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.sync.applied import Applied
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Failure, Plan
from agentctl.verbs.directed import directed, whose
from agentctl.verbs.places import Everywhere, Hold, in_each, is_shut, named, unheld
from agentctl.verbs.reading import read
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.rows import wrong
from agentctl.verbs.rows.reporting import Reports
from agentctl.verbs.sync import select
from agentctl.wiring import Control

Result = TypeVar("Result")
Body = Callable[[Control, Sequence[str]], Awaitable[Result]]
"""What is done in one workspace, by a control in it: for the assistants that the globs name, or for all."""


@dataclass(frozen=True)
class Outcome(Generic[Result]):
    """What came of it in one workspace. `workspace`: the tenant whose it is; empty: the project's own."""

    workspace: str
    result: Result


async def everywhere(
    control: Control,
    only: Sequence[str],
    body: Body[Result],
    failed: Callable[[Control, Plan], Awaitable[Result]],
    *,
    hold: Hold = unheld,
    begin: Callable[[str], None] = lambda workspace: None,
    told: bool = False,
) -> Everywhere[Outcome[Result]]:
    """Carry out `body` in each workspace where it has anything to do, as `in_each`, with its `hold`; `begin` hears
    which, where there are several.

    An error in a tenant's is what `failed` makes of it, as a plan of nothing but failures; one in the project's, or in
    the only one that was asked for, is so with `told` alone, and else, like one that is nobody's fault, among the
    errors, for the caller to raise at last. A wrong project or glob is told before anything is done.
    """
    if not await _has_others(control) or (await read(control)).problems:
        async with hold(control):
            return Everywhere((Outcome("", await body(control, only)),))
    alone = control.access.is_known
    declared, elsewhere = control.loaded.keys, control.loaded.elsewhere
    select([], only, declared if alone else [*declared, *elsewhere], elsewhere)

    async def here(there: Control) -> Outcome[Result] | None:
        keys = (await read(there)).keys
        mine = [glob for glob in only if any(fnmatchcase(key, glob) for key in keys)]
        if not mine and (only or not (keys or await _is_used(there))):
            return None
        if not alone:
            begin(there.access.workspace)
        return Outcome(there.access.workspace, await body(there, mine))

    async def refused(there: Control, error: AgentctlError) -> Outcome[Result]:
        spared = told or (there.access.workspace and not alone)
        if not spared or isinstance(error, StoreError | UsageError | Busy):
            raise error
        return Outcome(there.access.workspace, await failed(there, await _refused(there, error, only)))

    return await in_each(control, here, hold=hold, failed=refused)


async def _has_others(control: Control) -> bool:
    """Whether assistants may live elsewhere than where this control is: those of a table's tenants alone."""
    if not control.has_project or control.project.table is None:
        return False
    return control.access.is_known or bool((await control.households()).apart)


async def _is_used(there: Control) -> bool:
    """Whether anything is bound there; the project's may be without a key where nothing is declared."""
    return not await is_shut(there) and bool(len(await there.bindings()))


async def _refused(there: Control, error: AgentctlError, only: Sequence[str]) -> Plan:
    """A plan that fails each of its assistants for that reason."""
    loaded, workspace = await read(there), there.access.workspace
    chosen = [one for one in loaded.assistants if not only or any(fnmatchcase(one.key, glob) for glob in only)]
    told = named(workspace, error)
    failures = [Failure(Ref(AGENT_KIND, one.key), one.where, told) for one in chosen]
    if not failures:
        where = f"tenant {workspace}" if workspace else "the project"
        failures = [Failure(Ref("workspace", workspace or "project"), where, told)]
    plan = ProjectPlan.of(Plan(failures=(*failures, *wrong.failures(loaded, only))), chosen)
    return directed(plan, await whose(there))


async def planned(there: Control, plan: Plan) -> Plan:
    """What could not be planned is a plan of failures."""
    return plan


async def applied(there: Control, plan: Plan) -> Applied:
    """Nothing was done, and each row is told why."""
    async with Reports(there, plan, (), await there.bindings()) as reports:
        return await reports.finish(Applied(plan, (), plan.failures))


def together(plans: Iterable[Plan]) -> Plan:
    """All of them as one, for whoever counts or writes them down."""
    whole, *others = [*plans] or [Plan()]
    for one in others:
        whole = replace(whole, **{field.name: _sum(whole, one, field.name) for field in fields(whole)})
    return whole


def _sum(whole: Plan, more: Plan, name: str) -> Any:
    ours, theirs = getattr(whole, name), getattr(more, name, None)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        added = {key: ours[key] + theirs[key] if isinstance(ours.get(key), int) else theirs[key] for key in theirs}
        return {**ours, **added}
    if isinstance(ours, bool) or not isinstance(ours, int | tuple):
        return ours or theirs
    return ours if theirs is None else ours + theirs


def summed(outcomes: Sequence[Outcome[Applied]]) -> Applied:
    """What came of all of them."""
    every = [one.result for one in outcomes]
    if len(every) == 1:
        return every[0]
    return Applied(
        together(one.plan for one in every),
        tuple(change for one in every for change in one.done),
        tuple(failure for one in every for failure in one.failures),
        tuple(change for one in every for change in one.held),
        tuple(failure for one in every for failure in one.left),
        parts=tuple(every),
    )
