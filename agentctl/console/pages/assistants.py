"""The assistants: how each stands, what a sync would change, and that sync."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from agentctl.calls.tenant import OPERATOR
from agentctl.console.acting import acting, at_home
from agentctl.console.living import living
from agentctl.console.page import Page
from agentctl.console.pages.editing import voice_names
from agentctl.console.planned import Shown, counted, shown
from agentctl.console.states import NOTHING, Declared
from agentctl.console.syncing import Work
from agentctl.console.tables import table, whole
from agentctl.console.visit import Refused, Visit
from agentctl.secrecy.veil import Veil
from agentctl.sync.applied import Applied
from agentctl.sync.ledger import OnChange
from agentctl.sync.plan import Plan
from agentctl.verbs import agreed
from agentctl.verbs.agreed import Agreement
from agentctl.verbs.calls import audit
from agentctl.verbs.status import Standing
from agentctl.verbs.workspaces import Outcome

_COLUMNS = ("key", "name", "declared_in", "numbers", "state", "what", "synced_at", "calls_today")


async def assistants(visit: Visit) -> Response:
    """What is stored and declared of each; how it stands at the platform is asked for by the page itself."""
    looked = "look" in visit.request.query_params
    found, problem = await _listed(visit)
    seen = await visit.desk.states.seen(visit.tenant, whole=visit.may("editor")) if looked else NOTHING
    shown_ones = [{**one, "stand": seen.standings.get(one["key"])} for one in found]
    return visit.show(
        "assistants.html.j2",
        assistants=shown_ones,
        looked=looked,
        errors=dict.fromkeys([*filter(None, [problem]), *seen.errors]),
        rest=rest(visit),
    )


async def _listed(visit: Visit) -> tuple[list[dict[str, Any]], str]:
    """Each as it is stored and as it is declared; and what keeps the declarations from being read, if anything does."""
    found = await visit.desk.states.declarations(visit.tenant)
    stored = await living(visit, found.place)
    declared = {one.key: one for one in found.ones}
    every: list[tuple[str, dict[str, Any] | None]] = [(one["key"], one) for one in stored]
    every += [(key, None) for key in declared.keys() - {key for key, _ in every}]
    listed = [
        {"key": key, "stored": one, "declared": declared.get(key), "hidden": found.hide(key)}
        for key, one in sorted(every, key=lambda both: both[0])
    ]
    return listed, found.problem


async def exported(visit: Visit) -> Response:
    """The same as a table for a spreadsheet, with the states as far as they can be told."""
    found, _ = await _listed(visit)
    standings = (await visit.desk.states.seen(visit.tenant, whole=visit.may("editor"))).standings
    async with acting(visit) as control:
        await audit.note(control, "export", what="assistants", format="csv")
    return table(visit, "assistants", _COLUMNS, whole(found), lambda one: _row(one, standings.get(one["key"])))


def _row(one: Mapping[str, Any], stand: Standing | None) -> list[object]:
    declared, stored = one["declared"], one["stored"] or {}
    numbers = declared.numbers if declared else stored.get("numbers") or ()
    return [
        one["key"],
        declared.name if declared else stored.get("name"),
        declared.where if declared else "",
        "; ".join(numbers),
        stand.state if stand else "",
        "; ".join(stand.what) if stand else "",
        stored.get("synced_at"),
        stored.get("calls_today", 0),
    ]


def rest(visit: Visit) -> str:
    """The address of the same page with the states."""
    return visit.url("/", look="1")


async def plan(visit: Visit) -> Response:
    """What a sync would change, field by field."""
    mine = await _mine(visit, visit.request.query_params.get("only"))
    parts = await _planned(visit, [one.key for one in mine])
    stale = "stale" in visit.request.query_params
    only = mine[0] if "only" in visit.request.query_params else None
    return visit.show(
        "plan.html.j2", parts=parts, only=only, stale=stale, counted=counted(parts), names=voice_names(visit)
    )


async def sync(visit: Visit) -> Response:
    """Exactly the plan that was shown: another one is shown instead of applied."""
    only = visit.form.get("only")
    only = only if isinstance(only, str) and only else None
    keys = [one.key for one in await _mine(visit, only)]
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
    if run is None and visit.partial:
        return Response(status_code=404, headers={"hx-redirect": visit.here})  # it asks no more, and people are told
    if run is None:
        raise Refused(404, "refused.run")
    return visit.show("sync.html.j2", run=run)


async def _planned(visit: Visit, keys: list[str]) -> list[Shown]:
    async with at_home(visit) as control:
        found = await agreed.plan(control, keys)
        parts = await visit.desk.aside(_parts, found.checked(), control.veil)
    # Who shares a workspace with another tenant does not read whose it is.
    return parts if visit.tenant == OPERATOR else [replace(one, workspace="") for one in parts]


def _parts(results: Sequence[Outcome[Plan]], veil: Veil) -> list[Shown]:
    return [shown(one.workspace, agreed.mark(one.result), one.result, veil) for one in results]


async def _mine(visit: Visit, only: str | None) -> list[Declared]:
    """Of this tenant's assistants the one that was named, or all. Another tenant's is none."""
    mine = [one for one in await visit.desk.states.declared(visit.tenant) if only in (None, one.key)]
    if not mine:
        raise Refused(404, "refused.assistant" if only else "refused.assistants")
    return mine


PAGES = (
    Page("/", assistants, menu="assistants"),
    Page("/assistants.csv", exported),
    Page("/plan", plan, role="editor"),
    Page("/plan", sync, role="editor", writes=True),
    Page("/syncs/{run}", progress, role="editor"),
)
