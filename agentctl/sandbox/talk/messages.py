"""What the platform says on a conversation's socket, one function per message.

Names and fields are those of the vendor's AsyncAPI document (`packages/types/schemas/agent.asyncapi.yaml` of its
repository `packages`, generated as npm's @elevenlabs/types 0.23.0); when each is sent is told under "Client events" of
its documentation. The SDKs look for `ping_ms` and `event_id` without asking whether they are there.
"""

from __future__ import annotations

import base64

from agentctl.sandbox.state import Row

# "Automatically sent when starting", "health check event requiring immediate response", "sent when connection is
# closing due to an error": these come whatever `conversation.client_events` of the agent leaves out. All others need
# to be listed there, transcripts too (https://github.com/elevenlabs/packages/issues/169).
ALWAYS = frozenset({"conversation_initiation_metadata", "ping", "error"})


def metadata(conversation_id: str, output: str, user_input: str) -> Row:
    """The first message: the id of the conversation, and the audio formats of both sides."""
    event = {
        "conversation_id": conversation_id,
        "agent_output_audio_format": output,
        "user_input_audio_format": user_input,
    }
    return {"type": "conversation_initiation_metadata", "conversation_initiation_metadata_event": event}


def ping(event_id: int, ping_ms: int | None) -> Row:
    """To be answered by a `pong` with the same id; `ping_ms` is how long the last answer took."""
    return {"type": "ping", "ping_event": {"event_id": event_id, "ping_ms": ping_ms}}


def user_transcript(text: str, event_id: int) -> Row:
    """What the user was heard to say."""
    return {"type": "user_transcript", "user_transcription_event": {"user_transcript": text, "event_id": event_id}}


def agent_response(text: str, event_id: int) -> Row:
    """All that the agent is about to say; it comes with the first audio."""
    return {"type": "agent_response", "agent_response_event": {"agent_response": text, "event_id": event_id}}


def audio(sound: bytes, event_id: int) -> Row:
    """A piece of what the agent says, in the agent's output format."""
    return {"type": "audio", "audio_event": {"audio_base_64": base64.b64encode(sound).decode(), "event_id": event_id}}


def response_part(kind: str, text: str, event_id: int) -> Row:
    """A text-only answer as it is written: `start`, `delta`, `stop`."""
    part = {"text": text, "type": kind, "event_id": event_id}
    return {"type": "agent_chat_response_part", "text_response_part": part}


def interruption(event_id: int) -> Row:
    """The user spoke over the agent: audio up to this id is not to be played any more."""
    return {"type": "interruption", "interruption_event": {"event_id": event_id}}


def correction(whole: str, said: str, event_id: int) -> Row:
    """What the agent came to say before it was interrupted."""
    event = {"original_agent_response": whole, "corrected_agent_response": said, "event_id": event_id}
    return {"type": "agent_response_correction", "agent_response_correction_event": event}


def hangs_up(call_id: str, event_id: int) -> Row:
    """The agent used its system tool `end_call`; @elevenlabs/client ends the session itself when it hears of it."""
    event = {"tool_name": "end_call", "tool_call_id": call_id, "tool_type": "system"}
    event_flags = {"is_error": False, "is_called": True, "event_id": event_id}
    return {"type": "agent_tool_response", "agent_tool_response": event | event_flags}


def error(code: int, kind: str, message: str) -> Row:
    """Why the platform is about to close the connection."""
    return {"type": "error", "error_event": {"code": code, "error_type": kind, "message": message}}
