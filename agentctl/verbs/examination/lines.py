"""A tenant's numbers as people want to see them: who declares each, where ElevenLabs and Twilio have it ring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from agentctl.errors import AgentctlError
from agentctl.resources.routing import detours, rings_at_elevenlabs
from agentctl.secrecy.secret import masked
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.examination.numbers import Entry, Look, agent_of, is_at_twilio, listed, looked
from agentctl.wiring import Control

Carrier = Literal["unknown", "absent", "elevenlabs", "elsewhere"]
"""What Twilio does with a call: hands it to ElevenLabs, or not; the number is not in the account; nobody could ask."""

Owner = Literal["here", "denied", "elsewhere", "nowhere", "unknown"]
"""Who declares a number: an assistant of the tenant, a row of its own in vain, somebody else, nobody; `unknown`: what
may declare it cannot be read.
"""


@dataclass(frozen=True)
class Known:
    """What is known of a tenant's numbers without asking anybody. `declared` and `bound`: number -> key; `agents`: id
    -> key; `denied`: numbers that its own rows name in vain, each with why; `elsewhere`: those that somebody else
    names; `hides`: whether what declares a key cannot be read.
    """

    declared: Mapping[str, str]
    agents: Mapping[str, str]
    bound: Mapping[str, str] = field(default_factory=dict)
    denied: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Collection[str] = ()
    hides: Callable[[str], bool] = lambda _: False

    def owner(self, number: str, agent_id: str | None) -> Owner:
        """Who declares it, which rings at that agent."""
        if number in self.declared:
            return "here"
        if number in self.denied or number in self.elsewhere:
            return "denied" if number in self.denied else "elsewhere"
        keys = (self.bound.get(number), self.agents.get(agent_id or ""))
        return "unknown" if any(self.hides(key) for key in keys if key) else "nowhere"


@dataclass(frozen=True)
class Line:
    """A number. `declared`: the key of the tenant's assistant that declares it; empty: none does. `agent_id`: where
    ElevenLabs has it ring, None: nowhere, and `rings`: the key of that agent's assistant, empty where it is nobody's of
    the tenant. `carrier` and `leads`: what Twilio does with its calls, and where they go if elsewhere.
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
    owner: Owner
    leads: str = ""


async def lines(control: Control, known: Known) -> tuple[Line, ...]:
    """Each that the tenant declares, and of the others each that rings at an agent of its own or is bound to one. By a
    control in the tenant's place. Raises ApiError, Unreachable, ConfigurationError and StoreError.
    """
    there = await listed(control)
    looks = await looked(control, known.declared, there)
    for number, entry in there.items():
        if number not in known.declared and (agent_of(entry) in known.agents or number in known.bound):
            looks[number] = Look(_undeclared(number, known, agent_of(entry)), entry)
    asked = await asyncio.gather(*(_asked(control, number, look) for number, look in looks.items()))
    found = zip(looks, asked, strict=True)
    return tuple(_line(number, look, known) for number, look in sorted(found))


def _undeclared(number: str, known: Known, agent_id: str | None) -> Finding:
    key, owner = known.agents.get(agent_id or "", ""), known.owner(number, agent_id)
    rings = f"and it rings at {key}" if key else "and it rings at none of theirs"
    if owner == "unknown":
        return Finding("numbers", "skipped", f"what declares {number} cannot be read now, {rings}")
    if owner == "denied":
        return Finding("numbers", "warning", known.denied[number])
    if owner == "elsewhere":
        remedy = f"Say whose it is: agentctl import-number {number} --assistant KEY"
        return Finding("numbers", "warning", f"{number} is declared elsewhere, {rings}", remedy)
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


def _line(number: str, look: Look, known: Known) -> Line:
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
        declared=known.declared.get(number, ""),
        finding=look.finding,
        is_listed=look.there is not None,
        agent_id=agent_id,
        rings=known.agents.get(agent_id or "", ""),
        label=str(entry.get("label") or ""),
        provider=str(entry.get("provider") or ""),
        carrier=carrier,
        owner=known.owner(number, agent_id),
        leads=leads,
    )
