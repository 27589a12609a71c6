"""One turn of a transcript as the platform stores it: `ConversationHistoryTranscriptResponseModel`."""

from __future__ import annotations

from agentctl.sandbox.held import TOKENS, Held
from agentctl.sandbox.script import Line
from agentctl.sandbox.state import Row


def turn(held: Held, line: Line, index: int) -> Row:
    """Every key of the published schema."""
    agent, spoken = held.agent, line.role == "agent"
    # The first message is configured, not generated.
    llm = agent["conversation_config"]["agent"]["prompt"]["llm"] if spoken and index else None
    request_id = f"{line.tool}_{held.conversation_id[-8:]}"
    where = {"agent_id": agent["agent_id"], "branch_id": agent["branch_id"], "workflow_node_id": None}
    return {
        "role": line.role,
        "agent_metadata": where | {"version_id": agent["version_id"]} if spoken else None,
        "message": line.message,
        "multivoice_message": None,
        "tool_calls": [_tool_call(request_id, line)] if line.tool and not line.result else [],
        "tool_results": [_tool_result(request_id, line)] if line.result else [],
        "feedback": None,
        "llm_override": None,
        "producing_llm": llm,
        "time_in_call_secs": line.at_secs,
        "conversation_turn_metrics": _turn_metrics(agent, spoken=spoken),
        "rag_retrieval_info": _rag(agent, line),
        "llm_usage": {"model_usage": {llm: TOKENS}} if llm else None,
        "interrupted": line.whole is not None,
        "ignored_as_backchannel": False,
        "original_message": line.whole,
        "reasoning": [],
        "source_medium": None if spoken else "text" if line.written else "audio",
        "source_event_id": None,
        "used_static_kb_document_ids": [line.found.document_id] if line.found else [],
        "user_identifier": None,
        "id": f"turn_{index:04d}",
        "triggered_guardrails": [],
        "file_input": None,
        "file_inputs": [],
        "contextual_update_info": None,
        "reasoned": False,
    }


def _tool_call(request_id: str, line: Line) -> Row:
    return {
        "type": "system",
        "request_id": request_id,
        "tool_name": line.tool,
        "params_as_json": '{"reason":"The caller said goodbye."}',
        "tool_has_been_called": True,
        "tool_details": None,
    }


def _tool_result(request_id: str, line: Line) -> Row:
    reason = "The caller said goodbye."
    return {
        "request_id": request_id,
        "tool_name": line.tool,
        "result_value": f'{{"result_type":"end_call_success","status":"success","reason":"{reason}","message":null}}',
        "is_error": False,
        "is_blocked": False,
        "tool_has_been_called": True,
        "tool_latency_secs": 0.0,
        "error_type": "",
        "raw_error_message": "",
        "dynamic_variable_updates": [],
        "type": "system",
        "result": {"result_type": "end_call_success", "status": "success", "reason": reason, "message": None},
    }


def _turn_metrics(agent: Row, *, spoken: bool) -> Row:
    config = agent["conversation_config"]
    names = (
        ("convai_llm_service_ttfb", "convai_tts_service_ttfb") if spoken else ("convai_asr_trailing_service_latency",)
    )
    return {
        "metrics": {name: {"elapsed_time": 0.25} for name in names},
        "convai_asr_provider": None if spoken else config["asr"]["provider"],
        "convai_tts_model": config["tts"]["model_id"] if spoken else None,
        "convai_tts_cascade": None,
    }


def _rag(agent: Row, line: Line) -> Row | None:
    if line.found is None:
        return None
    chunk = f"chk_{line.found.document_id[:8]}"
    return {
        "chunks": [{"document_id": line.found.document_id, "chunk_id": chunk, "vector_distance": line.found.distance}],
        "embedding_model": agent["conversation_config"]["agent"]["prompt"]["rag"]["embedding_model"],
        "retrieval_query": line.found.passage[:80],
        "rag_latency_secs": 0.2,
        "used_chunk_ids": [chunk],
    }
