"""Which agents are in the workspace that a key opens, and whether it is the one in which ours were bound."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any, Protocol

from agentctl.calls import wire
from agentctl.calls.conversation import identifier
from agentctl.errors import Elsewhere
from agentctl.sync.elsewhere import absent

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


async def is_here(api: Api, bound: Collection[str]) -> bool:
    """Whether any of the agents that are `bound` is there; without any, nobody can tell.

    A valid key of another workspace finds nothing, as if all of it were gone. Raises ApiError and Unreachable.
    """
    if not bound:
        return True
    async for agent_id in there(api):
        if agent_id in bound:
            return True
    return False


async def must_be_here(api: Api, bound: Collection[str], workspace: str, *, key: str, undone: str, remedy: str) -> None:
    """Raise Elsewhere where none of the agents that are `bound` in `workspace` is there.

    `key`: what people call that which opens it; `undone`: what was not done; `remedy`: what is once it is corrected.
    """
    if not await is_here(api, bound):
        raise Elsewhere(
            f"{absent('agent', len(bound), workspace, key=key)}; {undone}",
            f"Correct it, and {remedy}. If they were deleted there: agentctl sync",
        )
