"""Grouped writes: fewer calls, the same promises."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from agentctl.errors import StoreError, StoreUnavailable
from agentctl.sync.grouped import Grouped

pytestmark = pytest.mark.anyio


class Store:
    """Answers when it is let, and keeps what was asked in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.open = asyncio.Event()
        self.failing = False

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        self.asked.append((function, args))
        await self.open.wait()
        if self.failing:
            raise StoreUnavailable("away")
        return [row["key"] for row in args["rows"]] if "rows" in args else args["key"]


async def begun(store: Store, function: str, keys: str) -> list[asyncio.Task[Any]]:
    grouped = Grouped(store)
    tasks = [asyncio.create_task(grouped.call(function, {"key": key})) for key in keys]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_what_comes_together_travels_together_and_each_gets_its_own_answer() -> None:
    store = Store()
    tasks = await begun(store, "bind", "abc")
    assert not any(task.done() for task in tasks), "nothing is durable yet"
    store.open.set()
    assert await asyncio.gather(*tasks) == ["a", "b", "c"]
    assert store.asked == [("bind_all", {"rows": [{"key": "a"}, {"key": "b"}, {"key": "c"}]})]


async def test_rows_are_written_in_one_order_whoever_asks() -> None:
    store = Store()
    tasks = await begun(store, "intend", "cab")
    store.open.set()
    assert await asyncio.gather(*tasks) == ["c", "a", "b"], "each its own answer"
    assert store.asked == [("intend_all", {"rows": [{"key": "a"}, {"key": "b"}, {"key": "c"}]})]


async def test_what_comes_while_a_write_is_under_way_goes_with_the_next() -> None:
    store = Store()
    grouped = Grouped(store)
    first = asyncio.create_task(grouped.call("bind", {"key": "a"}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert store.asked
    rest = [asyncio.create_task(grouped.call("bind", {"key": key})) for key in "bcd"]
    await asyncio.sleep(0)
    store.open.set()
    assert await asyncio.gather(first, *rest) == ["a", "b", "c", "d"]
    assert [function for function, _ in store.asked] == ["bind", "bind_all"]
    assert await grouped.call("bind", {"key": "e"}) == "e"


async def test_a_crowd_goes_in_parts_and_in_order() -> None:
    store = Store()
    store.open.set()
    grouped = Grouped(store)
    keys = [str(number) for number in range(450)]
    assert await asyncio.gather(*(grouped.call("intend", {"key": key}) for key in keys)) == keys
    assert [len(args["rows"]) for _, args in store.asked] == [200, 200, 50]


async def test_a_group_that_fails_has_failed_for_each_and_the_next_is_tried() -> None:
    store = Store()
    store.failing = True
    store.open.set()
    grouped = Grouped(store)
    results = await asyncio.gather(*(grouped.call("bind", {"key": key}) for key in "ab"), return_exceptions=True)
    assert [type(result) for result in results] == [StoreUnavailable, StoreUnavailable]
    store.failing = False
    assert await grouped.call("bind", {"key": "c"}) == "c"


async def test_who_gives_up_does_not_take_the_others_along() -> None:
    store = Store()
    first, second = await begun(store, "bind", "ab")
    first.cancel()
    await asyncio.sleep(0)
    store.open.set()
    assert await second == "b"


async def test_every_other_call_passes_through_at_once() -> None:
    store = Store()
    store.open.set()
    assert await Grouped(store).call("unbind", {"key": "a"}) == "a"
    assert store.asked == [("unbind", {"key": "a"})]


@pytest.mark.parametrize("answers", [None, [], ["a"], {"rows": 2}])
async def test_an_answer_that_is_none_for_some_fails_all_and_leaves_nobody_waiting(answers: object) -> None:
    class Wrong(Store):
        async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
            await super().call(function, args, timeout=timeout)
            return answers

    store = Wrong()
    tasks = await begun(store, "bind", "ab")
    store.open.set()
    done, waiting = await asyncio.wait(tasks, timeout=5)
    assert not waiting
    assert all(isinstance(task.exception(), StoreError) for task in done)
