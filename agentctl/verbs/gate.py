"""The gate of a sync: an assistant's tests, run against what its agent would be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from agentctl.errors import NotPassed
from agentctl.resources import agent, agent_test, phone_number
from agentctl.resources.answer import ODD
from agentctl.resources.api import Api
from agentctl.resources.assistant import Assistant
from agentctl.resources.test_run import Pace, Result, override, run_tests
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.sync.plan import Change
from agentctl.wiring import Control

OnTests = Callable[[str, int, int], None]
"""Hears, for an assistant, how many results are there, and of how many."""


class TestGate:
    """Admits what changes an assistant only if its tests pass: its agent, and where its numbers ring.

    An agent is tested as it would be; one that is new, or whose number alone changes, as it is. Each assistant is
    tested once per gate. One without tests is let through. `held`: tests that were changed at the platform and stay so;
    what they say is not what is declared.
    """

    __test__ = False  # no test of pytest's

    def __init__(
        self,
        api: Api,
        bindings: Bindings,
        assistants: Sequence[Assistant],
        *,
        held: Collection[Ref] = (),
        pace: Pace | None = None,
        on_tests: OnTests | None = None,
    ) -> None:
        self._api = api
        self._bindings = bindings
        self._assistants = {assistant.key: assistant for assistant in assistants}
        self._held = held
        self._pace = pace
        self._on_tests = on_tests or (lambda key, ended, count: None)
        self._runs: dict[str, asyncio.Task[tuple[Result, ...]]] = {}

    async def admit(self, change: Change, remote_id: str, planned: Mapping[str, Any]) -> None:
        """Raise NotPassed where a test failed or has no result; whatever kept the run from being made, as it is."""
        if change.desired.kind == agent.KIND:
            config = None if change.observed is None else override(planned)
            await self._need(change.desired.key, remote_id, config)
        elif change.desired.kind == phone_number.KIND and "agent_id" in {edit.path for edit in change.edits}:
            key = change.desired.payload.key
            agent_id = self._bindings.get(Ref(agent.KIND, key))
            # Where that was changed by hand and is held back, the number goes on ringing elsewhere.
            if agent_id is not None and planned.get("agent_id") == agent_id:
                await self._need(key, agent_id, None)

    async def _need(self, key: str, agent_id: str, config: Mapping[str, Any] | None) -> None:
        assistant = self._assistants.get(key)
        if assistant is None or not assistant.tests:
            return
        if key not in self._runs:
            self._runs[key] = asyncio.create_task(self._run(assistant, agent_id, config))
        results = await self._runs[key]
        lost = [one for one in results if one.status != "passed"]
        if lost:
            reasons = "".join(f"\n    {one.test} {_STATES[one.status]}: {one.reason}" for one in lost)
            what = f"{len(lost)} of {len(results)} tests did not pass; its change does not go live"
            tests = {one.test: one.status for one in lost}
            raise NotPassed(f"assistant {key}: {what}{reasons}", _remedy(lost), tests=tests)

    async def _run(self, assistant: Assistant, agent_id: str, config: Mapping[str, Any] | None) -> tuple[Result, ...]:
        known: dict[str, str] = {}
        lost: list[Result] = []
        for ref, test in zip(agent_test.refs(assistant), assistant.tests, strict=True):
            test_id, applied = self._bindings.get(ref), self._bindings.applied(ref)
            if ref in self._held:
                lost.append(Result(test.name, "not run", agent_test.HELD))
            elif test_id is None or not agent_test.says(applied, test):
                lost.append(Result(test.name, "not run", _ABSENT))
            else:
                known[test.name] = test_id
        if lost:
            return tuple(lost)

        def heard(ended: int, count: int) -> None:
            self._on_tests(assistant.key, ended, count)

        return await run_tests(self._api, agent_id, known, override=config, pace=self._pace, on_look=heard)


def wanted(control: Control, given: bool | None) -> bool:
    """Whether a sync of this project is gated: as its caller says, else as `[sync] gate` in agentctl.toml does.

    The files have been read by now.
    """
    return control.loaded.project.gate if given is None else given


def longest(control: Control) -> float:
    """Seconds for which the gate of one sync waits at most: for the tests of agents, then for those of numbers.

    The files have been read by now.
    """
    return 2 * control.loaded.project.gate_timeout


def _remedy(lost: Sequence[Result]) -> str:
    """Who has to do something: only of a test that failed is it whoever wrote it, or the assistant."""
    if any(one.status == "failed" for one in lost):
        return "Correct the assistant or the test and run it again."
    if any(one.reason == agent_test.HELD for one in lost):
        return "What was done to its tests there has to be decided first."
    if any(one.reason == _ABSENT for one in lost):
        return "Its tests have to be there first: why they are not is told beside this."
    return ODD


_ABSENT = "what is declared is not at ElevenLabs yet"
_STATES = {"failed": "failed", "not run": "was not run"}
