"""What the tests of calls/ share: the samples, and a store that remembers what it was called with."""

import base64
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from agentctl.calls.begun import Begun
from agentctl.calls.event import Event, SavedAssistant
from agentctl.calls.sound import Audio
from agentctl.clients.store.wire import takeable

SAMPLES = Path(__file__).parents[2] / "samples"

EMPFANG = SavedAssistant(
    project="praxis",
    environment="production",
    key="empfang",
    name="Empfang",
    language="de",
    mail_to=("team@example.org",),
)


def sample(name: str) -> dict[str, Any]:
    """The whole event of a sample file."""
    return json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def conversation() -> dict[str, Any]:
    """`data` of the complete transcription sample, to be changed freely."""
    return copy.deepcopy(sample("post_call_transcription")["data"])


def with_items(value: Any) -> dict[str, Any]:
    data = conversation()
    data["analysis"]["data_collection_results"]["action_items"] = {"value": value}
    return data


def event(body: Any, *, assistant: SavedAssistant | None = EMPFANG, **changes: Any) -> Event:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    inner = body.get("data") if isinstance(body, dict) else None
    data = inner if isinstance(inner, dict) else {}
    fields: dict[str, Any] = {
        "id": "event-1",
        "type": body.get("type", "unknown") if isinstance(body, dict) else "unknown",
        "conversation_id": data.get("conversation_id"),
        "agent_id": data.get("agent_id"),
        "event_timestamp": body.get("event_timestamp") if isinstance(body, dict) else None,
        "source": "webhook",
        "attempt": 1,
        "size": len(payload),
        "payload": payload,
        "assistant": assistant,
    }
    return Event(**fields | changes)


class FakeStore:
    """Answers from `answers` (a value, an exception, or a function of the args) and keeps every call."""

    def __init__(self, **answers: Any) -> None:
        self.answers: dict[str, Any] = {
            "store_call": {"held": True, "stored": True},
            "begin_recording": {"held": True},
            "store_recording": {"held": True, "stored": True},
            "keep_event": {"held": True},
            "refusal": {"reason": None},
            "mail_sent": {"held": True},
            "renew": {"held": True},
            "fail_event": {"held": True, "state": "pending"},
            "mail_failed": {"held": True, "state": "pending"},
            "claim_events": [],
            "claim_mails": [],
            **answers,
        }
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        takeable(args)  # what a transport would do
        self.calls.append((function, dict(args)))
        answer = self.answers[function]
        answer = answer(args) if callable(answer) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def args(self, function: str) -> dict[str, Any]:
        """Of the only call of `function`."""
        (found,) = [args for name, args in self.calls if name == function]
        return found


class FakeRecordings:
    def __init__(self) -> None:
        self.saved: dict[str, tuple[bytes, str]] = {}

    def location(self, conversation_id: str, event_id: int | str, content_type: str) -> str:
        return f"file:///recordings/{conversation_id}.{event_id}"

    async def reaches(self, location: str) -> bool:
        return False

    async def is_there(self, location: str) -> bool:
        return location.rpartition("/")[2] in self.saved

    async def keeps(self, location: str, size: int, sha256: str) -> bool:
        return await self.is_there(location)

    async def save(self, location: str, audio: Audio, content_type: str, begun: Begun) -> None:
        self.saved[location.rpartition("/")[2]] = (audio.read(0, audio.size), content_type)

    async def erase(self, conversation_id: str, location: str | None = None) -> bool:
        return location is not None and await self.discard(location)

    async def discard(self, location: str) -> bool:
        return self.saved.pop(location.rpartition("/")[2], None) is not None


def encoded(payload: bytes) -> str:
    return base64.b64encode(payload).decode()


class Note:
    """An upload's note, as an event keeps it."""

    def __init__(self) -> None:
        self.upload: str | None = None

    async def read(self) -> str | None:
        return self.upload

    async def write(self, upload: str) -> None:
        self.upload = upload
