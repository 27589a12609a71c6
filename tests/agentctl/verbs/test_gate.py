"""sync --gate over the sandbox, whose agent answers as it is configured: what fails its tests never goes live."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentctl.errors import NotPassed, Stale
from agentctl.resources.answer import ODD
from agentctl.resources.test_run import Pace
from agentctl.sync.kind import Ref
from agentctl.verbs import sync, trusted
from agentctl.verbs.unattended import triggered
from agentctl.verbs.unattended.triggered import Syncs
from tests.agentctl.verbs.test_sync_sections import SECTIONS
from tests.gated import PACE, Project, project

__all__ = ["project"]
pytestmark = pytest.mark.anyio
NUMBER = "+498999998100"


async def with_number(project: Project, key: str = "desk") -> None:
    """Have the number at ElevenLabs, unassigned, and declare it."""
    body = {"provider": "twilio", "phone_number": NUMBER, "label": "x", "sid": project.sandbox.account_sid}
    async with project.opened() as control:
        await control.api.post("/v1/convai/phone-numbers", json={**body, "token": project.sandbox.auth_token})
    (project.root / "assistants" / key / "assistant.toml").write_text(
        f'name = "{key.title()}"\n[phone]\nnumbers = ["{NUMBER}"]\n'
    )


async def test_what_passes_goes_live_and_was_tested_as_planned_not_as_it_was(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    project.declare("desk", prompt="Be brief.")
    project.expect("be brief", name="tone")
    await project.sandbox.clear_log()
    applied = await project.synced()
    assert applied.failures == ()
    (agent,) = (await project.live())["agents"].values()
    assert agent["conversation_config"]["agent"]["prompt"]["prompt"] == "Be brief."
    (run,) = await project.runs()
    assert run["agent_config_override"]["conversation_config"]["agent"]["prompt"]["prompt"] == "Be brief."
    assert len(run["tests"]) == 2
    assert (await project.synced()).plan.empty


async def test_what_fails_leaves_everything_that_callers_hear_byte_for_byte(project: Project) -> None:
    project.expect("help kindly")
    assert (await project.synced()).ok
    before = await project.live()
    project.declare("desk", prompt="Be brief.", hours="Open from ten to four.")
    for _ in range(3):
        failed = await project.synced()
        (failure,) = [one for one in failed.failures if isinstance(one.error, NotPassed)]
        assert failure.ref == Ref("agent", "desk")
        assert "1 of 1 tests did not pass" in failure.error.message
        assert "hours failed: The agent did not say 'help kindly'" in failure.error.message
        assert failure.error.marks == ("hours failed",)
        assert await project.live() == before
        assert len(await project.texts()) == 2
    project.expect("be brief")
    assert (await project.synced()).ok
    assert (await project.synced()).plan.empty
    (agent,) = (await project.live())["agents"].values()
    assert agent["conversation_config"]["agent"]["prompt"]["prompt"] == "Be brief."
    assert await project.texts() == ["Open from ten to four."]


async def test_attempts_that_fail_do_not_pile_up_and_going_back_needs_no_write_to_the_agent(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    before = await project.live()
    for hours in ("From ten.", "From eleven.", "From twelve."):
        project.declare("desk", hours=hours)
        assert not (await project.synced()).ok
        assert await project.texts() == sorted([hours, "Open from nine to five."])
    project.declare("desk")
    assert (await project.synced(gated=False)).ok
    assert await project.live() == before
    assert await project.texts() == ["Open from nine to five."]
    assert (await project.synced()).plan.empty


async def test_after_a_failure_a_sync_without_the_gate_goes_on_as_ever(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    project.declare("desk", hours="Open from ten to four.")
    assert not (await project.synced()).ok
    project.declare("desk", hours="Open from ten to five.")
    assert (await project.synced(gated=False)).ok
    assert await project.texts() == ["Open from ten to five."]
    assert (await project.synced(gated=False)).plan.empty


async def test_a_changed_document_is_a_new_one_that_is_attached_once_the_tests_have_passed(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    (old,) = (await project.live())["documents"]
    project.declare("desk", hours="Open from ten to four.")
    project.expect("ten to four")
    await project.sandbox.clear_log()
    assert (await project.synced()).ok
    ((new, row),) = (await project.live())["documents"].items()
    assert new != old
    assert row["text"] == "Open from ten to four."
    writes = [one for one in await project.sandbox.log() if one["method"] != "GET"]
    steps = [(one["method"], one["path"].rpartition("/")[2]) for one in writes]
    (agent_id,) = (await project.live())["agents"]
    test_id = next(iter((await project.sandbox.state())["tests"]))
    assert sorted(steps[:2]) == sorted([("POST", "text"), ("PUT", test_id)])
    assert steps[2:] == [("POST", "run-tests"), ("PATCH", agent_id), ("DELETE", old)]
    assert (await project.synced()).plan.empty


async def test_a_new_agent_is_tested_before_its_number_rings_there(project: Project) -> None:
    project.expect("ten to four")
    await with_number(project)
    for _ in range(2):
        failed = await project.synced()
        assert not failed.ok
        state = await project.live()
        assert [row["agent_id"] for row in state["numbers"].values()] == [None]
        assert len(state["agents"]) == 1
    project.declare("desk", hours="Open from ten to four.")
    assert (await project.synced()).failures == ()
    state = await project.live()
    assert [row["agent_id"] for row in state["numbers"].values()] == list(state["agents"])


async def test_one_assistants_failure_stops_no_other(project: Project) -> None:
    for key in ("desk", "night"):
        project.declare(key)
        project.expect("nine to five", key)
    assert (await project.synced()).ok
    project.declare("desk", prompt="Be brief.", hours="Never.")
    project.declare("night", prompt="Be brief.")
    failed = await project.synced()
    assert {failure.ref.key for failure in failed.failures} == {"desk"}
    prompts = {
        row["name"]: row["conversation_config"]["agent"]["prompt"]["prompt"]
        for row in (await project.live())["agents"].values()
    }
    assert prompts == {"Desk": "Help kindly.", "Night": "Be brief."}


async def test_a_document_that_one_took_up_and_another_did_not_is_kept_for_both(project: Project) -> None:
    shared = project.root / "shared" / "knowledge"
    shared.mkdir(parents=True)
    (shared / "rooms.md").write_text("Rooms: seven.")
    for key in ("desk", "night"):
        project.declare(key)
        project.expect("nine to five", key)
    assert (await project.synced()).ok
    (shared / "rooms.md").write_text("Rooms: eight.")
    project.expect("something else", "desk")
    assert {failure.ref.key for failure in (await project.synced()).failures} == {"desk"}
    assert [text for text in await project.texts() if "Rooms" in text] == ["Rooms: eight.", "Rooms: seven."]
    project.expect("nine to five", "desk")
    assert (await project.synced()).ok
    assert [text for text in await project.texts() if "Rooms" in text] == ["Rooms: eight."]
    assert (await project.synced()).plan.empty


async def test_only_one_of_those_who_share_a_document_leaves_the_others_with_the_old_one(project: Project) -> None:
    shared = project.root / "shared" / "knowledge"
    shared.mkdir(parents=True)
    (shared / "rooms.md").write_text("Rooms: seven.")
    for key in ("desk", "night"):
        project.declare(key)
        project.expect("nine to five", key)
    assert (await project.synced()).ok
    night = {i: row for i, row in (await project.live())["agents"].items() if row["name"] == "Night"}
    (shared / "rooms.md").write_text("Rooms: eight.")
    applied = await project.synced(only=["desk"])
    assert applied.ok
    assert applied.plan.changes[0].others.startswith("agent Night")
    assert {i: (await project.live())["agents"][i] for i in night} == night
    assert [text for text in await project.texts() if "Rooms" in text] == ["Rooms: eight.", "Rooms: seven."]
    assert (await project.synced(only=["desk"])).plan.empty
    assert (await project.synced()).ok
    assert [text for text in await project.texts() if "Rooms" in text] == ["Rooms: eight."]
    assert (await project.synced()).plan.empty


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ({"order": {"status": "pending"}}, "was not run: no result after 1 s"),
        ({"fault": {"method": "POST", "path": "*/run-tests", "status": 500}}, "500"),
        ({"fault": {"method": "POST", "path": "*/run-tests", "status": 422}}, "422"),
        ({"fault": {"method": "GET", "path": "*/test-invocations/*", "status": 404}}, "404"),
        ({"fault": {"method": "POST", "path": "*/run-tests", "drop": "after"}}, "run-tests"),
    ],
)
async def test_a_run_without_a_result_is_no_pass(project: Project, trouble: Any, says: str) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    before = await project.live()
    project.declare("desk", prompt="Be brief.")
    if "order" in trouble:
        await project.sandbox.judge(**trouble["order"])
    else:
        await project.sandbox.fault(**trouble["fault"])
    await project.sandbox.clear_log()
    failed = await project.synced()
    assert says in "\n".join(str(failure.error) for failure in failed.failures)
    assert await project.live() == before
    assert len(await project.runs()) <= 1
    await project.sandbox.clear_faults()
    await project.sandbox.judge(status="passed")
    assert (await project.synced()).ok


async def test_how_long_a_gate_waits_is_the_projects_to_say(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    project.declare("desk", prompt="Be brief.")
    (project.root / "agentctl.toml").write_text('project = "probe"\n[sync]\ngate_timeout = 1\n')
    await project.sandbox.judge(status="pending")
    async with project.opened() as control:
        failed = await sync.apply(control, await sync.plan(control, gated=True), force=True)
    (failure,) = failed.failures
    assert "no result after 1 s; [sync] gate_timeout in agentctl.toml says how long to wait" in failure.error.message


async def test_an_assistant_without_tests_is_let_through_and_named(project: Project) -> None:
    async with project.opened() as control:
        found = await sync.plan(control, gated=True)
        assert "assistants/desk/assistant.toml: has no tests, so the gate lets its changes through" in [
            str(notice) for notice in found.notices
        ]
        assert (await sync.apply(control, found)).ok
        assert not [one for one in (await sync.plan(control)).notices if "no tests" in one.what]


async def test_a_change_at_the_platform_during_the_tests_stops_the_write(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    project.declare("desk", prompt="Be brief.")
    (agent_id,) = (await project.live())["agents"]
    async with project.opened() as control:
        meddling: list[asyncio.Task[Any]] = []

        def meddle(key: str, ended: int, count: int) -> None:
            if not meddling:
                patch = control.api.patch("/v1/convai/agents/{i}", json={"name": "Theirs"}, i=agent_id)
                meddling.append(asyncio.create_task(patch))

        # The first look comes before the first pause, in which the other change is made.
        pace = Pace(first=0.3)
        applied = await sync.apply(control, await sync.plan(control, gated=True), on_tests=meddle, pace=pace)
        await meddling[0]
    assert [type(failure.error) for failure in applied.failures] == [Stale]
    (agent,) = (await project.live())["agents"].values()
    assert agent["name"] == "Theirs"
    assert agent["conversation_config"]["agent"]["prompt"]["prompt"] == "Help kindly."


async def test_every_section_of_an_agent_can_be_tested_as_planned(project: Project) -> None:
    """What a GET shows is not all that a request may hold; the published spec judges each request."""
    project.declare("night")
    path = project.root / "assistants" / "desk" / "assistant.toml"
    path.write_text(f'name = "Desk"\nlanguage = "de"\n{SECTIONS.replace("notdienst", "night")}')
    project.expect("nine to five")
    project.declare("desk", prompt="[[assistant.name]], briefly.")
    assert (await project.synced()).failures == ()
    path.write_text(path.read_text().replace("mood", "temper").replace("[built_in_tools.skip_turn]", ""))
    project.declare("desk", prompt="Be brief.")
    assert (await project.synced()).failures == ()
    run = (await project.runs())[-1]["agent_config_override"]
    assert sorted(run["platform_settings"]["data_collection"]) == ["action_items", "temper"]
    assert not run["conversation_config"]["agent"]["prompt"]["built_in_tools"].get("skip_turn")
    (agent,) = [row for row in (await project.live())["agents"].values() if row["name"] == "Desk"]
    assert sorted(agent["platform_settings"]["data_collection"]) == ["action_items", "temper"]
    assert (await project.synced()).plan.empty


async def test_a_test_that_was_deleted_there_holds_its_assistant_back_until_ours_counts(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    before = await project.live()
    async with project.opened() as control:
        test_id = (await control.bindings()).get(Ref("agent_test", "desk/hours"))
        await control.api.delete("/v1/convai/agent-testing/{i}", i=str(test_id))
    project.declare("desk", prompt="Be brief.")
    applied = await project.synced()
    assert [change.desired.kind for change in applied.held] == ["agent_test"]
    (failure,) = applied.failures
    assert (failure.ref, "Correct the" in failure.error.hint) == (Ref("agent", "desk"), False), "told once"
    assert await project.live() == before
    async with project.opened() as control:
        found = await sync.plan(control, gated=True)
        assert (await sync.apply(control, found, take_ours=True, force=True)).ok
    (agent,) = (await project.live())["agents"].values()
    (made,) = (await project.sandbox.state())["tests"]
    assert [one["test_id"] for one in agent["platform_settings"]["testing"]["attached_tests"]] == [made]
    assert (await project.synced()).plan.empty


async def test_what_is_looked_up_is_indexed_before_the_tests_and_follows_the_document_back(project: Project) -> None:
    toml = project.root / "assistants" / "desk" / "assistant.toml"
    toml.write_text(f"{toml.read_text()}[rag]\nenabled = true\n")
    long = " ".join(f"Room {number} is on the upper floor." for number in range(40))
    project.declare("desk", hours=f"Open from nine to five. {long}")
    project.expect("nine to five")
    assert (await project.synced()).failures == ()
    before = await project.live()
    await project.sandbox.clear_log()
    project.declare("desk", hours=f"Open from ten to four. {long}")
    assert not (await project.synced()).ok
    posts = [one["path"].removeprefix("/v1/convai/") for one in await project.sandbox.log() if one["method"] == "POST"]
    look, *writes = posts
    assert look == "knowledge-base/rag-index"
    assert [path.rpartition("/")[2] for path in writes] == ["text", "rag-index", "run-tests"]
    project.declare("desk", hours=f"Open from nine to five. {long}")
    assert (await project.synced()).ok
    assert await project.live() == before
    assert (await project.synced()).plan.empty
    project.declare("desk", hours=f"Open from ten to four. {long}")
    project.expect("ten to four")
    assert (await project.synced()).ok
    assert (await project.synced()).plan.empty
    assert len(await project.texts()) == 1


async def test_a_test_that_is_not_as_declared_counts_for_nothing(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    before = await project.live()
    async with project.opened() as control:
        test_id = (await control.bindings()).get(Ref("agent_test", "desk/hours"))
        body = {"name": "mine now", "success_condition": "anything"}
        await control.api.put("/v1/convai/agent-testing/{i}", json=body, i=str(test_id))
    project.declare("desk", prompt="Be brief.", hours="Never.")
    await project.sandbox.clear_log()
    failed = await project.synced()
    assert "hours was not run: it was changed at the platform" in str(failed.failures[0].error)
    assert await project.runs() == []
    assert await project.live() == before


async def test_a_number_waits_for_a_test_that_could_not_be_brought_up_to_date(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    await with_number(project)
    project.expect("other words")
    await project.sandbox.fault(method="PUT", path="*/agent-testing/*", status=422, times=9)
    failed = await project.synced()
    assert "what is declared is not at ElevenLabs yet" in " ".join(str(one.error) for one in failed.failures)
    assert [row["agent_id"] for row in (await project.live())["numbers"].values()] == [None]


TRANSFER = """
[[built_in_tools.transfer_to_agent.transfers]]
assistant = "neu"
condition = "always"
"""


async def test_running_it_again_is_no_way_around_the_gate(project: Project) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    project.declare("neu", hours="Open at night.")
    project.expect("nine to five", "neu")
    toml = project.root / "assistants/desk/assistant.toml"
    toml.write_text(toml.read_text() + TRANSFER)
    for _ in range(3):
        failed = {failure.ref.kind + " " + failure.ref.key for failure in (await project.synced()).failures}
        assert {"agent neu", "agent desk", "post_call neu"} <= failed
        state = await project.live()
        agents = {row["name"]: row["conversation_config"]["agent"]["prompt"] for row in state["agents"].values()}
        assert "neu" not in str(agents["Desk"]["built_in_tools"])
        assert agents["Desk"]["built_in_tools"]["transfer_to_agent"] is None, "callers are led there"
    project.declare("neu", hours="Open from nine to five.")
    assert (await project.synced()).ok
    runs = len(await project.runs())
    assert (await project.synced()).plan.empty
    assert len(await project.runs()) == runs, "what has passed is not tested again"


async def test_what_is_found_without_a_memory_is_tested_before_it_counts_as_passed(project: Project) -> None:
    project.expect("nine to five")
    project.declare("desk", hours="Open at night.")
    assert not (await project.synced()).ok
    async with project.opened() as control:
        bindings = await control.bindings()
        for kind in ("agent", "knowledge_document", "agent_test"):
            for key in bindings.of(kind):
                await bindings.unbind(Ref(kind, key))
    for _ in range(2):
        assert not (await project.synced()).ok


async def test_a_sync_that_a_request_asks_for_is_gated_where_the_project_says_so(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    project.expect("help kindly")
    assert (await project.synced()).ok
    before = await project.live()
    (project.root / "agentctl.toml").write_text('project = "probe"\n[sync]\ngate = true\n')
    project.declare("desk", prompt="Be brief.", hours="Open from ten to four.")
    async with project.opened() as control:
        syncs = Syncs(control)
        assert syncs.start()
        async with asyncio.timeout(30):
            while "1 failed" not in caplog.text and "tests did not pass" not in caplog.text:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await syncs.end()
    assert await project.live() == before


async def test_a_sync_that_was_asked_for_has_the_time_that_its_gate_has(
    project: Project, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    project.expect("nine to five")
    assert (await project.synced()).ok
    project.declare("desk", prompt="Be brief.")
    (project.root / "agentctl.toml").write_text('project = "probe"\n[sync]\ngate = true\ngate_timeout = 2.5\n')
    await project.sandbox.judge(status="pending")
    monkeypatch.setattr(triggered, "DEADLINE_SECONDS", 2.0)
    async with project.opened() as control:
        syncs = Syncs(control)
        assert syncs.start()
        assert syncs._running is not None
        await asyncio.wait({syncs._running}, timeout=30)
    assert "no result after 2.5 s" in caplog.text
    assert "did not come to its end" not in caplog.text


async def test_what_no_gate_has_let_through_is_not_trusted_once_there_is_one(project: Project) -> None:
    project.expect("something else")
    await project.synced()  # the agent is made, and not let through
    for gated in (False, False, True):
        async with project.opened() as control:
            found = await trusted.plan(control, trust=True, gated=gated)
            await trusted.apply(control, found, pace=PACE)
    assert [change.unjudged for change in found.changes] == [True]


async def test_what_the_platform_does_not_tell_of_a_test_is_nothing_to_correct(project: Project) -> None:
    project.expect("help kindly")
    assert (await project.synced()).ok
    project.declare("desk", prompt="Help kindly and briefly.")
    await project.sandbox.fault(method="POST", path="*/run-tests", status=200, body={"id": "x", "test_runs": []})
    (failure,) = (await project.synced()).failures
    assert "the platform's answer does not mention it" in failure.error.message
    assert failure.error.hint == ODD
