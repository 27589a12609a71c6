"""`/v1/convai/conversations`: what a poller or a backfill reads."""

from __future__ import annotations

import base64

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from agentctl.sandbox.paging import descending, listed, number, page
from agentctl.sandbox.refusal import invalid, legacy
from agentctl.sandbox.shape import problem
from agentctl.sandbox.state import Row, State
from agentctl.sandbox.world import world

STATUSES = ("initiated", "in-progress", "processing", "done", "failed")
# One silent MPEG-1 layer III frame (44.1 kHz, 128 kbit/s) behind an empty ID3v2 tag, repeated to about a second.
AUDIO = b"ID3\x04\x00\x00\x00\x00\x00\x00" + (b"\xff\xfb\x90\x64" + bytes(413)) * 38


def routes() -> list[Route]:
    """The conversations' endpoints."""
    base = "/v1/convai/conversations"
    return [
        Route(base, index, methods=["GET"]),
        Route(base + "/{conversation_id}", show, methods=["GET"]),
        Route(base + "/{conversation_id}", delete, methods=["DELETE"]),
        Route(base + "/{conversation_id}/audio", audio, methods=["GET"]),
    ]


def find(state: State, conversation_id: str) -> Row:
    """The stored conversation, or the platform's 404; a zero-retention call was never stored."""
    row = state.conversations.get(conversation_id)
    if row is None or row["forgotten"]:
        raise legacy(404, "conversation_not_found", f"Conversation with id {conversation_id} was not found.")
    return row


async def index(request: Request) -> Response:
    """Newest first by start; both time filters are on the start, in seconds."""
    state, query = world(request).state, request.query_params
    after, before = number(query, "call_start_after_unix", None), number(query, "call_start_before_unix", None)
    hidden = listed(query, "exclude_statuses")
    for status in hidden:
        if status not in STATUSES:
            message = "Input should be 'initiated', 'in-progress', 'processing', 'done' or 'failed'"
            raise invalid([problem("literal_error", ("query", "exclude_statuses", 0), message, status)])
    agent_id = query.get("agent_id")
    rows = [
        row
        for row in state.conversations.values()
        if not row["forgotten"]
        and (not agent_id or row["data"]["agent_id"] == agent_id)
        and (after is None or _start(row) >= after)
        and (before is None or _start(row) <= before)
        and row["data"]["status"] not in hidden
    ]
    found = page(rows, query, lambda row: (_start(row), row["sequence"]), descending=descending(query))
    told = query.get("summary_mode", "exclude") == "include"
    conversations = [_summary(_told(row), told=told) for row in found.rows]
    answer = {"conversations": conversations, "next_cursor": found.next_cursor, "has_more": found.has_more}
    return JSONResponse(answer)


async def show(request: Request) -> Response:
    """Exactly what the transcription event carried as `data`."""
    return JSONResponse(_told(find(world(request).state, request.path_params["conversation_id"])))


async def audio(request: Request) -> Response:
    """The recording, if there is one."""
    row = find(world(request).state, request.path_params["conversation_id"])
    if not row["data"]["has_audio"]:
        raise legacy(404, "missing_conversation_audio", "This conversation has no audio.")
    return Response(AUDIO, media_type="audio/mpeg")


async def delete(request: Request) -> Response:
    """Forget the conversation."""
    state = world(request).state
    row = find(state, request.path_params["conversation_id"])
    del state.conversations[row["data"]["conversation_id"]]
    return JSONResponse(None)


def audio_base64() -> str:
    """The recording as the audio event carries it."""
    return base64.b64encode(AUDIO).decode()


def _told(row: Row) -> Row:
    """What can be read: the analysis comes when the call is over."""
    data: Row = row["data"]
    return data if data["status"] in ("done", "failed") else data | {"analysis": None}


def _start(row: Row) -> int:
    return int(row["data"]["metadata"]["start_time_unix_secs"])


def _summary(data: Row, *, told: bool) -> Row:
    metadata, analysis = data["metadata"], data["analysis"] or {}
    called = [call["tool_name"] for turn in data["transcript"] for call in turn["tool_calls"]]
    return {
        "agent_id": data["agent_id"],
        "branch_id": data["branch_id"],
        "version_id": data["version_id"],
        "agent_name": data["agent_name"],
        "conversation_id": data["conversation_id"],
        "start_time_unix_secs": metadata["start_time_unix_secs"],
        "call_duration_secs": metadata["call_duration_secs"],
        "message_count": sum(turn["message"] is not None for turn in data["transcript"]),
        "status": data["status"],
        "termination_reason": metadata["termination_reason"],
        "call_successful": analysis.get("call_successful", "unknown"),
        "call_success_score": analysis.get("call_success_score"),
        "transcript_summary": analysis.get("transcript_summary") if told else None,
        "call_summary_title": analysis.get("call_summary_title") if told else None,
        "main_language": metadata["main_language"],
        "conversation_initiation_source": metadata["conversation_initiation_source"],
        "tool_names": called,
        "direction": metadata["phone_call"]["direction"] if metadata["phone_call"] else None,
        "rating": None,
        "sentiment_analysis": None,
        "data_collection_results": None,
        "evaluation_criteria_results": None,
        "tag_ids": data["tag_ids"],
    }
