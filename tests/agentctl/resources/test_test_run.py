"""Waiting for test results: what each state means, a bounded wait, nothing started twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from agentctl.errors import ApiError
from agentctl.resources import test_run
from agentctl.resources.test_run import Pace, Result, override, run_tests

pytestmark = pytest.mark.anyio
TESTS = {"hours": "test_1", "tone": "test_2"}


class Scripted:
    """An API that answers a run with one look after another; the last one stays."""

    def __init__(self, *looks: Any, invocation: Any = "suite_1") -> None:
        self._looks = list(looks)
        self._invocation = invocation
        self.asked: list[tuple[str, Any]] = []

    async def post(self, path: str, *, json: Any = None, **ids: str) -> dict[str, Any]:
        self.asked.append((path, json))
        return self._next()

    async def get(self, path: str, **ids: str) -> Any:
        self.asked.append((path, ids))
        return self._next()

    def _next(self) -> dict[str, Any]:
        look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        return {"id": self._invocation, "test_runs": look}


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += max(seconds, 0.01)

    def pace(self, deadline: float = 60) -> Pace:
        return Pace(deadline=deadline, sleep=self.sleep, clock=lambda: self.now)


def entry(test_id: str, status: str, **more: Any) -> dict[str, Any]:
    return {"test_id": test_id, "status": status, **more}


def judged(test_id: str, status: str, rationale: Mapping[str, Any] | None) -> dict[str, Any]:
    return entry(test_id, status, condition_result={"result": "failure", "rationale": rationale})


async def ran(api: Any, clock: Clock | None = None, **more: Any) -> tuple[Result, ...]:
    return await run_tests(api, "agent_1", TESTS, pace=(clock or Clock()).pace(), **more)


async def test_it_looks_until_every_run_has_ended() -> None:
    pending = [entry("test_1", "pending"), entry("test_2", "pending")]
    half = [entry("test_1", "passed"), entry("test_2", "pending")]
    done = [entry("test_1", "passed"), judged("test_2", "failed", {"summary": "", "messages": ["too", "rude"]})]
    api, heard = Scripted(pending, half, done), []
    found = await ran(api, on_look=lambda ended, count: heard.append((ended, count)))
    assert found == (Result("hours", "passed"), Result("tone", "failed", "too; rude"))
    assert heard == [(0, 2), (1, 2), (2, 2)]
    assert [path for path, _ in api.asked].count("/v1/convai/agents/{agent_id}/run-tests") == 1
    assert api.asked[0][1] == {"tests": [{"test_id": "test_1"}, {"test_id": "test_2"}]}


async def test_the_wait_ends_with_the_deadline() -> None:
    clock = Clock()
    found = await run_tests(
        Scripted([entry("test_1", "pending"), entry("test_2", "passed")]), "agent_1", TESTS, pace=clock.pace(20)
    )
    assert found == (Result("hours", "not run", "no result after 20 s"), Result("tone", "passed"))
    assert clock.now < 21
    assert len(clock.slept) < 15


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (entry("test_1", "cancelled"), "it ended as 'cancelled'"),
        (entry("test_1", "something new"), "it ended as 'something new'"),
        (entry("other", "passed"), "the platform's answer does not mention it"),
    ],
)
async def test_only_passed_is_a_pass(run: Any, reason: str) -> None:
    found = await ran(Scripted([run, entry("test_2", "passed")]))
    assert found[0] == Result("hours", "not run", reason)


async def test_a_reason_is_one_line_of_bounded_length() -> None:
    said = {"summary": "The agent\nsaid:\tyes" + " x" * 1000}
    found = await ran(Scripted([judged("test_1", "failed", said), judged("test_2", "failed", None)]))
    assert found[0].reason.startswith("The agent said: yes x")
    assert len(found[0].reason) <= 501
    assert found[1].reason == "the platform gave no reason"


async def test_an_answer_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(ApiError, match="no id"):
        await ran(Scripted([entry("test_1", "pending")], invocation=None))


def test_an_override_is_the_whole_plan_without_what_only_reads() -> None:
    planned = {
        "name": "Desk",
        "agent_id": "agent_1",
        "conversation_config": {"agent": {"prompt": {"prompt": "x", "tools": [], "tool_ids": ["t"]}}, "tts": {}},
        "platform_settings": {"safety": {}, "queueing_config": {"hold_audio": None, "on": True}, "privacy": {}},
        "workflow": {"nodes": {}},
    }
    assert override(planned) == {
        "conversation_config": {"agent": {"prompt": {"prompt": "x", "tool_ids": ["t"]}}, "tts": {}},
        "platform_settings": {"queueing_config": {"on": True}, "privacy": {}},
        "workflow": {"nodes": {}},
    }
    assert planned["platform_settings"]["safety"] == {}


async def test_a_look_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(Scripted):
        async def get(self, path: str, **ids: str) -> Any:
            await asyncio.Event().wait()

    monkeypatch.setattr(test_run, "_LAST_LOOK", 0.02)
    api = Hanging([entry("test_1", "passed"), entry("test_2", "pending")])
    async with asyncio.timeout(10):
        results = await run_tests(api, "agent_1", TESTS, pace=Pace(deadline=0.05, first=0.01))  # type: ignore[arg-type]
    assert results == (Result("hours", "passed"), Result("tone", "not run", "no result after 0.05 s"))
