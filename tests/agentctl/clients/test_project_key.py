from __future__ import annotations

import pytest

from agentctl.clients.project_key import ProjectKey
from agentctl.errors import ConfigurationError
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
