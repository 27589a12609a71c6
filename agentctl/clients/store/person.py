"""The store as it answers a person who signed in by Supabase Auth: over PostgREST, with their own token.

Row-level security decides what they see; our own key is not in these requests.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from agentctl.calls.wire import aside
from agentctl.clients.awaited import awaited
from agentctl.clients.project_key import PublicKey
from agentctl.clients.refusal import trusts_proxy
from agentctl.clients.store.wire import encoded, refusal
from agentctl.clients.trust import trusted
from agentctl.errors import StoreError, StoreSilent, StoreUnavailable, TokenRefused

_SECONDS = 10.0
_CONNECTIONS = 32
_REMEDY = "Check SUPABASE_URL, and that the project is not paused."
_JSON = {"Content-Type": "application/json"}


class PersonalStores:
    """Of one project: the stores of all people have these connections in common."""

    def __init__(self, url: str, key: PublicKey) -> None:
        self.key = key
        self.http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/rest/v1/rpc/",
            headers=_JSON,
            timeout=httpx.Timeout(None, connect=_SECONDS),  # the whole of a call has its own deadline
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            verify=trusted(),
            trust_env=trusts_proxy(httpx.URL(url).host),
            follow_redirects=False,  # a redirect would take the token elsewhere
        )

    def of(self, token: str) -> PersonalStore:
        """That of whoever `token` is of, which only the database can tell."""
        return PersonalStore(self, token)

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()


@dataclass(frozen=True)
class PersonalStore:
    """`call` runs one of the functions public.agentctl_* as that person."""

    stores: PersonalStores = field(repr=False)
    token: str = field(repr=False)

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """Run public.agentctl_`function` and return its JSON; `timeout` in seconds covers everything.

        Raises TokenRefused, NotThere, StoreUnavailable, StoreBehind or StoreError.
        """
        headers = self.stores.key.headers(self.token)
        try:
            async with asyncio.timeout(timeout):
                body = f'{{"args": {await encoded(args)}}}'
                with awaited(lambda: f"No answer came to {function} at {self.stores.http.base_url.host}."):
                    answer = await self.stores.http.post(f"agentctl_{function}", content=body, headers=headers)
                told = await aside(len(answer.content), _read, answer.content)
        except TimeoutError:
            raise StoreSilent(f"Supabase did not answer within {timeout:g} s ({function})", _REMEDY) from None
        except httpx.HTTPError as error:
            raise StoreUnavailable(f"no connection to Supabase ({type(error).__name__})", _REMEDY) from None
        if not answer.is_success:
            raise _refused(function, answer.status_code, told)
        # All our functions return objects, lists or null.
        if not isinstance(told, dict | list | None):
            raise StoreError("what answers at SUPABASE_URL is not a Supabase project", _REMEDY)
        return told


def _refused(function: str, status: int, told: Any) -> StoreError:
    """`details` holds the failing row and goes nowhere."""
    code, message = (told.get("code"), told.get("message")) if isinstance(told, dict) else (None, None)
    if status == 401:
        # PostgREST's own, and the gateway's for a key that it does not know.
        kind = TokenRefused if code else StoreError
        return kind("Supabase does not take this sign-in", "Sign in again; if it comes back, check the key.")
    if code == "":  # with whatever status, when its connection to the database breaks in the middle
        return StoreSilent("Supabase lost its connection to the database", _REMEDY)
    return refusal(function, str(code or status), str(message or ""), remedy=_REMEDY)


def _read(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except (ValueError, RecursionError):
        return ""  # a page
