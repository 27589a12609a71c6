"""A vendor's refusal becomes one of our errors: the class by status, the vendor's words made fit to show."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from typing import Any
from urllib.request import getproxies

import httpx
from pydantic_core import from_json

from agentctl.errors import ApiError, ConfigurationError, NotFound, Problem, RateLimited, Rejected, Unauthorized
from agentctl.loopback import is_loopback

_PROXIES = ("http", "https", "all")
_LONGEST_TEXT = 600
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")


def refused(
    what: str,
    status: int,
    said: str,
    hint: str = "",
    *,
    code: str = "",
    request_id: str = "",
    places: tuple[str, ...] = (),
) -> ApiError:
    """The error for an answer of `status` (300–499) to the request `what`."""
    kind = _kind(status)
    parts = [f"{what}: {status}", code, f"({said})" if said else "", f"[request {request_id}]" if request_id else ""]
    text = " ".join(part for part in parts if part)
    return kind(text, hint or _hint(kind), status=status, code=code, request_id=request_id, places=places)


def clean(text: object, veil: Callable[[str], str] = str) -> str:
    """A vendor's text, fit for our messages: no control characters, not endless, and without a secret that it echoes.

    `veil` takes secrets out of it: `secrecy.veil.Veil`.
    """
    line = veil(str(text))
    line = _UNPRINTABLE.sub(" ", line).strip()
    return line if len(line) <= _LONGEST_TEXT else f"{line[:_LONGEST_TEXT]} …"


def json_of(answer: httpx.Response) -> Any:
    """The answer's JSON. Raises ValueError for anything else, an empty body and one nested beyond reason included."""
    # Three times as fast as the standard library's, and it keeps one copy of a key that all answers have. But it is
    # stricter, as with half a character (\ud800), and nothing says that a platform's texts are so clean.
    with suppress(ValueError):
        return from_json(answer.content)
    try:
        return answer.json()
    except RecursionError:
        raise ValueError("nested too deeply") from None


def not_json(what: str, answer: httpx.Response, host: str, variable: str, veil: Callable[[str], str] = str) -> ApiError:
    """The error for an answer that is not the API's: a web page, a proxy's notice, another server."""
    media = clean(answer.headers.get("content-type", "").partition(";")[0], veil) or "an unnamed type"
    return ApiError(
        f"{what}: {answer.status_code} from {host} is not the API's JSON ({media}, {len(answer.content)} bytes)",
        f"Does {variable} name the API's host, and does no proxy or login page stand before it?",
        status=answer.status_code,
    )


def moved(what: str, answer: httpx.Response, host: str, variable: str, veil: Callable[[str], str] = str) -> ApiError:
    """The error for a redirect, which is never followed: it would carry the key to another host."""
    try:
        target = httpx.URL(answer.headers.get("location", "")).host
    except httpx.InvalidURL:
        target = ""
    return ApiError(
        f"{what}: {host} redirects ({answer.status_code}){f' to {clean(target, veil)}' if target else ''}",
        f"Redirects are not followed, since they would take the key along; set {variable} to the final address.",
        status=answer.status_code,
    )


def trusts_proxy(host: str) -> bool:
    """Whether the machine's proxy settings apply to `host`: a server on this machine is never behind a proxy.

    Raises ConfigurationError where they do and name what cannot be one: the HTTP library's error would quote it.
    """
    if is_loopback(host):
        return False
    wrong = [name for name, proxy in getproxies().items() if name in _PROXIES and not _is_proxy(proxy)]
    if wrong:
        raise ConfigurationError(
            [Problem(f"{name.upper()}_PROXY", "is no address of a proxy, like http://HOST:PORT") for name in wrong],
            "Put it right in the environment, or unset it.",
        )
    return True


def _is_proxy(proxy: str) -> bool:
    try:
        url = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}").url
    except (httpx.InvalidURL, ValueError):
        return False
    return bool(url.host) and (url.scheme in ("http", "https") or find_spec("socksio") is not None)


def _kind(status: int) -> type[ApiError]:
    if status in (401, 403):
        return Unauthorized
    if status == 404:
        return NotFound
    if status == 429:
        return RateLimited
    # 408 says that the server did not get to the end of it, not what it thinks of it.
    return Rejected if 400 <= status < 500 and status != 408 else ApiError


def _hint(kind: type[ApiError]) -> str:
    if kind is RateLimited:
        return "It was tried again as the server asked. Wait a minute and run the same again."
    if kind is NotFound:
        return "It may have been deleted there, or the key is another workspace's."
    if kind is Rejected:
        return "Sent again it would be refused again: put right what the answer names first."
    return ""
