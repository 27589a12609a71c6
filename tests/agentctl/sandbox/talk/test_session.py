"""From the first message to the conversation in the list and the event at the door."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from agentctl.sandbox.harness import BlockingSandbox
from tests.agentctl.sandbox.door import Door
from tests.agentctl.sandbox.talk.client import END_CALL, EVENTS, SILENCE, SPEECH, opened, said, settled


def test_what_was_said_becomes_a_conversation_and_an_event(
    sandbox: BlockingSandbox, api: httpx.Client, reception: dict[str, str], door: Door
) -> None:
    config = {"conversation": {"client_events": EVENTS}, "agent": {"prompt": {"built_in_tools": END_CALL}}}
    agent = f"/v1/convai/agents/{reception['agent_id']}"
    greeting = {"agent": {"first_message": "Guten Tag, {{firma}}, für {{name}}." + " Willkommen!" * 40}}
    api.patch(agent, json={"conversation_config": config | {"agent": config["agent"] | greeting["agent"]}})
    with opened(sandbox, reception["agent_id"]) as client:
        conversation_id = client.begin(dynamic_variables={"name": "Erika"}, user_id="user_7")
        under_way = api.get(f"/v1/convai/conversations/{conversation_id}").json()
        client.until("agent_response")
        client.say("user_message", text="Wann haben Sie denn geöffnet?")
        answer = client.until("agent_response")["agent_response_event"]["agent_response"]
        client.speak(SPEECH, SPEECH, SILENCE, SILENCE, SILENCE)
        heard = client.until("user_transcript")["user_transcription_event"]["user_transcript"]
        client.until("agent_response")
        client.say("user_message", text="Das war alles, auf Wiederhören!")
        with pytest.raises(ConnectionClosed) as closed:
            client.until("never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    assert (under_way["status"], under_way["analysis"]) == ("in-progress", None)
    assert "Montag bis Freitag von 8 bis 17 Uhr" in answer
    conversation = settled(api, conversation_id)
    turns = said(conversation)
    greeted = conversation["transcript"][0]
    assert greeted["interrupted"]
    assert greeted["original_message"].startswith("Guten Tag, Beispiel GmbH, für Erika. Willkommen!")
    assert len(greeted["message"]) < len(greeted["original_message"])
    assert turns[1] == ("user", "Wann haben Sie denn geöffnet?")
    assert [turn["source_medium"] for turn in conversation["transcript"] if turn["role"] == "user"] == [
        "text", "audio", "text",
    ]  # fmt: skip
    assert heard in dict.fromkeys(message for _, message in turns)
    metadata = conversation["metadata"]
    assert metadata["termination_reason"] == "end_call tool was called."
    assert conversation["user_id"] == "user_7"
    assert conversation["conversation_initiation_client_data"]["dynamic_variables"]["name"] == "Erika"
    assert conversation["analysis"]["transcript_summary"]
    assert api.get(f"/v1/convai/conversations/{conversation_id}/audio").status_code == 200
    events = delivered(door, 2)
    assert [event["type"] for event in events] == ["post_call_audio", "post_call_transcription"]
    assert events[1]["data"] == conversation


def delivered(door: Door, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 10
    while len(door.requests) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    return [json.loads(body) for _headers, body in door.requests]


def test_the_user_may_hang_up_at_any_time(sandbox: BlockingSandbox, api: httpx.Client, talker: Any) -> None:
    with opened(sandbox, talker()) as client:
        conversation_id = client.begin()
    conversation = settled(api, conversation_id)
    assert conversation["status"] == "done"
    assert conversation["metadata"]["termination_reason"] == "Client disconnected: 1000"
    assert said(conversation) == [("agent", "Hello!")]


def test_who_says_nothing_of_the_beginning_has_begun_all_the_same(
    sandbox: BlockingSandbox, api: httpx.Client, talker: Any
) -> None:
    with opened(sandbox, talker()) as client:
        client.say("user_message", text="When are you open?")
        client.until("agent_response")
        client.until("agent_response")


def test_a_wish_that_is_not_allowed_ends_it_with_the_reason(
    sandbox: BlockingSandbox, api: httpx.Client, talker: Any
) -> None:
    with opened(sandbox, talker()) as client:
        conversation_id = client.begin(conversation_config_override={"tts": {"voice_id": "abc"}})
        assert client.until("error")["error_event"]["error_type"] == "override_error"
        with pytest.raises(ConnectionClosed) as closed:
            client.hear()
    assert closed.value.rcvd is not None
    reason = "Override for field 'voice_id' is not allowed by config."
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, reason)
    conversation = settled(api, conversation_id)
    assert conversation["status"] == "failed"
    assert conversation["metadata"]["error"] == {"code": 1008, "reason": reason}


def test_a_wish_that_is_allowed_is_what_the_agent_does(
    sandbox: BlockingSandbox, api: httpx.Client, talker: Any
) -> None:
    overrides = {"conversation_config_override": {"agent": {"first_message": True, "language": True}}}
    agent_id = talker(overrides=overrides)
    wish = {"agent": {"first_message": "Moin, {{name}}!", "language": "de"}}
    with opened(sandbox, agent_id) as client:
        conversation_id = client.begin(conversation_config_override=wish, dynamic_variables={"name": "Erika"})
        assert client.until("agent_response")["agent_response_event"]["agent_response"] == "Moin, Erika!"
    conversation = settled(api, conversation_id)
    data = conversation["conversation_initiation_client_data"]["conversation_config_override"]
    assert data["agent"] == wish["agent"]
    assert conversation["metadata"]["main_language"] == "de"
    assert api.get(f"/v1/convai/agents/{agent_id}").json()["conversation_config"]["agent"]["first_message"] == "Hello!"


def test_without_retention_nothing_is_kept(sandbox: BlockingSandbox, api: httpx.Client, talker: Any) -> None:
    with opened(sandbox, talker(privacy={"zero_retention_mode": True})) as client:
        conversation_id = client.begin()
        assert api.get(f"/v1/convai/conversations/{conversation_id}").status_code == 404


def test_a_reset_ends_conversations_and_keeps_nothing_of_them(
    sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    before = sandbox.state()
    with opened(sandbox, reception["agent_id"]) as client:
        client.begin(dynamic_variables={"firma": "Beispiel GmbH"})
        assert sandbox.reset(before) >= 1
        with pytest.raises(ConnectionClosed) as closed:
            client.until("never")
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "The sandbox was reset.")
    while sandbox.reset(before):
        time.sleep(0.01)
    assert sandbox.state()["conversations"] == {}
    assert door.requests == []
