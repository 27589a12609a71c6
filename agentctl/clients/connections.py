"""httpx's connections to one host, each in a pool of its own: hundreds of small requests in a row cost a third.

httpx's one pool of 32 spends milliseconds of processor time on a request when all are under way (httpcore 1.0.9,
measured): at each it asks every connection whether it is idle, expired or closed. How many are under way is the pace's
business, so that a pool has nothing to decide: whoever sends takes a free one.
"""

from __future__ import annotations

import ssl
from urllib.request import getproxies, proxy_bypass

import httpx

from agentctl.clients.refusal import trusts_proxy
from agentctl.clients.trust import trusted

_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1)


class Connections(httpx.AsyncBaseTransport):
    """As many connections as requests are under way at once, kept open. Answers are read to their end.

    `proxy`: the address of the machine's own, if `url` is reached through one.
    """

    def __init__(self, url: httpx.URL) -> None:
        self.proxy = _proxy(url)
        # Loading the trusted certificates takes 20 ms; a context without any trusts nobody.
        plain = url.scheme == "http" and self.proxy is None
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else trusted()
        self._all: list[httpx.AsyncHTTPTransport] = []
        self._free: list[httpx.AsyncHTTPTransport] = []
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read its answer. Raises httpx's errors, and RuntimeError once they are closed."""
        if self._closed:
            raise RuntimeError("the connections are closed")
        # The one used last is the least likely to have been closed by the server.
        pool = self._free.pop() if self._free else self._another()
        try:
            answer = await pool.handle_async_request(request)
            try:
                await answer.aread()
            finally:
                await answer.aclose()
        finally:
            self._free.append(pool)
        return answer

    async def aclose(self) -> None:
        """Close them all, for good."""
        self._closed = True
        for pool in self._all:
            await pool.aclose()
        self._all.clear()
        self._free.clear()

    def _another(self) -> httpx.AsyncHTTPTransport:
        pool = httpx.AsyncHTTPTransport(verify=self._context, limits=_ONE, proxy=self.proxy)
        self._all.append(pool)
        return pool


def _proxy(url: httpx.URL) -> str | None:
    proxies = getproxies() if trusts_proxy(url.host) else {}
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.host):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
