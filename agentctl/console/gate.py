"""How people come in: what every gate has to be able to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentctl.console.person import Person
from agentctl.console.sessions import Session
from agentctl.loopback import is_loopback


class Gate(Protocol):
    """Whoever came in by it has a session, and is a person as long as that lasts.

    `words`: where what is said at it stands among the words, such as `over`.
    """

    @property
    def words(self) -> str: ...

    def routes(self) -> Sequence[Route]:
        """/enter, and what it needs."""
        ...

    def known_host(self, request: Request) -> bool:
        """Whether it was asked under a name that is ours; a page elsewhere may have its name lead here."""
        ...

    async def visitor(self, request: Request) -> tuple[Session, Person] | None:
        """Who asks, and by which session; None for somebody who did not come in. Raises StoreError."""
        ...

    def settle(self, request: Request, response: Response) -> None:
        """Have the browser keep what it has to show from now on; each answer passes here."""
        ...

    async def leave(self, request: Request, session: Session) -> None:
        """End it. Raises StoreError."""
        ...

    async def close(self) -> None:
        """Nobody comes in any more, and what it has opened is closed."""
        ...


def path(after: str) -> str:
    """A path of ours to go on to, else the start page: `//host` and `/\\host` are other hosts to a browser."""
    return after if after.startswith("/") and not after.startswith(("//", "/\\")) else "/"


def is_own(host: str) -> bool:
    """Whether the console answers to that name of this machine: those below `localhost` are other programs' on it."""
    return is_loopback(host) and not host.endswith(".localhost")


def host(request: Request) -> str:
    """The name that it was asked under, without a port; empty for what is none."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""
