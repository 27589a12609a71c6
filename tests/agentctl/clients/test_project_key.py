from __future__ import annotations

import pytest

from agentctl.clients.project_key import ProjectKey, PublicKey, public_key
from agentctl.errors import ConfigurationError
from agentctl.settings import Settings
from tests.postgrest import token


def test_a_secret_key_is_sent_as_the_apikey_alone() -> None:
    assert ProjectKey("sb_secret_Geheim").headers == {"apikey": "sb_secret_Geheim"}


def test_a_service_role_key_is_a_bearer_token_too() -> None:
    key = token("service_role")
    assert ProjectKey(key).headers == {"apikey": key, "Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("sb_publishable_Geheim", "is a publishable key"),
        (token("anon"), "is the anon key"),
        (token("authenticated"), "is a key of another role"),
        ("Geheim", "is neither"),
        ("Geheim.Geheim.Geheim", "is neither"),
        ("Geheim.W10.Geheim", "is neither"),
        ("Geheim ü", "characters that no key has"),
        ("", "characters that no key has"),
    ],
)
def test_another_key_is_refused_with_what_to_do(key: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as refused:
        ProjectKey(key)

    text = str(refused.value)
    assert "SUPABASE_SERVICE_ROLE_KEY" in text
    assert "API Keys" in text
    assert "Geheim" not in f"{text} {refused.value!r}"
    assert not key or key not in text


def test_a_key_is_in_no_repr() -> None:
    assert "Geheim" not in repr(ProjectKey("sb_secret_Geheim"))


def test_a_public_key_is_no_token_of_anybody() -> None:
    for value in ("sb_publishable_x", token("anon")):
        key = PublicKey(value, "SUPABASE_PUBLISHABLE_KEY")
        assert key.headers() == {"apikey": value}
        assert key.headers("a.b.c") == {"apikey": value, "Authorization": "Bearer a.b.c"}


@pytest.mark.parametrize("key", ["sb_secret_Geheim", token("service_role"), "Geheim", "Geheim ü"])
def test_a_key_that_may_more_is_no_public_one(key: str) -> None:
    with pytest.raises(ConfigurationError, match="SUPABASE_ANON_KEY") as refused:
        PublicKey(key, "SUPABASE_ANON_KEY")
    assert key not in f"{refused.value} {refused.value!r}"


def test_the_newer_kind_is_taken_before_the_older() -> None:
    newer, older = {"supabase_publishable_key": "sb_publishable_x"}, {"supabase_anon_key": token("anon")}
    assert public_key(Settings()) is None
    for settings, variable in (
        (Settings(**newer, **older), "SUPABASE_PUBLISHABLE_KEY"),
        (Settings(**older), "SUPABASE_ANON_KEY"),
    ):
        found = public_key(settings)
        assert found
        assert found.variable == variable
