"""agentctl.verbs.unattended.watched: the limit of a run, what is left of it, and that people are told once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agentctl.errors import SyncError, TimedOut
from agentctl.sync.applied import Applied
from agentctl.sync.kind import Desired, Scope
from agentctl.sync.plan import Change, Plan
from agentctl.verbs.unattended import notice, watched
from agentctl.verbs.unattended.report import Report
from agentctl.verbs.unattended.watched import Body, Watched
from agentctl.wiring import Control

pytestmark = pytest.mark.anyio
A, B = (Change("create", Desired("agent", key, {}, f"{key}.toml")) for key in "ab")
PLAN = Plan(changes=(A, B))


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """What people were told."""
    found: list[Report] = []

    async def tell(control: Control, report: Report, *more: Any, **how: Any) -> None:
        found.append(report)

    monkeypatch.setattr(notice, "tell", tell)
    monkeypatch.setattr(watched, "recipients", lambda control, given: given)
    monkeypatch.setattr(watched, "scope_of", lambda control: Scope("shop", "production", "api.example.org"))
    return found


async def run(one: Watched, body: Body) -> Applied:
    control = cast(Control, SimpleNamespace(requests=3, environment=None, reading=None))
    return await one.run(control, body, mail=True, mail_to=("a@example.org",), say=lambda text: None)


def taking(seconds: float, begin: Callable[[], None] = lambda: None) -> Body:
    async def body(control: Control) -> Applied:
        begin()
        await asyncio.sleep(seconds)
        return Applied(PLAN, (A, B), ())

    return body


async def test_a_gate_moves_the_limit_by_what_it_may_wait(told: list[Report]) -> None:
    with pytest.raises(TimedOut):
        await run(Watched(seconds=0.05), taking(0.2))
    longer = Watched(seconds=0.05)
    assert (await run(longer, taking(0.2, lambda: longer.extend(5)))).ok
    assert longer.seconds == 5.05
    assert [report.exit_code for report in told] == [1, 0]


async def test_one_without_a_limit_gets_none_by_its_gate(told: list[Report]) -> None:
    free = Watched()
    assert (await run(free, taking(0.02, lambda: free.extend(0.001)))).ok


@pytest.mark.parametrize("stopped", [False, True])
async def test_what_is_ended_names_what_is_left_to_everybody(told: list[Report], stopped: bool) -> None:
    one = Watched(seconds=30 if stopped else 0.05)

    def begin() -> None:
        one.planned(PLAN)
        one.hearing()(A, None)
        if stopped:
            one.stop(0.05, "its server was stopped")
            one.extend(30)  # too late

    with pytest.raises(TimedOut) as raised:
        await run(one, taking(20, begin))
    why = ", since its server was stopped" if stopped else " after its 0.05 s"
    assert raised.value.message == f"this run was ended{why}: 1 of 2 changes are done\nNot done: agent b."
    (report,) = told
    assert report.error is raised.value
    assert report.left == (B,)
    assert report.applied is not None
    assert report.applied.done == (A,)
    assert one.reported(raised.value).left == (B,), "what is saved says the same"


async def test_one_that_is_stopped_before_it_begins_is_ended_too(told: list[Report]) -> None:
    one = Watched(seconds=30)
    one.stop(0.02, "its server was stopped")
    with pytest.raises(TimedOut, match="since its server was stopped, before there was a plan"):
        await run(one, taking(20))
    assert len(told) == 1


async def test_a_limit_that_comes_sooner_stays(told: list[Report]) -> None:
    one = Watched(seconds=0.05)
    with pytest.raises(TimedOut, match=r"ended after its 0\.05 s"):
        await run(one, taking(20, lambda: one.stop(10, "its server was stopped")))


async def test_a_failure_is_told_once_and_raised(told: list[Report]) -> None:
    async def fails(control: Control) -> Applied:
        raise SyncError("no")

    with pytest.raises(SyncError, match="no"):
        await run(Watched(seconds=5), fails)
    assert [str(report.error) for report in told] == ["no"]
