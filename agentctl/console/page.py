"""A page as a route: nobody sees it without a session and its role, and nothing is written but by a form of ours.

Every answer carries the same headers: what is shown is read by no cache and framed by nobody, and runs no script and
loads nothing but our own.
"""

from __future__ import annotations

import hmac
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from agentctl.clients.hurry import hurried
from agentctl.console import forms, frame
from agentctl.console.desk import Desk
from agentctl.console.gate import from_here, path
from agentctl.console.person import Role
from agentctl.console.visit import Refused, Visit, arrived
from agentctl.errors import AgentctlError, NotThere

log = logging.getLogger(__name__)

_SECONDS = 12.0  # without a platform's answer: whoever looks at a page would rather try again than wait
_MOST_ASKED = 16 * 1024  # bytes of what an address asks for
_WITHIN = re.compile(r"https?://[^/?#]+([^#]*)")  # what of an address leads to a page of ours
TOKEN = "_token"  # noqa: S105 - the name of a form's field

Answer = Callable[[Visit], Awaitable[Response]]
Reply = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """`role`: who may see it; `writes`: it takes a form and does something; `most`: bytes of that. `menu`: its name
    there; empty: it does not lead here. `seconds`: so long it waits while no platform answers; what writes waits as
    long as a command does, since nobody knows what became of a write that was given up.
    """

    path: str
    answer: Answer
    role: Role = "viewer"
    writes: bool = False
    most: int = forms.SMALL
    menu: str = ""
    seconds: float = _SECONDS

    def route(self, desk: Desk) -> Route:
        """It, at its path."""
        return door(desk, self.path, "POST" if self.writes else "GET", partial(self._visited, desk))

    async def _visited(self, desk: Desk, request: Request) -> Response:
        visit = await arrived(desk, request)
        if visit is None:
            return await self._unheard(desk, request) if self.writes else _to_the_door(request)
        request.state.tenants = visit.person.tenants  # whoever tells of trouble on the way asks whose it is
        if visit.strays and not self.writes:
            # A page that is open leads itself here, as to the door: its parts would be of another tenant than it is.
            return Response(status_code=401) if visit.partial else RedirectResponse(visit.own, 303)
        if not visit.may(self.role):
            raise Refused(403, "refused.role")
        if self.writes:
            visit.form = await posted(request, visit.token, self.most)
            return await self.answer(visit)
        with hurried(self.seconds):
            return await self.answer(visit)

    async def _unheard(self, desk: Desk, request: Request) -> Response:
        """For whoever has sent a form and may not be here any more: why."""
        if await desk.gate.visitor(request) is not None:
            return desk.refusal(request, 403, "refused.nobody")
        return desk.refusal(request, 401, f"{desk.gate.words}.over")


def door(desk: Desk, path: str, method: str, answer: Reply, kind: type[Route] = Route) -> Route:
    """What `answer` answers at `path`, or why not, to whoever asked under a name that is ours, in or not."""

    async def endpoint(request: Request) -> Response:
        return frame.sealed(await _answered(desk, request, path, answer))

    return kind(path, endpoint, methods=[method])


async def _answered(desk: Desk, request: Request, path: str, answer: Reply) -> Response:
    if not desk.known_host(request):
        return Response(status_code=404)
    try:
        if len(request.scope["query_string"]) > _MOST_ASKED:
            raise Refused(414, "refused.large")
        response = await answer(request)
    except Refused as refused:
        response = desk.refusal(request, refused.status, refused.words)
    except NotThere:
        response = desk.refusal(request, 404, "refused.absent")
    except AgentctlError as error:
        log.warning("the console could not show %s: %s", path, error.message)
        response = desk.trouble(request, error)
    desk.gate.settle(request, response)
    return response


async def posted(request: Request, token: str, most: int = forms.SMALL) -> FormData:
    """What a form holds that a page of ours has sent, with the token that it was given. Raises Refused."""
    if not from_here(request):
        raise Refused(403, "refused.origin")
    form = await forms.read(request, most)
    given = form.get(TOKEN)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), token.encode()):
        raise Refused(403, "refused.token")
    return form


def _to_the_door(request: Request) -> Response:
    """To whoever is not signed in, who comes back here; where a part of an open page asks, that page goes by itself."""
    if request.headers.get("hx-request") == "true":
        return Response(status_code=401)
    here = _WITHIN.match(str(request.url))
    return RedirectResponse(f"/enter?{urlencode({'after': path(here[1] if here else '/')})}", 303)
