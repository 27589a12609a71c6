"""How the console was reached where a proxy stands before it: over TLS or not, and by whom."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from agentctl.console.gate import host, is_here, port
from agentctl.settings import Settings
from webhooks.source import HEADER, Sources

_SCHEMES = ("http", "https")
_NETWORK = 64  # bits of an IPv6 address that one household or server has


@dataclass(frozen=True)
class Place:
    """Where the console is reached: under the host of `settings.public_url`, and from this machine under its own."""

    settings: Settings

    def known(self, request: Request) -> bool:
        """Whether it was asked under a name that is ours; proxies may leave the port out."""
        url = self.settings.public_url
        return (self._is_public(request) and port(request) in (None, url and url.port)) or is_here(request)

    def scheme(self, request: Request) -> str:
        """What the browser sees: what a trusted proxy says, else what PUBLIC_URL says of its own host, else what this
        connection is.
        """
        told = request.headers.get("x-forwarded-proto", "").rpartition(",")[2].strip().lower()
        if told in _SCHEMES and self._sources.trusts(_peer(request)):
            return told
        url = self.settings.public_url
        return url.scheme if url is not None and self._is_public(request) else str(request.scope["scheme"])

    def whence(self, request: Request) -> str:
        """Who asks, as far as they are told apart: an address, of IPv6 its network; the same for all unknown."""
        found = self._sources.source(_peer(request), request.headers.getlist(HEADER))
        if isinstance(found, ipaddress.IPv6Address):
            return str(ipaddress.ip_network((found, _NETWORK), strict=False))
        return str(found or "")

    def _is_public(self, request: Request) -> bool:
        url = self.settings.public_url
        return url is not None and host(request) == (url.host or "").strip("[]")

    @property
    def _sources(self) -> Sources:
        return Sources(proxies=self.settings.trusted_proxies)


@dataclass(frozen=True)
class Reached:
    """Serves `app` with the scheme that the browser sees: by it cookies are bound to TLS."""

    app: ASGIApp
    place: Place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope["scheme"] = self.place.scheme(Request(scope))
        await self.app(scope, receive, send)


def _peer(request: Request) -> str | None:
    return request.client.host if request.client else None
