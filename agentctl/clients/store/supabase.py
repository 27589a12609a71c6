"""The store over a Supabase project's REST interface (PostgREST), with the service key.

The vendor's SDK takes a quarter of a second to import: only `open` does.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import httpx

from agentctl.calls.wire import aside
from agentctl.clients.awaited import awaited
from agentctl.clients.project_key import ProjectKey
from agentctl.clients.refusal import trusts_proxy
from agentctl.clients.store.wire import encoded, refusal
from agentctl.clients.trust import trusted
from agentctl.errors import ConfigurationError, Problem, StoreError, StoreSilent, StoreUnavailable

if TYPE_CHECKING:
    from supabase import AsyncClient

_REMEDY = "Check SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY, and that the project is not paused."
_SECONDS = 10.0  # the SDK's own default is 120


class SupabaseStore:
    """`call` runs one of the functions public.agentctl_* through `.rpc()`."""

    def __init__(self, client: AsyncClient, http: httpx.AsyncClient) -> None:
        self._client = client
        self._http = http

    @classmethod
    async def open(cls, url: str, key: str, *, connections: int = 8) -> Self:
        """Make the client; the first call connects. `key` is the project's secret key (sb_secret_…) or its older
        service_role key.

        Raises ConfigurationError, also for a key of lesser rights, without quoting it.
        """
        headers = ProjectKey(key).headers
        if not re.fullmatch(r"https?://[^\s/?#@]+/?", url):
            problem = Problem("SUPABASE_URL", "is not a project's address")
            raise ConfigurationError([problem], "It has the form https://REF.supabase.co, without a path.")
        from supabase import AsyncClientOptions, acreate_client

        # One pool for all that the SDK does. A redirect would take the key elsewhere.
        http = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=_SECONDS),  # the whole of a call has its own deadline
            limits=httpx.Limits(max_connections=connections),
            follow_redirects=False,
            verify=trusted(),
            trust_env=trusts_proxy(httpx.URL(url).host),
            event_hooks={"response": [_let_go, _refuse_uncoded]},
        )
        options = AsyncClientOptions(
            httpx_client=http, auto_refresh_token=False, persist_session=False, postgrest_client_retry=False
        )
        client = await acreate_client(url, key, options)
        client.options.headers = {**options.headers, **headers}  # the SDK's own send any key as a bearer token
        return cls(client, http)

    def __repr__(self) -> str:
        return f"SupabaseStore({self._client.supabase_url})"

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        """Run public.agentctl_`function` and return its JSON; `timeout` in seconds covers everything.

        Raises StoreUnavailable (also at the deadline, when the work may still be done by the server), StoreBehind
        or StoreError.
        """
        from postgrest import APIError

        try:
            async with asyncio.timeout(timeout):
                text = await encoded(args)
                ours = await aside(len(text), json.loads, text)
                request = self._client.rpc(f"agentctl_{function}", {"args": ours})
                with awaited(lambda: f"No answer came to {function} at {self._client.supabase_url}."):
                    answer = (await request.execute()).data
        except TimeoutError:
            raise StoreSilent(f"Supabase did not answer within {timeout:g} s ({function})", _REMEDY) from None
        except APIError as error:
            # `details` holds the failing row and goes nowhere.
            raise refusal(function, error.code or "", error.message or "", remedy=_REMEDY) from None
        except httpx.HTTPStatusError as error:
            raise refusal(function, str(error.response.status_code), remedy=_REMEDY) from None
        except httpx.HTTPError as error:
            raise StoreUnavailable(f"no connection to Supabase ({type(error).__name__})", _REMEDY) from None
        # All our functions return objects, lists or null; the SDK hands on as text what is not JSON.
        if isinstance(answer, str):
            raise StoreError("what answers at SUPABASE_URL is not a Supabase project", _REMEDY)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()


async def _let_go(response: httpx.Response) -> None:
    """An answer and its stream hold each other in httpx, and the request with them: a recording's parts, sent one by
    one, would stay in memory until Python looks for such circles.
    """
    await response.aread()
    response.stream = httpx.ByteStream(b"")


async def _refuse_uncoded(response: httpx.Response) -> None:
    """Errors that the SDK cannot tell apart, since it drops the status: a gateway's own pages have no code at all.

    PostgREST gives an empty one, with whatever status, when its connection to the database breaks in the middle.
    """
    if response.status_code < 300:
        return
    try:
        code = json.loads(await response.aread()).get("code")
    except (ValueError, AttributeError):
        code = None
    if code == "":
        raise StoreSilent("Supabase lost its connection to the database", _REMEDY)
    if not code:
        response.raise_for_status()
