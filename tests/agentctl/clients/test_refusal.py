import httpx
import pytest
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.clients.llm import ChatCompletions
from agentctl.clients.mail import ResendRoute
from agentctl.clients.refusal import clean, json_of, moved, refused, trusts_proxy
from agentctl.clients.twilio import Twilio
from agentctl.errors import ApiError, ConfigurationError, NotFound, RateLimited, Rejected, Unauthorized
from agentctl.secrecy.veil import Veil


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (409, Rejected),
        (413, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (304, ApiError),
    ],
)
def test_the_class_follows_the_status(status: int, kind: type[ApiError]) -> None:
    error = refused("GET /x", status, "because", "do this", code="a_code", request_id="req_1")
    assert type(error) is kind
    assert (error.status, error.code, error.request_id) == (status, "a_code", "req_1")
    assert error.message == f"GET /x: {status} a_code (because) [request req_1]"
    assert error.hint == "do this"


def test_a_vendors_text_cannot_drive_the_terminal_or_fill_it_or_show_the_key() -> None:
    text = clean("\x1b[31mkey sk_123 is\r\nwrong\u202e" + "x" * 5000, Veil("sk_123"))
    assert text.startswith("[31mkey *** is wrong")
    assert len(text) < 700
    assert text.isprintable()


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 200_000])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        json_of(httpx.Response(200, content=body))


def test_a_redirect_names_where_it_leads_and_not_what_it_carries() -> None:
    answer = httpx.Response(302, headers={"location": "https://user:pw@login.example/?token=abc"})
    error = moved("GET /x", answer, "api.example", "ELEVENLABS_BASE_URL")
    assert "login.example" in error.message
    assert "token" not in str(error)
    assert "pw" not in str(error)


@pytest.mark.parametrize(
    ("host", "trusted"),
    [("api.elevenlabs.io", True), ("10.0.0.1", True), ("localhost", False), ("127.0.0.1", False), ("::1", False)],
)
def test_a_proxy_is_not_asked_for_this_machine(host: str, trusted: bool) -> None:
    assert trusts_proxy(host) is trusted


def test_a_redirect_to_nowhere_is_survived() -> None:
    for location in ("", "http://[", "/login"):
        error = moved("GET /x", httpx.Response(302, headers={"location": location}), "api.example", "X")
        assert "redirects (302)" in error.message


@pytest.mark.parametrize("proxy", ["http://u:canary@127.0.0.1:xx", "foo://u:canary@x", "://", "http://"])
def test_a_proxy_that_cannot_be_one_is_told_without_its_password(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    for make in (
        lambda: ElevenLabs("https://api.example.org", SecretStr("sk_test")),
        lambda: Twilio("https://api.example.org", "AC" + "0" * 32, SecretStr("token")),
        lambda: ChatCompletions("https://api.example.org/v1", "m", "key"),
        lambda: ResendRoute("re_key", "a@example.org"),
    ):
        with pytest.raises(ConfigurationError) as caught:
            make()
        assert "HTTPS_PROXY: is no address of a proxy" in str(caught.value)
        assert "canary" not in str(caught.value)
    assert not trusts_proxy("127.0.0.1")
    monkeypatch.setenv("HTTPS_PROXY", "u:canary@proxy.example:8080")
    assert trusts_proxy("api.example.org")


def test_half_a_character_is_taken_as_it_comes() -> None:
    body = b'{"message": "cut \\ud83d off", "whole": "\\ud83d\\ude00"}'
    assert json_of(httpx.Response(200, content=body)) == {"message": "cut \ud83d off", "whole": "\U0001f600"}
