"""agentctl.console.kept: many pages, one question."""

from __future__ import annotations

import asyncio

import pytest

from agentctl.console.kept import Kept
from agentctl.errors import Unreachable

pytestmark = pytest.mark.anyio


async def test_whoever_asks_at_once_or_soon_after_is_told_the_same() -> None:
    now, asked = [0.0], list[str]()
    kept = Kept(15.0, lambda: now[0])

    async def ask(tenant: str) -> str:
        asked.append(tenant)
        await asyncio.sleep(0)
        return f"{tenant} {len(asked)}"

    both = await asyncio.gather(*(kept.answer("numbers", "a", lambda: ask("a")) for _ in range(3)))
    assert both == ["a 1"] * 3
    assert await kept.answer("numbers", "b", lambda: ask("b")) == "b 2", "another tenant's is another's"
    now[0] = 16.0
    assert (kept.last("numbers", "a"), kept.last("voices", "a")) == ("a 1", None), "this asks nobody"
    assert await kept.answer("numbers", "a", lambda: ask("a")) == "a 3"


async def test_what_failed_is_told_to_all_who_waited_and_asked_again() -> None:
    kept, asked = Kept(), list[str]()

    async def fail() -> str:
        asked.append("numbers")
        await asyncio.sleep(0)
        raise Unreachable("nobody answers")

    async def answer() -> str:
        return "here"

    told = await asyncio.gather(*(kept.answer("numbers", "a", fail) for _ in range(5)), return_exceptions=True)
    assert ([type(one) for one in told], asked) == ([Unreachable] * 5, ["numbers"])
    assert await kept.answer("numbers", "a", answer) == "here"


async def test_what_is_being_asked_when_it_is_forgotten_is_asked_again() -> None:
    kept, told = Kept(), iter(["old", "new", "other"])

    async def ask(forgotten: str = "") -> str:
        answer = next(told)
        if forgotten:
            kept.forget(forgotten)
        return answer

    assert await kept.answer("numbers", "a", lambda: ask("numbers")) == "old"
    assert await kept.answer("numbers", "a", ask) == "new"
    kept.forget("states")
    assert await kept.answer("numbers", "a", ask) == "new", "another question is another's"
    kept.forget("numbers")
    assert await kept.answer("numbers", "a", ask) == "other"


async def test_who_asks_after_it_was_forgotten_is_not_told_what_was_asked_before() -> None:
    kept, gate = Kept(), asyncio.Event()

    async def ask(said: str) -> str:
        await gate.wait()
        return said

    old = asyncio.create_task(kept.answer("states", "", lambda: ask("old")))
    await asyncio.sleep(0)
    kept.forget("states")
    new = asyncio.create_task(kept.answer("states", "", lambda: ask("new")))
    await asyncio.sleep(0)
    gate.set()
    assert [await old, await new] == ["old", "new"]
    assert kept.last("states", "") == "new"


async def test_who_leaves_keeps_nobody_from_the_answer_and_the_end_keeps_everybody() -> None:
    kept, gate = Kept(), asyncio.Event()

    async def ask() -> str:
        await gate.wait()
        return "here"

    first, second = (asyncio.create_task(kept.answer("states", "", ask)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    gate.set()
    assert await second == "here"

    gate.clear()
    third = asyncio.create_task(kept.answer("numbers", "", ask))
    await asyncio.sleep(0)
    await kept.end()
    with pytest.raises(asyncio.CancelledError):
        await third
