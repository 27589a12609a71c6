from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from agentctl.calls.agents_there import is_here, must_be_here, there
from agentctl.errors import Elsewhere

pytestmark = pytest.mark.anyio


class Api:
    """Agents, some of them put away, and how often they were asked for."""

    def __init__(self, *agents: str, archived: tuple[str, ...] = ()) -> None:
        self.agents, self.asked = {False: agents, True: archived}, 0

    async def pages(
        self, path: str, *, items: str, params: Mapping[str, Any] | None = None, **ids: str
    ) -> AsyncIterator[Any]:
        assert (path, items) == ("/v1/convai/agents", "agents")
        self.asked += 1
        for agent_id in self.agents[(params or {})["archived"]]:
            yield {"agent_id": agent_id}


async def looked(api: Api, *bound: str) -> int:
    """How often it had to ask."""
    await must_be_here(api, bound, "host", key="A_KEY", undone="nothing was done", remedy="run it again")
    return api.asked


async def test_one_agent_of_ours_proves_it_also_one_that_is_put_away() -> None:
    assert await looked(Api("other", "ours"), "gone", "ours") == 1
    assert await looked(Api("other", archived=("ours",)), "ours") == 2
    assert {one async for one in there(Api("a", archived=("b",)))} == {"a", "b"}


async def test_where_none_is_bound_nobody_can_tell() -> None:
    assert await looked(Api("other")) == 0


async def test_without_any_of_them_it_is_said_which_key_may_be_wrong() -> None:
    with pytest.raises(Elsewhere) as refused:
        await looked(Api("other"), "ours", "gone")
    assert refused.value.message == (
        "none of the 2 agents that are bound in host is there: A_KEY probably opens another workspace; nothing was done"
    )
    assert "Correct it, and run it again" in refused.value.hint
    assert not await is_here(Api(), ["ours"])
