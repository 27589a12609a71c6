"""Listing conversations as a poller and a backfill do."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from agentctl.sandbox.harness import BlockingSandbox

BASE = "/v1/convai/conversations"


@pytest.fixture
def agent_id(make_agent: Any) -> str:
    return str(make_agent())


def _ids(api: httpx.Client, **params: Any) -> list[str]:
    return [row["conversation_id"] for row in api.get(BASE, params=params).json()["conversations"]]


def test_filters_are_on_the_start(api: httpx.Client, sandbox: BlockingSandbox, agent_id: str) -> None:
    first, second, third = (
        sandbox.call(agent_id=agent_id, started_at=1763600000 + step * 100)["conversation_id"] for step in range(3)
    )
    assert _ids(api) == [third, second, first]
    assert _ids(api, sort_direction="asc") == [first, second, third]
    assert _ids(api, call_start_after_unix=1763600100, sort_direction="asc") == [second, third]
    assert _ids(api, call_start_before_unix=1763600100) == [second, first]
    assert _ids(api, agent_id="agent_other") == []


def test_pages_follow_the_cursor_through_equal_starts(
    api: httpx.Client, sandbox: BlockingSandbox, agent_id: str
) -> None:
    made = [sandbox.call(agent_id=agent_id, started_at=1763600000)["conversation_id"] for _ in range(5)]
    seen: list[str] = []
    params: dict[str, Any] = {"page_size": 2, "sort_direction": "asc"}
    while True:
        page = api.get(BASE, params=params).json()
        seen += [row["conversation_id"] for row in page["conversations"]]
        if not page["has_more"]:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == made


def test_statuses_can_be_left_out_and_move_on(api: httpx.Client, sandbox: BlockingSandbox, agent_id: str) -> None:
    call = sandbox.call(agent_id=agent_id, status="in-progress")["conversation_id"]
    assert _ids(api, exclude_statuses=["in-progress", "processing"]) == []
    assert api.get(f"{BASE}/{call}").json()["analysis"] is None
    sandbox.finish(call)
    assert _ids(api, exclude_statuses=["in-progress"]) == [call]
    assert api.get(f"{BASE}/{call}").json()["analysis"]["transcript_summary"]
    assert api.get(BASE, params={"exclude_statuses": "over"}).status_code == 422


def test_a_summary_is_told_on_demand(api: httpx.Client, sandbox: BlockingSandbox, agent_id: str) -> None:
    sandbox.call(agent_id=agent_id)
    assert api.get(BASE).json()["conversations"][0]["transcript_summary"] is None
    told = api.get(BASE, params={"summary_mode": "include"}).json()["conversations"][0]
    assert told["transcript_summary"]
    assert (told["status"], told["call_successful"]) == ("done", "success")


def test_a_conversation_can_be_deleted(api: httpx.Client, sandbox: BlockingSandbox, agent_id: str) -> None:
    call = sandbox.call(agent_id=agent_id)["conversation_id"]
    assert api.delete(f"{BASE}/{call}").status_code == 200
    assert api.get(f"{BASE}/{call}").status_code == 404


def test_a_cursor_of_nowhere_is_refused(api: httpx.Client) -> None:
    assert api.get(BASE, params={"cursor": "nonsense"}).status_code == 400
