"""Numbers of disabled rows that still ring at their agents by our doing: they are to ring at nobody.

A number that somebody else has made ring there is nothing of a row's, and one that another assistant declares is for
the plan of that one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from agentctl.resources import agent
from agentctl.resources.assistant import Assistant
from agentctl.resources.phone_number import KIND, PhoneNumber
from agentctl.sources.table.rows import holding
from agentctl.sources.table.succession import Holder
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Ref
from agentctl.wiring import Control


def silent(number: str, where: str, payload: Any) -> Desired:
    """The number without an agent."""
    return Desired(KIND, number, {"phone_number": number, "agent_id": None}, where, payload=payload, partial=True)


def keeps(assistant: Assistant, number: str, *, here: bool) -> bool:
    """Whether a row leaves its number ringing at its agent of this workspace: `here` it is told so by being declared.

    A row that is enabled does, whatever it declares: a wrong digit, a mapping without numbers or a row that is wrong
    for a moment would silence a line that people call. It is told, and goes where another declares it.
    """
    return assistant.enabled or (here and number in assistant.phone.numbers)


async def left_by(control: Control, whose: Mapping[str, Assistant]) -> set[str]:
    """Of these numbers, each with an assistant that lives elsewhere by now, those that it had here for the same tenant.

    What another tenant's assistant of that key has here is that tenant's: see `succession`. Raises StoreError.
    """
    holders = await holding(await control.store(), control.scope, list(whose)) if whose else {}
    return {number for number, one in whose.items() if holders.get(number) == Holder(one.key, one.tenant)}


async def silenced(control: Control, bindings: Bindings, keys: Collection[str], *, whole: bool) -> tuple[Desired, ...]:
    """Each such number of the rows with these keys; `whole`: also of those that live in another workspace by now.

    Raises ApiError, Unreachable and StoreError.
    """
    loaded, chosen = control.loaded, {*keys, *(control.loaded.elsewhere if whole else ())}
    rows = loaded.rows_keys or ({loaded.target.key} if loaded.target else ())
    here = {bindings.get(Ref(agent.KIND, one.key)): one for one in loaded.assistants if one.key in rows}
    left = {bindings.get(Ref(agent.KIND, one.key)): one for one in loaded.others}
    declared = {number for one in loaded.assistants for number in one.phone.numbers}
    given, gone = dict[str, Assistant](), dict[str, Assistant]()
    for number in bindings.of(KIND).keys() - declared:
        rang = bindings.applied(Ref(KIND, number)).get("agent_id")
        whose = (here.get(rang) or left.get(rang)) if rang else None
        if whose and whose.key in chosen and not keeps(whose, number, here=rang in here):
            (given if rang in here else gone)[number] = whose
    given |= {number: gone[number] for number in await left_by(control, gone)}
    rings = await PhoneNumber(control.api).ringing() if given else {}
    return tuple(
        silent(number, one.where, one)
        for number, one in sorted(given.items())
        if bindings.get(Ref(agent.KIND, one.key)) in rings.get(number, ())
    )
