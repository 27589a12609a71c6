"""A held call as the platform stores it: `GetConversationResponseModel`, also a transcription event's `data`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agentctl.sandbox.analysis import analysis
from agentctl.sandbox.call_metadata import metadata
from agentctl.sandbox.held import Held, Leg
from agentctl.sandbox.state import Row
from agentctl.sandbox.turn import turn


def record(held: Held) -> Row:
    """Every key of the published schema, and the ones that only real captures show."""
    agent = held.agent
    external = held.leg.external_number if held.leg else None
    return {
        "agent_id": agent["agent_id"],
        "agent_name": agent["name"],
        "conversation_product": "agent",
        "conversation_id": held.conversation_id,
        "status": held.status,
        "user_id": external or held.entry.user_id,
        "branch_id": agent["branch_id"],
        "version_id": agent["version_id"],
        "environment": "production",
        "transcript": [turn(held, line, index) for index, line in enumerate(held.script.lines)],
        "metadata": metadata(held),
        "analysis": analysis(agent, held.script, external) if held.status != "failed" else None,
        "visited_agents": [{"agent_id": agent["agent_id"], "branch_id": agent["branch_id"]}],
        "conversation_initiation_client_data": _initiation(held),
        "has_audio": held.has_audio,
        "has_user_audio": held.has_audio,
        "has_response_audio": held.has_audio,
        "has_auxiliary_audio": False,
        "tag_ids": [],
    }


def variables(agent: Row, conversation_id: str, leg: Leg | None, start: int) -> dict[str, Any]:
    """The agent's placeholders and the platform's `system__*` variables."""
    placeholders = agent["conversation_config"]["agent"]["dynamic_variables"]["dynamic_variable_placeholders"]
    moment = datetime.fromtimestamp(start, UTC)
    zone = agent["conversation_config"]["agent"]["prompt"]["timezone"] or "UTC"
    local = moment.astimezone(_zone(zone) or UTC)
    system = {
        "system__agent_id": agent["agent_id"],
        "system__current_agent_id": agent["agent_id"],
        "system__conversation_id": conversation_id,
        "system__call_duration_secs": 0,
        "system__time_utc": moment.isoformat(),
        "system__time": local.strftime("%A, %H:%M %d %B %Y"),
        "system__timezone": zone,
    }
    if leg:
        system["system__caller_id"] = leg.external_number
        system["system__called_number"] = leg.agent_number
        system["system__call_sid"] = leg.call_sid
    return dict(placeholders) | system


def _initiation(held: Held) -> Row:
    return {
        "conversation_config_override": dict.fromkeys(("asr", "turn", "tts", "conversation", "agent"))
        | held.entry.override,
        "custom_llm_extra_body": {},
        "user_id": held.entry.user_id,
        "source_info": {"source": None if held.leg else held.entry.source, "version": held.entry.version},
        "branch_id": None,
        "environment": None,
        "starting_workflow_node_id": None,
        "procedure_ids": None,
        "dynamic_variables": held.variables | {"system__call_duration_secs": held.script.duration_secs},
    }


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
