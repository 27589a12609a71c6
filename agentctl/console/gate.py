"""How people come in: what every gate has to be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.routing import BaseRoute

from agentctl.console.person import Person
from agentctl.console.sessions import Session


class Gate(Protocol):
    """Whoever came in by it has a session, and is a person as long as that lasts."""

    def routes(self) -> Sequence[BaseRoute]:
        """/enter, and what it needs."""
        ...

    def known_host(self, request: Request) -> bool:
        """Whether it was asked under a name that is ours; a page elsewhere may have its name lead here."""
        ...

    async def visitor(self, request: Request) -> tuple[Session, Person] | None:
        """Who asks, and by which session; None for somebody who did not come in. Raises StoreError."""
        ...

    async def leave(self, session: Session) -> None:
        """End it. Raises StoreError."""
        ...


def path(after: str) -> str:
    """A path of ours to go on to, else the start page: `//host` and `/\\host` are other hosts to a browser."""
    return after if after.startswith("/") and not after.startswith(("//", "/\\")) else "/"
