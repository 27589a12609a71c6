"""What a row that was changed alone has given up: numbers of its agent, here and in workspaces that it has left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from agentctl.resources.assistant import Assistant
from agentctl.resources.phone_number import PhoneNumber
from agentctl.sources.table.divided import named
from agentctl.sources.table.succession import Holder, heir
from agentctl.verbs.owner import tenant_of
from agentctl.verbs.reading import read
from agentctl.wiring import Control


async def had(control: Control, key: str) -> list[Mapping[str, Any]]:
    """Every `number` that was made to ring at its `agent_id`, each with the `workspace` of both. Raises StoreError."""
    asked = {"project": control.scope.project, "environment": control.scope.environment, "key": key}
    found: list[Mapping[str, Any]] = await (await control.store()).call("numbers_of", asked)
    return found


async def given_up(control: Control, assistant: Assistant) -> list[str]:
    """The numbers that ring at its agent in this workspace, and that its row does not name, or as a disabled one."""
    mine = [one for one in await had(control, assistant.key) if one["workspace"] == control.scope.workspace]
    names = assistant.phone.numbers if assistant.enabled else ()
    given = {one["number"]: one["agent_id"] for one in mine if one["number"] not in names}
    rings = await PhoneNumber(control.api).ringing() if given else {}
    return sorted(number for number, agent_id in given.items() if agent_id in rings.get(number, ()))


async def heirs(control: Control, key: str, numbers: Collection[str]) -> dict[str, str]:
    """By number that `key` has given up, the assistant whose it is by now: all that is declared is read for it."""
    if not numbers:
        return {}
    holder = Holder(key, await tenant_of(control, key))
    async with control.afresh() as fresh:
        claims = named(await read(fresh), {})
    found = {one: heir(holder, [claim for claim in claims.get(one, ()) if claim.key != key]) for one in numbers}
    return {number: to for number, to in found.items() if to}


async def wake(control: Control, keys: Collection[str]) -> None:
    """Ask for a sync of these: a worker does it, or the next sync of all. Raises StoreError."""
    store = await control.store()
    for key in sorted(set(keys)):
        asked = {"project": control.scope.project, "environment": control.scope.environment, "key": key}
        await store.call("request_sync", asked)
