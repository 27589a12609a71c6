"""A client of a conversation's socket that says and hears single messages, as no SDK lets it."""

from __future__ import annotations

import base64
import json
import math
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from agentctl.sandbox.harness import BlockingSandbox

Row = dict[str, Any]
EVENTS = [
    "audio", "interruption", "user_transcript", "agent_response", "agent_response_correction",
    "agent_chat_response_part", "agent_tool_response",
]  # fmt: skip
END_CALL = {"end_call": {"name": "end_call", "params": {"system_tool_type": "end_call"}}}
# A quarter of a second at 16 kHz, as the Python SDK recommends.
SPEECH = array("h", (round(8000 * math.sin(at / 5)) for at in range(4000))).tobytes()
SILENCE = bytes(len(SPEECH))


class Client:
    """One open socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def say(self, kind: str, **fields: Any) -> None:
        """Send a message."""
        self.connection.send(json.dumps({"type": kind, **fields}))

    def speak(self, *sounds: bytes) -> None:
        """Send chunks of sound."""
        for sound in sounds:
            self.connection.send(json.dumps({"user_audio_chunk": base64.b64encode(sound).decode()}))

    def hear(self) -> Row:
        """The next message."""
        found: Row = json.loads(self.connection.recv(timeout=10))
        return found

    def until(self, kind: str) -> Row:
        """The next message of a type."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:  # pings never cease
            if (row := self.hear())["type"] == kind:
                return row
        raise TimeoutError(kind)

    def begin(self, **fields: Any) -> str:
        """Begin the conversation; answers its id."""
        self.say("conversation_initiation_client_data", **fields)
        event = self.until("conversation_initiation_metadata")["conversation_initiation_metadata_event"]
        return str(event["conversation_id"])


@contextmanager
def opened(sandbox: BlockingSandbox, agent_id: str = "", *, url: str = "", **options: Any) -> Iterator[Client]:
    """A socket to an agent that is open to everyone, or to a signed URL."""
    where = url or f"{sandbox.url.replace('http', 'ws')}/v1/convai/conversation?agent_id={agent_id}"
    with connect(where, **options) as connection:
        yield Client(connection)


def settled(api: httpx.Client, conversation_id: str) -> Row:
    """The conversation, once the platform has worked on it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found: Row = api.get(f"/v1/convai/conversations/{conversation_id}").json()
        if found["status"] in ("done", "failed"):
            return found
        time.sleep(0.02)
    raise TimeoutError(conversation_id)


def said(conversation: Row) -> list[tuple[str, str | None]]:
    """Who said what."""
    return [(turn["role"], turn["message"]) for turn in conversation["transcript"]]
