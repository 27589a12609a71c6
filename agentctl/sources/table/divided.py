"""The numbers of a project that was read as a whole, each declared by whose it is and by nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agentctl.resources.assistant import Assistant, Phone
from agentctl.sources.loaded import Loaded
from agentctl.sources.row import Row
from agentctl.sources.table.succession import Claim, Holder, has_say, refusal


def named(loaded: Loaded, holders: Mapping[str, Holder]) -> dict[str, list[Claim]]:
    """By number, who names it, whether it is theirs or not; `holders`: who has it.

    Nobody can tell what a wrong row still names: what its assistant has, it has.
    """
    rows = loaded.rows.rows if loaded.rows else ()
    own = {row.key: row for row in rows}
    found: dict[str, list[Claim]] = {}
    for one in loaded.assistants:
        row = own.get(one.key)
        for number in (*one.phone.numbers, *(row.denied if row else ())):
            found.setdefault(number, []).append(claim_of(one))
    for number, holder in holders.items():
        if holder.key in own and own[holder.key].problems:
            found.setdefault(number, []).append(Claim(holder.key, holder.tenant or ""))
    return found


def claim_of(assistant: Assistant) -> Claim:
    """Its claim to a number that it names."""
    return Claim(assistant.key, assistant.tenant, assistant.enabled)


def divided(loaded: Loaded, holders: Mapping[str, Holder]) -> Loaded:
    """The project, in which a row has no number that is not its to declare; `Row.denied` has those."""
    if loaded.rows is None:
        return loaded
    claims = named(loaded, holders)
    rows = tuple(_divided(row, claims, holders) for row in loaded.rows.rows)
    own = {row.key: row.assistant for row in rows if row.assistant}
    assistants = tuple(own.get(one.key, one) for one in loaded.assistants)
    return replace(loaded, assistants=assistants, rows=replace(loaded.rows, rows=rows))


def _divided(row: Row, claims: Mapping[str, list[Claim]], holders: Mapping[str, Holder]) -> Row:
    if row.assistant is None:
        return row
    mine, numbers = claim_of(row.assistant), row.assistant.phone.numbers
    denied = {
        one: refusal(one, holders.get(one), claims[one], mine)
        for one in numbers
        if not has_say(holders.get(one), claims[one], mine)
    }
    if not denied:
        return row
    phone = Phone(numbers=tuple(one for one in numbers if one not in denied))
    return replace(row, assistant=row.assistant.model_copy(update={"phone": phone}), denied=denied)
