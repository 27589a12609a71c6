"""What is asked for at no page of ours, told by one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import Scope

from agentctl.console import frame
from agentctl.console.desk import Desk
from agentctl.console.page import answered
from agentctl.console.visit import Refused


class Nowhere(Route):
    """Answers a GET that nothing else does, wherever it stands: another's 405 goes first."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """At most partly."""
        match, child = super().matches(scope)
        return (Match.PARTIAL, child) if match is Match.FULL else (Match.NONE, {})


def nowhere(desk: Desk) -> Route:
    """The route for all other paths."""

    async def refused(request: Request) -> Response:
        raise Refused(404, "refused.page")

    async def endpoint(request: Request) -> Response:
        return frame.sealed(await answered(desk, request, request.url.path, refused))

    return Nowhere("/{path:path}", endpoint, methods=["GET"])
