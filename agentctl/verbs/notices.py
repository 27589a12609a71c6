"""What a plan says beside its changes: what is probably forgotten or mistyped in what is declared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentctl.errors import Problem
from agentctl.resources import agent, phone_number
from agentctl.resources.assistant import Assistant
from agentctl.sources.loaded import Loaded
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Plan
from agentctl.verbs.rows.moving import answered
from agentctl.wiring import Control


async def ringing(control: Control, plan: Plan, loaded: Loaded) -> list[Problem]:
    """Each number that rings though nobody declares it: at an agent that is to be deleted, or on at one that stays.

    Raises ApiError, Unreachable and StoreError.
    """
    return [*await _unanswered(control, plan, loaded), *await _left_out(control, plan, loaded)]


async def _unanswered(control: Control, plan: Plan, loaded: Loaded) -> list[Problem]:
    moved = {one.desired.ref for one in plan.changes}
    moved |= {Ref(phone_number.KIND, number) for one in loaded.others for number in one.phone.numbers}
    what = "rings at an agent that is to be deleted: nobody answers it then; declare it at another assistant, or "
    return [
        Problem(f"phone_number {number}", f"{what}agentctl release-number {number}", kind="unanswered")
        for number in sorted(await answered(control, plan))
        if Ref(phone_number.KIND, number) not in moved
    ]


async def _left_out(control: Control, plan: Plan, loaded: Loaded) -> list[Problem]:
    numbers = [ref.key for ref in plan.orphans if ref.kind == phone_number.KIND and ref not in plan.absent]
    if not numbers:
        return []
    rings = await phone_number.PhoneNumber(control.api).ringing()
    bound = (await control.bindings()).of(agent.KIND)
    found = [(number, key) for number in numbers for key in loaded.keys if bound.get(key) in rings.get(number, ())]
    what = "rings on at {key}, which declares it no more; declare it there again, or agentctl release-number {number}"
    return [
        Problem(f"phone_number {number}", what.format(key=key, number=number), kind="rings_on") for number, key in found
    ]


def left_behind(plan: Plan, loaded: Loaded) -> Iterator[Problem]:
    """Each agent that is here still, of an assistant that lives in another workspace by now."""
    for ref in plan.orphans:
        if ref.kind == agent.KIND and (tenant := loaded.elsewhere.get(ref.key)):
            what = (
                f"is left in this workspace, and {ref.key} lives in that of tenant {tenant} by now; calls come from "
                "both. Once it has an agent there, and no number rings at this one: agentctl sync --prune"
            )
            yield Problem(f"agent {ref.key}", what)


def untested(assistants: Sequence[Assistant]) -> list[Problem]:
    """A notice for each assistant that a gate has nothing to ask of."""
    what = "has no tests, so the gate lets its changes through"
    return [Problem(assistant.where, what, kind="untested") for assistant in assistants if not assistant.tests]


def unknown_keys_of(assistants: Sequence[Assistant]) -> Iterator[Problem]:
    """Raw settings that the vendor's SDK does not know."""
    raw = [assistant for assistant in assistants if assistant.elevenlabs]
    if not raw:
        return
    from agentctl.clients.lint import unknown_keys

    for assistant in raw:
        settings = assistant.elevenlabs
        found = unknown_keys(settings.get("conversation_config", {}), settings.get("platform_settings", {}))
        for key in found:
            guess = f"; did you mean {key.suggestion}?" if key.suggestion else ""
            yield Problem(assistant.where, f"elevenlabs.{key.path}: ElevenLabs' SDK knows no such key{guess}")
