"""agentctl.clients.auth: what Supabase Auth is asked, and what its refusals mean; the double is tests.auth."""

from __future__ import annotations

import time

import httpx
import pytest

from agentctl.clients.auth import Auth, Tokens
from agentctl.clients.project_key import PublicKey
from agentctl.errors import ApiError, RateLimited, Rejected, Unauthorized, Unreachable
from tests import auth
from tests.postgrest import PUBLISHABLE_KEY, signed

pytestmark = pytest.mark.anyio
ANNA = auth.User("0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301", "anna@example.org", "richtig und lang")
KEY = PublicKey(PUBLISHABLE_KEY, "SUPABASE_PUBLISHABLE_KEY")
BACK = "https://console.example.org/enter/confirm"


async def test_the_whole_way() -> None:
    double = auth.Auth(ANNA)
    client = Auth("https://x.supabase.co/", KEY, transport=httpx.MockTransport(double))
    tokens = await client.by_password("anna@example.org", "richtig und lang")
    assert (tokens.person, tokens.email) == (ANNA.id, "anna@example.org")
    assert 3500 < tokens.ends - time.time() <= 3600
    assert ANNA.email not in repr(tokens)
    assert tokens.access not in repr(tokens)
    new = await client.again(tokens.refresh)
    assert new.refresh != tokens.refresh

    await client.mail_link("anna@example.org", BACK)
    ((_, link),) = double.mails
    assert link.startswith(f"{BACK}?token_hash=")
    linked = await client.by_link(httpx.URL(link).params["token_hash"], "email")
    await client.leave(linked.access)
    assert len(double.sessions) == 1, "that session, and no other"
    await client.close()


async def test_a_second_factor() -> None:
    double = auth.Auth(auth.User(ANNA.id, ANNA.email, ANNA.password, code="123456"))
    client = Auth("https://x.supabase.co", KEY, transport=httpx.MockTransport(double))
    tokens = await client.by_password("anna@example.org", "richtig und lang")
    ((factor, kind),) = (await client.factors(tokens.access)).items()
    assert kind == "totp"
    for wrong in ("000000", ""):
        with pytest.raises(Rejected):
            await client.by_code(tokens.access, factor, wrong)
    assert (await client.by_code(tokens.access, factor, "123456")).person == ANNA.id
    with pytest.raises(Unauthorized):
        await client.factors("a.b.c")
    await client.close()


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            httpx.Response(400, json={"code": "invalid_credentials", "message": "geheim"}),
            Rejected,
            "invalid_credentials",
        ),
        (
            httpx.Response(400, json={"code": 400, "error_code": "user_banned", "msg": "geheim"}),
            Rejected,
            "user_banned",
        ),
        (
            httpx.Response(400, json={"error": "invalid_grant", "error_description": "geheim"}),
            Rejected,
            "invalid_grant",
        ),
        (httpx.Response(403, json={"code": "otp_expired", "message": "geheim"}), Unauthorized, "otp_expired"),
        (httpx.Response(429, json={"code": "over_request_rate_limit"}), RateLimited, "over_request_rate_limit"),
        (httpx.Response(429, text="slow down"), RateLimited, ""),
        (httpx.Response(401, json={"message": "Invalid API key"}), ApiError, ""),
        (httpx.Response(404, text="<h1>geheim</h1>"), ApiError, ""),
        (httpx.Response(200, text="<h1>geheim</h1>"), ApiError, ""),
        (httpx.Response(200, json={"access_token": "a.e30.c", "refresh_token": "geheim"}), ApiError, ""),
        (httpx.Response(200, json={"access_token": None, "refresh_token": "geheim"}), ApiError, ""),
        (httpx.Response(302, headers={"location": "https://evil.example/"}), ApiError, ""),
        (httpx.Response(503, text="geheim"), Unreachable, None),
        (httpx.ConnectError("geheim"), Unreachable, None),
    ],
)
async def test_refusals(answer: httpx.Response | Exception, kind: type[Exception], code: str | None) -> None:
    double = auth.Auth()
    double.refuse = answer
    client = Auth("https://x.supabase.co", KEY, transport=httpx.MockTransport(double))
    with pytest.raises((ApiError, Unreachable)) as caught:
        await client.by_password("anna@example.org", "richtig und lang")
    assert type(caught.value) is kind
    assert getattr(caught.value, "code", None) == code
    told = f"{caught.value!r} {caught.value}"
    for secret in ("geheim", "richtig", "anna@", PUBLISHABLE_KEY):
        assert secret not in told


@pytest.mark.parametrize(
    ("access", "refresh"),
    [
        ("a.b.c", "r"),
        ("..", "r"),
        (signed({"exp": 1}), "r"),
        (signed({"sub": ""}), "r"),
        (signed({"sub": "x"}), "r"),
        (signed({"sub": "x", "exp": "soon"}), "r"),
        (signed({"sub": "x", "exp": 1}), ""),
        (signed({"sub": "x", "exp": 1}), "r; Path=/"),
        ("ü.ü.ü", "r"),
        (None, None),
    ],
)
def test_what_are_no_tokens(access: object, refresh: object) -> None:
    with pytest.raises(ValueError):
        Tokens.of(access, refresh)
