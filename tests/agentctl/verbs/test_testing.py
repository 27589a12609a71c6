"""agentctl test: the tests are brought up to date and run against the agents as they are; nothing else is written."""

from __future__ import annotations

import pytest

from agentctl.errors import UsageError
from agentctl.resources.test_run import Result
from agentctl.sync.kind import Ref
from agentctl.verbs import rollback, testing
from agentctl.verbs.testing import Outcome
from tests.gated import PACE, Project, project

__all__ = ["project"]
pytestmark = pytest.mark.anyio


async def tested(project: Project, *only: str) -> dict[tuple[str, str], Result]:
    async with project.opened() as control:
        found: tuple[Outcome, ...] = await testing.run(control, only, pace=PACE)
    return {(one.assistant, one.result.test): one.result for one in found}


async def test_a_test_that_was_just_written_runs_against_the_agent_as_it_is(project: Project) -> None:
    project.expect("help kindly")
    assert (await project.synced()).ok
    project.declare("desk", prompt="Be brief.")
    project.expect("be brief", name="tone")
    before = await project.live()
    found = await tested(project)
    assert found["desk", "hours"].status == "passed"
    assert found["desk", "tone"].status == "failed"
    assert "did not say 'be brief'" in found["desk", "tone"].reason
    assert await project.live() == before
    assert (await project.runs())[-1].get("agent_config_override") is None
    await project.sandbox.clear_log()
    await tested(project)
    assert [one["path"] for one in await project.sandbox.log() if one["method"] != "GET"] == [
        f"/v1/convai/agents/{next(iter(before['agents']))}/run-tests"
    ]


async def test_only_what_was_asked_for_runs(project: Project) -> None:
    for key in ("desk", "night"):
        project.declare(key)
        project.expect("nine to five", key)
    assert (await project.synced()).ok
    assert set(await tested(project, "n*")) == {("night", "hours")}
    with pytest.raises(UsageError, match="Did you mean night"):
        await tested(project, "nihgt")


async def test_what_cannot_be_run_is_no_pass_and_says_why(project: Project) -> None:
    project.expect("nine to five")
    assert "not synced yet" in (await tested(project))["desk", "hours"].reason
    assert (await project.synced()).ok
    await project.sandbox.fault(method="POST", path="*/run-tests", status=500)
    broken = (await tested(project))["desk", "hours"]
    assert (broken.status, "500" in broken.reason) == ("not run", True)
    await project.sandbox.fault(method="PUT", path="*/agent-testing/*", status=422, times=9)
    project.expect("something else")
    refused = (await tested(project))["desk", "hours"]
    assert (refused.status, "422" in refused.reason) == ("not run", True)


async def test_nothing_is_written_for_an_assistant_that_has_no_agent(project: Project, other_dsn: str) -> None:
    for key in ("desk", "night"):
        project.declare(key)
        project.expect("nine to five", key)
    assert (await project.synced()).ok
    project.expect("something else", "night")
    (night,) = [i for i, one in (await project.live())["agents"].items() if one["name"] == "Night"]
    async with project.opened() as control:
        await control.api.delete("/v1/convai/agents/{i}", i=night)
    await project.sandbox.clear_log()
    found = await tested(project)
    assert found["desk", "hours"].status == "passed"
    assert found["night", "hours"] == Result(
        "hours", "not run", f"its agent {night} is gone at ElevenLabs: agentctl sync --take-ours --only night"
    )
    assert [one["path"] for one in await project.sandbox.log() if one["method"] != "GET"] == [
        f"/v1/convai/agents/{next(iter((await project.live())['agents']))}/run-tests"
    ]
    # The same tests are there under the same names, and this store knows of no agent that they could run against.
    project.move(other_dsn)
    await project.sandbox.clear_log()
    reasons = {one.reason for one in (await tested(project)).values()}
    assert reasons == {"the assistant is not synced yet: agentctl sync"}
    assert [one for one in await project.sandbox.log() if one["method"] != "GET"] == []


async def test_a_test_that_was_renamed_there_is_not_taken_for_ours(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    async with project.opened() as control:
        test_id = (await control.bindings()).get(Ref("agent_test", "desk/hours"))
        body = {"name": "mine now", "success_condition": "x"}
        await control.api.put("/v1/convai/agent-testing/{i}", json=body, i=str(test_id))
    found = (await tested(project))["desk", "hours"]
    assert (found.status, found.reason.partition(";")[0]) == ("not run", "it was changed at the platform")


async def test_without_tests_nothing_is_asked(project: Project) -> None:
    assert await tested(project) == {}
    assert await project.sandbox.log() == []


async def test_what_a_rollback_holds_is_tested_as_it_was_applied(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    project.declare("desk", prompt="Be brief.")
    assert (await project.synced()).ok
    async with project.opened() as control:
        assert (await rollback.rollback(control, await rollback.look(control, "desk"))).ok
    project.expect("something else", name="later")
    await project.sandbox.clear_log()
    found = await tested(project)
    assert found["desk", "hours"].status == "passed"
    assert (found["desk", "later"].status, found["desk", "later"].reason) == ("not run", "it is not at ElevenLabs yet")
    assert [one["method"] for one in await project.sandbox.log() if one["method"] != "GET"] == ["POST"]


async def test_a_test_of_another_type_takes_over_with_the_next_sync_and_not_before(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    before = await project.live()
    (old,) = (await project.sandbox.state())["tests"]
    scenario = 'type = "simulation"\nsimulation_scenario = "Asks for the hours."\nsuccess_condition = "Is polite."\n'
    (project.root / "assistants/desk/tests/hours.toml").write_text(scenario)
    assert (await tested(project))["desk", "hours"].status == "passed"
    assert await project.live() == before
    assert old in (await project.sandbox.state())["tests"]
    assert (await project.synced()).ok
    (new,) = (await project.sandbox.state())["tests"]
    (agent,) = (await project.live())["agents"].values()
    assert [one["test_id"] for one in agent["platform_settings"]["testing"]["attached_tests"]] == [new] != [old]
