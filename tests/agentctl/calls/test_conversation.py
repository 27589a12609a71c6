from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentctl.calls.conversation import parse, parse_failure
from agentctl.errors import Malformed
from tests.agentctl.calls.fakes import conversation, sample
from tests.agentctl.calls.test_wire import json_values


def test_the_complete_sample() -> None:
    call = parse(conversation())
    assert call.conversation_id == "conv_7401k5m9x2p8ec3rqv6dtnhb0fzw"
    assert call.agent_id == "agent_7101k5zvyjhmfg983brhmhkd98n6"
    assert (call.status, call.channel, call.direction) == ("done", "phone", "inbound")
    assert (call.external_number, call.agent_number) == ("+4915100000001", "+498900000000")
    assert call.call_sid == "CA00000000000000000000000000000000"
    assert call.started_at == datetime(2025, 11, 20, 0, 53, 20, tzinfo=UTC)
    assert (call.timezone, call.duration_secs, call.language) == ("Europe/Berlin", 23, "de")
    assert (call.cost_credits, call.cost_fiat) == (155, 0.0309)
    assert (call.successful, call.title) == ("success", "Rückrufbitte Angebot")
    assert call.summary == "Erika Muster bittet um Rückruf zum Angebot; Termin morgen 10 Uhr notiert."
    assert call.collected == {"caller_name": "Erika Muster", "callback_requested": True, "urgency": None}
    assert call.detail["evaluation"]["callback_agreed"]["result"] == "success"
    assert (call.termination_reason, call.failure_reason) == ("Call ended by remote party", None)
    assert call.user_id == "+4915100000001"
    assert call.branch_id == "agtbrch_4401k9p2m6f8e1s9v3tq7wzxn2ha"


def test_turns_keep_their_order_and_tool_turns_without_a_message_stay_turns() -> None:
    turns = parse(conversation()).turns
    assert [turn.position for turn in turns] == [0, 1, 2, 3, 4, 5]
    assert [turn.role for turn in turns] == ["agent", "user", "agent", "agent", "agent", "user"]
    assert [turn.at_secs for turn in turns] == [0, 4, 9, 10, 11, 19]
    assert turns[2].message is None
    assert turns[2].tool_calls[0]["tool_name"] == "create_ticket"
    assert turns[3].message is None
    assert turns[3].tool_results[0]["result_value"] == '{"id":42}'
    assert turns[4].detail["rag"]["used_chunk_ids"] == ["chk_1"]


def _change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        target: Any = data
        for part in parents:
            target = target[int(part) if part.isdigit() else part]
        if value is KeyError:
            del target[last]
        else:
            target[last] = value

    return change


def _all(*changes: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        for one in changes:
            one(data)

    return change


# Every shape of which the contract says that it occurs, and the types that it does not promise.
VARIATIONS: dict[str, tuple[Callable[[dict[str, Any]], None], Callable[[Any], bool]]] = {
    "tool_calls null": (_change("transcript.0.tool_calls", None), lambda c: c.turns[0].tool_calls == ()),
    "tool_results null": (_change("transcript.0.tool_results", None), lambda c: c.turns[0].tool_results == ()),
    "tool_calls missing": (_change("transcript.0.tool_calls", KeyError), lambda c: c.turns[0].tool_calls == ()),
    "metrics flat": (
        _change("transcript.0.conversation_turn_metrics", {"convai_llm_service_ttfb": {"elapsed_time": 0.2}}),
        lambda c: c.turns[0].detail["metrics"] == {"convai_llm_service_ttfb": {"elapsed_time": 0.2}},
    ),
    "metrics nested": (
        _change("transcript.0.conversation_turn_metrics", {"metrics": {"x": {"elapsed_time": 0.2}}}),
        lambda c: c.turns[0].detail["metrics"] == {"x": {"elapsed_time": 0.2}},
    ),
    "metrics null": (
        _change("transcript.0.conversation_turn_metrics", None),
        lambda c: "metrics" not in c.turns[0].detail,
    ),
    "analysis missing": (_change("analysis", KeyError), lambda c: c.summary is None and c.collected == {}),
    "analysis null": (_change("analysis", None), lambda c: c.summary is None and c.successful is None),
    "summary missing": (_change("analysis.transcript_summary", KeyError), lambda c: c.summary is None),
    "call_successful missing": (_change("analysis.call_successful", KeyError), lambda c: c.successful is None),
    "results only as list": (
        _change("analysis.data_collection_results", KeyError),
        lambda c: c.collected["caller_name"] == "Erika Muster",
    ),
    "collected value an object": (
        _change("analysis.data_collection_results.urgency.value", {"level": [1]}),
        lambda c: c.collected["urgency"] == {"level": [1]},
    ),
    "message null": (_change("transcript.1.message", None), lambda c: c.turns[1].message is None),
    "message a number": (_change("transcript.1.message", 42), lambda c: c.turns[1].message == "42"),
    "multivoice": (
        _change("transcript.2.multivoice_message", {"parts": [{"text": "Hallo"}, {"text": "Welt"}]}),
        lambda c: c.turns[2].message == "Hallo Welt",
    ),
    "transcript null": (_change("transcript", None), lambda c: c.turns == ()),
    "transcript with nulls": (_change("transcript", [None, 3, {"role": None}]), lambda c: c.turns[0].role == "unknown"),
    "phone_call null": (
        _change("metadata.phone_call", None),
        lambda c: (
            (c.channel, c.external_number, c.agent_number, c.call_sid, c.direction)
            == ("phone", "+4915100000001", "+498900000000", "CA00000000000000000000000000000000", None)
        ),
    ),
    "answering machine": (
        _change("metadata.phone_call.call_result", "voicemail"),
        lambda c: c.detail["call_result"] == "voicemail",
    ),
    "outbound": (_change("metadata.phone_call.direction", "outbound"), lambda c: c.direction == "outbound"),
    "metadata missing": (_change("metadata", KeyError), lambda c: c.duration_secs is None and c.started_at is None),
    "start a string": (_change("metadata.start_time_unix_secs", "yesterday"), lambda c: c.started_at is None),
    "duration absurd": (_change("metadata.call_duration_secs", 10**30), lambda c: c.duration_secs is None),
    "cost null": (_change("metadata.cost", None), lambda c: c.cost_credits is None),
    "timezone hostile": (
        _change("metadata.timezone", "../../etc/passwd"),
        lambda c: c.timezone == "Europe/Berlin",  # the dynamic variable's
    ),
    "user_id in metadata": (
        _all(_change("user_id", None), _change("metadata.user_id", "u1")),
        lambda c: c.user_id == "u1",
    ),
    "failed": (
        _all(_change("status", "failed"), _change("metadata.error", {"code": 1011, "reason": "LLM"})),
        lambda c: c.failure_reason == "LLM" and not c.never_happened,
    ),
    "unknown keys": (_change("something_new", {"deep": [1]}), lambda c: c.status == "done"),
    "nul and surrogates": (
        _change("transcript.1.message", "a\x00b\ud800c"),
        lambda c: c.turns[1].message == "a\ufffdb\ufffdc",
    ),
}


@pytest.mark.parametrize("name", VARIATIONS)
def test_every_variation_of_the_shape(name: str) -> None:
    change, holds = VARIATIONS[name]
    data = conversation()
    change(data)
    call = parse(data)
    assert call.conversation_id == "conv_7401k5m9x2p8ec3rqv6dtnhb0fzw"
    assert holds(call), call


def test_a_web_call_has_no_numbers() -> None:
    data = conversation()
    data["metadata"]["phone_call"] = None
    data["conversation_initiation_client_data"]["dynamic_variables"] = {}
    call = parse(data)
    assert (call.channel, call.external_number, call.agent_number) == ("web", None, None)


@pytest.mark.parametrize(
    ("field", "info", "number"),
    [
        ("sms", {"direction": "inbound", "sms_user_phone_number": "+498999998100"}, "+498999998100"),
        ("whatsapp", {"whatsapp_user_id": "498999998100"}, "498999998100"),
    ],
)
def test_messages_are_no_phone_calls(field: str, info: dict[str, Any], number: str) -> None:
    data = conversation()
    data["metadata"]["phone_call"] = None
    data["metadata"][field] = info
    call = parse(data)
    assert (call.channel, call.external_number) == (field, number)


@pytest.mark.parametrize("value", [None, "", "  ", 5, [], "x" * 201])
def test_without_a_conversation_id_nothing_can_be_made_of_it(value: Any) -> None:
    with pytest.raises(Malformed, match="conversation_id"):
        parse({**conversation(), "conversation_id": value})
    with pytest.raises(Malformed, match="conversation_id"):
        parse_failure({"conversation_id": value})


def test_failure_as_twilio_reports_it() -> None:
    event = sample("call_initiation_failure_twilio")
    call = parse_failure(event["data"], event["event_timestamp"])
    assert (call.status, call.failure_reason, call.never_happened) == ("failed", "no-answer", True)
    assert (call.direction, call.agent_number, call.external_number) == ("outbound", "+498900000000", "+4915100000001")
    assert call.call_sid == "CA00000000000000000000000000000001"
    assert call.started_at == datetime(2025, 11, 20, 0, 55, tzinfo=UTC)
    assert call.duration_secs == 0
    assert call.detail["failure"]["SipResponseCode"] == "487"
    assert "AccountSid" not in str(call.detail)


@pytest.mark.parametrize("code", [486, "486"])
def test_failure_as_a_sip_trunk_reports_it(code: Any) -> None:
    event = sample("call_initiation_failure_sip")
    event["data"]["metadata"]["body"]["sip_status_code"] = code
    call = parse_failure(event["data"], event["event_timestamp"])
    assert (call.failure_reason, call.external_number) == ("busy", "+4915100000001")
    assert call.started_at == datetime.fromtimestamp(1763600100, UTC)
    assert call.detail["failure"]["sip_status_code"] == code


@pytest.mark.parametrize("metadata", [None, {}, {"body": None}, {"body": []}, {"type": 7, "body": {"From": None}}])
def test_failure_without_a_body(metadata: Any) -> None:
    call = parse_failure({"conversation_id": "conv_1", "failure_reason": None, "metadata": metadata}, None)
    assert (call.failure_reason, call.external_number, call.started_at) == ("unknown", None, None)


FIELDS = [
    "transcript",
    "metadata",
    "analysis",
    "status",
    "agent_id",
    "conversation_initiation_client_data",
    "has_audio",
]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), json_values))
def test_no_type_in_any_field_is_fatal(changes: dict[str, Any]) -> None:
    call = parse({**conversation(), **changes})
    assert all(turn.position == n for n, turn in enumerate(call.turns))
    assert isinstance(call.record()["status"], str)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["start_time_unix_secs", "phone_call", "sms", "error", "timezone"]), json_values)
)
def test_no_type_in_metadata_is_fatal(changes: dict[str, Any]) -> None:
    data = conversation()
    data["metadata"] |= changes
    assert parse(data).conversation_id
