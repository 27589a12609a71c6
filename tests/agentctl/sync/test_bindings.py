"""What is remembered of resources, and how."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

from agentctl.errors import Stale, StoreUnavailable, UsageError
from agentctl.sync.bindings import Bindings
from agentctl.sync.grouped import Grouped
from agentctl.sync.interrupted import Said
from agentctl.sync.kind import Ref, Scope
from agentctl.sync.plan import Settled
from tests.memory import MemoryStore

pytestmark = pytest.mark.anyio
SCOPE = Scope("demo", "default", "api.example.org")


class Store:
    """Keeps the calls; every row of one takes as long as one."""

    def __init__(self, *, away: bool = False) -> None:
        self.calls: list[tuple[str, Any]] = []
        self._away = away

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        self.calls.append((function, args))
        await asyncio.sleep(0)
        if self._away:
            raise StoreUnavailable("away")
        return [{} for _ in args["rows"]] if "rows" in args else {}


def settled(number: int) -> Settled:
    return Settled(Ref("menu", f"m{number}"), f"new-{number}", {"text": "a"}, touched=7, former=f"old-{number}")


async def test_all_that_is_settled_is_remembered_in_a_few_calls() -> None:
    store = Store()
    bindings = Bindings(Grouped(store), SCOPE)
    await bindings.settle([settled(number) for number in range(100)])
    assert len(store.calls) == 1
    for number in range(100):
        ref = Ref("menu", f"m{number}")
        assert bindings.get(ref) == f"new-{number}"
        assert bindings.former(ref) == {f"old-{number}": ""}, "what was replaced has to go, by whichever command"
        assert bindings.recall(ref, f"new-{number}").touched == 7


async def test_whoever_slept_writes_over_nothing_that_another_has_remembered_since() -> None:
    store, ref = MemoryStore(), Ref("menu", "m1")
    await Bindings(store, SCOPE).bind(ref, "one", {"text": "a"})
    slept = await Bindings(store, SCOPE).load()
    awake = await Bindings(store, SCOPE).load()
    await awake.say(ref, "one", Said({"text": "b"}))
    with pytest.raises(Stale, match="another sync has been at menu m1"):
        await slept.say(ref, "one", Said({"text": "c"}))
    await awake.bind(ref, "two", {"text": "b"}, former="one")
    with pytest.raises(Stale):
        await slept.bind(ref, "one", {"text": "c"})
    await slept.forget(ref, "one")
    with pytest.raises(Stale):
        await Bindings(store, SCOPE).bind(ref, "three")
    now = await Bindings(store, SCOPE).load()
    assert (now.get(ref), now.former(ref), now.applied(ref)["text"]) == ("two", {"one": ""}, "b")


async def test_what_cannot_be_remembered_is_not_taken_for_remembered() -> None:
    bindings = Bindings(Grouped(Store(away=True)), SCOPE)
    with pytest.raises(StoreUnavailable):
        await bindings.settle([settled(1), settled(2)])
    assert bindings.get(Ref("menu", "m1")) is None


async def test_a_label_is_not_given_while_something_without_it_is_under_way() -> None:
    store, labelled = MemoryStore(), Scope("demo", "default", "acme@api.example.org")
    ref = Ref("agent", "desk")
    before = await Bindings(store, SCOPE).load()
    await before.intend(ref, {"name": "Desk"}, again=False)
    with pytest.raises(UsageError, match="under way: the create of agent desk"):
        await Bindings(store, labelled).load()
    await before.bind(ref, "one", {"name": "Desk"})
    await store.call("hold", {**asdict(SCOPE), "key": "desk", "revision": 1, "digest": "d"})
    with pytest.raises(UsageError, match="the hold of desk") as caught:
        await Bindings(store, labelled).load()
    assert "agentctl unhold" in (caught.value.hint or "")
    await store.call("unhold", {**asdict(SCOPE), "key": "desk"})
    assert (await Bindings(store, labelled).load()).memory(ref, "one") == {"name": "Desk"}
    await (await Bindings(store, labelled).load()).bind(ref, "one")
    # From then on what is under way without it is another one's.
    await store.call("hold", {**asdict(SCOPE), "key": "desk", "revision": 1, "digest": "d"})
    assert (await Bindings(store, labelled).load()).get(ref) == "one"
