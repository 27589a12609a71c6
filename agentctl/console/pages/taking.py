"""What was changed at the platform, taken into the files of an assistant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.responses import Response

from agentctl.console.acting import at_home
from agentctl.console.page import Page
from agentctl.console.pages.assistant import address, own
from agentctl.console.planned import Field, beside
from agentctl.console.telling import failed
from agentctl.console.visit import Visit
from agentctl.errors import Stale
from agentctl.secrecy.veil import Veil
from agentctl.verbs import agreed
from agentctl.verbs.calls import audit
from agentctl.verbs.pulling.pull import Pull, pull
from agentctl.verbs.pulling.taking import Taken

_TEMPLATES = "templates"  # the tick by which templates are overwritten


async def look(visit: Visit, *, stale: bool = False) -> Response:
    """What the files would say, field by field, and what they cannot take; templates only by a tick of their own."""
    one = await own(visit)
    key = one.key
    async with at_home(visit) as control:
        found = await pull(control, [key], discreet=True)
        whole = await pull(control, [key], overwrite_templates=True, discreet=True) if found.left else found
        told = await visit.desk.aside(_told, found, whole, control.veil)
    return visit.show(
        "taking.html.j2",
        409 if stale else 200,
        name=one.name,
        key=key,
        here=address(key),
        mark=agreed.mark_of_pull(found),
        mark_of_templates=agreed.mark_of_pull(whole),
        stale=stale,
        taken="taken" in visit.request.query_params,
        **told,
    )


async def take(visit: Visit) -> Response:
    """Exactly that: something else is shown instead of written. What was left is shown then."""
    key, with_templates = (await own(visit)).key, _TEMPLATES in visit.form
    mark = visit.form.get("mark_of_templates" if with_templates else "mark")
    told = mark if isinstance(mark, str) else ""
    try:
        async with at_home(visit) as control, audit.noted(control, "pull", key=key):
            found = await agreed.take(control, key, told, overwrite_templates=with_templates)
    except Stale:
        return await look(visit, stale=True)
    visit.desk.hub.tell(visit.tenant, "assistants")
    wrote = "1" if found.files or found.texts else None
    return visit.go(f"{address(key)}/take" if found.left or found.failures else address(key), taken=wrote)


def _told(found: Pull, whole: Pull, veil: Veil) -> dict[str, Any]:
    """`whole`: the pull that overwrites templates, too."""
    more = [one for one in whole.taken if one not in found.taken]
    return {
        "fields": _fields(found.taken, veil),
        "templates": _fields(more, veil),
        "files": [one.where for one in whole.files],
        "is_something": bool(whole.files or whole.texts),
        "left": [veil(str(one)) for one in whole.left],
        "failures": [failed(one, veil) for one in found.failures],
    }


def _fields(taken: Sequence[Taken], veil: Veil) -> list[tuple[str, Field]]:
    return [(one.kind, beside(one.path, one.ours, one.theirs, veil, tuple(one.path.split(".")))) for one in taken]


PAGES = (
    Page("/assistants/{key}/take", look, role="editor"),
    Page("/assistants/{key}/take", take, role="editor", writes=True),
)
