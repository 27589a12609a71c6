"""The cookies of the console: the session's, and what somebody likes the pages to look like."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

_SESSION, _SECURE_SESSION = "agentctl", "__Host-agentctl"
_LIKING = {"language": "agentctl_language", "theme": "agentctl_theme"}
_YEAR = 365 * 24 * 3600


def session(request: Request) -> str:
    """What the session's cookie says; empty without one."""
    return request.cookies.get(_name(request), "")


def keep_session(response: Response, request: Request, value: str) -> None:
    """It lasts until the browser is closed, or the session ends."""
    response.set_cookie(_name(request), value, path="/", secure=_secure(request), httponly=True, samesite="lax")


def drop_session(response: Response, request: Request) -> None:
    """Forget it there."""
    response.delete_cookie(_name(request), path="/", secure=_secure(request), httponly=True, samesite="lax")


def liking(request: Request, what: str) -> str:
    """Of `language` or `theme`, what was chosen; empty: nothing was."""
    return request.cookies.get(_LIKING[what], "")


def keep_liking(response: Response, request: Request, what: str, value: str) -> None:
    """For a year."""
    secure = _secure(request)
    response.set_cookie(_LIKING[what], value, _YEAR, path="/", secure=secure, httponly=True, samesite="lax")


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request) -> str:
    # The prefix binds it to this host and to TLS (RFC 6265bis, 4.1.3.2); a laptop's own address has none.
    return _SECURE_SESSION if _secure(request) else _SESSION
