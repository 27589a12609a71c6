"""One request by one person: what its page has to know, and the ways to answer it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agentctl.console import cookies
from agentctl.console.desk import Desk
from agentctl.console.gate import path
from agentctl.console.person import Person, Role
from agentctl.console.sessions import Session
from agentctl.console.view import Drawn
from agentctl.console.wording import Words


class Refused(Exception):
    """What cannot be shown or done, as a status and as the name of its words."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


@dataclass
class Visit:
    """`tenant`: the one that is looked at, which is one of the person's; `form`: what was posted, already known to be
    from a page of this session.
    """

    desk: Desk
    request: Request
    person: Person
    session: Session
    tenant: str
    words: Words
    form: FormData = field(default_factory=FormData)

    async def ask(self, function: str, args: dict[str, Any] | None = None, *, timeout: float = 10.0) -> Any:
        """What the store answers this person about this tenant: agentctl_my_`function`. Raises StoreError."""
        asked = {**(args or {}), "tenant": self.tenant}
        return await self.person.store.call(f"my_{function}", asked, timeout=timeout)

    def may(self, role: Role) -> bool:
        """Whether this person has that role in the tenant, or a higher one."""
        return self.person.may(role, self.tenant)

    @property
    def partial(self) -> bool:
        """Whether a page that is open asks for a part of itself."""
        return self.request.headers.get("hx-request") == "true"

    @cached_property
    def zone(self) -> ZoneInfo:
        """In which times are told: the project's."""
        return self.desk.zone

    @property
    def token(self) -> str:
        """What a form on this page brings back, which is for this tenant: whoever left it meanwhile, or joined one that
        is shown first now, would have the form do to that one what it says of this.
        """
        return self.session.token(f"form of {self.tenant}")

    @property
    def theme(self) -> str:
        """`light` or `dark` where one was chosen, else empty."""
        chosen = cookies.liking(self.request, "theme")
        return chosen if chosen in ("light", "dark") else ""

    @property
    def here(self) -> str:
        """The address of this page."""
        query = self.request.url.query
        return f"{self.request.url.path}?{query}" if query else self.request.url.path

    @property
    def strays(self) -> bool:
        """Whether another tenant was asked for: one that they left, or that never was theirs."""
        return self.request.query_params.get("tenant", self.tenant) != self.tenant

    @property
    def own(self) -> str:
        """The address of this page of the tenant that is looked at."""
        own = self.request.url.remove_query_params("tenant")
        return f"{own.path}?{own.query}" if own.query else own.path

    def back(self) -> Response:
        """To the page that the form was on."""
        after = self.form.get("after")
        return RedirectResponse(path(after if isinstance(after, str) else "/"), 303)

    def url(self, path: str, **query: Any) -> str:
        """The address of a page of the same tenant; what is None or empty is left out."""
        if self.tenant != self.person.tenants[0]:
            query["tenant"] = self.tenant
        told = urlencode({name: value for name, value in query.items() if value not in (None, "")})
        return f"{path}?{told}" if told else path

    def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page of that template."""
        draw = self.desk.templates.get_template(template).render
        known = {"visit": self, "words": self.words, "url": self.url, **values}
        return Drawn(partial(self.desk.aside, draw, known), status)

    def go(self, path: str, part: str = "", **query: Any) -> Response:
        """After something was done: the page that shows it, so that loading it again does nothing twice.

        `part`: the id of what it begins at.
        """
        return RedirectResponse(self.url(path, **query) + f"#{part}" * bool(part), 303)


async def arrived(desk: Desk, request: Request) -> Visit | None:
    """Who asks, about which tenant; None for somebody who is not in. Raises StoreError."""
    found = await desk.gate.visitor(request)
    if found is None or not found[1].tenants:
        return None
    session, person = found
    wanted = request.query_params.get("tenant", "")
    # A tenant that is not theirs is none: whoever guesses names learns nothing.
    tenant = wanted if wanted in person.roles else person.tenants[0]
    return Visit(desk, request, person, session, tenant, desk.words(request))
