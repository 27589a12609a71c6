"""Whether a key opens the workspace in which the project's agents were bound: by one or two of them that are there.

A plan of the whole project sees that by itself; one of a single assistant has to ask for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict

from agentctl.errors import Elsewhere, NotFound
from agentctl.resources import agent
from agentctl.sync.elsewhere import absent
from agentctl.wiring import Control

WITNESSES = 2


async def newest(control: Control, besides: str = "") -> tuple[list[str], int | None]:
    """The agents that were bound last, without that one, and how many are bound: None if these are not all of them."""
    asked = {**asdict(control.scope), "kind": agent.KIND, "newest": WITNESSES + bool(besides)}
    found = [row["remote_id"] for row in await (await control.store()).call("bindings", asked)]
    known = len(found) if len(found) < asked["newest"] else None
    return [one for one in found if one != besides][:WITNESSES], known


async def is_any_there(control: Control, agent_ids: Iterable[str]) -> bool:
    """Whether the key opens where any of these is."""
    return any(await asyncio.gather(*(_is_there(control, one) for one in agent_ids)))


async def must_be_home(control: Control, gone: str, otherwise: str) -> None:
    """Raise Elsewhere where that agent is not there, and none of the others: it may be where the key opens nothing.

    `otherwise`: what is not known then.
    """
    others, known = await newest(control, gone)
    if not await is_any_there(control, others):
        what = f"{absent(agent.KIND, known, control.scope.workspace)}{otherwise}"
        way = "If they were deleted there: agentctl sync --prune --force forgets them."
        raise Elsewhere(what, f"Correct the key: it is tried again by itself. {way}")


async def _is_there(control: Control, agent_id: str) -> bool:
    try:
        await agent.Agent(control.api, control.scope).read(agent_id)
    except NotFound:
        return False
    return True
