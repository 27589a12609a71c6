"""Workspace webhooks over a sandbox: the secret once, retries by PATCH, bindings read, changed and written."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl.errors import AnswerLost, ApiError, Ignored, SyncError
from agentctl.resources import webhook
from agentctl.resources.agent import Agent
from agentctl.resources.post_call import EVENTS, WEBHOOK
from agentctl.resources.webhook import AgentWebhook
from tests.agentctl.resources.contract import SCOPE, assistant, edits, planned, synced

pytestmark = pytest.mark.anyio
URL = "https://door.example.org/webhooks/elevenlabs"


async def test_a_webhook_is_made_with_a_secret_that_no_list_tells(api: Any, sandbox: Any) -> None:
    made, secret = await webhook.create(api, webhook.name_for(SCOPE), URL)
    assert await webhook.listed(api) == (made,)
    assert made.name == "agentctl beispiel/production"
    row = (await sandbox.state())["webhooks"][made.webhook_id]
    assert row["secret"] == secret.get_secret_value()
    assert secret.get_secret_value() not in repr((made, secret))
    assert row["retry_enabled"] is False
    await webhook.switch_on(api, made)
    assert (await sandbox.state())["webhooks"][made.webhook_id]["retry_enabled"] is True


@pytest.mark.parametrize("answer", [[1, 2], {}, {"webhooks": None}, {"webhooks": [1]}, {"webhooks": [{}]}])
async def test_a_list_that_is_none_does_not_mean_that_ours_are_gone(answer: Any) -> None:
    class Answering:
        async def get(self, path: str) -> Any:
            return answer

    with pytest.raises(ApiError, match="webhooks"):
        await webhook.listed(Answering())  # type: ignore[arg-type]


async def test_the_workspace_keeps_what_others_set_beside_ours(api: Any, sandbox: Any) -> None:
    made, _ = await webhook.create(api, "x", URL)
    theirs = {"events": ["answering_machine_detection"], "transcript_format": "opentelemetry"}
    await api.patch(webhook.SETTINGS, json={"webhooks": theirs})
    assert await webhook.bind_workspace(api, await webhook.workspace_binding(api), made.webhook_id)
    now = await webhook.workspace_binding(api)
    assert webhook.bound_to(now) == made.webhook_id
    assert now["events"] == ["answering_machine_detection", *EVENTS]
    assert now["transcript_format"] == "json"
    assert not await webhook.bind_workspace(api, now, made.webhook_id)


async def test_a_binding_that_is_not_kept_is_an_error(api: Any, sandbox: Any) -> None:
    made, _ = await webhook.create(api, "x", URL)
    # As the platform answers a write that it did not keep: 200 and what there was before.
    before = await api.get(webhook.SETTINGS)
    await sandbox.fault(method="PATCH", path=webhook.SETTINGS, status=200, body=before)
    with pytest.raises(Ignored):
        await webhook.bind_workspace(api, {}, made.webhook_id)


async def test_delivery_writes_that_part_of_an_agent_and_no_more(api: Any, memory: Any, sandbox: Any) -> None:
    wanted = assistant(first_message="Hallo")
    await synced((Agent(api, SCOPE),), memory, wanted)
    made, _ = await webhook.create(api, "x", URL)
    memory.bindings[WEBHOOK.kind, WEBHOOK.key] = made.webhook_id
    kinds = (AgentWebhook.of(api, SCOPE),)
    changed = assistant(first_message="Guten Tag")
    place = "platform_settings.workspace_overrides.webhooks"
    paths = [path for path, _, _ in edits(await planned(kinds, memory, changed), "agent")]
    assert paths == [f"{place}.post_call_webhook_id", f"{place}.events"]
    assert (await synced(kinds, memory, changed)).ok
    assert (await planned(kinds, memory, changed)).empty
    (agent,) = (await sandbox.state())["agents"].values()
    assert agent["conversation_config"]["agent"]["first_message"] == "Hallo"


async def test_delivery_makes_no_agent(api: Any, memory: Any, sandbox: Any) -> None:
    memory.bindings |= {(WEBHOOK.kind, WEBHOOK.key): "0" * 32, ("agent", "empfang"): "agent_gone"}
    (failure,) = (await synced((AgentWebhook.of(api, SCOPE),), memory, assistant())).failures
    assert isinstance(failure.error, SyncError)
    assert "agentctl sync --only empfang" in failure.error.hint
    assert (await sandbox.state())["agents"] == {}


@pytest.mark.parametrize("arrives", [False, True])
async def test_the_binding_of_the_workspace_is_said_once_and_looked_for(api: Any, sandbox: Any, arrives: bool) -> None:
    made, _ = await webhook.create(api, "x", URL)
    seen = await webhook.workspace_binding(api)
    await sandbox.fault(method="PATCH", path=webhook.SETTINGS, drop="after" if arrives else "before", times=1)
    if arrives:
        assert await webhook.bind_workspace(api, seen, made.webhook_id)
    else:
        with pytest.raises(AnswerLost):
            await webhook.bind_workspace(api, seen, made.webhook_id)
    assert len([one for one in await sandbox.log() if one["method"] == "PATCH"]) == 1
    assert (webhook.bound_to(await webhook.workspace_binding(api)) == made.webhook_id) == arrives
