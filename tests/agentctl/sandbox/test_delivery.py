"""Retries, failures and automatic disabling as elevenlabs-contract 4.2 says."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from agentctl.sandbox.delivery import Binding, deliver
from agentctl.sandbox.harness import BlockingSandbox
from agentctl.sandbox.options import Options
from agentctl.sandbox.state import State
from tests.agentctl.sandbox.door import Door

NUMBER = "+498999998100"


def _enable_retries(api: httpx.Client, webhook_id: str) -> None:
    body = {"is_disabled": False, "name": "agentctl", "retry_enabled": True}
    assert api.patch(f"/v1/workspace/webhooks/{webhook_id}", json=body).status_code == 200


def _health(api: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/v1/workspace/webhooks").json()["webhooks"][0]
    return found


def test_without_retries_a_failure_is_final(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    door.statuses = [503, 200]
    call = sandbox.call(to_number=NUMBER, audio=False)
    assert call["deliveries"] == [{"type": "post_call_transcription", "status": 503, "attempts": [503]}]
    assert _health(api)["most_recent_failure_error_code"] == 503
    assert _health(api)["most_recent_failure_timestamp"]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_with_retries_the_identical_payload_comes_again(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door, status: int
) -> None:
    _enable_retries(api, reception["webhook_id"])
    door.statuses = [status, status, 200]
    call = sandbox.call(to_number=NUMBER, audio=False)
    assert call["deliveries"][0]["attempts"] == [status, status, 200]
    assert len({body for _headers, body in door.requests}) == 1


def test_the_fifth_attempt_is_the_last(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    _enable_retries(api, reception["webhook_id"])
    door.statuses = [503]
    assert sandbox.call(to_number=NUMBER, audio=False)["deliveries"][0]["attempts"] == [503] * 5


@pytest.mark.parametrize("status", [202, 204, 400, 401])
def test_other_answers_count_as_failures_and_are_not_tried_again(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door, status: int
) -> None:
    _enable_retries(api, reception["webhook_id"])
    door.statuses = [status, 200]
    assert sandbox.call(to_number=NUMBER, audio=False)["deliveries"][0]["attempts"] == [status]
    assert _health(api)["most_recent_failure_error_code"] == status


def test_audio_is_never_tried_again(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    _enable_retries(api, reception["webhook_id"])
    door.statuses = [503, 200]
    deliveries = sandbox.call(to_number=NUMBER)["deliveries"]
    assert [item["attempts"] for item in deliveries] == [[503], [200]]


def test_ten_failures_without_a_success_switch_the_webhook_off(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    _enable_retries(api, reception["webhook_id"])
    door.statuses = [503]
    for _ in range(2):
        sandbox.call(to_number=NUMBER, audio=False)
    assert _health(api)["is_auto_disabled"] is True
    assert sandbox.call(to_number=NUMBER, audio=False)["deliveries"] == []
    _enable_retries(api, reception["webhook_id"])
    door.statuses = [200]
    assert sandbox.call(to_number=NUMBER, audio=False)["deliveries"][0]["status"] == 200


def test_a_recent_success_keeps_it_on(
    api: httpx.Client, sandbox: BlockingSandbox, reception: dict[str, str], door: Door
) -> None:
    sandbox.call(to_number=NUMBER, audio=False)
    door.statuses = [503]
    for _ in range(11):
        sandbox.call(to_number=NUMBER, audio=False)
    assert _health(api)["is_auto_disabled"] is False


def test_nobody_listening_is_status_0(api: httpx.Client, sandbox: BlockingSandbox, make_agent: Any) -> None:
    settings = {"auth_type": "hmac", "name": "x", "webhook_url": "http://127.0.0.1:9/nobody"}
    webhook_id = api.post("/v1/workspace/webhooks", json={"settings": settings}).json()["webhook_id"]
    body = {"webhooks": {"post_call_webhook_id": webhook_id, "events": ["transcript"]}}
    api.patch("/v1/convai/settings", json=body)
    assert sandbox.call(agent_id=make_agent())["deliveries"][0]["status"] == 0


def test_more_than_a_hundred_waiting_retries_are_dropped(door: Door) -> None:
    webhook = {"webhook_url": door.url, "secret": "s", "request_headers": {}, "retry_enabled": True}
    webhook |= {"queued": 100, "failures_in_a_row": 0, "last_success": None, "is_auto_disabled": False}
    door.statuses = [503, 200]
    bound = Binding(webhook, ("transcript",))
    delivered = asyncio.run(deliver(Options(), State(), bound, "transcript", {"type": "post_call_transcription"}))
    assert delivered["attempts"] == [503]
