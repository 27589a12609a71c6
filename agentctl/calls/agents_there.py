"""Which agents are in the workspace that a key opens, and whether it is the one in which ours were bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Protocol

from agentctl.calls import wire
from agentctl.calls.conversation import identifier
from agentctl.errors import Elsewhere

AGENTS = "/v1/convai/agents"


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


async def must_be_here(
    api: Api, bound: Collection[str], called: Collection[str | None], workspace: str, *, key: str
) -> None:
    """Raise Elsewhere where none of the agents that are `bound` in `workspace` is there; without any, nobody can tell.

    `called`: agents that are known to have had a call there, which proves it without a request. `key`: what people call
    that which opens it. A valid key of another workspace is answered like one of a workspace where nobody called.
    """
    if not bound or not {*bound}.isdisjoint(called):
        return
    async for agent_id in there(api):
        if agent_id in bound:
            return
    raise Elsewhere(
        f"none of the agents that are bound in {workspace} is there ({len(bound)}): {key} probably opens another "
        "workspace; no calls were fetched",
        "Correct it, and the next look fetches what is missing since. If they were deleted there: agentctl sync",
    )
