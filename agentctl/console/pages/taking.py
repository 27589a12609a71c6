"""What was changed at the platform, taken into the files of an assistant."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from agentctl.console.acting import at_home
from agentctl.console.page import Page
from agentctl.console.pages.assistant import address, own
from agentctl.console.planned import beside
from agentctl.console.visit import Visit
from agentctl.errors import Stale
from agentctl.secrecy.veil import Veil
from agentctl.verbs import agreed
from agentctl.verbs.calls import audit
from agentctl.verbs.pulling.pull import Pull, pull
from agentctl.verbs.wording import named


async def look(visit: Visit, *, stale: bool = False) -> Response:
    """What the files would say, field by field, and what they cannot take."""
    one = await own(visit)
    key = one.key
    async with at_home(visit) as control:
        found = await pull(control, [key])
        told = _told(found, control.veil)
    mark = agreed.mark_of_pull(found)
    return visit.show(
        "taking.html.j2", 409 if stale else 200, name=one.name, here=address(key), mark=mark, stale=stale, **told
    )


async def take(visit: Visit) -> Response:
    """Exactly that: something else is shown instead of written."""
    key, mark = (await own(visit)).key, visit.form.get("mark")
    async with at_home(visit) as control:
        await audit.note(control, "pull", key=key)
        try:
            await agreed.take(control, key, mark if isinstance(mark, str) else "")
        except Stale:
            return await look(visit, stale=True)
    visit.desk.states.forget()
    return visit.go(address(key), taken="1")


def _told(found: Pull, veil: Veil) -> dict[str, Any]:
    fields = [
        (one.kind, beside(one.path, one.ours, one.theirs, veil, tuple(one.path.split(".")))) for one in found.taken
    ]
    return {
        "fields": fields,
        "files": [one.where for one in found.files],
        "is_something": bool(found.files or found.texts),
        "left": [veil(str(one)) for one in found.left],
        "failures": [veil(f"{named(one)}. {one.error.hint}".strip()) for one in found.failures],
    }


PAGES = (
    Page("/assistants/{key}/take", look, role="editor"),
    Page("/assistants/{key}/take", take, role="editor", writes=True),
)
