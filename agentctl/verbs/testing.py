"""Run the tests of assistants against their agents as callers hear them now."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from agentctl.errors import AgentctlError, NotFound, UsageError
from agentctl.resources import agent, agent_test
from agentctl.resources.agent import Agent
from agentctl.resources.agent_test import AgentTest
from agentctl.resources.assistant import Assistant
from agentctl.resources.test_run import Pace, Result, run_tests
from agentctl.sync import apply as engine
from agentctl.sync import planning
from agentctl.sync.bindings import Bindings
from agentctl.sync.kind import Ref
from agentctl.verbs import sync
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.gate import OnTests
from agentctl.verbs.renaming.former import must_be_current
from agentctl.verbs.renaming.outdated import outdated, told
from agentctl.verbs.revisions.hold import holds
from agentctl.verbs.rows.outside import need_right, way_to_tests
from agentctl.wiring import Control


@dataclass(frozen=True)
class Outcome:
    """How one test of an assistant ended."""

    assistant: str
    result: Result


async def run(
    control: Control,
    only: Sequence[str] = (),
    *,
    pace: Pace | None = None,
    on_tests: OnTests | None = None,
) -> tuple[Outcome, ...]:
    """Run the tests of the assistants that match `only`, all of them at once, against their live agents.

    The tests themselves are synced first, so that what runs is what the files say; nothing that a caller hears is
    written, and nothing at all for an assistant whose agent is not there. Those of an assistant that is held by a
    rollback run as they are. Raises ConfigurationError for wrong files, UsageError for a glob that matches nothing or
    no assistant with tests, Busy while another sync runs; whatever else keeps a test from being run is its result.
    """
    loaded = await sync.load(control)
    await must_be_current(control, only)
    need_right(loaded, only)
    assistants = sync.select(loaded.assistants, only, elsewhere=loaded.elsewhere)
    for glob in only:
        if not any(assistant.tests for assistant in sync.select(assistants, [glob])):
            what = "the assistants that match have" if set("*?[") & set(glob) else "the assistant has"
            raise UsageError(f"{glob}: {what} no tests", way_to_tests(loaded, glob))
    tested = [assistant for assistant in assistants if assistant.tests]
    if not tested:
        return ()
    async with exclusive(control):
        bindings = await control.bindings()
        held = {hold.key for hold in await holds(control)}
        older = await outdated(control, bindings, loaded.assistants)
        absent = await _absent(control, bindings, tested) | {key: told(key, one) for key, one in older.items()}
        free = [one for one in tested if one.key not in held and one.key not in absent]
        lost = await _synced(control, bindings, free)
    runs = [_run(control, bindings, one, lost, pace, on_tests) for one in tested if one.key not in absent]
    results = {found[0].assistant: found for found in await asyncio.gather(*runs)}
    for one in tested:
        if one.key in absent:
            results[one.key] = [Outcome(one.key, Result(test.name, "not run", absent[one.key])) for test in one.tests]
    return tuple(outcome for one in tested for outcome in results[one.key])


async def _absent(control: Control, bindings: Bindings, assistants: Sequence[Assistant]) -> dict[str, str]:
    """The assistants that cannot be tested, since there is no agent to be asked, and why."""

    async def why(key: str) -> str | None:
        agent_id = bindings.get(Ref(agent.KIND, key))
        if agent_id is None:
            return "the assistant is not synced yet: agentctl sync"
        try:
            await Agent(control.api, control.scope).read(agent_id)
        except NotFound:
            return f"its agent {agent_id} is gone at ElevenLabs: agentctl sync --take-ours --only {key}"
        except AgentctlError as error:
            return error.message
        return None

    keys = [assistant.key for assistant in assistants]
    found = zip(keys, await asyncio.gather(*map(why, keys)), strict=True)
    return {key: reason for key, reason in found if reason is not None}


async def _synced(control: Control, bindings: Bindings, assistants: Sequence[Assistant]) -> dict[Ref, str]:
    """Bring the tests up to date; why one is not."""
    if not assistants:
        return {}
    kinds = [AgentTest(control.api, control.scope)]
    plan = await planning.plan(kinds, assistants, bindings, whole=False, patience=control.patience)
    # An agent may still have attached what was replaced; the next sync of the agent deletes it.
    kept = replace(plan, changes=tuple(change for change in plan.changes if change.action != "delete"))
    applied = await engine.apply(kept, kinds, bindings, retire=False, patience=control.patience)
    lost = {failure.ref: failure.error.message for failure in applied.failures}
    return {**{change.desired.ref: agent_test.HELD for change in applied.held}, **lost}


async def _run(
    control: Control,
    bindings: Bindings,
    assistant: Assistant,
    lost: Mapping[Ref, str],
    pace: Pace | None,
    on_tests: OnTests | None,
) -> list[Outcome]:
    agent_id = bindings.get(Ref(agent.KIND, assistant.key))
    assert agent_id is not None
    results: dict[str, Result] = {}
    ready: dict[str, str] = {}
    for ref, test in zip(agent_test.refs(assistant), assistant.tests, strict=True):
        test_id = bindings.get(ref)
        if ref in lost or test_id is None:
            results[test.name] = Result(test.name, "not run", lost.get(ref, "it is not at ElevenLabs yet"))
        else:
            ready[test.name] = test_id

    def heard(ended: int, count: int) -> None:
        if on_tests is not None:
            on_tests(assistant.key, ended, count)

    if ready:
        try:
            found = await run_tests(control.api, agent_id, ready, pace=pace, on_look=heard)
        except AgentctlError as error:
            found = tuple(Result(name, "not run", error.message) for name in ready)
        results |= {result.test: result for result in found}
    return [Outcome(assistant.key, results[test.name]) for test in assistant.tests]
