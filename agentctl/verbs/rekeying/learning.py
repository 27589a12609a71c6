"""Have the store learn a rename that was done with another store, as files tell that have seen it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

from agentctl.errors import AgentctlError
from agentctl.resources import agent
from agentctl.sources.project import read_alone
from agentctl.sources.renames import Rename
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Desired, Sighting
from agentctl.verbs.rekeying.rekeyed import aside, given
from agentctl.verbs.renaming import recorded
from agentctl.verbs.renaming.begun import begun
from agentctl.wiring import Control


@dataclass(frozen=True)
class Lesson:
    """The rename to learn. `other`: the agent, unknown here, that was renamed, where OLD is another assistant here."""

    rename: Rename
    other: str = ""


async def look(control: Control, old: str, new: str) -> Lesson | None:
    """What learning it means; None where another store has not done it, or another one comes before.

    Raises StoreError, and ApiError or Unreachable where the platform cannot be read.
    """
    if not await recorded.is_to_learn(control, old, new):
        return None
    done = next(one for one in await recorded.unseen(control) if (one.old, one.new) == (old, new))
    return Lesson(done, await _other(control, old, new))


async def learn(control: Control, lesson: Lesson) -> None:
    """Have the store know what another one did; nothing else is written. Whoever has NEW here makes way.

    Where OLD is another assistant here, nothing of it is given away. Raises StoreError, and SyncError where the end of
    a create of `old` is not known.
    """
    if lesson.other:
        await recorded.save(control, lesson.rename)
        return
    old, new = lesson.rename.old, lesson.rename.new
    bindings = await control.bindings()
    names: dict[str, Any] = {"project": control.scope.project, "old": old, "new": new}
    names["kinds"] = [kind.name for kind in await control.kinds(bindings)]
    bound = await (await control.store()).call("agent_keys", {"project": control.scope.project})
    if new in bound:
        place = next(key for count in itertools.count() if (key := f"{new[:50]}-before{count or ''}") not in bound)
        await aside(control, {**names, "old": new, "new": place})
    async with begun(control, old, new):
        await given(control, {**names, "noted": recorded.noted(lesson.rename)})


async def _other(control: Control, old: str, new: str) -> str:
    """The agent that is `new`, where the one that is bound to `old` is not it: both stores have made one of that key.

    The platform tells: that agent has the mark of `new` and is bound to nothing here, nor is `new`, and the one of
    `old` has the mark of `old`. As long as no agent has the mark of `new`, nobody has marked the one of `old` anew.
    """
    async for bindings in _everywhere(control):
        bound = bindings.of(agent.KIND)
        if old not in bound or new in bound:
            continue
        wanted = [Desired(agent.KIND, key, {}, "") for key in (old, new)]
        seen = await agent.Agent(control.api, bindings.scope).observe(wanted, {})
        others = _ids(seen[new]) - set(bound.values())
        if others and bound[old] in _ids(seen[old]):
            return min(others)
    return ""


def _ids(sighting: Sighting) -> set[str]:
    if isinstance(sighting, AgentctlError):
        raise sighting
    return {one.remote_id for one in sighting}


async def _everywhere(control: Control) -> AsyncIterator[Bindings]:
    """What is bound in each environment that the project has in this workspace: a key is the same one in all."""
    default, _ = await asyncio.to_thread(read_alone, control.directory, None)
    for name in sorted({default.environment, control.scope.environment, *default.environments}):
        yield await Bindings(await control.store(), replace(control.scope, environment=name)).load()
