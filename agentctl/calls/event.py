"""Event: what was accepted and is being worked on, with the assistant that it concerns, if it is one of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentctl.calls.call import OUTCOMES, Wanted
from agentctl.resources.part import OPERATOR
from agentctl.telemetry.fields import Field

TRANSCRIPTION = "post_call_transcription"
AUDIO = "post_call_audio"
INITIATION_FAILURE = "call_initiation_failure"
_NAME = re.compile(r"(?:post_)?call_[a-z_]{1,50}|(?:conv|agent)_[A-Za-z0-9_]{1,60}")


def told(name: str | None) -> str:
    """A type, or a conversation's or an agent's id, fit for a log: whoever may sign can write a name into any."""
    return name if name and _NAME.fullmatch(name) else "(unusual)" if name else "-"


@dataclass(frozen=True)
class SavedAssistant:
    """The assistant whose agent was called, as the last sync saved it, with what it wants done after a call."""

    project: str
    environment: str
    key: str
    name: str
    language: str
    mail_to: tuple[str, ...] = ()
    summary_language: str | None = None
    action_items: bool = True
    outcomes: tuple[str, ...] = OUTCOMES
    timezone: str | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> SavedAssistant:
        """Read what `claim_events` hands out; a post_call of null means that nothing was declared."""
        post_call = row.get("post_call") or {}
        return cls(
            project=row["project"],
            environment=row["environment"],
            key=row["key"],
            name=row.get("name") or row["key"],
            language=row.get("language") or "en",
            mail_to=tuple(post_call.get("mail_to") or ()),
            summary_language=post_call.get("summary_language"),
            action_items=post_call.get("action_items") is not False,
            outcomes=tuple(post_call.get("outcomes") or OUTCOMES),
            timezone=post_call.get("timezone"),
        )

    @property
    def digest_language(self) -> str:
        """Two-letter code of the language of summary and mail."""
        return self.summary_language or self.language

    @property
    def wanted(self) -> Wanted:
        """What its digests are to be."""
        return Wanted(self.digest_language, self.action_items, self.outcomes)


@dataclass(frozen=True)
class Event:
    """One accepted event. `attempt` is the fence: the store takes results only from the attempt it handed out last.

    A claim brings headings: `payload` is None until `inbox.fetch`; `size` is its length in bytes, and 0 until then for
    one that is kept in `parts`.
    """

    id: int | str
    type: str
    conversation_id: str | None
    agent_id: str | None
    event_timestamp: int | None
    source: str
    attempt: int
    size: int
    parts: int = 0
    payload: bytes | None = field(default=None, repr=False)
    assistant: SavedAssistant | None = None
    tenant: str = OPERATOR

    @property
    def marks(self) -> Mapping[str, Field | None]:
        """As of a worker's Work."""
        return {"event_id": self.id, "conversation_id": self.conversation_id and told(self.conversation_id)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Event:
        """Read one row of `claim_events`."""
        assistant = row.get("assistant")
        return cls(
            id=row["id"],
            type=row["type"],
            conversation_id=row.get("conversation_id") or None,
            agent_id=row.get("agent_id") or None,
            event_timestamp=row.get("event_timestamp"),
            source=row["source"],
            attempt=row["attempt"],
            size=row["size"],
            assistant=SavedAssistant.from_row(assistant) if assistant else None,
            tenant=row.get("tenant") or OPERATOR,
        )
