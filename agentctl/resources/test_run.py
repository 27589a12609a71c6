"""Run agent tests at ElevenLabs and wait for their results.

`run-tests` answers with pending runs; `GET /v1/convai/test-invocations/{id}` tells how each ended. The published spec
knows the states pending, passed and failed, newer SDKs cancelled too: whatever is none of the first three counts as
not run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

from agentctl.errors import ApiError
from agentctl.resources.api import Api
from agentctl.resources.criteria import as_list
from agentctl.resources.endpoints import AGENT
from agentctl.sync.diff import without

RUN = f"{AGENT}/run-tests"
INVOCATION = "/v1/convai/test-invocations/{test_invocation_id}"
_REASON_CHARACTERS = 500
_LAST_LOOK = 5.0  # seconds that a look may take beyond the deadline
# What a GET shows and no request may hold: read-only fields, and the deprecated twin of tool_ids.
_READ_ONLY_CONFIG = (("agent", "prompt", "tools"),)
_READ_ONLY_SETTINGS = (("safety",), ("queueing_config", "hold_audio"))


@dataclass(frozen=True)
class Result:
    """How one test ended. `reason` is the platform's own or ours, on one line; it may repeat what an agent said."""

    test: str
    status: Literal["passed", "failed", "not run"]
    reason: str = ""


@dataclass(frozen=True)
class Pace:
    """How long to wait for results, all of one run together, and how often to look. In seconds.

    `set_by`: where a person says how long the deadline is, named where it has passed.
    """

    deadline: float = 300.0
    first: float = 0.5
    longest: float = 5.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    set_by: str = ""


OnLook = Callable[[int, int], None]
"""Hears how many results are there, and of how many."""


async def run_tests(
    api: Api,
    agent_id: str,
    tests: Mapping[str, str],
    *,
    override: Mapping[str, Any] | None = None,
    pace: Pace | None = None,
    on_look: OnLook | None = None,
) -> tuple[Result, ...]:
    """Run `tests` (name -> id) against the agent as it is, or as `override` would have it.

    A run is started once and never again: each costs credits. Raises ApiError, Unreachable or AnswerLost where it could
    not be started or looked at.
    """
    pace = pace or Pace()
    body: dict[str, Any] = {"tests": [{"test_id": test_id} for test_id in tests.values()]}
    if override is not None:
        body["agent_config_override"] = dict(override)
    answer: Mapping[str, Any] = await api.post(RUN, json=body, agent_id=agent_id)
    invocation, until, pause = answer.get("id"), pace.clock() + pace.deadline, pace.first
    while True:
        runs = _runs(answer)
        ended = sum(_state(runs.get(test_id)) != "pending" for test_id in tests.values())
        if on_look is not None:
            on_look(ended, len(tests))
        if ended == len(tests) or pace.clock() >= until:
            return tuple(_result(name, runs.get(test_id), pace) for name, test_id in tests.items())
        if not isinstance(invocation, str):
            raise ApiError(f"POST {RUN}: the answer has no id to look for results with", status=200)
        await pace.sleep(min(pause, max(until - pace.clock(), 0)))
        pause = min(pause * 1.5, pace.longest)
        with suppress(TimeoutError):  # What was seen last counts: a look that hangs is no longer wait.
            async with asyncio.timeout(max(until - pace.clock(), 0) + _LAST_LOOK):
                answer = await api.get(INVOCATION, test_invocation_id=invocation)


def override(planned: Mapping[str, Any]) -> dict[str, Any]:
    """A whole agent, as it is planned, as `agent_config_override`.

    Whether the platform lays an override over the agent or takes it as the whole is not documented; the whole serves
    both.
    """
    planned = as_list(planned)
    wanted = {
        "conversation_config": without(planned.get("conversation_config") or {}, _READ_ONLY_CONFIG),
        "platform_settings": without(planned.get("platform_settings") or {}, _READ_ONLY_SETTINGS),
    }
    return {**wanted, "workflow": planned["workflow"]} if planned.get("workflow") else wanted


def _runs(answer: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    runs = answer.get("test_runs")
    return {str(one.get("test_id")): one for one in runs if isinstance(one, Mapping)} if isinstance(runs, list) else {}


def _state(run: Mapping[str, Any] | None) -> str:
    return "absent" if run is None else str(run.get("status"))


def _result(name: str, run: Mapping[str, Any] | None, pace: Pace) -> Result:
    state = _state(run)
    if run is None:
        return Result(name, "not run", "the platform's answer does not mention it")
    if state == "passed":
        return Result(name, "passed", _reason(run))
    if state == "failed":
        return Result(name, "failed", _reason(run) or "the platform gave no reason")
    if state == "pending":
        longer = f"; {pace.set_by} says how long to wait" if pace.set_by else ""
        return Result(name, "not run", f"no result after {pace.deadline:g} s{longer}")
    return Result(name, "not run", f"it ended as {state[:40]!r}")


def _reason(run: Mapping[str, Any]) -> str:
    judged = run.get("condition_result")
    rationale = judged.get("rationale") if isinstance(judged, Mapping) else None
    if not isinstance(rationale, Mapping):
        return ""
    messages = rationale.get("messages")
    said = rationale.get("summary") or "; ".join(map(str, messages if isinstance(messages, list) else ()))
    line = " ".join(str(said).split())
    return line if len(line) <= _REASON_CHARACTERS else f"{line[:_REASON_CHARACTERS]}…"
