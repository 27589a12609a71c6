"""A tenant's numbers as people want to see them: who declares each, where ElevenLabs and Twilio have it ring."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from agentctl.errors import AgentctlError
from agentctl.resources.routing import detours, rings_at_elevenlabs
from agentctl.secrecy.secret import masked
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.examination.numbers import Entry, Look, agent_of, is_at_twilio, listed, looked
from agentctl.wiring import Control

Carrier = Literal["unknown", "absent", "elevenlabs", "elsewhere"]
"""What Twilio does with a call: hands it to ElevenLabs, or not; the number is not in the account; nobody could ask."""


@dataclass(frozen=True)
class Line:
    """A number. `declared`: the key of the assistant that declares it; empty: none does. `agent_id`: where ElevenLabs
    has it ring, None: nowhere, and `rings`: the key of that agent's assistant, empty where it is nobody's of the
    tenant. `carrier` and `leads`: what Twilio does with its calls, and where they go if elsewhere.
    """

    number: str
    declared: str
    finding: Finding
    is_listed: bool
    agent_id: str | None
    rings: str
    label: str
    provider: str
    carrier: Carrier
    leads: str = ""


async def lines(
    control: Control, declared: Mapping[str, str], agents: Mapping[str, str], bound: Collection[str] = ()
) -> tuple[Line, ...]:
    """Each of `declared` (number -> key), and of those that nobody declares each that rings at one of `agents` (id ->
    key) or is `bound`. By a control in the tenant's place. Raises ApiError, Unreachable, ConfigurationError and
    StoreError.
    """
    there = await listed(control)
    looks = await looked(control, declared, there)
    for number, entry in there.items():
        if number not in declared and (agent_of(entry) in agents or number in bound):
            looks[number] = Look(_undeclared(number, agents.get(agent_of(entry) or "", "")), entry)
    asked = await asyncio.gather(*(_asked(control, number, look) for number, look in looks.items()))
    found = zip(looks, asked, strict=True)
    return tuple(_line(number, declared.get(number, ""), look, agents) for number, look in sorted(found))


def _undeclared(number: str, key: str) -> Finding:
    rings = f"and it rings at {key}" if key else "and it rings at none of theirs"
    remedy = f"Declare it in phone.numbers, or give it back: agentctl release-number {number}"
    return Finding("numbers", "warning", f"no assistant declares {number}, {rings}", remedy)


async def _asked(control: Control, number: str, look: Look) -> Look:
    """With Twilio's side, where that has not been asked and can be."""
    entry: Entry = look.there or {}
    if look.asked or not is_at_twilio(control, entry):
        return look
    try:
        return replace(look, incoming=await control.twilio.find_number(number), asked="answered")
    except AgentctlError:
        return replace(look, asked="failed")  # what is wrong with the account is told where that is examined


def _line(number: str, declared: str, look: Look, agents: Mapping[str, str]) -> Line:
    entry, incoming = look.there or {}, look.incoming
    agent_id = agent_of(entry)
    carrier: Carrier = "unknown"
    leads = ""
    if incoming is not None:
        routing = incoming.routing()
        carrier = "elevenlabs" if rings_at_elevenlabs(routing) else "elsewhere"
        before = next(iter(detours(routing).values()), "")
        leads = "" if carrier == "elevenlabs" else masked(before or incoming.voice_url)
    elif look.asked == "answered":
        carrier = "absent"
    return Line(
        number=number,
        declared=declared,
        finding=look.finding,
        is_listed=look.there is not None,
        agent_id=agent_id,
        rings=agents.get(agent_id or "", ""),
        label=str(entry.get("label") or ""),
        provider=str(entry.get("provider") or ""),
        carrier=carrier,
        leads=leads,
    )
