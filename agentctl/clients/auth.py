"""Supabase Auth: people sign in by a password or a mailed link, and by a code besides where they have set that up.

Source: supabase/auth, openapi.yaml and internal/api (token.go, otp.go, verify.go, mfa.go, logout.go; errors.go for
refusals, which have a code of their own from the API's version 2024-01-01 on).
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import httpx

from agentctl.clients.project_key import PublicKey
from agentctl.clients.refusal import json_of, moved, refused, trusts_proxy
from agentctl.clients.trust import trusted
from agentctl.errors import ApiError, Unreachable

KINDS = ("email", "magiclink", "invite", "signup", "recovery")  # of links that sign somebody in
_VERSION = {"X-Supabase-Api-Version": "2024-01-01"}
_SECONDS = 10.0
_CONNECTIONS = 16
_FAR = 1e11  # seconds since 1970
_TOKEN = re.compile(r"[A-Za-z0-9._-]+")
_PROJECTS = "Look at the project's settings, Authentication, and that SUPABASE_URL and the key are of one project."


@dataclass(frozen=True)
class Tokens:
    """What a person holds who signed in. `access` is shown to the database, until `ends`, in seconds since 1970;
    `refresh` is exchanged for new ones, once. What is read here of `access` only the database can tell to be genuine.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    person: str = ""
    email: str = field(default="", repr=False)
    ends: float = 0.0

    @classmethod
    def of(cls, access: object, refresh: object) -> Self:
        """Raises ValueError for what are no tokens."""
        if not (isinstance(access, str) and isinstance(refresh, str)):
            raise ValueError("no tokens")
        if not (_TOKEN.fullmatch(access) and _TOKEN.fullmatch(refresh) and access.count(".") == 2):
            raise ValueError("no tokens")
        part = access.split(".")[1]
        try:
            claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        except RecursionError:
            raise ValueError("a token that nobody signs") from None
        if not isinstance(claims, dict) or not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise ValueError("a token of nobody")
        ends = claims.get("exp")
        if not (isinstance(ends, int | float) and 0 <= ends < _FAR):
            raise ValueError("a token without an end")
        return cls(access, refresh, claims["sub"], str(claims.get("email") or ""), float(ends))


class Auth:
    """One project's. What it refuses raises ApiError with its own code, and never with what was sent.

    Unauthorized and Rejected: it is not taken; RateLimited; Unreachable: no answer; any other: not as it should be.
    """

    def __init__(self, url: str, key: PublicKey, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._key = key
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/auth/v1/",
            headers=_VERSION,
            timeout=httpx.Timeout(None, connect=_SECONDS),  # the whole of a request has its own deadline
            limits=httpx.Limits(max_connections=_CONNECTIONS),
            transport=transport,
            verify=trusted(),
            trust_env=trusts_proxy(httpx.URL(url).host),
            follow_redirects=False,  # a redirect would take a password elsewhere
        )

    async def by_password(self, email: str, password: str) -> Tokens:
        """Sign in."""
        body = {"email": email, "password": password}
        return self._tokens(await self._ask("POST", "token", body, {"grant_type": "password"}))

    async def by_link(self, token_hash: str, kind: str) -> Tokens:
        """Sign in by what a mailed link carries, which is used up then; `kind`: one of KINDS."""
        return self._tokens(await self._ask("POST", "verify", {"token_hash": token_hash, "type": kind}))

    async def factors(self, access: str) -> dict[str, str]:
        """What somebody has to show besides, by its id: `totp`, `phone`, `webauthn`; nothing for most people."""
        told = (await self._ask("GET", "user", token=access)).get("factors")
        found = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
        return {str(one.get("id")): str(one.get("factor_type")) for one in found if one.get("status") == "verified"}

    async def by_code(self, access: str, factor: str, code: str) -> Tokens:
        """Tokens that are worth more than `access`, for the code that a person's device shows for that factor."""
        told = await self._ask("POST", f"factors/{quote(factor, safe='')}/challenge", {}, token=access)
        body = {"challenge_id": told.get("id"), "code": code}
        return self._tokens(await self._ask("POST", f"factors/{quote(factor, safe='')}/verify", body, token=access))

    async def again(self, refresh: str) -> Tokens:
        """New tokens for an old one. The same old one gets the same new one as long as that was not used itself, so
        that nobody is signed out because two doors ask at once, or an answer was lost (internal/tokens/service.go).
        """
        return self._tokens(
            await self._ask("POST", "token", {"refresh_token": refresh}, {"grant_type": "refresh_token"})
        )

    async def mail_link(self, email: str, back: str) -> None:
        """Mail a link that leads `back` to somebody who has an account; nobody gets one by this."""
        await self._ask("POST", "otp", {"email": email, "create_user": False}, {"redirect_to": back})

    async def leave(self, access: str) -> None:
        """End the session that this token is of, and no other of that person."""
        await self._ask("POST", "logout", {}, {"scope": "local"}, access)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: dict[str, str] | None = None,
        token: str = "",
    ) -> dict[str, Any]:
        what = f"Supabase Auth, {path.partition('/')[0]}"
        try:
            async with asyncio.timeout(_SECONDS):
                headers = self._key.headers(token)
                answer = await self._http.request(method, path, json=body, params=query or {}, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            reason = "" if isinstance(error, TimeoutError) else f" ({type(error).__name__})"
            raise Unreachable(f"{what}: no answer{reason}", "Try again; is the project paused?") from None
        if answer.status_code >= 500:
            raise Unreachable(f"{what}: {answer.status_code}", "Try again; is the project paused?")
        if answer.is_redirect:
            raise moved(what, answer, self._http.base_url.host, "SUPABASE_URL")
        if not answer.is_success:
            raise self._refused(what, answer)
        return _read(answer)

    def _refused(self, what: str, answer: httpx.Response) -> ApiError:
        told = _read(answer)
        # `error` alone is OAuth's form; a gateway's own refusal has none of these.
        code = next((one for name in ("code", "error_code", "error") if isinstance(one := told.get(name), str)), "")
        if not code and answer.status_code != 429:
            text = f"{what}: {answer.status_code} from the gateway before it"
            return ApiError(text, f"Is {self._key.variable} the key of this project? {_PROJECTS}", status=401)
        return refused(what, answer.status_code, "", _PROJECTS, code=code if code.isascii() else "")

    def _tokens(self, told: dict[str, Any]) -> Tokens:
        try:
            return Tokens.of(told.get("access_token"), told.get("refresh_token"))
        except ValueError:
            raise ApiError("what answers as Supabase Auth gave no tokens", _PROJECTS) from None


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = json_of(answer)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
