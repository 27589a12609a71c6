"""The gate of a team: people sign in by Supabase Auth, and see what the database shows them.

A browser keeps three things, none of which a page's script can read: the session, which is ours and which the store can
end at once, and the two tokens of Supabase Auth. All three have to be of one person. Nothing of a token is believed but
what the database finds: it checks the signature whenever it is asked something, and for each page it is asked first
which tenants are theirs.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentctl.calls.inbox import Store
from agentctl.clients.auth import Tokens
from agentctl.console import cookies
from agentctl.console.desk import Desk
from agentctl.console.gates.entry import Entry, SignsIn
from agentctl.console.gates.renewal import Renewal, Renews, read, written
from agentctl.console.gates.tries import Tries
from agentctl.console.person import Person
from agentctl.console.reached import Place
from agentctl.console.sessions import Session, Sessions
from agentctl.errors import AgentctlError, TokenRefused

log = logging.getLogger(__name__)


class Auth(SignsIn, Renews, Protocol):
    """Supabase Auth, as a gate needs it."""

    async def leave(self, access: str) -> None: ...


class Stores(Protocol):
    """The stores of all people."""

    def of(self, token: str) -> Store: ...


@dataclass
class SupabaseGate:
    """`auth` knows who people are, `stores` what they may see."""

    desk: Desk
    place: Place
    sessions: Sessions
    auth: Auth
    stores: Stores
    words: str = "sign_in"
    renewal: Renewal = field(init=False)
    entry: Entry = field(init=False)

    def __post_init__(self) -> None:
        self.renewal = Renewal(self.auth)
        self.entry = Entry(self.desk, self.auth, self, Tries(self.place, self.sessions))

    def routes(self) -> Sequence[Route]:
        """The pages by which people sign in."""
        return self.entry.routes()

    def known_host(self, request: Request) -> bool:
        """Whether it was asked under the name of PUBLIC_URL, or as this machine."""
        return self.place.known(request)

    async def visitor(self, request: Request) -> tuple[Session, Person] | None:
        """Whoever signed in, with the roles that they have now. Raises StoreError, ApiError and Unreachable."""
        cookie = cookies.session(request)
        session = await self.sessions.find(cookie) if cookie else None
        held = read(cookies.tokens(request))
        if session is None or held is None or held.person != session.person:
            return None
        begun: Tokens | None = getattr(request.state, "tokens", None)
        if begun is not None:
            # Somebody is still being answered, as by a stream: new tokens would not get to their browser any more.
            tokens = begun if self.renewal.good(begun) else None
        else:
            tokens = await self.renewal.of(session.id, held)
        person = await self._person(tokens) if tokens else None
        if person is None and tokens is not None and begun is None:
            tokens = await self.renewal.of(session.id, tokens, refused=True)
            person = await self._person(tokens) if tokens else None
        if person is None:
            return None
        request.state.tokens = tokens
        return session, person

    def settle(self, request: Request, response: Response) -> None:
        """Have the browser keep the tokens that there are now, and nothing of whoever has left."""
        if getattr(request.state, "left", False):
            cookies.drop_session(response, request)
            cookies.keep_tokens(response, request, "")
            return
        tokens: Tokens | None = getattr(request.state, "tokens", None)
        if tokens is not None and (kept := written(tokens)) != cookies.tokens(request):
            cookies.keep_tokens(response, request, kept)

    async def enter(self, request: Request, response: Response, tokens: Tokens) -> None:
        """Open a session for whoever Supabase Auth has just given these. Raises StoreError."""
        cookies.keep_session(response, request, await self.sessions.open(tokens.person, "user"))
        self.hold(request, tokens)

    def hold(self, request: Request, tokens: Tokens) -> None:
        """Have the browser keep these; without a session of the same person they open nothing."""
        request.state.tokens = tokens

    async def leave(self, request: Request, session: Session) -> None:
        """End the session here, and there: with the tokens, whoever has a copy of them gets no new ones."""
        await self.sessions.end(session)
        self.renewal.forget(session.id)
        tokens: Tokens | None = getattr(request.state, "tokens", None)
        if tokens is not None:
            try:
                await self.auth.leave(tokens.access)
            except AgentctlError as error:
                log.warning("a sign-out reached only this console: %s", error.message)
        request.state.left = True

    async def close(self) -> None:
        """What is under way is given up."""
        await self.entry.close()

    async def _person(self, tokens: Tokens) -> Person | None:
        store = self.stores.of(tokens.access)
        with suppress(TokenRefused):
            known = await store.call("my_roles", {})
            roles = {one["tenant"]: one["role"] for one in known}
            return Person(f"user:{tokens.person}", roles, store, tokens.email)
        return None
