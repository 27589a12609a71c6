"""Steps end where one fails, and say where that was."""

from __future__ import annotations

import pytest

from agentctl.errors import NotFound, SyncError, Unreachable
from agentctl.verbs.steps import Step, carry_out

pytestmark = pytest.mark.anyio


def steps(failing: str, done: list[str]) -> list[Step]:
    def step(name: str) -> Step:
        async def act() -> None:
            if name == failing:
                raise Unreachable("no answer", "Is the line up?")
            done.append(name)

        return name, act

    return [step(name) for name in ("one", "two", "three")]


async def test_a_first_failure_is_raised_as_it_is() -> None:
    done: list[str] = []
    with pytest.raises(Unreachable):
        await carry_out(steps("one", done))
    assert done == []


async def test_a_later_failure_tells_what_is_done_and_what_is_not() -> None:
    done: list[str] = []
    with pytest.raises(SyncError) as raised:
        await carry_out(steps("two", done))
    assert raised.value.message == "no answer\nDone: one.\nNot done: two; three."
    assert raised.value.hint == "Is the line up? The same command again continues here."
    assert not isinstance(raised.value, NotFound)
    assert done == ["one"]
