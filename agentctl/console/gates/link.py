"""The gate of a laptop: whoever reads the terminal of `agentctl serve` is the operator, by a link that opens once.

It is only there where nobody but this machine can reach it, and asks for the name under which it was reached: a page
elsewhere could have a name of its own lead to 127.0.0.1 (DNS rebinding), and a tunnel for webhooks leads here, too.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from agentctl.calls.inbox import Store
from agentctl.console import cookies
from agentctl.console.desk import Desk
from agentctl.console.gate import is_here, path
from agentctl.console.page import door
from agentctl.console.person import Person
from agentctl.console.sessions import Session, Sessions

OPERATOR = "operator"
_KNOWN_SECONDS = 5.0  # so long a tenant that is new may be missing


@dataclass
class LinkGate:
    """`store`: the store as it answers the operator."""

    desk: Desk
    sessions: Sessions
    store: Callable[[], Awaitable[Store]]
    words: str = "enter"
    _known: tuple[float, Person | None] = (0.0, None)

    def routes(self) -> Sequence[Route]:
        """The page of the link."""
        return [door(self.desk, "/enter", "GET", self._enter)]

    def known_host(self, request: Request) -> bool:
        """Whether it was asked as this machine."""
        return is_here(request)

    async def visitor(self, request: Request) -> tuple[Session, Person] | None:
        """The operator, of every tenant that there is, for whoever entered by a link."""
        cookie = cookies.session(request)
        session = await self.sessions.find(cookie) if cookie else None
        if session is None or session.person != OPERATOR:  # somebody signed in at another console of the same store
            return None
        return session, await self._person(session)

    async def _person(self, session: Session) -> Person:
        seen, person = self._known
        if person is None or time.monotonic() - seen > _KNOWN_SECONDS:
            store = await self.store()
            known = await store.call("my_roles", {})
            person = Person(session.person, {one["tenant"]: one["role"] for one in known}, store)
            self._known = time.monotonic(), person
        return person

    def settle(self, request: Request, response: Response) -> None:
        """The session's cookie is all there is."""

    async def leave(self, request: Request, session: Session) -> None:
        """Nobody comes in by it any more."""
        await self.sessions.end(session)

    async def close(self) -> None:
        """It has opened nothing."""

    async def _enter(self, request: Request) -> Response:
        after = path(request.query_params.get("after", "/"))
        if await self.visitor(request) is not None:
            return RedirectResponse(after, 303)
        # What looks at a link before a person does, such as a mail's scanner, asks by HEAD, and does not use it up.
        token = request.query_params.get("link", "") if request.method == "GET" else ""
        cookie = await self.sessions.enter(token, OPERATOR) if token else None
        if cookie is None:
            return self.desk.refusal(request, 401, "enter.used" if token else "enter.link")
        response = RedirectResponse(after, 303)
        cookies.keep_session(response, request, cookie)
        return response
