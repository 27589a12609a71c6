import base64
import logging
import traceback
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
import respx
from pydantic import SecretStr

from agentctl.clients.retry import Retry
from agentctl.clients.twilio import ROUTING, Account, IncomingNumber, Twilio
from agentctl.errors import AgentctlError, ApiError, NotFound, RateLimited, Rejected, Unauthorized, Unreachable

pytestmark = pytest.mark.anyio

HOST = "https://api.twilio.example"
SID = "AC" + "0" * 32
KEY_SID = "SK" + "1" * 32
NUMBER_SID = "PN" + "2" * 32
TOKEN = SecretStr("topsecret")
PHONE = "+498999998100"
ENTRY = {
    "sid": NUMBER_SID,
    "phone_number": PHONE,
    "friendly_name": "Empfang",
    "voice_url": "https://old.example/voice",
    "voice_method": "GET",
    "voice_fallback_url": "https://old.example/fallback",
    "voice_fallback_method": "POST",
    "status_callback": "https://old.example/status",
    "status_callback_method": "POST",
    "sms_url": None,
    "sms_method": "POST",
    "sms_fallback_url": "",
    "sms_fallback_method": None,
    "voice_application_sid": "",
    "sms_application_sid": None,
    "trunk_sid": None,
    "capabilities": {"voice": True},
}


async def no_sleep(_: float) -> None:
    return None


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    async with Twilio(HOST, SID, TOKEN, retry=Retry(sleep=no_sleep)) as client:
        yield client


@pytest.fixture
def wire() -> Any:
    with respx.mock(base_url=f"{HOST}/2010-04-01/Accounts/{SID}") as router:
        yield router


def sent(route: respx.Route) -> dict[str, list[str]]:
    return parse_qs(route.calls.last.request.content.decode(), keep_blank_values=True)


async def test_finds_the_number_with_its_whole_routing(twilio: Twilio, wire: respx.MockRouter) -> None:
    route = wire.get("/IncomingPhoneNumbers.json").respond(json={"incoming_phone_numbers": [ENTRY]})
    number = await twilio.find_number(PHONE)
    assert isinstance(number, IncomingNumber)
    assert number.sid == NUMBER_SID
    assert tuple(number.routing()) == ROUTING
    assert len(ROUTING) == 13
    assert number.routing()["voice_url"] == "https://old.example/voice"
    assert number.routing()["sms_url"] == ""
    request = route.calls.last.request
    assert request.url.params["PhoneNumber"] == PHONE
    assert request.headers["authorization"] == "Basic " + base64.b64encode(f"{SID}:topsecret".encode()).decode()


@pytest.mark.parametrize("found", [[], [{**ENTRY, "phone_number": f"{PHONE}9"}], ["odd"]])
async def test_a_number_that_is_not_in_the_account_is_none(
    twilio: Twilio, wire: respx.MockRouter, found: list[Any]
) -> None:
    wire.get("/IncomingPhoneNumbers.json").respond(json={"incoming_phone_numbers": found})
    assert await twilio.find_number(PHONE) is None


async def test_an_api_key_signs_in_for_the_account(wire: respx.MockRouter) -> None:
    route = wire.get("/IncomingPhoneNumbers.json").respond(json={"incoming_phone_numbers": []})
    async with Twilio(HOST, SID, TOKEN, key_sid=KEY_SID) as twilio:
        assert await twilio.account() == Account(SID, "", "")
    expected = "Basic " + base64.b64encode(f"{KEY_SID}:topsecret".encode()).decode()
    assert route.calls.last.request.headers["authorization"] == expected


async def test_the_account_has_a_name_and_a_status(twilio: Twilio) -> None:
    with respx.mock:
        respx.get(f"{HOST}/2010-04-01/Accounts/{SID}.json").respond(
            json={"sid": SID, "friendly_name": "Beispiel GmbH", "status": "active"}
        )
        assert await twilio.account() == Account(SID, "Beispiel GmbH", "active")


async def test_update_sends_the_given_fields_and_nothing_else(twilio: Twilio, wire: respx.MockRouter) -> None:
    route = wire.post(f"/IncomingPhoneNumbers/{NUMBER_SID}.json").respond(json=ENTRY)
    number = await twilio.update_number(NUMBER_SID, voice_fallback_url="https://old.example/flow", sms_url="")
    assert sent(route) == {"VoiceFallbackUrl": ["https://old.example/flow"], "SmsUrl": [""]}
    assert number.sid == NUMBER_SID


async def test_a_saved_routing_is_restored_whole(twilio: Twilio, wire: respx.MockRouter) -> None:
    wire.get("/IncomingPhoneNumbers.json").respond(json={"incoming_phone_numbers": [ENTRY]})
    route = wire.post(f"/IncomingPhoneNumbers/{NUMBER_SID}.json").respond(json=ENTRY)
    saved = await twilio.find_number(PHONE)
    assert saved is not None
    await twilio.update_number(NUMBER_SID, **saved.routing())
    assert sent(route) == {
        "VoiceUrl": ["https://old.example/voice"],
        "VoiceMethod": ["GET"],
        "VoiceFallbackUrl": ["https://old.example/fallback"],
        "VoiceFallbackMethod": ["POST"],
        "StatusCallback": ["https://old.example/status"],
        "StatusCallbackMethod": ["POST"],
        "SmsUrl": [""],
        "SmsMethod": ["POST"],
        "SmsFallbackUrl": [""],
        "VoiceApplicationSid": [""],
        "SmsApplicationSid": [""],
        "TrunkSid": [""],
    }


@pytest.mark.parametrize(
    ("held", "wire_name", "other"),
    [("trunk_sid", "TrunkSid", "VoiceApplicationSid"), ("voice_application_sid", "VoiceApplicationSid", "TrunkSid")],
)
async def test_a_trunk_and_an_application_do_not_clear_each_other(
    twilio: Twilio, wire: respx.MockRouter, held: str, wire_name: str, other: str
) -> None:
    route = wire.post(f"/IncomingPhoneNumbers/{NUMBER_SID}.json").respond(json=ENTRY)
    await twilio.update_number(NUMBER_SID, **{"trunk_sid": "", "voice_application_sid": "", held: "XX1"})
    assert sent(route)[wire_name] == ["XX1"]
    assert other not in sent(route)


async def test_an_update_sets_values_and_so_may_be_repeated(twilio: Twilio, wire: respx.MockRouter) -> None:
    route = wire.post(f"/IncomingPhoneNumbers/{NUMBER_SID}.json").mock(
        side_effect=[httpx.Response(503), httpx.ReadTimeout("x"), httpx.Response(200, json=ENTRY)]
    )
    await twilio.update_number(NUMBER_SID, voice_url="https://x.example")
    assert route.call_count == 3


async def test_a_field_that_is_no_routing_is_a_mistake(twilio: Twilio, wire: respx.MockRouter) -> None:
    with pytest.raises(TypeError, match="voice_uri"):
        await twilio.update_number(NUMBER_SID, voice_uri="https://x.example")
    assert not wire.calls


@pytest.mark.parametrize("wrong", ["", "../x", "PN1", NUMBER_SID + "0"])
async def test_what_is_no_sid_is_never_sent(twilio: Twilio, wire: respx.MockRouter, wrong: str) -> None:
    with pytest.raises(Rejected):
        await twilio.update_number(wrong, voice_url="https://x.example")
    assert not wire.calls


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, {"code": 20003, "message": "Authenticate", "status": 401}, Unauthorized, "20003"),
        (404, {"code": 20404, "message": "not found", "status": 404}, NotFound, "20404"),
        (400, {"code": 21502, "message": "Invalid VoiceUrl"}, Rejected, "21502"),
        (429, {"code": 20429, "message": "Too Many Requests"}, RateLimited, "20429"),
    ],
)
async def test_a_refusal_carries_twilios_code_and_words(
    twilio: Twilio, wire: respx.MockRouter, status: int, body: Any, kind: type[ApiError], code: str
) -> None:
    wire.get("/IncomingPhoneNumbers.json").respond(status, json=body)
    with pytest.raises(ApiError, match=body["message"]) as caught:
        await twilio.find_number(PHONE)
    assert type(caught.value) is kind
    assert caught.value.code == code


@pytest.mark.parametrize(("key_sid", "variable"), [(None, "TWILIO_AUTH_TOKEN"), (KEY_SID, "TWILIO_API_KEY_SECRET")])
async def test_wrong_credentials_are_answered_with_the_variable_to_check(
    wire: respx.MockRouter, key_sid: str | None, variable: str
) -> None:
    wire.get("/IncomingPhoneNumbers.json").respond(401, json={"code": 20003, "message": "Authenticate"})
    async with Twilio(HOST, SID, TOKEN, key_sid=key_sid) as twilio:
        with pytest.raises(Unauthorized) as caught:
            await twilio.find_number(PHONE)
    assert variable in caught.value.hint


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>Login</h1>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={}),
        httpx.Response(404, html="nothing here"),
        httpx.Response(302, headers={"location": "https://evil.example"}),
    ],
)
async def test_another_servers_answer_is_an_error_and_never_a_missing_number(
    twilio: Twilio, wire: respx.MockRouter, answer: httpx.Response
) -> None:
    wire.get("/IncomingPhoneNumbers.json").mock(return_value=answer)
    with pytest.raises(ApiError) as caught:
        await twilio.find_number(PHONE)
    assert type(caught.value) is ApiError


@pytest.mark.parametrize("fault", [httpx.Response(503), httpx.ConnectError("x")])
async def test_no_usable_answer_names_the_host(twilio: Twilio, wire: respx.MockRouter, fault: Any) -> None:
    wire.get("/IncomingPhoneNumbers.json").mock(side_effect=[fault] * 5)
    with pytest.raises(Unreachable, match=r"api\.twilio\.example"):
        await twilio.find_number(PHONE)


async def test_the_secret_is_nowhere_to_be_seen(
    twilio: Twilio, wire: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    wire.get("/IncomingPhoneNumbers.json").respond(401, json={"code": 20003, "message": "topsecret is wrong"})
    with caplog.at_level(logging.DEBUG), pytest.raises(AgentctlError) as caught:
        await twilio.find_number(PHONE)
    shown = "".join(traceback.format_exception(caught.value)) + repr(twilio) + caplog.text
    assert "topsecret" not in shown
