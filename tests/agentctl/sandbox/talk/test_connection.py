"""Faults that are ordered for a socket, its log, and its limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from tests.agentctl.sandbox.talk.client import SPEECH, opened, said, settled

PATH = "/v1/convai/conversation"


def test_an_opening_is_refused_as_ordered(sandbox: BlockingSandbox, talker: Any) -> None:
    sandbox.fault(path=PATH, status=503, body={"detail": "busy"}, headers={"Retry-After": "1"})
    agent_id = talker()
    with pytest.raises(InvalidStatus) as refused, opened(sandbox, agent_id):
        pass
    response = refused.value.response
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert b"busy" in (response.body or b"")
    with opened(sandbox, agent_id) as client:
        assert client.begin()


def test_an_opening_is_cut_or_hangs_as_ordered(sandbox: BlockingSandbox, talker: Any) -> None:
    agent_id = talker()
    sandbox.fault(path=PATH, drop="before")
    with pytest.raises((InvalidMessage, ConnectionError, EOFError)), opened(sandbox, agent_id):
        pass
    sandbox.fault(path=PATH, hang=True)
    with pytest.raises(TimeoutError), opened(sandbox, agent_id, open_timeout=0.2):
        pass
    sandbox.fault(path=PATH, drop="after")
    with opened(sandbox, agent_id) as client, pytest.raises(ConnectionClosed) as cut:
        client.hear()
    assert cut.value.rcvd is None


@pytest.mark.parametrize(("drop", "heard"), [("before", 1), ("after", 3)])
def test_a_conversation_is_cut_in_the_middle_and_what_was_said_is_kept(
    sandbox: BlockingSandbox, api: httpx.Client, talker: Any, drop: str, heard: int
) -> None:
    sandbox.fault(method="MESSAGE", path=PATH, query="type=user_message", drop=drop)
    with opened(sandbox, talker()) as client:
        conversation_id = client.begin()
        client.until("agent_response")
        client.say("user_message", text="When are you open?")
        with pytest.raises(ConnectionClosed) as cut:
            client.until("agent_response")
    assert cut.value.rcvd is None
    conversation = settled(api, conversation_id)
    assert len(said(conversation)) == heard
    assert conversation["metadata"]["termination_reason"] == "Client disconnected: 1006"


def test_a_message_is_closed_upon_left_unheard_or_misheard_as_ordered(sandbox: BlockingSandbox, talker: Any) -> None:
    only = {"method": "MESSAGE", "path": PATH, "query": "type=user_message"}
    sandbox.fault(**only, hang=True)
    sandbox.fault(**only, ignore="text")
    sandbox.fault(**only, status=1011, body="Something broke.", delay_ms=1)
    with opened(sandbox, talker()) as client:
        client.begin()
        for text in ("one", "two", "three"):
            client.say("user_message", text=text)
        assert client.until("error")["error_event"]["message"] == "Something broke."
        with pytest.raises(ConnectionClosed) as closed:
            client.hear()
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "Something broke.")
    assert [fault["hits"] for fault in sandbox.faults()] == [1, 1, 1]


def test_the_vendors_protocol_is_taken_and_a_long_reason_cut_to_what_fits(
    sandbox: BlockingSandbox, talker: Any
) -> None:
    sandbox.fault(method="MESSAGE", path=PATH, query="type=user_activity", status=4000, body="ä" * 100)
    with opened(sandbox, talker(), subprotocols=["convai", "bearer.abc"]) as client:
        assert client.connection.subprotocol == "convai"
        client.begin()
        client.say("user_activity")
        with pytest.raises(ConnectionClosed) as closed:
            client.until("never")
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4000, "ä" * 61)


def test_the_log_tells_what_was_said_without_the_sound(sandbox: BlockingSandbox, talker: Any) -> None:
    with opened(sandbox, talker()) as client:
        client.begin()
        client.speak(SPEECH)
        client.say("user_message", text="When are you open?")
        client.until("agent_response")
        client.until("agent_response")
    entries = [entry for entry in sandbox.log() if entry["server"] == "conversation" and "pong" not in str(entry)]
    assert [(entry["method"], entry["query"].get("type"), entry["status"]) for entry in entries][:3] == [
        ("GET", None, 101),
        ("MESSAGE", ["conversation_initiation_client_data"], 200),
        ("MESSAGE", ["user_message"], 200),
    ]
    assert entries[2]["request_body"]["text"] == "When are you open?"
    assert [row["type"] for row in entries[2]["response_body"]][-1] == "agent_response"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("{", 1008),
        ("[]", 1008),
        ('{"type": "user_message", "text": "\\ud800"}', 1008),
        ('{"event_id": NaN}', 1008),
        ("[" * 100_000, 1008),
        ('{"type": "' + "x" * 300_000 + '"}', 1009),
    ],
)
def test_what_is_no_message_or_too_long_ends_it(sandbox: BlockingSandbox, talker: Any, raw: str, code: int) -> None:
    with opened(sandbox, talker()) as client:
        client.begin()
        client.connection.send(raw)
        with pytest.raises(ConnectionClosed) as closed:
            client.until("never")
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


def test_the_longest_message_is_answered_at_once(sandbox: BlockingSandbox, talker: Any) -> None:
    overrides = {"conversation_config_override": {"agent": {"language": True}}}
    with opened(sandbox, talker(overrides=overrides)) as client:
        client.begin(conversation_config_override={"agent": {"language": "de"}})
        client.until("agent_response")
        client.say("user_message", text="rufen sie " * 26_000)
        assert client.until("agent_response")["agent_response_event"]["agent_response"] == "Das habe ich notiert."


@pytest.fixture
def small() -> Iterator[BlockingSandbox]:
    with running_thread(Options(sockets=1, idle_seconds=0.2)) as sandbox:
        yield sandbox


def test_sockets_are_few_and_idle_ones_are_closed(small: BlockingSandbox) -> None:
    body = {"conversation_config": {"agent": {"first_message": ""}}}
    made = httpx.post(f"{small.url}/v1/convai/agents/create", headers={"xi-api-key": small.key}, json=body)
    agent_id = made.json()["agent_id"]
    with opened(small, agent_id) as client, opened(small, agent_id) as second:
        client.begin()
        with pytest.raises(ConnectionClosed, match="Too many conversations"):
            second.begin()
        assert client.until("error")["error_event"]["error_type"] == "transport_receive_timeout"
        with pytest.raises(ConnectionClosed, match="said nothing"):
            client.hear()
    with opened(small, agent_id) as third:
        assert third.begin()
