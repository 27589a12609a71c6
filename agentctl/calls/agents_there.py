"""Which agents are in the workspace that a key opens, and whether it is the one in which ours were bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Protocol

from agentctl.calls import wire
from agentctl.calls.conversation import identifier
from agentctl.calls.inbox import Store
from agentctl.errors import Elsewhere
from agentctl.resources.endpoints import AGENTS
from agentctl.sync.elsewhere import absent, anothers


class Api(Protocol):
    """What is needed of ElevenLabs' API."""

    def pages(
        self, path: str, *, items: str, params: Mapping[str, Any] | None = None, **ids: str
    ) -> AsyncIterator[Any]:
        """The entries of all pages of a list, from the field `items`."""
        ...


async def there(api: Api) -> AsyncIterator[str | None]:
    """The ids of all agents, those that were put away last. Raises ApiError and Unreachable."""
    for archived in (False, True):
        async for agent in api.pages(AGENTS, items="agents", params={"archived": archived}):
            yield identifier(wire.mapping(agent).get("agent_id"))


async def is_here(api: Api, bound: Collection[str]) -> bool:
    """Whether any of the agents that are `bound` is there; without any, nobody can tell.

    A valid key of another workspace finds nothing, as if all of it were gone. Raises ApiError and Unreachable.
    """
    return not bound or not (await met(api, bound)).isdisjoint(bound)


async def met(api: Api, bound: Collection[str]) -> set[str]:
    """The agents that are there, as far as the first that is `bound`. Raises ApiError and Unreachable."""
    found: set[str] = set()
    async for agent_id in there(api):
        if agent_id:
            found.add(agent_id)
        if agent_id in bound:
            break
    return found


async def must_be_here(api: Api, bound: Collection[str], workspace: str, *, key: str, undone: str, remedy: str) -> None:
    """Raise Elsewhere where none of the agents that are `bound` in `workspace` is there.

    `key`: what people call that which opens it; `undone`: what was not done; `remedy`: what is once it is corrected.
    """
    if not await is_here(api, bound):
        raise not_here(len(bound), workspace, key=key, undone=undone, remedy=remedy)


def not_here(bound: int, workspace: str, *, key: str, undone: str, remedy: str) -> Elsewhere:
    """The error of `must_be_here`, where so many are `bound`."""
    return Elsewhere(
        f"{absent('agent', bound, workspace, key=key)}; {undone}",
        f"Correct it, and {remedy}. If they were deleted there: agentctl sync",
    )


async def is_landlords(
    store: Store, found: Collection[str], workspace: str, *, landlord: str, key: str, undone: str
) -> bool:
    """Whether any of the agents that a key finds, there or in calls, tells that `workspace` is what it opens.

    `landlord`: the tenant whose that is, the operator for the project's. Raises Elsewhere where none of them is bound
    in it, and some live with somebody else: two keys may open one workspace. Raises StoreError.
    """
    return bool((await _told(store, found, workspace, landlord, key, undone))["known"])


async def must_be_landlords(
    store: Store, found: Collection[str], workspace: str, *, landlord: str, key: str, undone: str
) -> None:
    """Raise Elsewhere as `is_landlords` does, and where agents are bound in it and none of these tells so."""
    told = await _told(store, found, workspace, landlord, key, undone)
    if told["awaited"] and not told["known"]:
        raise not_here(told["awaited"], workspace, key=key, undone=undone, remedy="say it again")


async def _told(
    store: Store, found: Collection[str], workspace: str, landlord: str, key: str, undone: str
) -> Mapping[str, Any]:
    asked = {"workspace": workspace, "landlord": landlord, "agents": sorted(found)}
    told: Mapping[str, Any] = await store.call("whose_workspace", asked)
    if told["others"] and not told["bound"]:
        what = f"nothing that is bound in {workspace} is there, and what is bound in another of its workspaces"
        raise anothers(f"{what}, or was", f"; {undone}", key=key)
    return told
