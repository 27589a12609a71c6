"""A double of Supabase Auth, as far as signing in needs it: passwords, mailed links, refresh tokens, signing out.

The genuine server does not run here. Statuses, codes and words are those of supabase/auth (internal/api/token.go,
otp.go, verify.go, logout.go, errors.go, internal/tokens/service.go); its tokens are such as PostgREST takes.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.postgrest import PUBLISHABLE_KEY, signed, token

_REUSE_SECONDS = 10  # SECURITY_REFRESH_TOKEN_REUSE_INTERVAL
_WRONG = "Invalid login credentials"
_KEYS = {PUBLISHABLE_KEY, token("anon")}


class Refusal(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class User:
    """`password` None: has none; `claims`: what of the token the project adds; `code`: what a second factor of the kind
    `factor` shows now, if there is one.
    """

    id: str
    email: str
    password: str | None = None
    confirmed: bool = True
    banned: bool = False
    claims: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    factor: str = "totp"

    @property
    def told(self) -> dict[str, Any]:
        now = "2026-01-01T00:00:00Z"
        return {
            "id": self.id, "aud": "authenticated", "role": "authenticated", "email": self.email, "phone": "",
            "app_metadata": {"provider": "email"}, "user_metadata": {}, "identities": [], "created_at": now,
            "updated_at": now, "is_anonymous": False, "factors": self.factors,
        }  # fmt: skip

    @property
    def factors(self) -> list[dict[str, Any]]:
        told = {"friendly_name": "phone", "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
        begun = {"id": f"{self.id[:-1]}e", "factor_type": "totp", "status": "unverified", **told}
        mine = {"id": f"{self.id[:-1]}f", "factor_type": self.factor, "status": "verified", **told}
        return [begun, mine] if self.code else [begun]


@dataclass
class Refresh:
    """A refresh token: used up once it is revoked."""

    session: str
    parent: str | None
    revoked_at: float | None = None


class Auth:
    """As a transport's handler. `seconds`: how long a token lasts; `refuse` answers, or raises, in place of everything;
    `mails`: to whom, and what the template makes a link of; `requests`: what was asked, as method and path.
    """

    def __init__(self, *users: User, seconds: int = 3600) -> None:
        self.users = {user.email: user for user in users}
        self.seconds = seconds
        self.sessions: dict[str, User] = {}
        self.refreshes: dict[str, Refresh] = {}
        self.accesses: dict[str, str] = {}
        self.links: dict[str, User] = {}
        self.challenges: dict[str, str] = {}
        self.mails: list[tuple[str, str]] = []
        self.requests: list[str] = []
        self.refuse: httpx.Response | Exception | None = None
        self.clock: Callable[[], float] = time.time

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/auth/v1/")
        grant = request.url.params.get("grant_type", "")
        name = f"{path}_{grant}" if grant else "_".join(path.split("/")[::2])
        self.requests.append(name)
        if isinstance(self.refuse, Exception):
            raise self.refuse
        if self.refuse is not None:
            return self.refuse
        if request.headers.get("apikey") not in _KEYS:
            return httpx.Response(401, json={"message": "Invalid API key", "hint": "Double check your key."})
        try:
            answer = getattr(self, f"_{name}", None)
            if answer is None:
                raise Refusal(404, "unknown", "404 page not found")
            body = json.loads(request.content) if request.content else {}
            told = answer(request, body)
        except Refusal as refusal:
            return _refused(request, refusal)
        return httpx.Response(204) if told is None else httpx.Response(200, json=told)

    def _token_password(self, request: httpx.Request, body: dict[str, Any]) -> dict[str, Any]:
        user = self.users.get(body.get("email", "").lower())
        if user is None or user.password is None:
            raise Refusal(400, "invalid_credentials", _WRONG)
        if user.banned:
            raise Refusal(400, "user_banned", "User is banned")
        if body.get("password") != user.password:
            raise Refusal(400, "invalid_credentials", _WRONG)
        if not user.confirmed:
            raise Refusal(400, "email_not_confirmed", "Email not confirmed")
        return self._entered(user)

    def _token_refresh_token(self, request: httpx.Request, body: dict[str, Any]) -> dict[str, Any]:
        name = body.get("refresh_token", "")
        found = self.refreshes.get(name)
        if found is None or found.session not in self.sessions:
            raise Refusal(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
        user = self.sessions[found.session]
        if user.banned:
            raise Refusal(400, "user_banned", "Invalid Refresh Token: User Banned")
        if found.revoked_at is None:
            found.revoked_at = self.clock()
            return self._issued(found.session, name)
        family = {one: held for one, held in self.refreshes.items() if held.session == found.session}
        active, held = next((one, held) for one, held in reversed(family.items()) if held.revoked_at is None)
        if held.parent == name:  # whoever asks could not keep what it was answered
            return self._told(found.session, active)
        if self.clock() - found.revoked_at <= _REUSE_SECONDS:
            return self._issued(found.session, name)
        del self.sessions[found.session]  # the whole family
        raise Refusal(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")

    def _otp(self, request: httpx.Request, body: dict[str, Any]) -> dict[str, Any]:
        user = self.users.get(body.get("email", "").lower())
        if user is None:
            assert body.get("create_user") is False, "nobody gets an account by asking for a link"
            raise Refusal(422, "otp_disabled", "Signups not allowed for otp")
        made = secrets.token_hex(28)
        self.links[made] = user
        back = request.url.params.get("redirect_to", "")
        self.mails.append((user.email, f"{back}?token_hash={made}&type=email"))
        return {}

    def _verify(self, request: httpx.Request, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("type") not in ("email", "magiclink", "signup", "invite", "recovery"):
            raise Refusal(400, "validation_failed", "Invalid email verification type")
        user = self.links.pop(body.get("token_hash", ""), None)
        if user is None or body["type"] not in ("email", "magiclink"):
            raise Refusal(403, "otp_expired", "Email link is invalid or has expired")
        if user.banned:
            raise Refusal(403, "user_banned", "User is banned")
        return self._entered(user)

    def _logout(self, request: httpx.Request, body: dict[str, Any]) -> None:
        session = self._session(request)
        if request.url.params.get("scope") == "local":
            del self.sessions[session]
            return
        user = self.sessions[session]
        self.sessions = {one: held for one, held in self.sessions.items() if held is not user}

    def _user(self, request: httpx.Request, body: dict[str, Any]) -> dict[str, Any]:
        return self.sessions[self._session(request)].told

    def _factors_challenge(self, request: httpx.Request, body: dict[str, Any]) -> dict[str, Any]:
        factor, made = request.url.path.split("/")[-2], str(uuid4())
        if factor not in {one["id"] for one in self.sessions[self._session(request)].factors}:
            raise Refusal(404, "mfa_factor_not_found", "Factor not found")
        self.challenges[made] = factor
        return {"id": made, "type": "totp", "expires_at": int(self.clock()) + 300}

    def _factors_verify(self, request: httpx.Request, body: dict[str, Any]) -> dict[str, Any]:
        session, factor = self._session(request), request.url.path.split("/")[-2]
        if self.challenges.get(body.get("challenge_id", "")) != factor:
            raise Refusal(422, "mfa_factor_not_found", "MFA factor with the provided challenge ID not found")
        if not body.get("code") or body["code"] != self.sessions[session].code:
            raise Refusal(422, "mfa_verification_failed", "Invalid TOTP code entered")
        del self.challenges[body["challenge_id"]]
        self.sessions[session].claims["aal"] = "aal2"
        return self._issued(session, None)

    def _session(self, request: httpx.Request) -> str:
        session = self.accesses.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if session is None:
            raise Refusal(403, "bad_jwt", "invalid JWT: unable to parse or verify signature")
        if session not in self.sessions:
            raise Refusal(403, "session_not_found", "Session from session_id claim in JWT does not exist")
        return session

    def _entered(self, user: User) -> dict[str, Any]:
        session = str(uuid4())
        self.sessions[session] = user
        return self._issued(session, None)

    def _issued(self, session: str, parent: str | None) -> dict[str, Any]:
        made = secrets.token_hex(6)
        self.refreshes[made] = Refresh(session, parent)
        return self._told(session, made)

    def _told(self, session: str, refresh: str) -> dict[str, Any]:
        user, now = self.sessions[session], int(self.clock())
        ends = now + self.seconds
        named = {"sub": user.id, "email": user.email, "role": "authenticated", "aud": "authenticated"}
        access = signed({**named, **user.claims, "session_id": session, "iat": now, "exp": ends, "jti": str(uuid4())})
        self.accesses[access] = session
        return {
            "access_token": access, "token_type": "bearer", "expires_in": self.seconds, "expires_at": ends,
            "refresh_token": refresh, "user": user.told,
        }  # fmt: skip


@dataclass
class Supabase:
    """A project: its Auth is the double, all else is at `rest`, as tests.postgrest has it."""

    auth: Auth
    rest: str

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/auth/v1/"):
            return self.auth(request)
        headers = {name: value for name, value in request.headers.items() if name.lower() != "host"}
        url = f"{self.rest}{request.url.raw_path.decode()}"
        answer = httpx.request(request.method, url, headers=headers, content=request.read(), trust_env=False)
        kept = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
        return httpx.Response(answer.status_code, headers=kept, content=answer.content)


def _refused(request: httpx.Request, refusal: Refusal) -> httpx.Response:
    told: dict[str, Any] = {"code": refusal.status, "error_code": refusal.code, "msg": refusal.message}
    if request.headers.get("x-supabase-api-version", "") >= "2024-01-01":
        told = {"code": refusal.code, "message": refusal.message}
    headers = {"x-sb-error-code": refusal.code, "x-supabase-api-version": "2024-01-01"}
    return httpx.Response(refusal.status, json=told, headers=headers if "message" in told else {})
