"""Agent tests are kept, replaced and listed as the published contract says."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

BASE = "/v1/convai/agent-testing"
HOURS = {
    "name": "hours",
    "chat_history": [{"role": "user", "message": "Wann?", "time_in_call_secs": 0}],
    "success_condition": "x",
    "success_examples": [{"response": "um neun", "type": "success"}],
}


def make(api: httpx.Client, **changes: Any) -> str:
    answer = api.post(f"{BASE}/create", json={**HOURS, **changes})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def test_a_put_replaces_the_whole_test(api: httpx.Client) -> None:
    test_id = make(api)
    answer = api.put(f"{BASE}/{test_id}", json={"name": "other", "type": "llm"}).json()
    assert (answer["id"], answer["name"], answer["success_examples"]) == (test_id, "other", [])
    assert api.get(f"{BASE}/{test_id}").json() == answer


def test_lists_tell_names_and_types_and_nothing_of_the_content(api: httpx.Client) -> None:
    ids = [make(api, name=f"one {number}") for number in range(3)]
    make(api, name="talk", type="simulation", simulation_scenario="x", success_conditions=["y"])
    first = api.get(BASE, params={"page_size": 2}).json()
    rest = api.get(BASE, params={"page_size": 2, "cursor": first["next_cursor"]}).json()
    assert [one["name"] for one in (*first["tests"], *rest["tests"])] == ["talk", "one 2", "one 1", "one 0"]
    assert "success_condition" not in first["tests"][0]
    assert [one["name"] for one in api.get(BASE, params={"types": "simulation"}).json()["tests"]] == ["talk"]
    assert set(api.post(f"{BASE}/summaries", json={"test_ids": [ids[0], "none"]}).json()["tests"]) == {ids[0]}


def test_what_is_gone_is_gone_and_cannot_be_attached(api: httpx.Client, make_agent: Any) -> None:
    agent_id, test_id = make_agent(), make(api)
    attach = {"platform_settings": {"testing": {"attached_tests": [{"test_id": test_id}]}}}
    assert api.patch(f"/v1/convai/agents/{agent_id}", json=attach).status_code == 200
    assert api.delete(f"{BASE}/{test_id}").status_code == 200
    assert api.get(f"{BASE}/{test_id}").status_code == 404
    assert api.delete(f"{BASE}/{test_id}").status_code == 404
    assert api.patch(f"/v1/convai/agents/{agent_id}", json=attach).status_code == 404


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "chat"},
        {"chat_history": [{"role": "user"}]},
        {"success_examples": [{"response": "x", "type": "failure"}]},
        {"type": "simulation", "simulation_max_turns": 51},
    ],
)
def test_what_the_contract_forbids_is_refused(api: httpx.Client, wrong: dict[str, Any]) -> None:
    assert api.post(f"{BASE}/create", json={**HOURS, **wrong}).status_code == 422
