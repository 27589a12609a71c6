"""agentctl.console.live: pages hear of what is new, and of nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from agentctl.console import live
from agentctl.console.live import KINDS, Hub
from agentctl.errors import TokenRefused

pytestmark = pytest.mark.anyio


class Marks:
    """A store that has marks; `asked`: how often, and of whom."""

    def __init__(self) -> None:
        self.marks = {"praxis": 0, "kanzlei": 0}
        self.asked: list[str] = []

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        self.asked.append(args["tenant"])
        return {"calls": str(self.marks[args["tenant"]]), "items": "same", "assistants": "same"}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.01)


@pytest.fixture
def hub() -> Hub:
    return Hub(asyncio.Event())


async def test_a_page_hears_of_its_tenants_changes_alone(hub: Hub) -> None:
    store = Marks()
    ours = hub.changes("praxis", store, beat_seconds=60)
    theirs = hub.changes("kanzlei", store, beat_seconds=0.2)
    assert await anext(ours) == await anext(theirs) == KINDS, "some of it may have happened while it was loaded"
    while store.asked.count("praxis") < 2:  # noqa: ASYNC110 - looks are the hub's own
        await asyncio.sleep(0.01)
    store.marks["praxis"] += 1
    assert await anext(ours) == {"calls"}
    assert await anext(theirs) == frozenset(), "nothing but the beat"
    await ours.aclose()
    await theirs.aclose()


async def test_many_pages_of_a_tenant_cost_one_look(hub: Hub) -> None:
    store = Marks()
    pages = [hub.changes("praxis", store) for _ in range(50)]
    for page in pages:
        await anext(page)
    told = [asyncio.ensure_future(anext(page)) for page in pages]
    while store.asked.count("praxis") < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    store.marks["praxis"] += 1
    before = len(store.asked)
    assert await asyncio.gather(*told) == [{"calls"}] * 50
    assert len(store.asked) - before < 10
    for page in pages:
        await page.aclose()


async def test_nobody_looks_where_no_page_is_open_and_the_servers_end_ends_pages(hub: Hub) -> None:
    store = Marks()
    page = hub.changes("praxis", store)
    await anext(page)
    waiting = asyncio.ensure_future(anext(page, None))
    await asyncio.sleep(0)
    hub.ended.set()
    assert await asyncio.wait_for(waiting, 5) is None
    assert hub.listeners == {}
    assert hub._looking is not None
    await asyncio.wait_for(hub._looking, 5)


async def test_what_the_server_itself_does_is_told_at_once(hub: Hub) -> None:
    page = hub.changes("praxis", Marks())
    await anext(page)
    hub.tell("kanzlei", "sync")
    hub.tell("praxis", "sync")
    assert await anext(page) == {"sync"}
    await page.aclose()


async def test_what_happens_before_the_first_look_is_not_missed(hub: Hub) -> None:
    store, looked = Marks(), asyncio.Event()

    async def call(function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        await looked.wait()
        return await Marks.call(store, function, args)

    store.call = call  # type: ignore[method-assign]
    page = hub.changes("praxis", store)
    first = asyncio.ensure_future(anext(page))
    await asyncio.sleep(0.05)
    assert not first.done(), "a page that asked again now would not see what comes before the look"
    store.marks["praxis"] += 1
    looked.set()
    assert "calls" in await first
    await page.aclose()


async def test_who_may_see_nothing_any_more_keeps_nobody_waiting(hub: Hub) -> None:
    class Refused(Marks):
        async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
            raise TokenRefused("Supabase does not take this sign-in")

    class Removed(Marks):
        async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
            return dict.fromkeys(("calls", "items", "assistants"), "nothing")

    store = Marks()
    pages = [hub.changes("praxis", one, beat_seconds=60) for one in (Refused(), Removed(), store)]
    async with asyncio.timeout(5):
        assert await asyncio.gather(*map(anext, pages)) == [KINDS] * 3
        for _ in range(3):
            store.marks["praxis"] += 1
            looks = len(store.asked)
            while len(store.asked) == looks:
                assert "calls" in await anext(pages[-1])
    for page in pages:
        await page.aclose()
