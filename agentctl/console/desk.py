"""What all pages share: the project, the gate, templates, and the hub of what happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from agentctl.calls.tenant import OPERATOR
from agentctl.console import cookies, view
from agentctl.console.checks import Checks
from agentctl.console.gate import Gate
from agentctl.console.kept import Kept
from agentctl.console.live import Hub
from agentctl.console.person import Role
from agentctl.console.states import States
from agentctl.console.syncing import Runs
from agentctl.console.telling import sorts
from agentctl.console.wording import Words, chosen
from agentctl.errors import AgentctlError, StoreError, UsageError
from agentctl.wiring import Control

if TYPE_CHECKING:
    from jinja2 import Environment

_COPIES = 2  # of recordings at once: each is on the disk while it is sent
_COUNTS = 2  # at once: each takes a connection, and the store's processor for seconds, which deliveries need, too

Made = TypeVar("Made")


@dataclass
class Desk:
    """`control`: the server's own, for what a person was allowed to do. `nav`: the menu. `counting`: held by who
    counts all calls, `copying` by who has a recording fetched, `making` by who makes what is large.
    """

    control: Control
    hub: Hub
    nav: Sequence[tuple[str, str, Role]]
    runs: Runs = field(init=False)
    gate: Gate = field(init=False)
    states: States = field(init=False)
    checks: Checks = field(init=False)
    kept: Kept = field(default_factory=Kept)
    counting: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_COUNTS))
    copying: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_COPIES))
    making: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def __post_init__(self) -> None:
        self.runs = Runs(self.control, self.hub.tell)
        self.states = States(self.control, self.kept)
        self.checks = Checks(self.control)
        self.hub.heard = self._heard

    def _heard(self, events: Collection[str]) -> None:
        if "assistants" in events:
            for what in ("states", "numbers"):
                self.kept.forget(what)

    async def aside(self, make: Callable[..., Made], *args: Any) -> Made:
        """`make(*args)` in a thread, so that no delivery has to wait until a page of a megabyte is written.

        One at a time: the interpreter runs one thread at a time, so that two would be done no sooner, and a delivery
        would wait for both to let it through.
        """
        async with self.making:
            return await asyncio.to_thread(make, *args)

    @cached_property
    def templates(self) -> Environment:
        """Read once; the words in them are the visit's."""
        return view.templates()

    @cached_property
    def zone(self) -> ZoneInfo:
        """Where the project has its calls told; UTC where it does not say, or names none that this machine knows."""
        try:
            defaults = self.control.project.defaults if self.control.has_project else {}
            return ZoneInfo(defaults.get("post_call", {}).get("timezone") or "UTC")
        except (KeyError, ValueError, OSError, AgentctlError):
            return ZoneInfo("UTC")

    def known_host(self, request: Request) -> bool:
        """As the gate has it."""
        return self.gate.known_host(request)

    def words(self, request: Request) -> Words:
        """In the language that was chosen, else in the browser's."""
        return chosen(request.headers.get("accept-language", ""), cookies.liking(request, "language"))

    def refusal(self, request: Request, status: int, words: str) -> Response:
        """A page that says why not, to whoever asks."""
        said = self.words(request)
        return self._plain(request, said(f"{words}.title"), said(f"{words}.text"), status)

    def trouble(self, request: Request, error: AgentctlError) -> Response:
        """A page for what failed. What the store said is for whoever runs the console, if it is known that they ask."""
        asked_wrongly = 400 if isinstance(error, UsageError) else 502
        status = 503 if isinstance(error, StoreError) else asked_wrongly
        said = self.words(request)
        sort = next(one for one in (*sorts(error), "other") if one in said.table["trouble"])
        own = OPERATOR in getattr(request.state, "tenants", ())
        detail = self.control.veil(str(error)) if own or not isinstance(error, StoreError) else ""
        title, text = said(f"trouble.{sort}.title"), said(f"trouble.{sort}.text")
        return self._plain(request, title, text, status, detail=detail)

    def alone(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page of that template, for somebody who may not be in."""
        page = self.templates.get_template(template)
        theme = cookies.liking(request, "theme")
        return HTMLResponse(page.render(words=self.words(request), theme=theme, **values), status)

    def _plain(self, request: Request, title: str, text: str, status: int, *, detail: str = "") -> Response:
        return self.alone(request, "plain.html.j2", status, title=title, text=text, detail=detail)
