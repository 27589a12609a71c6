"""What the pages look like to one person, and the way out."""

from __future__ import annotations

from starlette.responses import Response

from agentctl.console import cookies
from agentctl.console.page import Page
from agentctl.console.visit import Visit
from agentctl.console.wording import LANGUAGES

_CHOICES = {"theme": ("light", "dark", "auto"), "language": LANGUAGES}


async def like(visit: Visit) -> Response:
    """Kept in this browser."""
    response = visit.back()
    for what, choices in _CHOICES.items():
        if (chosen := visit.form.get(what)) in choices:
            cookies.keep_liking(response, visit.request, what, str(chosen))
    return response


async def leave(visit: Visit) -> Response:
    """The session ends, in every tab."""
    await visit.desk.gate.leave(visit.request, visit.session)
    response = visit.desk.refusal(visit.request, 200, f"{visit.desk.gate.words}.left")
    cookies.drop_session(response, visit.request)
    return response


PAGES = (Page("/liking", like, writes=True), Page("/leave", leave, writes=True))
