"""tests.auth: the double of Supabase Auth satisfies Supabase's own client, which knows nothing of ours."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from supabase_auth import SyncGoTrueClient
from supabase_auth.errors import AuthApiError

from tests.auth import Auth, User
from tests.postgrest import PUBLISHABLE_KEY
from tests.storage_server import served

ANNA = "0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301"
SECRET = "richtig und lang"


@pytest.fixture
def auth() -> Auth:
    return Auth(User(ANNA, "anna@example.org", SECRET), User(ANNA[:-1] + "2", "neu@example.org", SECRET, False))


@pytest.fixture
def client(auth: Auth) -> Iterator[SyncGoTrueClient]:
    with served(auth) as url:
        key = {"apikey": PUBLISHABLE_KEY}
        http = httpx.Client()  # its own asks for HTTP/2, which takes a package more
        with SyncGoTrueClient(url=f"{url}/auth/v1", headers=key, auto_refresh_token=False, http_client=http) as made:
            yield made


def refused(client: SyncGoTrueClient, email: str, password: str) -> tuple[int, str | None]:
    with pytest.raises(AuthApiError) as caught:
        client.sign_in_with_password({"email": email, "password": password})
    return caught.value.status, caught.value.code


def test_passwords(client: SyncGoTrueClient) -> None:
    entered = client.sign_in_with_password({"email": "anna@example.org", "password": SECRET})
    assert entered.user
    assert entered.session
    assert (entered.user.id, entered.session.token_type, entered.session.expires_in) == (ANNA, "bearer", 3600)
    assert refused(client, "anna@example.org", "falsch") == (400, "invalid_credentials")
    assert refused(client, "nobody@example.org", SECRET) == (400, "invalid_credentials")
    assert refused(client, "neu@example.org", SECRET) == (400, "email_not_confirmed")


def test_an_old_token_gives_the_new_one_once_more_and_then_ends_the_session(
    auth: Auth, client: SyncGoTrueClient
) -> None:
    entered = client.sign_in_with_password({"email": "anna@example.org", "password": SECRET}).session
    assert entered
    new = client.refresh_session(entered.refresh_token).session
    assert new
    assert new.refresh_token != entered.refresh_token
    lost = client.refresh_session(entered.refresh_token).session
    assert lost
    assert lost.refresh_token == new.refresh_token

    client.refresh_session(new.refresh_token)
    now = auth.clock()
    auth.clock = lambda: now + 60
    with pytest.raises(AuthApiError) as caught:
        client.refresh_session(entered.refresh_token)
    assert caught.value.code == "refresh_token_already_used"


def test_a_mailed_link_opens_once(auth: Auth, client: SyncGoTrueClient) -> None:
    options = {"should_create_user": False, "email_redirect_to": "https://console.example.org/enter/confirm"}
    client.sign_in_with_otp({"email": "anna@example.org", "options": options})
    with pytest.raises(AuthApiError) as caught:
        client.sign_in_with_otp({"email": "nobody@example.org", "options": options})
    assert caught.value.code == "otp_disabled"
    ((recipient, link),) = auth.mails
    assert recipient == "anna@example.org"
    assert link.startswith("https://console.example.org/enter/confirm?")
    (carried,) = parse_qs(urlsplit(link).query)["token_hash"]
    assert client.verify_otp({"token_hash": carried, "type": "email"}).session
    with pytest.raises(AuthApiError) as caught:
        client.verify_otp({"token_hash": carried, "type": "email"})
    assert (caught.value.status, caught.value.code) == (403, "otp_expired")


def test_who_signs_out_gets_no_new_tokens_and_others_stay(auth: Auth, client: SyncGoTrueClient) -> None:
    first = client.sign_in_with_password({"email": "anna@example.org", "password": SECRET}).session
    assert first
    second = client.sign_in_with_password({"email": "anna@example.org", "password": SECRET}).session
    assert second
    found = client.get_user(second.access_token)
    assert found
    assert found.user.email == "anna@example.org"
    client.sign_out({"scope": "local"})
    with pytest.raises(AuthApiError) as caught:
        client.refresh_session(second.refresh_token)
    assert caught.value.code == "refresh_token_not_found"
    assert client.refresh_session(first.refresh_token).session


def test_a_code_of_a_second_factor(auth: Auth, client: SyncGoTrueClient) -> None:
    auth.users["anna@example.org"].code = "123456"
    client.sign_in_with_password({"email": "anna@example.org", "password": SECRET})
    (factor,) = client.mfa.list_factors().totp
    with pytest.raises(AuthApiError) as caught:
        client.mfa.challenge_and_verify({"factor_id": factor.id, "code": "000000"})
    assert (caught.value.status, caught.value.code) == (422, "mfa_verification_failed")
    client.mfa.challenge_and_verify({"factor_id": factor.id, "code": "123456"})
    assert client.mfa.get_authenticator_assurance_level().current_level == "aal2"
