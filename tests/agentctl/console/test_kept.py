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


async def test_what_failed_is_asked_again() -> None:
    kept = Kept()

    async def fail() -> str:
        raise Unreachable("nobody answers")

    async def answer() -> str:
        return "here"

    with pytest.raises(Unreachable):
        await kept.answer("numbers", "a", fail)
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
