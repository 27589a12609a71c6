"""One assistant: how it stands, what it is declared to be, and what was applied before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from starlette.responses import Response

from agentctl.console.acting import at_home
from agentctl.console.home import place
from agentctl.console.living import living
from agentctl.console.page import Page
from agentctl.console.states import NOTHING, Declared, declarations
from agentctl.console.telling import trouble
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError
from agentctl.resources.assistant import Assistant
from agentctl.sources.row import Row
from agentctl.sync.kind import Scope
from agentctl.verbs.calls import audit
from agentctl.verbs.reading import read
from agentctl.verbs.revisions.history import Revision
from agentctl.verbs.revisions.hold import Hold, unhold
from agentctl.verbs.rows.editing import is_edited
from agentctl.verbs.rows.outside import row_of

_DONE = ("saved", "taken", "unheld")  # what led here, as the address tells


@dataclass(frozen=True)
class Known:
    """What is known of it here. `where`: its file, or its row; empty where nobody declares it. `declared`: if that can
    be read; `hidden`: somebody may declare it although it cannot, `problem`: why. What it is declared to be is for
    editors alone: `assistant`, and `row` where a table declares it; `is_ours`: it is one of our own table's, which
    people edit. `place`: where its agent is, as `living` takes it.
    """

    where: str = ""
    declared: Declared | None = None
    revisions: Sequence[Revision] = ()
    hold: Hold | None = None
    assistant: Assistant | None = None
    row: Row | None = None
    is_ours: bool = False
    hidden: bool = False
    problem: str = ""
    place: Mapping[str, str] = field(default_factory=dict)


async def assistant(visit: Visit) -> Response:
    """All of it; how it stands at the platform is asked for by the page itself."""
    key = str(visit.request.path_params["key"])
    try:
        known = await _known(visit, key)
    except AgentctlError as error:
        known = Known(hidden=True, problem=trouble(error, visit.desk.control.veil), place=place(visit.desk.control))
    stored = next((one for one in await living(visit, known.place) if one["key"] == key), None)
    if stored is None and not known.where:
        raise Refused(404, "refused.assistant")
    looked = "look" in visit.request.query_params
    seen = await visit.desk.states.seen(visit.tenant, whole=visit.may("editor")) if looked else NOTHING
    return visit.show(
        "assistant.html.j2",
        key=key,
        here=address(key),
        stored=stored,
        known=known,
        done=next((name for name in _DONE if name in visit.request.query_params), ""),
        veil=visit.desk.control.veil,
        looked=looked,
        stand=seen.standings.get(key),
        errors=dict.fromkeys([*filter(None, [known.problem]), *seen.errors]),
        rest=visit.url(address(key), look="1", **(stored["apart"] if stored else {})),
    )


def address(key: str) -> str:
    """The path of its page."""
    return f"/assistants/{key}"


async def own(visit: Visit) -> Declared:
    """What the address names, if it is a declared one of this tenant's: another tenant's is none."""
    key = str(visit.request.path_params["key"])
    for one in await visit.desk.states.declared(visit.tenant):
        if one.key == key:
            return one
    raise Refused(404, "refused.assistant")


async def release(visit: Visit) -> Response:
    """The next sync applies its files, or its row, again."""
    key = (await own(visit)).key
    async with at_home(visit) as control, audit.noted(control, "unhold", key=key):
        await unhold(control, key)
    visit.desk.hub.tell(visit.tenant, "assistants")
    return visit.go(address(key), unheld="1")


async def _known(visit: Visit, key: str) -> Known:
    if not visit.desk.control.has_project:
        return Known(hidden=True)
    async with at_home(visit) as control:
        loaded = await read(control)
        row = row_of(loaded, key)
        row = row if row is not None and row.tenant == visit.tenant else None
        all_of_it = await declarations(visit.desk.control, visit.tenant, loaded)
        told = next((one for one in all_of_it.ones if one.key == key), None)
        where = told.where if told else row.where if row else ""
        past = await history(visit, control.scope, key)
        hidden, problem = all_of_it.hide(key), all_of_it.problem
        found = Known(where, told, *past, hidden=hidden, problem=problem, place=place(control))
        if not visit.may("editor"):
            return found
        one = next((one for one in loaded.assistants if (one.key, one.tenant) == (key, visit.tenant)), None)
        return replace(found, assistant=one, row=row, is_ours=row is not None and is_edited(loaded.project.table))


async def history(visit: Visit, scope: Scope, key: str) -> tuple[Sequence[Revision], Hold | None]:
    """What was applied to it, the newest first, and where it is held."""
    found = await visit.ask("revisions", {**asdict(scope), "key": key})
    return [Revision(**one) for one in found["revisions"]], Hold.of(found["hold"]) if found["hold"] else None


PAGES = (
    Page("/assistants/{key}", assistant),
    Page("/assistants/{key}/unhold", release, role="editor", writes=True),
)
