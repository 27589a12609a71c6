"""The way back of a number is in the store at every moment, whoever takes the number over."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agentctl.errors import Stale
from agentctl.sync.kind import Scope
from agentctl.verbs.numbers.saved_route import SavedRoute, find, keep
from agentctl.wiring import Control
from tests.memory import MemoryStore

pytestmark = pytest.mark.anyio

NUMBER = "+498999998100"
OLD, NEW = {"voice_url": "https://old.example.org"}, {"voice_url": "https://new.example.org"}


class Watched(MemoryStore):
    """Looks after each call whether anything is kept of the number."""

    watching = False

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        answer = await super().call(function, args, timeout=timeout)
        assert not self.watching or await super().call("route", {"phone_number": NUMBER}), f"{function} left none"
        return answer


def control(store: MemoryStore, environment: str) -> Control:
    async def opened() -> MemoryStore:
        return store

    return cast(Control, SimpleNamespace(store=opened, scope=Scope("p", environment, "w")))


async def test_a_way_back_passes_on_without_a_moment_in_which_none_is_kept() -> None:
    store = Watched()
    ours, theirs = control(store, "production"), control(store, "staging")
    await keep(ours, NUMBER, SavedRoute(OLD), instead=None)
    store.watching = True
    seen = await find(theirs, NUMBER)
    await keep(theirs, NUMBER, SavedRoute(NEW, taken_from="agent_1"), instead=seen)

    found = await find(ours, NUMBER)
    assert found is not None
    assert (found.routing, found.taken_from, found.is_of(theirs.scope)) == (NEW, "agent_1", True)


async def test_who_comes_later_with_what_was_seen_before_writes_nothing() -> None:
    store = MemoryStore()
    ours, theirs = control(store, "production"), control(store, "staging")
    await keep(ours, NUMBER, SavedRoute(OLD), instead=None)
    seen = await find(ours, NUMBER)
    await keep(theirs, NUMBER, SavedRoute(NEW), instead=seen)
    for stale in (None, seen):
        with pytest.raises(Stale, match="elsewhere meanwhile"):
            await keep(ours, NUMBER, SavedRoute(OLD), instead=stale)
    found = await find(ours, NUMBER)
    assert found is not None
    assert found.routing == NEW
