"""Ordering a call: route it honestly, hold the scripted conversation, write it down, send the events."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Literal

from agentctl.sandbox import twilio_account
from agentctl.sandbox.conversations import audio_base64
from agentctl.sandbox.delivery import binding, deliver, standing
from agentctl.sandbox.held import Held, Leg, new_call_sid
from agentctl.sandbox.record import record, variables
from agentctl.sandbox.script import perform, silence
from agentctl.sandbox.state import Row, State, new_id, now
from agentctl.sandbox.world import World

_SIP = {"no-answer": "487", "busy": "486"}


@dataclass(frozen=True)
class Order:
    """One call. `to_number` is the agent's number, `from_number` the other person's, whoever dials.

    Without `to_number`, `agent_id` is reached as from a browser, or, outbound, by its first number. `audio` None means
    what the agent's privacy settings say. `started_at` (Unix seconds) and `status` serve backfill tests.
    """

    to_number: str | None = None
    agent_id: str | None = None
    from_number: str = "+498999998999"
    direction: Literal["inbound", "outbound"] = "inbound"
    lines: list[str] | None = None
    outcome: Literal["done", "no-answer", "busy"] = "done"
    audio: bool | None = None
    deliver: bool = True
    copies: int = 1
    zero_retention: bool | None = None
    started_at: int | None = None
    status: str = "done"
    dynamic_variables: dict[str, Any] = field(default_factory=dict)


def order(given: Row) -> Order:
    """An order out of JSON. Raises ValueError for one that cannot be understood."""
    known = {item.name for item in fields(Order)}
    unknown = sorted(set(given) - known)
    if unknown:
        raise ValueError(f"a call has no {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    made = Order(**given)
    if not (made.to_number or made.agent_id):
        raise ValueError("a call needs to_number or agent_id")
    if made.outcome not in ("done", "no-answer", "busy"):
        raise ValueError("outcome is 'done', 'no-answer' or 'busy'")
    return made


async def hold(world: World, wanted: Order) -> Row:
    """Hold the call; answers ids, `reached`, `why`, `deliveries` and `webhook`. Raises ValueError: no such agent."""
    state = world.state
    if wanted.outcome != "done":
        wanted = replace(wanted, direction="outbound")  # only a call that the agent places can fail to start
    if wanted.to_number and wanted.direction == "inbound":
        why = twilio_account.unreached(state, wanted.to_number)
        if why:
            return {"conversation_id": None, "reached": False, "why": why, "deliveries": [], "webhook": "none"}
    agent, leg = _parties(state, wanted)
    conversation_id = new_id("conv")
    start = wanted.started_at or now()
    filled = variables(agent, conversation_id, leg, start) | wanted.dynamic_variables
    failed = wanted.outcome != "done"
    privacy = agent["platform_settings"]["privacy"]
    recorded = privacy["record_voice"] if wanted.audio is None else wanted.audio
    silent = silence(agent["conversation_config"]["agent"]["language"])
    held = Held(
        conversation_id=conversation_id,
        agent=agent,
        script=silent if failed else perform(state, agent, wanted.lines, filled),
        leg=leg,
        start=start,
        status="failed" if failed else wanted.status,
        has_audio=bool(recorded) and not failed,
        variables=filled,
        error={"code": 1011, "reason": "The call could not be established."} if failed else None,
    )
    forgotten = privacy["zero_retention_mode"] if wanted.zero_retention is None else wanted.zero_retention
    row: Row = {
        "sequence": state.next_sequence(),
        "data": record(held),
        "forgotten": forgotten or privacy["retention_days"] == 0,
        "outcome": wanted.outcome,
    }
    state.conversations[conversation_id] = row
    agent["last_call"] = start
    deliveries = await send(world, row, wanted.copies) if wanted.deliver and held.status in ("done", "failed") else []
    held_so = {"conversation_id": conversation_id, "reached": True, "why": ""}
    return {**held_so, "deliveries": deliveries, "webhook": standing(state, agent)}


async def send(world: World, row: Row, copies: int = 1) -> list[Row]:
    """Send the events bound for this conversation, each `copies` times; no order is promised, so audio is first."""
    data = row["data"]
    agent = world.state.agents.get(data["agent_id"])
    bound = binding(world.state, agent) if agent else None
    if bound is None or bound.is_off:
        return []
    events: list[tuple[str, Row]] = []
    if row["outcome"] != "done":
        events.append(("call_initiation_failure", _failure(row)))
    else:
        named = {"agent_id": data["agent_id"], "conversation_id": data["conversation_id"]}
        if data["has_audio"]:
            events.append(("audio", named | {"full_audio": audio_base64()}))
        events.append(("transcript", data))
    deliveries = []
    for event, content in events:
        if event in bound.events:
            kind = {"transcript": "post_call_transcription", "audio": "post_call_audio"}.get(event, event)
            payload = {"type": kind, "event_timestamp": int(time.time()), "data": content}
            for _copy in range(copies):
                deliveries.append(await deliver(world.options, world.state, bound, event, payload))
    return deliveries


def _parties(state: State, wanted: Order) -> tuple[Row, Leg | None]:
    """The agent and the telephone side."""
    numbers = list(state.numbers.values())
    if wanted.to_number:
        number = next((item for item in numbers if item["phone_number"] == wanted.to_number), None)
        agent_id = wanted.agent_id or (number["agent_id"] if number else None)
    else:
        agent_id = wanted.agent_id
        outbound = wanted.direction == "outbound"
        number = next((item for item in numbers if item["agent_id"] == agent_id), None) if outbound else None
    agent = state.agents.get(agent_id or "")
    if agent is None:
        raise ValueError(f"there is no agent {agent_id or f'at {wanted.to_number}'}")
    if number is None:
        return agent, None
    return agent, Leg(
        direction=wanted.direction,
        phone_number_id=number["phone_number_id"],
        agent_number=number["phone_number"],
        external_number=wanted.from_number,
        call_sid=new_call_sid(),
        stream_sid="MZ" + secrets.token_hex(16),
    )


def _failure(row: Row) -> Row:
    """`data` of a call_initiation_failure at Twilio: the status callback's form as an object."""
    data, outcome = row["data"], row["outcome"]
    leg = data["metadata"]["phone_call"] or {}
    ours, theirs = leg.get("agent_number", ""), leg.get("external_number", "")
    start = datetime.fromtimestamp(data["metadata"]["start_time_unix_secs"], UTC)
    empty = [f"{side}{what}" for side in ("To", "From", "Called", "Caller") for what in ("State", "City", "Zip")]
    body = {
        "AccountSid": "AC" + "0" * 32,
        "CallSid": leg.get("call_sid", ""),
        "CallStatus": outcome,
        "Direction": "outbound-api",
        "From": ours,
        "To": theirs,
        "Called": theirs,
        "Caller": ours,
        "CallDuration": "0",
        "Duration": "0",
        "SipResponseCode": _SIP[outcome],
        "SequenceNumber": "2",
        "CallbackSource": "call-progress-events",
        "ApiVersion": "2010-04-01",
        "Timestamp": start.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        **dict.fromkeys(("FromCountry", "ToCountry", "CallerCountry", "CalledCountry"), "DE"),
        **dict.fromkeys(empty, ""),
    }
    return {
        "agent_id": data["agent_id"],
        "conversation_id": data["conversation_id"],
        "failure_reason": outcome,
        "metadata": {"type": "twilio", "body": body},
    }
