"""How people come in: what every gate has to be able to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agentctl.console.person import Person
from agentctl.console.sessions import Session
from agentctl.loopback import is_loopback

# A name or an address with a port, and nothing that another reader of it could take for a name (RFC 3986, 3.2).
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?", re.ASCII | re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


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


def _is_own(host: str) -> bool:
    """Whether the console answers to that name of this machine: those below `localhost` are other programs' on it."""
    return is_loopback(host) and not host.endswith(".localhost")


def host(request: Request) -> str:
    """The name that it was asked under, without a port; empty for what is none, or not the only one."""
    return _asked(request)[0]


def port(request: Request) -> int | None:
    """And the port; None for that of the scheme."""
    return _asked(request)[1]


def is_here(request: Request) -> bool:
    """Whether this machine asked under a name of its own, and for nobody else: what opens its port to others, such as a
    tunnel, may have its name, too, and says for whom it asks.
    """
    peer = request.client.host if request.client else "localhost"  # none: a socket in its file system
    hops = [hop.strip() for value in request.headers.getlist("x-forwarded-for") for hop in value.split(",")]
    return _is_own(host(request)) and all(map(is_loopback, (peer, *hops)))


def from_here(request: Request) -> bool:
    """Whether a browser says that a page of this very host, scheme and port has sent it.

    Browsers send Origin with every POST (https://fetch.spec.whatwg.org/#origin-header); what sends none is no page.
    """
    scheme, separator, authority = request.headers.get("origin", "").partition("://")
    ours, theirs = _asked(request), _read(authority)
    if not (separator and ours[0] and scheme == request.url.scheme):
        return False
    default = _PORTS.get(scheme)
    return (theirs[0], theirs[1] or default) == (ours[0], ours[1] or default)


def _asked(request: Request) -> tuple[str, int | None]:
    told = request.headers.getlist("host")
    return _read(told[0]) if len(told) == 1 else ("", None)


def _read(authority: str) -> tuple[str, int | None]:
    found = _AUTHORITY.fullmatch(authority)
    if found is None or int(found[2] or 0) > 0xFFFF:
        return "", None
    return found[1].strip("[]").lower(), int(found[2]) if found[2] else None
