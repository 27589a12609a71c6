"""What an assistant was before: the plan to make it that again, and the hold that keeps it so."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from agentctl.console.acting import at_home
from agentctl.console.page import Page
from agentctl.console.pages.assistant import address, history, own
from agentctl.console.pages.assistants import begun, marks, written
from agentctl.console.pages.editing import voice_names
from agentctl.console.planned import counted, shown
from agentctl.console.tables import table, whole
from agentctl.console.telling import trouble
from agentctl.console.visit import Refused, Visit
from agentctl.errors import UsageError
from agentctl.sync.applied import Applied
from agentctl.sync.ledger import OnChange
from agentctl.verbs import agreed
from agentctl.verbs.calls import audit


async def plan(visit: Visit) -> Response:
    """What would change, field by field, and what would be left alone."""
    one, to = await own(visit), _revision(visit.request.query_params.get("to"))
    key, named = one.key, dict[str, Any](name=one.name, here=address(one.key), names=voice_names(visit))
    async with at_home(visit) as control:
        try:
            found = await agreed.way_back(control, key, to)
        except UsageError as error:
            why = trouble(error, visit.desk.control.veil)
            return visit.show("going_back.html.j2", 409, **named, problem=why, parts=[], counted=[])
        parts = [await visit.desk.aside(shown, "", agreed.mark(found.plan), found.plan, control.veil)]
    return visit.show("going_back.html.j2", **named, problem="", parts=parts, counted=counted(parts), to=found.revision)


async def exported(visit: Visit) -> Response:
    """What was applied, and when, as a table for a spreadsheet."""
    key = (await own(visit)).key
    async with at_home(visit) as control:
        kept, _ = await history(visit, control.scope, key)
        await audit.note(control, "export", key=key, what="history", format="csv")
    head = ("revision", "applied_at", "note")
    return table(visit, f"history-of-{key}", head, whole(kept), lambda one: [getattr(one, name) for name in head])


async def go_back(visit: Visit) -> Response:
    """Exactly that plan: another one is shown instead of applied."""
    key, to = (await own(visit)).key, _revision(visit.form.get("to"))
    marked = dict(marks(visit)).get("")
    if to is None or marked is None:
        raise Refused(400, "refused.form")
    chosen = {"take_ours": "ours" in visit.form, "destroy": "destroy" in visit.form}

    async def work(on_change: OnChange) -> Applied:
        async with at_home(visit) as control, audit.noted(control, "rollback", key=key, revision=to) as row:
            applied = await agreed.roll_back(control, key, to, marked, on_change=on_change, **chosen)
            row.update(written(applied))
            return applied

    return begun(visit, work, visit.url(f"{address(key)}/rollback", to=to))


def _revision(said: object) -> int | None:
    if said in (None, ""):
        return None
    if not (isinstance(said, str) and said.isascii() and said.isdecimal() and len(said) < 9):
        raise Refused(400, "refused.form")
    return int(said)


PAGES = (
    Page("/assistants/{key}/history.csv", exported),
    Page("/assistants/{key}/rollback", plan, role="editor"),
    Page("/assistants/{key}/rollback", go_back, role="editor", writes=True),
)
