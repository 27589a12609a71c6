"""rollback --gate: what a revision was tested by is asked again before it goes live, and a refusal holds nothing."""

from __future__ import annotations

import pytest

from agentctl.errors import NotPassed
from agentctl.sync.apply import Applied
from agentctl.verbs import rollback
from agentctl.verbs.revisions.hold import holds
from tests.gated import PACE, Project, project

__all__ = ["project"]
pytestmark = pytest.mark.anyio


async def rolled_back(project: Project) -> tuple[Applied, list[tuple[str, int]]]:
    async with project.opened() as control:
        decision = await rollback.look(control, "desk", gated=True)
        applied = await rollback.rollback(control, decision, take_ours=True, pace=PACE)
        return applied, [(one.key, one.revision) for one in await holds(control)]


async def test_what_passes_goes_live_and_was_tested_as_planned(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    before = await project.live()
    project.declare("desk", prompt="Be brief.", hours="Open from ten to four.")
    project.expect("ten to four")
    assert (await project.synced()).ok
    await project.sandbox.clear_log()
    applied, held = await rolled_back(project)
    assert applied.failures == ()
    assert held == [("desk", 1)]
    (run,) = await project.runs()
    assert run["agent_config_override"]["conversation_config"]["agent"]["prompt"]["prompt"] == "Help kindly."
    steps = [one["path"].rpartition("/")[2] for one in await project.sandbox.log() if one["method"] != "GET"]
    (agent_id,) = before["agents"]
    assert steps.index("run-tests") < steps.index(agent_id)
    assert await project.texts() == ["Open from nine to five."]


async def test_what_fails_changes_nothing_that_callers_hear_and_holds_nothing(project: Project) -> None:
    project.expect("nine to five")
    project.declare("desk", hours="Open from one to two.")
    assert (await project.synced(gated=False)).ok
    project.declare("desk", prompt="Be brief.", hours="Open from ten to four.")
    project.expect("ten to four")
    assert (await project.synced()).ok
    before = await project.live()
    applied, held = await rolled_back(project)
    assert [type(failure.error) for failure in applied.failures if failure.ref.kind == "agent"] == [NotPassed]
    assert await project.live() == before
    assert held == []
    # Its tests are there by now, and a document that nobody has; the next sync puts that back, and no more.
    assert (await project.synced()).ok
    assert await project.live() == before
    assert await project.texts() == ["Open from ten to four."]
    assert (await project.synced()).plan.empty


async def test_a_revision_without_tests_is_let_through_and_named(project: Project) -> None:
    assert (await project.synced()).ok
    project.declare("desk", prompt="Be brief.")
    assert (await project.synced()).ok
    async with project.opened() as control:
        decision = await rollback.look(control, "desk", gated=True)
        assert "has no tests" in "\n".join(map(str, decision.plan.notices))
        assert (await rollback.rollback(control, decision)).ok
