"""Agent tests as a kind: found by name, edited in place, attached to their agent beside what others attached."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.errors import Stale
from agentctl.resources.agent_test import TEST
from agentctl.resources.declared_test import DeclaredTest
from tests.agentctl.resources.contract import assistant, edited_between_attempts, edits, planned, synced

pytestmark = pytest.mark.anyio
HOURS = DeclaredTest(
    name="hours",
    user="When are you open?",
    success_condition='It says "nine to five".',
    success_examples=("From nine to five.",),
    failure_examples=("I do not know.",),
    dynamic_variables={"caller": "Erika", "vip": True},
)
BYE = DeclaredTest.model_validate(
    {
        "name": "bye",
        "type": "tool",
        "chat_history": [{"role": "agent", "message": "Hello!"}, {"role": "user", "message": "Bye!"}],
        "tool_call_parameters": {
            "referenced_tool": {"id": "end_call", "type": "system"},
            "parameters": [{"path": "reason", "eval": {"type": "regex", "pattern": ".*"}}],
        },
        "check_any_tool_matches": True,
    }
)
WHOLE = DeclaredTest(
    name="whole",
    type="simulation",
    simulation_scenario="A caller in a hurry.",
    success_conditions=("The agent is polite.",),
    simulation_max_turns=3,
)
EVERY = [HOURS, BYE, WHOLE]


async def writes(sandbox: Any) -> list[tuple[str, str]]:
    return [(entry["method"], entry["path"]) for entry in await sandbox.log() if entry["method"] != "GET"]


async def attached(sandbox: Any) -> list[str]:
    (agent,) = (await sandbox.state())["agents"].values()
    return [entry["test_id"] for entry in agent["platform_settings"]["testing"]["attached_tests"]]


async def test_each_type_is_made_and_attached_and_a_second_plan_is_empty(
    kinds: Any, memory: Any, sandbox: Any, api: Any
) -> None:
    wanted = assistant(tests=EVERY)
    assert (await synced(kinds, memory, wanted)).failures == ()
    rows = {row["test"]["type"]: row["test"] for row in (await sandbox.state())["tests"].values()}
    assert rows["llm"]["chat_history"] == [{"role": "user", "message": "When are you open?", "time_in_call_secs": 0}]
    assert rows["llm"]["failure_examples"] == [{"response": "I do not know.", "type": "failure"}]
    assert rows["llm"]["dynamic_variables"] == {"caller": "Erika", "vip": True}
    assert rows["tool"]["tool_call_parameters"]["referenced_tool"] == {"id": "end_call", "type": "system"}
    assert rows["simulation"]["simulation_max_turns"] == 3
    assert rows["llm"]["name"] == f"agentctl/beispiel/production/empfang/hours@{HOURS.digest[:12]}"
    assert set(await attached(sandbox)) == {memory.bindings["agent_test", f"empfang/{one.name}"] for one in EVERY}
    await sandbox.clear_log()
    assert (await planned(kinds, memory, wanted)).empty
    assert [entry["path"] for entry in await sandbox.log()].count("/v1/convai/agent-testing") == 1
    assert not [entry for entry in await sandbox.log() if entry["path"].startswith("/v1/convai/agent-testing/")]


async def test_an_edited_test_keeps_its_id_and_leaves_its_agent_alone(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(tests=EVERY))
    bound = dict(memory.bindings)
    await sandbox.clear_log()
    edited = assistant(tests=[HOURS.model_copy(update={"user": "Are you open?"}), BYE, WHOLE])
    assert [path for path, _, _ in edits(await planned(kinds, memory, edited), "agent_test")] == ["content"]
    assert (await synced(kinds, memory, edited)).ok
    assert memory.bindings == bound
    assert [method for method, _ in await writes(sandbox)] == ["PUT"]
    assert (await planned(kinds, memory, edited)).empty


async def test_another_type_is_another_test(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(tests=[HOURS]))
    await sandbox.clear_log()
    other = assistant(tests=[WHOLE.model_copy(update={"name": "hours"})])
    assert (await synced(kinds, memory, other)).failures == ()
    assert [method for method, _ in await writes(sandbox)] == ["POST", "PATCH", "DELETE"]
    assert await attached(sandbox) == list((await sandbox.state())["tests"])
    assert (await planned(kinds, memory, other)).empty


async def test_a_test_without_binding_is_found_by_name(kinds: Any, memory: Any, sandbox: Any) -> None:
    await synced(kinds, memory, assistant(tests=EVERY))
    before = dict(memory.bindings)
    memory.bindings.clear()
    await sandbox.clear_log()
    assert (await synced(kinds, memory, assistant(tests=EVERY))).ok
    assert memory.bindings == before
    assert await writes(sandbox) == []


async def test_what_others_attached_stays_and_what_is_no_longer_declared_goes(
    kinds: Any, memory: Any, sandbox: Any, api: Any
) -> None:
    await synced(kinds, memory, assistant(tests=[HOURS, WHOLE]))
    theirs = (await api.post("/v1/convai/agent-testing/create", json={"name": "theirs", "success_condition": "x"}))[
        "id"
    ]
    entries = [{"test_id": one} for one in [*(await attached(sandbox)), theirs]]
    patch = {"platform_settings": {"testing": {"attached_tests": entries}}}
    await api.patch("/v1/convai/agents/{i}", json=patch, i=memory.bindings["agent", "empfang"])
    assert (await planned(kinds, memory, assistant(tests=[HOURS, WHOLE]))).changes == ()
    hours = memory.bindings["agent_test", "empfang/hours"]
    found = await synced(kinds, memory, assistant(tests=[HOURS]))
    assert found.ok
    assert set(await attached(sandbox)) == {hours, theirs}
    assert [ref.key for ref in found.plan.orphans] == ["empfang/whole"]
    assert (await synced(kinds, memory, assistant(), prune=True)).ok
    assert await attached(sandbox) == [theirs]
    assert [row["test"]["name"] for row in (await sandbox.state())["tests"].values()] == ["theirs"]
    assert (await planned(kinds, memory, assistant())).empty


async def test_a_lost_answer_to_a_create_makes_no_second_test(kinds: Any, memory: Any, sandbox: Any) -> None:
    await sandbox.fault(method="POST", path="/v1/convai/agent-testing/create", drop="after", times=1)
    assert not (await synced(kinds, memory, assistant(tests=[HOURS]))).ok
    assert (await synced(kinds, memory, assistant(tests=[HOURS]))).ok
    assert len((await sandbox.state())["tests"]) == 1


@pytest.mark.parametrize("fault", [{"drop": "before"}, {"drop": "after"}, {"status": 503}])
async def test_what_somebody_writes_into_a_test_before_its_edit_is_sent_again_stays(
    kinds: Any, memory: Any, sandbox: Any, api: Any, fault: dict[str, Any]
) -> None:
    assert (await synced(kinds, memory, assistant(tests=[HOURS]))).ok
    test_id = memory.bindings["agent_test", "empfang/hours"]
    await sandbox.fault(method="PUT", path=f"/v1/convai/agent-testing/{test_id}", times=1, **fault)

    async def by_hand() -> None:
        there = await api.get(TEST, test_id=test_id)
        body = {key: value for key, value in there.items() if key != "id"}
        await api.put(TEST, json={**body, "success_condition": "by hand"}, test_id=test_id)

    edited = assistant(tests=[HOURS.model_copy(update={"success_condition": "It is short."})])
    failures = await edited_between_attempts(kinds, memory, edited, by_hand)
    assert failures[:1] == ([] if fault == {"drop": "after"} else [Stale])
    (row,) = (await sandbox.state())["tests"].values()
    assert row["test"]["success_condition"] == "by hand"
