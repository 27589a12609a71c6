"""`metadata` of a conversation: times, deletion, charging, telephony, features."""

from __future__ import annotations

from agentctl.sandbox.held import TOKENS, Held, Leg
from agentctl.sandbox.shape import names
from agentctl.sandbox.state import Row

_UNUSED: Row = {"enabled": False, "used": False}


def metadata(held: Held) -> Row:
    """Every key of the published schema, and `initiation_trigger`, which only real captures show."""
    agent, script = held.agent, held.script
    config, failed = agent["conversation_config"], held.status == "failed"
    return {
        "start_time_unix_secs": held.start,
        "accepted_time_unix_secs": held.start,
        "call_duration_secs": script.duration_secs,
        "queue_wait_secs": None,
        "cost": 7 * script.duration_secs,
        "deletion_settings": _deletion(held),
        "feedback": {"type": None, "overall_score": None, "likes": 0, "dislikes": 0, "rating": None, "comment": None},
        "authorization_method": "signed_url" if held.leg else held.entry.authorization,
        "charging": _charging(held),
        "phone_call": _phone_call(held.leg) if held.leg else None,
        "batch_call": None,
        "termination_reason": "" if failed else held.ending,
        "error": held.error,
        "warnings": [],
        "main_language": script.language,
        "rag_usage": _rag_usage(held),
        "text_only": config["conversation"]["text_only"],
        "features_usage": _features(),
        "eleven_assistant": {"is_eleven_assistant": False},
        "initiator_id": None,
        "conversation_initiation_source": "twilio" if held.leg else held.entry.source,
        "conversation_initiation_source_version": held.entry.version,
        "timezone": config["agent"]["prompt"]["timezone"],
        "initiation_trigger": {"trigger_type": "default"},
        "async_metadata": None,
        "whatsapp": None,
        "sms": None,
        "agent_created_from": "api",
        "agent_last_updated_from": "api",
        "voice_rewards": [],
        "cost_fiat": round(0.0013 * script.duration_secs, 4),
    }


def _deletion(held: Held) -> Row:
    privacy = held.agent["platform_settings"]["privacy"]
    kept = privacy["retention_days"]
    return {
        "deletion_time_unix_secs": held.start + kept * 86400 if kept >= 0 else None,
        "deleted_logs_at_time_unix_secs": None,
        "deleted_audio_at_time_unix_secs": None,
        "deleted_transcript_at_time_unix_secs": None,
        "delete_transcript_and_pii": privacy["delete_transcript_and_pii"],
        "delete_audio": privacy["delete_audio"],
    }


def _phone_call(leg: Leg) -> Row:
    return {
        "direction": leg.direction,
        "phone_number_id": leg.phone_number_id,
        "agent_number": leg.agent_number,
        "external_number": leg.external_number,
        "type": "twilio",
        "stream_sid": leg.stream_sid,
        "call_sid": leg.call_sid,
    }


def _rag_usage(held: Held) -> Row | None:
    uses = sum(line.found is not None for line in held.script.lines)
    rag = held.agent["conversation_config"]["agent"]["prompt"]["rag"]
    return {"usage_count": uses, "embedding_model": rag["embedding_model"]} if uses else None


def _charging(held: Held) -> Row:
    config, script = held.agent["conversation_config"], held.script
    usage = {"model_usage": {config["agent"]["prompt"]["llm"]: TOKENS}}
    told = [line.message for line in script.lines if line.role == "agent" and line.message]
    run = {"price": 0.0, "charge": 0, "price_per_feature": {}, "charge_per_feature": {}}
    seconds = round(script.duration_secs / 2, 1)
    return {
        "dev_discount": False,
        "is_burst": False,
        "tier": "creator",
        "llm_usage": {"irreversible_generation": usage, "initiated_generation": usage},
        "llm_price": 0.000915,
        "llm_charge": 1,
        "call_charge": 7 * script.duration_secs,
        "platform_charge": 7 * script.duration_secs,
        "platform_usage": {
            "category_usage": {
                "voice": {"credits": 7 * script.duration_secs, "price": 0.03, "quantity": script.duration_secs}
            }
        },
        "platform_price": 0.03,
        "free_minutes_consumed": 0.0,
        "free_llm_dollars_consumed": 0.0,
        "tts_usage": {
            "primary_tts_model": config["tts"]["model_id"],
            "total_audio_output_seconds": seconds,
            "total_characters": sum(map(len, told)),
            "per_voice_usage": [{"voice_id": config["tts"]["voice_id"], "audio_output_seconds": seconds}],
        },
        "asr_usage": {
            "asr_model": config["asr"]["provider"],
            "total_transcription_calls": sum(line.role == "user" for line in script.lines),
            "total_audio_input_seconds": seconds,
        },
        "analysis": {"total": run | {"runs": 1}, "last_run": run},
    }


def _features() -> Row:
    single = names(
        "language_detection transfer_to_agent transfer_to_number multivoice dtmf_tones "
        "external_mcp_servers tool_dynamic_variable_updates voicemail_detection dtmf_input file_input "
        "freeform_procedure structured_procedure"
    )
    nodes = ["tool_node", "standalone_agent_node", "phone_number_node", "end_node"]
    return dict.fromkeys(single, _UNUSED) | {
        "pii_zrm_workspace": False,
        "pii_zrm_agent": False,
        "is_livekit": False,
        "workflow": {"enabled": False} | dict.fromkeys(nodes, _UNUSED),
        "agent_testing": {
            "enabled": False,
            "tests_ran_after_last_modification": False,
            "tests_ran_in_last_7_days": False,
        },
        "versioning": {"enabled": True, "used": True},
    }
