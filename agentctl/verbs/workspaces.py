"""A project's work in each of its workspaces: the project's own, and those of tenants with a key of their own.

Each is a world of its own, with its own lease, bindings and client: what goes wrong in one stops no other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from fnmatch import fnmatchcase
from typing import Any, Generic, TypeVar

from agentctl.errors import AgentctlError, Busy, StoreError, UsageError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.part import OPERATOR
from agentctl.sources.loaded import Loaded
from agentctl.sync.applied import Applied
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Failure, Plan
from agentctl.tenants import Access, Tenants
from agentctl.verbs.places import Everywhere, named
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
    begin: Callable[[str], None] = lambda workspace: None,
) -> Everywhere[Outcome[Result]]:
    """Carry out `body` in one workspace after the other; `begin` hears which, where there are several.

    An error in a tenant's is what `failed` makes of it, as a plan of nothing but failures; one in the project's, and
    one that is nobody's fault, is among the errors, for the caller to raise once the rest is told. The store's ends
    all. What is wrong with the project, or a glob that matches nothing, is raised before anything is done.
    """
    tenants = await control.tenants() if _may_have_others(control) else None
    if tenants is None or not tenants.apart or (await read(control)).problems:
        return Everywhere((Outcome("", await body(control, only)),))
    done: list[Outcome[Result]] = []
    errors: list[AgentctlError] = []
    for access, keys, mine in _shares(control.loaded, tenants, only):
        async with control.within(access) as there:  # reads anew, since nothing has kept others from writing until now
            if not (keys or await _is_used(there)):
                continue
            begin(access.workspace)
            try:
                done.append(Outcome(access.workspace, await body(there, mine)))
            except StoreError as error:
                errors.append(named(access.workspace, error))
                break
            except AgentctlError as error:
                if not access.workspace or isinstance(error, UsageError | Busy):
                    errors.append(named(access.workspace, error))
                else:
                    done.append(Outcome(access.workspace, await failed(there, await _refused(there, error, mine))))
    return Everywhere(tuple(done), tuple(errors))


def _shares(loaded: Loaded, tenants: Tenants, only: Sequence[str]) -> Iterator[tuple[Access, list[str], list[str]]]:
    """Each workspace with the keys that are declared there, and the globs that match one of them, if there are globs.

    Raises UsageError for one that matches nothing anywhere.
    """
    known = {**dict.fromkeys(loaded.keys, OPERATOR), **loaded.elsewhere}
    select([], only, list(known))
    for access in tenants.workspaces:
        keys = [key for key, tenant in known.items() if access.houses(tenant)]
        mine = [glob for glob in only if any(fnmatchcase(key, glob) for key in keys)]
        if mine or not only:
            yield access, keys, mine


def _may_have_others(control: Control) -> bool:
    """Whether assistants may live elsewhere than where this control is: those of a table's tenants alone."""
    return control.has_project and control.project.table is not None and not control.access.is_known


async def _is_used(there: Control) -> bool:
    """Whether anything is bound there; the project's may be without a key where nothing is declared."""
    return bool((there.access.workspace or there.settings.elevenlabs_api_key) and len(await there.bindings()))


async def _refused(there: Control, error: AgentctlError, only: Sequence[str]) -> Plan:
    """A plan that fails each of its assistants for that reason."""
    loaded, workspace = await read(there), there.access.workspace
    chosen = select(loaded.assistants, only, loaded.keys)
    told = named(workspace, error)
    failures = [Failure(Ref(AGENT_KIND, one.key), one.where, told) for one in chosen]
    if not failures:
        failures = [Failure(Ref("workspace", workspace), f"tenant {workspace}", told)]
    return ProjectPlan.of(Plan(failures=(*failures, *wrong.failures(loaded, only))), chosen)


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
    )
