"""Webhooks and the workspace's settings behave as elevenlabs-contract 4.1 says."""

from __future__ import annotations

from typing import Any

import httpx

from agentctl.sandbox.harness import BlockingSandbox

BASE = "/v1/workspace/webhooks"
SETTINGS = "/v1/convai/settings"


def _create(api: httpx.Client, url: str = "https://example.org/hook") -> dict[str, Any]:
    body = {"settings": {"auth_type": "hmac", "name": "agentctl", "webhook_url": url}}
    found: dict[str, Any] = api.post(BASE, json=body).json()
    return found


def test_the_secret_is_shown_once(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    made = _create(api)
    assert made["webhook_secret"].startswith("wsec_")
    listed = api.get(BASE)
    assert made["webhook_secret"] not in listed.text
    assert not {"retry_enabled", "request_headers"} & set(listed.json()["webhooks"][0])
    assert made["webhook_secret"] not in str(sandbox.log())


def test_a_patch_needs_both_fields_and_cannot_move_the_url(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    webhook_id = _create(api)["webhook_id"]
    answer = api.patch(f"{BASE}/{webhook_id}", json={"retry_enabled": True})
    assert answer.status_code == 422
    assert {item["loc"][-1] for item in answer.json()["detail"]} == {"is_disabled", "name"}
    body = {"is_disabled": False, "name": "neu", "retry_enabled": True, "webhook_url": "https://elsewhere.example"}
    assert api.patch(f"{BASE}/{webhook_id}", json=body).json() == {"status": "ok"}
    stored = sandbox.state()["webhooks"][webhook_id]
    assert (stored["name"], stored["retry_enabled"], stored["webhook_url"]) == ("neu", True, "https://example.org/hook")


def test_retries_cannot_be_switched_on_at_creation(api: httpx.Client, sandbox: BlockingSandbox) -> None:
    settings = {"auth_type": "hmac", "name": "x", "webhook_url": "https://example.org", "retry_enabled": True}
    webhook_id = api.post(BASE, json={"settings": settings}).json()["webhook_id"]
    assert sandbox.state()["webhooks"][webhook_id]["retry_enabled"] is False


def test_a_webhook_in_use_is_not_deleted(api: httpx.Client) -> None:
    webhook_id = _create(api)["webhook_id"]
    api.patch(SETTINGS, json={"webhooks": {"post_call_webhook_id": webhook_id, "events": ["transcript"]}})
    used = api.get(BASE, params={"include_usages": "true"}).json()["webhooks"][0]["usage"]
    assert used == [{"usage_type": "ConvAI Settings"}]
    assert api.delete(f"{BASE}/{webhook_id}").status_code == 400
    api.patch(SETTINGS, json={"webhooks": {"post_call_webhook_id": None}})
    assert api.delete(f"{BASE}/{webhook_id}").json() == {"status": "ok"}
    assert api.get(BASE).json()["webhooks"] == []


def test_the_settings_start_unbound_and_refuse_a_webhook_that_is_not_there(api: httpx.Client) -> None:
    assert api.get(SETTINGS).json()["webhooks"]["post_call_webhook_id"] is None
    assert api.patch(SETTINGS, json={"webhooks": {"post_call_webhook_id": "gone"}}).status_code == 404
    assert api.patch(SETTINGS, json={"webhooks": {"events": ["nonsense"]}}).status_code == 422
