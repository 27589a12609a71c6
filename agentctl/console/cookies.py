"""The cookies of the console: the session's, a person's tokens, a form's before there is a session, and what somebody
likes the pages to look like; and a browser's, from which somebody got in before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, takewhile

from starlette.requests import Request
from starlette.responses import Response

_SESSION, _TOKENS, _VISITOR, _DEVICE = "agentctl", "agentctl_tokens", "agentctl_enter", "agentctl_device"
# The prefix binds a cookie to this host and to TLS (RFC 6265bis, 4.1.3.2). A laptop's own address has none, and several
# consoles there: browsers keep one cookie of a name for all ports (RFC 6265, 8.5).
_SECURE_PREFIX = "__Host-"
_PART = 3500  # browsers keep 4096 bytes of a cookie, its name and what is said of it counted in
_LIKING = {"language": "agentctl_language", "theme": "agentctl_theme"}
_YEAR = 365 * 24 * 3600
DEVICE_SECONDS = 180 * 24 * 3600


def session(request: Request) -> str:
    """What the session's cookie says; empty without one."""
    return request.cookies.get(_name(request, _SESSION), "")


def keep_session(response: Response, request: Request, value: str) -> None:
    """It lasts until the browser is closed, or the session ends."""
    _keep(response, request, _SESSION, value)


def drop_session(response: Response, request: Request) -> None:
    """Forget it there."""
    _drop(response, request, _SESSION)


def tokens(request: Request) -> str:
    """What was kept with `keep_tokens`; empty without it."""
    return "".join(request.cookies[name] for name in _parts(request))


def keep_tokens(response: Response, request: Request, value: str) -> None:
    """Like the session, in as many cookies as it takes; those of an earlier value go, as all do for an empty one."""
    parts = [value[at : at + _PART] for at in range(0, len(value), _PART)]
    for number, part in enumerate(parts):
        _keep(response, request, f"{_TOKENS}_{number}", part)
    for number in range(len(parts), len(list(_parts(request)))):
        _drop(response, request, f"{_TOKENS}_{number}")


def visitor(request: Request) -> str:
    """By what somebody is known who is not in yet; empty: by nothing."""
    return request.cookies.get(_name(request, _VISITOR), "")


def keep_visitor(response: Response, request: Request, value: str) -> None:
    """Until the browser is closed."""
    _keep(response, request, _VISITOR, value)


def device(request: Request) -> str:
    """What proves that somebody got in from this browser before; empty without it."""
    return request.cookies.get(_name(request, _DEVICE), "")


def keep_device(response: Response, request: Request, value: str) -> None:
    """For DEVICE_SECONDS, whoever signs out meanwhile."""
    _keep(response, request, _DEVICE, value, DEVICE_SECONDS)


def liking(request: Request, what: str) -> str:
    """Of `language` or `theme`, what was chosen; empty: nothing was."""
    return request.cookies.get(_LIKING[what], "")


def keep_liking(response: Response, request: Request, what: str, value: str) -> None:
    """For a year."""
    secure = _secure(request)
    response.set_cookie(_LIKING[what], value, _YEAR, path="/", secure=secure, httponly=True, samesite="lax")


def _parts(request: Request) -> Iterator[str]:
    names = (_name(request, f"{_TOKENS}_{number}") for number in count())
    return takewhile(request.cookies.__contains__, names)


def _keep(response: Response, request: Request, name: str, value: str, seconds: int | None = None) -> None:
    secure = _secure(request)
    response.set_cookie(_name(request, name), value, seconds, path="/", secure=secure, httponly=True, samesite="lax")


def _drop(response: Response, request: Request, name: str) -> None:
    response.delete_cookie(_name(request, name), path="/", secure=_secure(request), httponly=True, samesite="lax")


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request, name: str) -> str:
    return f"{_SECURE_PREFIX}{name}" if _secure(request) else f"{name}_{request.url.port or 80}"
