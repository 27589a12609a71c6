"""Whether a key opens the workspace in which the project's agents were bound: by one or two of them that are there.

A plan of the whole project sees that by itself; one of a single assistant has to ask for others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict

from agentctl.errors import Elsewhere, NotFound
from agentctl.resources import agent
from agentctl.sources.source import SyncOutcome
from agentctl.sync.elsewhere import absent
from agentctl.verbs.directed import whose
from agentctl.wiring import Control

WITNESSES = 2
_EITHER = (
    "it was deleted there, or the key opens another workspace. If it was deleted: agentctl sync --prune --force "
    "forgets it; else correct the key, then agentctl sync --prune deletes it."
)


async def newest(control: Control, besides: str = "") -> tuple[list[str], int | None]:
    """The agents that were bound last, without that one, and how many are bound: None if these are not all of them."""
    asked = {**asdict(control.scope), "kind": agent.KIND, "newest": WITNESSES + bool(besides)}
    found = [row["remote_id"] for row in await (await control.store()).call("bindings", asked)]
    known = len(found) if len(found) < asked["newest"] else None
    return [one for one in found if one != besides][:WITNESSES], known


async def is_any_there(control: Control, agent_ids: Iterable[str]) -> bool:
    """Whether the key opens where any of these is."""
    return any(await asyncio.gather(*(_is_there(control, one) for one in agent_ids)))


async def gone(control: Control, key: str, agent_id: str) -> SyncOutcome:
    """How the sync of a deleted assistant ends of which the agent is not there: well, where another one is.

    Where none other is bound nothing can tell, however long it is waited for: a person has to. Raises Elsewhere where
    there are others and none is there: it may be where the key opens nothing.
    """
    others, known = await newest(control, agent_id)
    if await is_any_there(control, others):
        return SyncOutcome()
    if not others:
        what = f"agent {key} ({agent_id}), the only one that is bound in {control.scope.workspace}, is not there"
        return SyncOutcome((await whose(control))(control.veil(f"{what}: {_EITHER}")), held=True)
    what = f"{absent(agent.KIND, known, control.scope.workspace)}, and whether the agent of {key} is gone is not known"
    way = "If they were deleted there: agentctl sync --prune --force forgets them."
    raise Elsewhere(what, f"Correct the key: it is tried again by itself. {way}")


async def _is_there(control: Control, agent_id: str) -> bool:
    try:
        await agent.Agent(control.api, control.scope).read(agent_id)
    except NotFound:
        return False
    return True
