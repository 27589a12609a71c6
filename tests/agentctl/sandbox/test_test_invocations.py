"""A test's result depends on what the agent would say, with an override on what it would be; or on an order."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from agentctl.sandbox.harness import BlockingSandbox


def run(api: httpx.Client, agent_id: str, test: dict[str, Any], override: Any = None) -> dict[str, Any]:
    """Make a test, run it, look once: the run as it is then."""
    test_id = api.post("/v1/convai/agent-testing/create", json={"name": "one", **test}).json()["id"]
    body: dict[str, Any] = {"tests": [{"test_id": test_id}]}
    if override is not None:
        body["agent_config_override"] = override
    started = api.post(f"/v1/convai/agents/{agent_id}/run-tests", json=body)
    assert started.status_code == 200, started.text
    assert started.json()["test_runs"][0]["status"] == "pending"
    answer = api.get(f"/v1/convai/test-invocations/{started.json()['id']}").json()
    found: dict[str, Any] = answer["test_runs"][0]
    return found


def asked(message: str, condition: str, **more: Any) -> dict[str, Any]:
    history = [{"role": "user", "message": message, "time_in_call_secs": 0}]
    return {"chat_history": history, "success_condition": condition, **more}


def test_what_a_condition_quotes_must_be_said(api: httpx.Client, reception: dict[str, str]) -> None:
    agent_id = reception["agent_id"]
    passed = run(api, agent_id, asked("Wann haben Sie geöffnet?", 'Sie nennt „von 8 bis 17 Uhr“ und "Freitag".'))
    assert passed["status"] == "passed"
    assert passed["condition_result"]["result"] == "success"
    failed = run(api, agent_id, asked("Wann haben Sie geöffnet?", "Sie nennt „von 9 bis 12 Uhr“."))
    assert failed["status"] == "failed"
    assert "did not say 'von 9 bis 12 Uhr'" in failed["condition_result"]["rationale"]["summary"]
    wrong = [{"response": "8 bis 17", "type": "failure"}]
    assert run(api, agent_id, asked("Wann geöffnet?", "x", failure_examples=wrong))["status"] == "failed"


def test_an_override_is_tried_and_the_agent_stays_as_it_is(api: httpx.Client, make_agent: Any) -> None:
    agent_id = make_agent()
    before = api.get(f"/v1/convai/agents/{agent_id}").json()
    test = asked("Hallo?", 'Sagt "ganz neu".')
    override = {"conversation_config": {"agent": {"prompt": {"prompt": "Ganz neu."}}}, "platform_settings": {}}
    assert run(api, agent_id, test)["status"] == "failed"
    tried = run(api, agent_id, test, override)
    assert (tried["status"], tried["ran_against_draft"]) == ("passed", True)
    assert api.get(f"/v1/convai/agents/{agent_id}").json() == before


def test_a_simulation_hears_everything_and_a_tool_test_the_call(api: httpx.Client, make_agent: Any) -> None:
    agent_id = make_agent()
    talk = {"type": "simulation", "simulation_scenario": "Wann?", "success_conditions": ['Sagt "leider nichts".']}
    assert run(api, agent_id, talk)["status"] == "passed"
    tool = {"referenced_tool": {"id": "end_call", "type": "system"}}
    bye = {"type": "tool", **asked("Auf Wiederhören!", ""), "tool_call_parameters": tool}
    del bye["success_condition"]
    assert run(api, agent_id, bye)["status"] == "failed"
    ending = {"built_in_tools": {"end_call": {"name": "end_call", "params": {"system_tool_type": "end_call"}}}}
    override = {"conversation_config": {"agent": {"prompt": ending}}, "platform_settings": {}}
    assert run(api, agent_id, bye, override)["status"] == "passed"


def test_results_can_be_ordered(api: httpx.Client, sandbox: BlockingSandbox, make_agent: Any) -> None:
    agent_id, test = make_agent(), asked("Hallo?", "x")
    sandbox.judge(test="one", status="failed", reason="because")
    assert run(api, agent_id, test)["condition_result"]["rationale"]["summary"] == "because"
    sandbox.judge(test="one", status="passed", polls=2)
    assert run(api, agent_id, test)["status"] == "pending"
    with pytest.raises(ValueError, match="no status of a test run"):
        sandbox.judge(status="perhaps")


def test_only_what_exists_can_be_run(api: httpx.Client, make_agent: Any) -> None:
    body = {"tests": [{"test_id": "test_none"}]}
    assert api.post(f"/v1/convai/agents/{make_agent()}/run-tests", json=body).status_code == 404
    assert api.post("/v1/convai/agents/agent_none/run-tests", json=body).status_code == 404
    assert api.get("/v1/convai/test-invocations/none").status_code == 404
