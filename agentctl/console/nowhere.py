"""What is asked for at no page of ours, told by one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from agentctl.console.desk import Desk
from agentctl.console.gate import path
from agentctl.console.page import door
from agentctl.console.visit import Refused


class Nowhere(Route):
    """Answers a GET that nothing else does, wherever it stands: another's 405 goes first."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """At most partly."""
        match, child = super().matches(scope)
        return (Match.PARTIAL, child) if match is Match.FULL else (Match.NONE, {})


def above(desk: Desk, form: str) -> Route:
    """The route for whoever opens the address of what takes a `form` and has no page: the page that the form is on, of
    the same tenant and within the same search.
    """

    async def led(request: Request) -> Response:
        page, asked = path(request.url.path.rpartition("/")[0] or "/"), request.url.query
        return RedirectResponse(f"{page}?{asked}" if asked else page, 303)

    return door(desk, form, "GET", led)


def nowhere(desk: Desk) -> Route:
    """The route for all other paths."""

    async def refused(request: Request) -> Response:
        raise Refused(404, "refused.page")

    return door(desk, "/{path:path}", "GET", refused, Nowhere)
