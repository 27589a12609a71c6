"""What a person typed, or what was probably meant."""

from __future__ import annotations

import pytest

from agentctl.errors import UsageError
from agentctl.verbs.address import need_e164, need_web_url, need_webhook_url

REAL = "https://api.elevenlabs.io/"
SANDBOX = "http://127.0.0.1:8080/"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("+49 89 9999 8100", "+498999998100"),
        ("0049-89-99998100", "+498999998100"),
        ("+49 (0)89 99998100", "+498999998100"),
    ],
)
def test_a_number_with_spaces_is_answered_with_the_number(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match="is not a number in") as raised:
        need_e164(typed)
    assert raised.value.hint == f"Did you mean {meant}?"


def test_what_is_no_number_is_answered_with_an_example() -> None:
    need_e164("+498999998100")
    with pytest.raises(UsageError) as raised:
        need_e164("Empfang")
    assert "+498999998100" in raised.value.hint


@pytest.mark.parametrize("url", ["https://door.example.org/x", "https://door.example.org:8443/x?y=z"])
def test_https_is_always_good(url: str) -> None:
    need_webhook_url(url, REAL)
    need_webhook_url(url, SANDBOX)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/x", "http://localhost/x", "http://[::1]:8000/", "http://a.localhost/"]
)
def test_this_machine_is_good_for_a_sandbox_only(url: str) -> None:
    need_webhook_url(url, SANDBOX)
    with pytest.raises(UsageError, match="cannot reach"):
        need_webhook_url(url, REAL)


@pytest.mark.parametrize(
    "url",
    [
        "http://door.example.org/",
        "https://user@door.example.org/",
        "https://x/#y",
        "https://x:99999/",
        "https://ä.example/",
    ],
)
def test_what_the_platform_cannot_deliver_to_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        need_webhook_url(url, SANDBOX)


def test_what_is_refused_is_told_without_its_password() -> None:
    with pytest.raises(UsageError, match="is not a web address") as raised:
        need_web_url("URL", "https://user:canary@door example/")
    assert "canary" not in str(raised.value)


def test_a_host_is_found_and_known() -> None:
    assert need_web_url("URL", "http://Door.Example.org:80/") == "door.example.org"
