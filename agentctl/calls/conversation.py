"""ElevenLabs' wire -> Call. One parser for what is pushed (`data` of post_call_transcription) and what is pulled
(GET /v1/convai/conversations/{id}), which the published spec gives the same model, GetConversationResponseModel.

Permissive on purpose: the platform grows weekly, and real captures differ from the documentation (tool_calls [] or
null, metrics flat or nested, analysis or phone_call missing). Only a missing conversation_id is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from agentctl.calls import wire
from agentctl.calls.call import Call, Turn
from agentctl.errors import Malformed

_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,30}(/[A-Za-z0-9_+-]{1,30}){0,2}")  # the form of an IANA time zone

MAX_ID = 200  # characters, as the store indexes them; a longer one is not an id


def parse(data: Mapping[str, Any]) -> Call:
    """Make a Call of one conversation. Raises Malformed if it has no conversation_id or is nested absurdly deep."""
    source = wire.mapping(wire.clean(data))
    metadata = wire.mapping(source.get("metadata"))
    analysis = wire.mapping(source.get("analysis"))
    variables = wire.mapping(wire.mapping(source.get("conversation_initiation_client_data")).get("dynamic_variables"))
    collected = _by_id(analysis, "data_collection_results", "data_collection_id")
    error = wire.mapping(metadata.get("error"))
    ending = wire.text(metadata.get("termination_reason"))
    status = wire.text(source.get("status")) or "unknown"
    return Call(
        conversation_id=_conversation_id(source),
        status=status,
        agent_id=identifier(source.get("agent_id")) or identifier(variables.get("system__agent_id")),
        **_line(metadata, variables),
        branch_id=wire.text(source.get("branch_id")),
        version_id=wire.text(source.get("version_id")),
        user_id=_user_id(source, metadata),
        started_at=wire.moment(metadata.get("start_time_unix_secs")),
        timezone=_zone(metadata.get("timezone")) or _zone(variables.get("system__timezone")),
        duration_secs=wire.whole(metadata.get("call_duration_secs")),
        cost_credits=wire.whole(metadata.get("cost")),
        cost_fiat=wire.number(metadata.get("cost_fiat")),
        language=wire.text(metadata.get("main_language")),
        successful=wire.text(analysis.get("call_successful")),
        termination_reason=ending,
        failure_reason=(wire.text(error.get("reason")) or ending) if status == "failed" else None,
        summary=wire.text(analysis.get("transcript_summary")),
        title=wire.text(analysis.get("call_summary_title")),
        collected={key: result.get("value") for key, result in collected.items()},
        turns=tuple(_turn(n, turn) for n, turn in enumerate(wire.mappings(source.get("transcript")))),
        detail=_detail(source, metadata, analysis, variables, collected),
    )


def parse_failure(data: Mapping[str, Any], event_timestamp: int | None = None) -> Call:
    """Make a failed Call of a `call_initiation_failure`, whose body is Twilio's or a SIP trunk's. Raises Malformed.

    Such calls are outbound (nobody answered, busy, refused), unless Twilio's own body says otherwise.
    """
    source = wire.mapping(wire.clean(data))
    metadata = wire.mapping(source.get("metadata"))
    body = wire.mapping(metadata.get("body"))
    direction = "inbound" if wire.text(body.get("Direction")) == "inbound" else "outbound"
    ours, theirs = wire.text(_first(body, "From", "from_number")), wire.text(_first(body, "To", "to_number"))
    if direction == "inbound":
        ours, theirs = theirs, ours
    kept = ("CallStatus", "SipResponseCode", "sip_status_code", "sip_status", "error_reason", "twirp_code")
    return Call(
        conversation_id=_conversation_id(source),
        status="failed",
        agent_id=identifier(source.get("agent_id")),
        channel="phone",
        direction=direction,
        agent_number=ours,
        external_number=theirs,
        call_sid=wire.text(_first(body, "CallSid", "call_sid")),
        user_id=wire.text(source.get("user_id")),
        started_at=_twilio_time(body.get("Timestamp")) or wire.moment(event_timestamp),
        duration_secs=wire.whole(_first(body, "CallDuration", "Duration")),
        failure_reason=wire.text(source.get("failure_reason")) or "unknown",
        detail=wire.present(
            {"telephony": metadata.get("type"), "failure": {key: body[key] for key in kept if body.get(key)}}
        ),
    )


def identifier(value: Any) -> str | None:
    """A vendor's id as the store can index it, or None if there is none."""
    return wire.clean_text(value) if isinstance(value, str) and value.strip() and len(value) <= MAX_ID else None


def _zone(value: Any) -> str | None:
    return value if isinstance(value, str) and _ZONE.fullmatch(value) else None


def _conversation_id(source: Mapping[str, Any]) -> str:
    found = identifier(source.get("conversation_id"))
    if found is None:
        raise Malformed("data.conversation_id is missing, or is no id")
    return found


def _user_id(source: Mapping[str, Any], metadata: Mapping[str, Any]) -> str | None:
    # The spec has it at data level; the vendor's JavaScript example reads data.metadata.user_id.
    client = wire.mapping(source.get("conversation_initiation_client_data"))
    return wire.text(source.get("user_id")) or wire.text(metadata.get("user_id")) or wire.text(client.get("user_id"))


def _line(metadata: Mapping[str, Any], variables: Mapping[str, Any]) -> dict[str, Any]:
    """Channel, direction, numbers. phone_call may be null and the numbers be variables only."""
    phone, sms, whatsapp = (wire.mapping(metadata.get(key)) for key in ("phone_call", "sms", "whatsapp"))
    caller, called = (wire.text(variables.get(f"system__{key}")) for key in ("caller_id", "called_number"))
    call_sid = wire.text(phone.get("call_sid")) or wire.text(variables.get("system__call_sid"))
    line = phone or sms or whatsapp
    if whatsapp and not phone:
        channel = "whatsapp"
    elif sms and not phone:
        channel = "sms"
    else:
        channel = "phone" if phone or caller or called or call_sid else "web"
    direction = wire.text(line.get("direction"))
    ours, theirs = (caller, called) if direction == "outbound" else (called, caller)
    return {
        "channel": channel,
        "direction": direction,
        "external_number": wire.text(_first(line, "external_number", "sms_user_phone_number", "whatsapp_user_id"))
        or theirs,
        "agent_number": wire.text(_first(line, "agent_number", "agent_phone_number")) or ours,
        "phone_number_id": wire.text(_first(line, "phone_number_id", "whatsapp_phone_number_id")),
        "call_sid": call_sid,
    }


def _turn(position: int, turn: Mapping[str, Any]) -> Turn:
    metrics = wire.mapping(turn.get("conversation_turn_metrics"))
    parts = wire.mappings(wire.mapping(turn.get("multivoice_message")).get("parts"))
    spoken = wire.text(turn.get("message")) or wire.text(" ".join(wire.text(part.get("text")) or "" for part in parts))
    return Turn(
        position=position,
        role=wire.text(turn.get("role")) or "unknown",
        message=spoken,
        at_secs=wire.whole(turn.get("time_in_call_secs")),
        interrupted=turn.get("interrupted") is True,
        tool_calls=tuple(wire.mappings(turn.get("tool_calls"))),
        tool_results=tuple(wire.mappings(turn.get("tool_results"))),
        detail=wire.present(
            {
                # Captures nest them one level deeper than the documentation shows.
                "metrics": wire.mapping(metrics.get("metrics")) or metrics,
                "rag": turn.get("rag_retrieval_info"),
                "llm": turn.get("producing_llm"),
                "llm_usage": turn.get("llm_usage"),
                "original_message": turn.get("original_message"),
                "source_medium": turn.get("source_medium"),
                "turn_id": turn.get("id"),
                "feedback": turn.get("feedback"),
                "guardrails": turn.get("triggered_guardrails"),
            }
        ),
    )


def _by_id(analysis: Mapping[str, Any], field: str, id_key: str) -> dict[str, dict[str, Any]]:
    """Results by id, from the map or, where only that is filled, from its twin `<field>_list`."""
    listed = {str(item[id_key]): item for item in wire.mappings(analysis.get(f"{field}_list")) if item.get(id_key)}
    mapped = {key: item for key, item in wire.mapping(analysis.get(field)).items() if isinstance(item, dict)}
    return listed | mapped


def _detail(
    source: Mapping[str, Any],
    metadata: Mapping[str, Any],
    analysis: Mapping[str, Any],
    variables: Mapping[str, Any],
    collected: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    phone = wire.mapping(metadata.get("phone_call"))
    kept = ("result", "score", "max_score", "rationale", "value")
    evaluation = _by_id(analysis, "evaluation_criteria_results", "criteria_id")
    return wire.present(
        {
            "agent_name": source.get("agent_name"),
            "evaluation": {key: _only(result, kept) for key, result in evaluation.items()},
            "data_collection": {key: _only(result, kept) for key, result in collected.items()},
            "warnings": metadata.get("warnings"),
            "error": metadata.get("error"),
            "dynamic_variables": dict(variables),
            "telephony": phone.get("type"),
            "call_result": phone.get("call_result"),  # answering-machine detection; known to the SDK only
            "initiation_source": metadata.get("conversation_initiation_source"),
            "environment": source.get("environment"),
            "has_audio": source.get("has_audio"),
            "tag_ids": source.get("tag_ids"),
            "visited_agents": source.get("visited_agents"),
        }
    )


def _only(value: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value[key] for key in keys if key in value}


def _first(source: Mapping[str, Any], *keys: str) -> Any:
    return next((source[key] for key in keys if source.get(key) not in (None, "")), None)


def _twilio_time(value: Any) -> Any:
    try:
        found = parsedate_to_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else None
