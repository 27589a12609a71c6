"""The Twilio stand-in, spoken to by Twilio's own package and by hand."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from agentctl.sandbox.harness import BlockingSandbox

NUMBER = "+498999998100"


class _Redirected(TwilioHttpClient):
    """Twilio's HTTP client with another host."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(url)
        query = f"?{parts.query}" if parts.query else ""
        return super().request(method, f"{self._base}{parts.path}{query}", *args, **kwargs)


def _client(sandbox: BlockingSandbox, sid: str = "", token: str = "") -> Client:
    return Client(
        sid or sandbox.account_sid,
        token or sandbox.auth_token,
        account_sid=sandbox.account_sid,
        http_client=_Redirected(sandbox.url),
    )


def test_the_vendors_package_finds_and_changes_a_number(sandbox: BlockingSandbox) -> None:
    client = _client(sandbox)
    assert client.api.v2010.accounts(sandbox.account_sid).fetch().status == "active"
    (number,) = client.incoming_phone_numbers.list(phone_number=NUMBER)
    assert number.voice_url == "https://phone.example.org/old-flow"
    changed = number.update(
        voice_url="https://example.org/voice",
        voice_method="GET",
        voice_fallback_url="https://example.org/fallback",
        status_callback="https://example.org/status",
        sms_url="https://example.org/sms",
    )
    assert (changed.voice_url, changed.voice_method) == ("https://example.org/voice", "GET")
    again = client.incoming_phone_numbers(number.sid).fetch()
    assert again.voice_fallback_url == "https://example.org/fallback"
    assert again.status_callback == "https://example.org/status"
    assert again.voice_fallback_method == "POST"


def test_an_api_key_works_too(sandbox: BlockingSandbox) -> None:
    client = _client(sandbox, sandbox.options.api_key_sid, sandbox.options.api_key_secret)
    assert len(client.incoming_phone_numbers.list()) == 1


def test_the_vendors_package_pages_through_many(sandbox: BlockingSandbox) -> None:
    for index in range(7):
        sandbox.add_number(f"+49899999820{index}")
    numbers = _client(sandbox).incoming_phone_numbers.list(page_size=3)
    assert len({number.sid for number in numbers}) == 8


def test_an_empty_value_clears_and_the_rest_stays(sandbox: BlockingSandbox) -> None:
    (number,) = _client(sandbox).incoming_phone_numbers.list()
    number.update(status_callback="https://example.org/status")
    changed = number.update(voice_url="")
    assert (changed.voice_url, changed.status_callback) == ("", "https://example.org/status")


def test_trunk_and_application_exclude_each_other(sandbox: BlockingSandbox) -> None:
    (number,) = _client(sandbox).incoming_phone_numbers.list()
    trunk, application = "TK" + "1" * 32, "AP" + "1" * 32
    assert number.update(trunk_sid=trunk).trunk_sid == trunk
    changed = number.update(voice_application_sid=application)
    assert (changed.voice_application_sid, changed.trunk_sid) == (application, None)


@pytest.mark.parametrize(
    ("form", "code"),
    [({"VoiceUrl": "no url"}, 21402), ({"VoiceMethod": "PUT"}, 21403), ({"TrunkSid": "x"}, 21244)],
)
def test_wrong_values_are_refused_in_twilios_words(sandbox: BlockingSandbox, form: dict[str, str], code: int) -> None:
    sid = next(iter(sandbox.state()["twilio_numbers"]))
    url = f"{sandbox.url}/2010-04-01/Accounts/{sandbox.account_sid}/IncomingPhoneNumbers/{sid}.json"
    answer = httpx.post(url, data=form, auth=(sandbox.account_sid, sandbox.auth_token))
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert set(answer.json()) == {"code", "message", "more_info", "status"}
    assert sandbox.state()["twilio_numbers"][sid]["voice_url"] == "https://phone.example.org/old-flow"


def test_wrong_credentials_and_unknown_numbers(sandbox: BlockingSandbox) -> None:
    with pytest.raises(TwilioRestException) as refused:
        _client(sandbox, token="wrong").api.v2010.accounts(sandbox.account_sid).fetch()
    assert (refused.value.status, refused.value.code) == (401, 20003)
    with pytest.raises(TwilioRestException) as missing:
        _client(sandbox).incoming_phone_numbers("PN" + "0" * 32).fetch()
    assert (missing.value.status, missing.value.code) == (404, 20404)


def test_twilio_requests_are_logged_without_credentials(sandbox: BlockingSandbox) -> None:
    (number,) = _client(sandbox).incoming_phone_numbers.list()
    number.update(voice_url="https://example.org/voice")
    entries = [entry for entry in sandbox.log() if entry["server"] == "twilio"]
    assert entries[-1]["request_form"] == {"VoiceUrl": "https://example.org/voice"}
    assert "authorization" not in entries[-1]["request_headers"]
