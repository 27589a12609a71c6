"""A held call shows what was pushed, reaches only whom it would really reach, and is delivered as documented."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from agentctl.sandbox.harness import BlockingSandbox
from tests.agentctl.sandbox.door import Door

NUMBER = "+498999998100"


def _conversation(api: httpx.Client, call: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = api.get(f"/v1/convai/conversations/{call['conversation_id']}").json()
    return found


def _said(conversation: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(turn["role"], turn["message"]) for turn in conversation["transcript"]]


def test_what_comes_back_shows_what_was_pushed(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str]
) -> None:
    call = sandbox.call(to_number=NUMBER, from_number="+498999998555")
    conversation = _conversation(api, call)
    said = _said(conversation)
    assert said[0] == ("agent", "Guten Tag, Beispiel GmbH, hier spricht eine KI. Ihre Nummer: +498999998555")
    told = str(said[2][1])
    assert "Montag bis Freitag von 8 bis 17 Uhr." in told
    assert "„Empfang“" in told
    assert "Empfang der Beispiel GmbH" in told
    assert conversation["transcript"][2]["used_static_kb_document_ids"] == [reception["document_id"]]
    chunk = conversation["transcript"][2]["rag_retrieval_info"]["chunks"][0]
    assert chunk["document_id"] == reception["document_id"]
    assert said[-1] == ("agent", None)
    assert conversation["transcript"][-2]["tool_calls"][0]["tool_name"] == "end_call"
    assert conversation["metadata"]["phone_call"]["agent_number"] == NUMBER
    assert conversation["version_id"] == api.get(f"/v1/convai/agents/{reception['agent_id']}").json()["version_id"]


def test_the_analysis_fills_every_declared_item(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str]
) -> None:
    analysis = _conversation(api, sandbox.call(to_number=NUMBER))["analysis"]
    values = {key: item["value"] for key, item in analysis["data_collection_results"].items()}
    assert values == {
        "action_items": "Rückruf zum Angebot | Erika Muster | morgen 10 Uhr",
        "callback_wanted": True,
        "caller_name": "Erika Muster",
        "urgency": None,
    }
    assert "Erika Muster" in analysis["transcript_summary"]
    assert analysis["call_successful"] == "success"


def test_the_summary_follows_its_own_language(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str]
) -> None:
    body = {"platform_settings": {"summary_language": "en"}}
    api.patch(f"/v1/convai/agents/{reception['agent_id']}", json=body)
    assert "called" in _conversation(api, sandbox.call(to_number=NUMBER))["analysis"]["transcript_summary"]


def test_other_lines_lead_to_other_answers(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str]
) -> None:
    lines = ["Wie ist die Anfahrt zu Ihnen?", "Was kostet ein Raumschiff?", "Tschüss!"]
    conversation = _conversation(api, sandbox.call(to_number=NUMBER, lines=lines))
    said = [message for _role, message in _said(conversation)]
    assert "Musterweg 1" in str(said[2])
    assert said[4] == "Dazu liegt mir leider nichts vor; ich gebe Ihre Frage weiter."
    assert conversation["analysis"]["data_collection_results"]["action_items"]["value"] is None


def test_an_english_agent_is_called_in_english(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    body = {"name": "Desk", "conversation_config": {"agent": {"first_message": "Hello, I am an AI."}}}
    agent_id = api.post("/v1/convai/agents/create", json=body).json()["agent_id"]
    conversation = _conversation(api, sandbox.call(agent_id=agent_id))
    assert ("user", "Hello, this is Erika Muster. When are you open?") in _said(conversation)
    assert conversation["metadata"]["phone_call"] is None
    assert conversation["metadata"]["main_language"] == "en"


def test_every_key_of_a_real_looking_event_is_there(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str]
) -> None:
    path = Path(__file__).parents[2] / "samples" / "post_call_transcription.json"
    sample = json.loads(path.read_text(encoding="utf-8"))["data"]
    ours = _conversation(api, sandbox.call(to_number=NUMBER))
    assert set(sample) <= set(ours)
    assert set(sample["metadata"]) <= set(ours["metadata"])
    assert set(sample["metadata"]["charging"]) <= set(ours["metadata"]["charging"])
    assert set(sample["analysis"]) <= set(ours["analysis"])
    assert set(sample["transcript"][0]) <= set(ours["transcript"][0])


@pytest.mark.parametrize(
    ("twilio", "assigned", "why"),
    [
        ({"VoiceUrl": "https://other.example.org"}, True, "asks https://other.example.org"),
        ({"VoiceUrl": ""}, True, "nobody"),
        ({"TrunkSid": "TK" + "0" * 32}, True, "trunk"),
        ({"VoiceApplicationSid": "AP" + "0" * 32}, True, "application"),
        ({}, False, "has no agent"),
    ],
)
def test_a_call_arrives_only_where_the_number_really_leads(
    api: httpx.Client,
    sandbox: BlockingSandbox,
    reception: dict[str, str],
    twilio: dict[str, str],
    assigned: bool,
    why: str,
) -> None:
    sid = next(iter(sandbox.state()["twilio_numbers"]))
    path = f"/2010-04-01/Accounts/{sandbox.account_sid}/IncomingPhoneNumbers/{sid}.json"
    httpx.post(sandbox.url + path, data=twilio, auth=(sandbox.account_sid, sandbox.auth_token))
    if not assigned:
        api.patch(f"/v1/convai/phone-numbers/{reception['phone_number_id']}", json={"agent_id": None})
    call = sandbox.call(to_number=NUMBER)
    assert (call["conversation_id"], call["reached"], call["deliveries"]) == (None, False, [])
    assert why in call["why"]


def test_an_unknown_number_and_a_wrong_order_are_told(sandbox: BlockingSandbox) -> None:
    assert "not in the Twilio account" in sandbox.call(to_number="+498999998999")["why"]
    with pytest.raises(ValueError, match="there is no agent"):
        sandbox.call(agent_id="agent_x")
    with pytest.raises(ValueError, match="a call has no tonumber"):
        sandbox.call(tonumber="x")


def test_an_import_by_api_key_alone_takes_no_inbound_calls(
    api: httpx.Client, sandbox: BlockingSandbox, make_agent: Any
) -> None:
    options = sandbox.options
    body = {"provider": "twilio", "phone_number": NUMBER, "label": "x", "agent_id": make_agent()}
    body |= {"sid": options.api_key_sid, "token": options.api_key_secret}
    assert api.post("/v1/convai/phone-numbers", json=body).status_code == 200
    assert "account_auth_token" in sandbox.call(to_number=NUMBER)["why"]


def test_events_are_signed_and_carry_the_conversation(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    call = sandbox.call(to_number=NUMBER)
    assert [(item["type"], item["status"]) for item in call["deliveries"]] == [
        ("post_call_audio", 200),
        ("post_call_transcription", 200),
    ]
    for headers, body in door.requests:
        stamp, digest = (part.split("=", 1)[1] for part in headers["elevenlabs-signature"].split(","))
        key = reception["secret"].encode()
        assert hmac.new(key, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest() == digest
    (audio_headers, audio), (_headers, transcript) = door.requests
    assert audio_headers["transfer-encoding"] == "chunked"
    assert "content-length" not in audio_headers
    recording = api.get(f"/v1/convai/conversations/{call['conversation_id']}/audio")
    assert base64.b64decode(json.loads(audio)["data"]["full_audio"]) == recording.content
    assert recording.headers["content-type"] == "audio/mpeg"
    event = json.loads(transcript)
    assert event["type"] == "post_call_transcription"
    assert event["data"] == _conversation(api, call)


def test_no_recording_means_no_audio_event(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str]
) -> None:
    body = {"platform_settings": {"privacy": {"record_voice": False}}}
    api.patch(f"/v1/convai/agents/{reception['agent_id']}", json=body)
    call = sandbox.call(to_number=NUMBER)
    assert [item["type"] for item in call["deliveries"]] == ["post_call_transcription"]
    assert api.get(f"/v1/convai/conversations/{call['conversation_id']}/audio").status_code == 404


def test_zero_retention_leaves_only_the_webhook(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    body = {"platform_settings": {"privacy": {"zero_retention_mode": True}}}
    api.patch(f"/v1/convai/agents/{reception['agent_id']}", json=body)
    call = sandbox.call(to_number=NUMBER, audio=False)
    assert json.loads(door.requests[-1][1])["data"]["transcript"]
    assert api.get(f"/v1/convai/conversations/{call['conversation_id']}").status_code == 404
    assert api.get("/v1/convai/conversations").json()["conversations"] == []


@pytest.mark.parametrize("outcome", ["no-answer", "busy"])
def test_a_call_that_fails_to_start_is_its_own_event(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door, outcome: str
) -> None:
    call = sandbox.call(agent_id=reception["agent_id"], from_number="+498999998555", outcome=outcome)
    event = json.loads(door.requests[-1][1])
    assert event["type"] == "call_initiation_failure"
    assert event["data"]["failure_reason"] == outcome
    assert event["data"]["metadata"]["body"]["To"] == "+498999998555"
    assert event["data"]["metadata"]["body"]["From"] == NUMBER
    assert _conversation(api, call)["status"] == "failed"


def test_only_bound_events_are_sent_and_the_agents_own_binding_wins(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    settings = {"auth_type": "hmac", "name": "workspace", "webhook_url": door.url + "/workspace"}
    other = api.post("/v1/workspace/webhooks", json={"settings": settings}).json()["webhook_id"]
    bound = {"webhooks": {"post_call_webhook_id": other, "events": ["transcript"]}}
    api.patch("/v1/convai/settings", json=bound)
    assert len(sandbox.call(to_number=NUMBER)["deliveries"]) == 2
    off = {"platform_settings": {"workspace_overrides": {"webhooks": {"post_call_webhook_id": None}}}}
    api.patch(f"/v1/convai/agents/{reception['agent_id']}", json=off)
    assert [item["type"] for item in sandbox.call(to_number=NUMBER)["deliveries"]] == ["post_call_transcription"]


def test_copies_and_late_deliveries_are_the_same_event(
    sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    call = sandbox.call(to_number=NUMBER, deliver=False, audio=False)
    assert door.requests == []
    assert [item["status"] for item in sandbox.deliver(call["conversation_id"])] == [200]
    sandbox.call(to_number=NUMBER, copies=2, audio=False)
    assert json.loads(door.requests[-1][1]) == json.loads(door.requests[-2][1])
