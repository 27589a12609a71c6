"""One assistant: how it stands, what it is declared to be, and what was applied before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from agentctl.calls.tenant import OPERATOR
from agentctl.console.acting import at_home
from agentctl.console.page import Page
from agentctl.console.states import Declared
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError
from agentctl.resources.assistant import Assistant
from agentctl.sources.table.row import Row
from agentctl.verbs.calls import audit
from agentctl.verbs.reading import read
from agentctl.verbs.revisions.history import Revision, revisions
from agentctl.verbs.revisions.hold import Hold, holds, unhold
from agentctl.verbs.rows.editing import is_edited
from agentctl.verbs.rows.outside import row_of
from agentctl.wiring import Control

_DONE = ("saved", "taken", "unheld")  # what led here, as the address tells


@dataclass(frozen=True)
class Known:
    """What is known of it here. `assistant`: as it is declared, if that can be read; `row`: where a table declares it;
    `is_ours`: it is one of our own table's, which people edit.
    """

    assistant: Assistant | None = None
    row: Row | None = None
    is_ours: bool = False
    revisions: Sequence[Revision] = ()
    hold: Hold | None = None

    @property
    def where(self) -> str:
        """Its file, or its row; empty where nobody declares it."""
        if self.assistant is not None:
            return self.assistant.where
        return self.row.where if self.row else ""


async def assistant(visit: Visit) -> Response:
    """All of it; how it stands at the platform is asked for by the page itself."""
    key = str(visit.request.path_params["key"])
    stored = next((one for one in await _stored(visit) if one["key"] == key), None)
    problem, known = "", Known()
    try:
        known = await _known(visit, key)
    except AgentctlError as error:
        problem = visit.desk.control.veil(str(error))
    if stored is None and not known.where:
        raise Refused(404, "refused.assistant")
    looked = "look" in visit.request.query_params
    stand, errors = await _stand(visit, key) if looked else (None, ())
    return visit.show(
        "assistant.html.j2",
        key=key,
        here=address(key),
        stored=stored,
        known=known,
        problem=problem,
        done=next((name for name in _DONE if name in visit.request.query_params), ""),
        veil=visit.desk.control.veil,
        looked=looked,
        stand=stand,
        errors=errors,
        rest=visit.url(address(key), look="1"),
    )


def address(key: str) -> str:
    """The path of its page."""
    return f"/assistants/{key}"


async def own(visit: Visit) -> Declared:
    """What the address names, if it is a declared one of this tenant's: another tenant's is none."""
    key = str(visit.request.path_params["key"])
    for one in await visit.desk.states.declared():
        if (one.key, one.tenant) == (key, visit.tenant):
            return one
    raise Refused(404, "refused.assistant")


async def release(visit: Visit) -> Response:
    """The next sync applies its files, or its row, again."""
    key = (await own(visit)).key
    async with at_home(visit) as control:
        await audit.note(control, "unhold", key=key)
        await unhold(control, key)
    visit.desk.states.forget()
    return visit.go(address(key), unheld="1")


async def _stored(visit: Visit) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await visit.ask("assistants", {"zone": str(visit.zone)})
    return found


async def _known(visit: Visit, key: str) -> Known:
    if not visit.desk.control.has_project:
        return Known()
    async with at_home(visit) as control:
        loaded = await read(control)
        one = next((one for one in loaded.assistants if (one.key, one.tenant) == (key, visit.tenant)), None)
        row = row_of(loaded, key)
        row = row if row is not None and row.tenant == visit.tenant else None
        kept, hold = await _kept(control, key)
        return Known(one, row, row is not None and is_edited(loaded.project.table), kept, hold)


async def _kept(control: Control, key: str) -> tuple[Sequence[Revision], Hold | None]:
    held = next((one for one in await holds(control) if one.key == key), None)
    return await revisions(control, key), held


async def _stand(visit: Visit, key: str) -> tuple[Any, tuple[str, ...]]:
    try:
        seen = await visit.desk.states.seen()
    except AgentctlError as error:
        return None, (visit.desk.control.veil(str(error)),)
    # Errors name the tenants whose workspaces they are of: for whoever runs all of it alone.
    return seen.standings.get(key), seen.errors if visit.tenant == OPERATOR else ()


PAGES = (
    Page("/assistants/{key}", assistant),
    Page("/assistants/{key}/unhold", release, role="editor", writes=True),
)
