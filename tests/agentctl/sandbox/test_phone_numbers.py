"""Importing, assigning and listing numbers as elevenlabs-contract 3 says."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from agentctl.sandbox.harness import BlockingSandbox

BASE = "/v1/convai/phone-numbers"


def _body(sandbox: BlockingSandbox, **more: Any) -> dict[str, Any]:
    body = {"provider": "twilio", "phone_number": "+498999998100", "label": "Zentrale"}
    return body | {"sid": sandbox.account_sid, "token": sandbox.auth_token} | more


def _at_twilio(sandbox: BlockingSandbox) -> dict[str, Any]:
    found: dict[str, Any] = next(iter(sandbox.state()["twilio_numbers"].values()))
    return found


def test_an_import_rewrites_the_webhooks_at_twilio(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    assert _at_twilio(sandbox)["voice_url"] == "https://phone.example.org/old-flow"
    assert api.post(BASE, json=_body(sandbox, enable_sms=False)).status_code == 200
    number = _at_twilio(sandbox)
    assert number["voice_url"] == "https://api.us.elevenlabs.io/twilio/inbound_call"
    assert number["status_callback"] == "https://api.us.elevenlabs.io/twilio/status-callback"
    assert number["sms_url"] == ""


def test_sms_is_routed_too_unless_switched_off(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    api.post(BASE, json=_body(sandbox))
    assert "elevenlabs.io" in _at_twilio(sandbox)["sms_url"]


def test_credentials_are_never_told_again(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    phone = api.post(BASE, json=_body(sandbox)).json()["phone_number_id"]
    told = api.get(BASE).text + api.get(f"{BASE}/{phone}").text + str(sandbox.log())
    assert sandbox.auth_token not in told
    assert "token" not in api.get(f"{BASE}/{phone}").json()
    assert sandbox.auth_token not in str(sandbox.state())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": "wrong"}, "twilio_authentication_failed"),
        ({"sid": "AC" + "f" * 32}, "twilio_authentication_failed"),
        ({"phone_number": "+498999998999"}, "twilio_number_not_found"),
    ],
)
def test_what_twilio_does_not_know_is_refused(
    api: httpx.Client, sandbox: BlockingSandbox, change: dict[str, str], code: str
) -> None:
    answer = api.post(BASE, json=_body(sandbox) | change)
    assert (answer.status_code, answer.json()["detail"]["code"]) == (400, code)
    assert _at_twilio(sandbox)["voice_url"] == "https://phone.example.org/old-flow"


def test_a_second_import_is_refused(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    api.post(BASE, json=_body(sandbox))
    assert api.post(BASE, json=_body(sandbox)).status_code == 400
    assert len(api.get(BASE).json()) == 1


def test_a_missing_field_is_told(api: httpx.Client) -> None:
    answer = api.post(BASE, json={"phone_number": "+498999998100"})
    missing = {item["loc"][-1] for item in answer.json()["detail"]}
    assert (answer.status_code, missing) == (422, {"label", "sid", "token"})


def test_assigning_labelling_and_unassigning(api: httpx.Client, sandbox: BlockingSandbox, make_agent: Any) -> None:
    agent_id = make_agent("Empfang")
    phone = api.post(BASE, json=_body(sandbox)).json()["phone_number_id"]
    assigned = api.patch(f"{BASE}/{phone}", json={"agent_id": agent_id}).json()
    assert assigned["assigned_agent"]["agent_name"] == "Empfang"
    assert [item["phone_number"] for item in api.get(f"/v1/convai/agents/{agent_id}").json()["phone_numbers"]] == [
        "+498999998100"
    ]
    assert api.patch(f"{BASE}/{phone}", json={"label": "Neu"}).json()["assigned_agent"] is not None
    assert api.patch(f"{BASE}/{phone}", json={"agent_id": None}).json()["assigned_agent"] is None
    assert api.patch(f"{BASE}/{phone}", json={"agent_id": "agent_x"}).status_code == 404


def test_the_old_list_is_bare_and_the_new_one_is_paged(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    sandbox.add_number("+498999998101")
    api.post(BASE, json=_body(sandbox))
    api.post(BASE, json=_body(sandbox, phone_number="+498999998101", label="Zweite"))
    assert isinstance(api.get(BASE).json(), list)
    page = api.get("/v1/convai/v2/phone-numbers", params={"page_size": 1}).json()
    assert (len(page["phone_numbers"]), page["has_more"]) == (1, True)
    one = api.get("/v1/convai/v2/phone-numbers", params={"phone_number": "+498999998101"}).json()
    assert [item["label"] for item in one["phone_numbers"]] == ["Zweite"]


def test_a_deleted_number_leaves_twilio_as_it_is(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    phone = api.post(BASE, json=_body(sandbox)).json()["phone_number_id"]
    assert api.delete(f"{BASE}/{phone}").status_code == 200
    assert api.get(f"{BASE}/{phone}").status_code == 404
    assert "elevenlabs.io" in _at_twilio(sandbox)["voice_url"]
