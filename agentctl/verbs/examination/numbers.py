"""Examinations of numbers: whether each rings at its assistant, by ElevenLabs and by the account that it is in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from agentctl.errors import AgentctlError
from agentctl.resources.agent import KIND as AGENT_KIND
from agentctl.resources.answer import listing
from agentctl.resources.phone_number import KIND as NUMBER_KIND
from agentctl.resources.phone_number import NUMBERS, going_on, undertaking_of
from agentctl.resources.routing import rings_at_elevenlabs
from agentctl.secrecy.secret import masked
from agentctl.sync.bindings import Bindings
from agentctl.verbs.examination.finding import Finding, State
from agentctl.verbs.examination.vendor_side import assistants
from agentctl.verbs.ringing import unfinished
from agentctl.verbs.ringing.left_there import left_there
from agentctl.verbs.ringing.routed import way_back
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control

if TYPE_CHECKING:
    from agentctl.clients.twilio import IncomingNumber

Entry = Mapping[str, Any]
"""A number as ElevenLabs lists it."""


async def numbers(control: Control) -> AsyncIterator[Finding]:
    """Whether each declared number rings at its assistant, and which other one is between two imports.

    Those of another tenant's assistants are looked at with its own credentials.
    """
    every, access = assistants(control), control.access
    tenants = await control.households()
    declared = {
        number: one.key
        for one in every
        for number in one.phone.numbers
        if tenants.of(one.tenant).tenant == access.tenant
    }
    told = [number for one in every for number in one.phone.numbers]
    gaps = []
    if access.tenant == access.workspace:
        gaps = await unfinished.gaps(control, await control.bindings(), every, told)
    if not declared and not gaps:
        yield Finding("numbers", "skipped", "no assistant declares a number")
    for finding in (await ringing(control, declared)).values():
        yield finding
    for gap in gaps:
        yield Finding("numbers", "broken", gap.error.message, gap.error.hint)


@dataclass(frozen=True)
class Look:
    """A number as it was found. `there`: its entry at ElevenLabs; `incoming`: it as Twilio has it; each None where
    there is none. `asked`: what became of the question to Twilio, empty where there was none.
    """

    finding: Finding
    there: Entry | None = None
    incoming: IncomingNumber | None = None
    asked: Literal["", "answered", "failed"] = ""


async def ringing(control: Control, declared: Mapping[str, str]) -> dict[str, Finding]:
    """Number -> finding, for numbers and the keys of the assistants that they should ring at; "ok" means it rings.

    Raises ApiError, Unreachable and StoreError; trouble at Twilio is a warning.
    """
    if not declared:
        return {}
    looks = await looked(control, declared, await listed(control))
    return {number: look.finding for number, look in looks.items()}


async def listed(control: Control) -> dict[str, Entry]:
    """Every number of the workspace, as ElevenLabs has it. Raises ApiError, Unreachable, ConfigurationError."""
    entries = listing(f"GET {NUMBERS}", await control.api.get(NUMBERS))
    return {str(entry.get("phone_number")): entry for entry in entries}


async def looked(control: Control, declared: Mapping[str, str], there: Mapping[str, Entry]) -> dict[str, Look]:
    """As `ringing`, with what was seen of each; `there`: what is listed."""
    bindings = await control.bindings()
    had = bindings.of(NUMBER_KIND)
    left = await left_there(control, declared.keys() - there.keys())

    async def find(number: str, key: str) -> Look:
        if number in there:
            return await _number(control, number, key, there[number], bindings)
        remedy = f"agentctl import-number {number} --assistant {key}"
        if number in left:
            state: State = "broken" if left[number].is_dead else "warning"
            return Look(Finding("numbers", state, f"{number} is not at ElevenLabs yet: {left[number]}", remedy))
        if number in had:
            return Look(Finding("numbers", "broken", f"{number} is gone from ElevenLabs", remedy))
        what = f"{number} is not at ElevenLabs yet"
        return Look(Finding("numbers", "warning", what, remedy, kind="absent", about=number))

    async def found(number: str, key: str) -> Look:
        look = await find(number, key)
        return replace(look, finding=await _unfinished(control, number, key, look.finding))

    looks = await asyncio.gather(*(found(number, key) for number, key in declared.items()))
    return dict(zip(declared, looks, strict=True))


def agent_of(entry: Entry) -> str | None:
    """The id of the agent that a number of the platform rings at."""
    found = (entry.get("assigned_agent") or {}).get("agent_id")
    return str(found) if found else None


def is_at_twilio(control: Control, entry: Entry) -> bool:
    """Whether Twilio can be asked about a number of the platform."""
    return control.settings.twilio_account_sid is not None and entry.get("provider") in (None, "twilio")


async def _unfinished(control: Control, number: str, key: str, found: Finding) -> Finding:
    """The same, unless the number is between two imports: whatever is seen of it then, one remedy alone works."""
    if not await (await Undertaking.of(control, undertaking_of(number))).is_under_way():
        return found
    state: State = "warning" if found.state == "ok" else "broken"
    return Finding("numbers", state, f"{found.what}: it is between two imports", going_on(number, key))


async def _number(control: Control, number: str, key: str, entry: Entry, bindings: Bindings) -> Look:
    rings_at, agent_id = agent_of(entry), bindings.of(AGENT_KIND).get(key)
    if agent_id is None or rings_at != agent_id:
        what, number_id = f"{number} rings at {rings_at or 'no agent'}, not at {key}", str(entry.get("phone_number_id"))
        way = await way_back(
            control, bindings, number, key, number_id=number_id, agent_id=rings_at, reader=control.tenant
        )
        return Look(Finding("numbers", "broken", what, way), entry)
    if not is_at_twilio(control, entry):
        return Look(Finding("numbers", "ok", f"{number} rings at {key} (the carrier's side was not examined)"), entry)
    try:
        incoming = await control.twilio.find_number(number)
    except AgentctlError as error:
        what = f"{number} is assigned to {key}; Twilio's side could not be examined: {error.message}"
        return Look(Finding("numbers", "warning", what, error.hint), entry, asked="failed")
    return Look(await _at_twilio(control, number, key, incoming), entry, incoming, "answered")


async def _at_twilio(control: Control, number: str, key: str, incoming: IncomingNumber | None) -> Finding:
    if incoming is None:
        saved = await (await control.store()).call("route", {"phone_number": number})
        what = f"the Twilio account has no number {number}" + (" any more" if saved else "")
        place = control.settings.place("twilio_account_sid")
        remedy = f"Was it given up or moved? If so: agentctl release-number {number}. If not, check {place}."
        return Finding("numbers", "broken" if saved else "warning", what, remedy)
    if not rings_at_elevenlabs(incoming.routing()):
        where = incoming.trunk_sid or incoming.voice_application_sid or incoming.voice_url or "nobody"
        what = f"{number}: Twilio does not send its calls to ElevenLabs but to {masked(where)}"
        remedy = f"agentctl release-number {number}, then agentctl import-number {number} --assistant {key}"
        return Finding("numbers", "broken", what, remedy)
    return Finding("numbers", "ok", f"{number} rings at {key}")
