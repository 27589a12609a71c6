"""A call that took place, before it is written down."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from agentctl.sandbox.script import Script
from agentctl.sandbox.state import Row

# What one generated turn costs, in the shape of the platform's accounts; the figures mean nothing.
TOKENS: Row = {
    "input": {"tokens": 1874, "price": 0.000562},
    "input_cache_read": {"tokens": 0, "price": 0.0},
    "input_cache_write": {"tokens": 0, "price": 0.0},
    "output_total": {"tokens": 141, "price": 0.000353},
}


@dataclass(frozen=True)
class Leg:
    """The telephone side of a call; None as a whole for a call in the browser."""

    direction: str
    phone_number_id: str
    agent_number: str
    external_number: str
    call_sid: str
    stream_sid: str


@dataclass(frozen=True)
class Entry:
    """How somebody without a telephone came in, and what the client sent at the start."""

    authorization: str = "public"
    source: str = "js_sdk"
    version: str | None = None
    user_id: str | None = None
    override: Row = field(default_factory=dict)


@dataclass(frozen=True)
class Held:
    """A call that took place, before it is written down; `error` is why it failed."""

    conversation_id: str
    agent: Row
    script: Script
    leg: Leg | None
    start: int
    status: str
    has_audio: bool
    variables: dict[str, Any]
    entry: Entry = field(default_factory=Entry)
    ending: str = "end_call tool was called."
    error: Row | None = None


def new_call_sid() -> str:
    """A Twilio call SID."""
    return "CA" + secrets.token_hex(16)
