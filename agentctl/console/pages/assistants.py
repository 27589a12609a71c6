"""The assistants: how each stands, what a sync would change, and that sync."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from agentctl.calls.tenant import OPERATOR
from agentctl.console.acting import at_home
from agentctl.console.page import Page
from agentctl.console.planned import Shown, shown
from agentctl.console.states import NOTHING
from agentctl.console.syncing import Work
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError
from agentctl.sync.applied import Applied
from agentctl.sync.ledger import OnChange
from agentctl.verbs import agreed
from agentctl.verbs.agreed import Agreement
from agentctl.verbs.calls import audit


async def assistants(visit: Visit) -> Response:
    """What is stored and declared of each; how it stands at the platform is asked for by the page itself."""
    stored = {one["key"]: one for one in await visit.ask("assistants", {"zone": str(visit.zone)})}
    problem, declared = "", {}
    try:
        declared = {one.key: one for one in await visit.desk.states.declared(visit.tenant)}
    except AgentctlError as error:
        problem = visit.desk.control.veil(str(error))
    looked = "look" in visit.request.query_params
    seen = await visit.desk.states.seen(visit.tenant, whole=visit.may("editor")) if looked else NOTHING
    shown_ones = [
        {"key": key, "stored": stored.get(key), "declared": declared.get(key), "stand": seen.standings.get(key)}
        for key in sorted({*stored, *declared})
    ]
    return visit.show(
        "assistants.html.j2",
        assistants=shown_ones,
        looked=looked,
        errors=seen.errors,
        problem=problem,
        rest=rest(visit),
    )


def rest(visit: Visit) -> str:
    """The address of the same page with the states."""
    return visit.url("/", look="1")


async def plan(visit: Visit) -> Response:
    """What a sync would change, field by field."""
    keys = await _keys(visit, visit.request.query_params.get("only"))
    parts = await _planned(visit, keys)
    stale = "stale" in visit.request.query_params
    only = keys[0] if "only" in visit.request.query_params else None
    return visit.show("plan.html.j2", parts=parts, only=only, stale=stale)


async def sync(visit: Visit) -> Response:
    """Exactly the plan that was shown: another one is shown instead of applied."""
    only = visit.form.get("only")
    only = only if isinstance(only, str) and only else None
    keys = await _keys(visit, only)
    marked, chosen = dict(marks(visit)), ("ours" in visit.form, "destroy" in visit.form)

    async def work(on_change: OnChange) -> Applied:
        async with at_home(visit) as control, audit.noted(control, "sync", keys=keys) as row:
            of_each = marked if visit.tenant == OPERATOR else {control.access.workspace: marked.get("", "")}
            applied = await agreed.apply(control, Agreement(keys, of_each, *chosen), on_change=on_change)
            row.update(written(applied))
            return applied

    return begun(visit, work, visit.url("/plan", only=only))


def marks(visit: Visit) -> Iterator[tuple[str, str]]:
    """Of the plan that was agreed on: the mark of each workspace's part."""
    for told in visit.form.getlist("mark"):
        workspace, is_one, mark = str(told).partition("=")
        if is_one:
            yield workspace, mark


def written(applied: Applied) -> dict[str, int]:
    """How many writes were done and how many failed, for the audit log."""
    return {"done": len(applied.done), "failed": len(applied.failures)}


def begun(visit: Visit, work: Work, plan: str) -> Response:
    """The page of what was agreed on, on the page `plan`, and goes on now."""
    total = visit.form.get("total")
    many = int(total) if isinstance(total, str) and total.isdecimal() and len(total) < 7 else 0
    run = visit.desk.runs.begin(work, visit.tenant, visit.person.name, many, plan)
    return visit.go(f"/syncs/{run.id}")


async def progress(visit: Visit) -> Response:
    """How far a sync is, and what came of it."""
    run = visit.desk.runs.find(visit.request.path_params["run"], visit.tenant)
    if run is None:
        raise Refused(404, "refused.run")
    return visit.show("sync.html.j2", run=run)


async def _planned(visit: Visit, keys: list[str]) -> list[Shown]:
    async with at_home(visit) as control:
        found = await agreed.plan(control, keys)
        # Who shares a workspace with another tenant does not read whose it is.
        parts = [(one.workspace if visit.tenant == OPERATOR else "", one.result) for one in found.checked()]
        return [shown(workspace, agreed.mark(plan), plan, control.veil) for workspace, plan in parts]


async def _keys(visit: Visit, only: str | None) -> list[str]:
    """Of this tenant's assistants the one that was named, or all. Another tenant's is none."""
    mine = [one.key for one in await visit.desk.states.declared(visit.tenant)]
    keys = mine if only is None else [key for key in mine if key == only]
    if not keys:
        raise Refused(404, "refused.assistant" if only else "refused.assistants")
    return keys


PAGES = (
    Page("/", assistants, menu="assistants"),
    Page("/plan", plan, role="editor"),
    Page("/plan", sync, role="editor", writes=True),
    Page("/syncs/{run}", progress, role="editor"),
)
