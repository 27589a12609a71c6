"""Which key an assistant was given: whoever gives it again, after a run that was killed, is no stranger's typo.

Once all is done nothing else tells of the old key, and of an assistant without an agent nothing does from the first.
Files that still have it are older ones: see `outdated`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta

from agentctl.errors import AgentctlError
from agentctl.resources import agent
from agentctl.sync.kind import Scope
from agentctl.verbs.undertaking import Undertaking
from agentctl.wiring import Control

_PREFIX = "rename "


@dataclass(frozen=True)
class Begun:
    """The key that it was to have. Kept in the store, also after its end."""

    new: str


@dataclass(frozen=True)
class Given:
    """The key that an assistant has by now, be it its third one, and the day (UTC) on which it lost the first.

    The day is None where nothing but the mark of an agent tells of it.
    """

    new: str
    on: date | None = None


@asynccontextmanager
async def begun(control: Control, old: str, new: str) -> AsyncIterator[None]:
    """`old` is known to become `new`, and `new` to be no former key, unless what follows fails and is undone.

    Raises StoreError.
    """
    places = [place for key in (old, new) for place in await _places(control, key)]
    before = [(place, state) for place in places if (state := await place.state(Begun))]
    for place, state in before:
        if place != places[0] or state.new != new:
            await place.forget()  # saved over, it would keep its day
    await places[0].save(asdict(Begun(new)))
    try:
        yield
    except AgentctlError:
        await places[0].forget()
        for place, state in before:
            await place.save(asdict(state))
        raise


async def was_begun(control: Control, agent_id: str | None, old: str, new: str) -> bool:
    """Whether `old` was given the key `new`: by what is remembered, or since the agent of `new` has its mark still."""
    before = [await place.state(Begun) for place in await _places(control, old)]
    if Begun(new) in before:
        return True
    return agent_id is not None and await carries(control, agent_id, old)


async def carries(control: Control, agent_id: str, key: str) -> bool:
    """Whether the agent has the mark of that key."""
    kind = agent.Agent(control.api, control.scope)
    return kind.tag(key) in (await kind.read(agent_id)).body.get("tags", ())


async def learnt(control: Control, agent_id: str | None, old: str, new: str) -> bool:
    """Whether the agent, bound to `old`, says that it is `new`, and no more that it is `old`: another store gave it."""
    return agent_id is not None and await carries(control, agent_id, new) and not await carries(control, agent_id, old)


async def given(control: Control, keys: Collection[str]) -> Mapping[str, Given]:
    """Of each of the keys that was given away: to what. Without keys nothing is asked. Raises StoreError."""
    if not keys:
        return {}
    store, scopes = await control.store(), (_everywhere(control), control.scope)
    rows = await asyncio.gather(*(store.call("undertakings", asdict(scope)) for scope in scopes))
    names = {row["name"] for some in rows for row in some}
    found = {key: await _given(control, key) for key in sorted(keys) if f"{_PREFIX}{key}" in names}
    return {key: one for key, one in found.items() if one}


async def _given(control: Control, key: str) -> Given | None:
    """Followed to the last key: whoever is given one makes it no former one, so that there is no way back."""
    met, on = [key], None
    while step := await _step(control, met[-1]):
        place, state = step
        if state.new in met:
            break  # an earlier version did not forget the way there
        on = on or (datetime.now(UTC) - timedelta(seconds=await place.age_seconds())).date()
        met.append(state.new)
    return Given(met[-1], on) if on else None


async def _step(control: Control, key: str) -> tuple[Undertaking, Begun] | None:
    for place in await _places(control, key):
        if state := await place.state(Begun):
            return place, state
    return None


async def _places(control: Control, key: str) -> tuple[Undertaking, Undertaking]:
    """Where it is kept, and where an earlier version kept it: in the environment alone that it was begun in."""
    here = await Undertaking.of(control, f"{_PREFIX}{key}")
    return replace(here, scope=_everywhere(control)), here


def _everywhere(control: Control) -> Scope:
    """The store gives the new key in every environment of the project that it knows, in whatever workspace."""
    return Scope(control.scope.project, "", "")
