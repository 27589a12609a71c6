"""agentctl.metrics: figures for a monitor, guarded, cached, and about nobody."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from starlette.applications import Starlette

from agentctl import metrics
from agentctl.errors import StoreUnavailable
from tests.stores import Store, running

pytestmark = pytest.mark.anyio
TOKEN = SecretStr("only-for-tests-0123")


async def get(route: Any, **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=[route]))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
        return await client.get("/metrics", headers=headers)


async def test_the_figures_of_a_store(store: Store) -> None:
    fence = await running(store, "conv_geheim", agent_id="agent_geheim")
    await store.call("accept", {"type": "x", "conversation_id": None, "source": "webhook", "payload": "e30="})
    sound = {"type": "post_call_audio", "conversation_id": "conv_geheim", "source": "webhook", "payload": "e30="}
    await store.call("accept", sound)
    offered = {"duties": [{"name": "backfill", "place": "host"}], "worker": "w", "limit": 1, "lease_seconds": 60}
    (duty,) = await store.call("claim_duties", offered)
    await store.call("duty_done", {"id": duty["id"], "attempt": 1, "every_seconds": 60})
    await store.call("request_sync", {"key": "geheim"})

    async def figures() -> dict[str, Any]:
        return {
            name: value
            for queue in ("queue", "sink_queue", "sync_queue")
            for name, value in (await store.call(queue, {})).items()
        }

    route = metrics.route(None, figures)
    text = (await get(route)).text
    for line in (
        "agentctl_store_up 1",
        'agentctl_events{state="pending"} 1',
        'agentctl_events{state="running"} 1',
        'agentctl_events{state="dead"} 0',
        'agentctl_recordings{state="pending"} 1',
        'agentctl_mails{state="pending"} 0',
        "agentctl_oldest_mail_seconds 0",
        'agentctl_syncs{state="pending"} 1',
        'agentctl_syncs{state="dead"} 0',
        'agentctl_rows{state="pending"} 0',
        'agentctl_duty_failures{duty="backfill"} 0',
    ):
        assert line in text.splitlines()
    for one in ("event", "recording"):
        assert re.search(rf"^agentctl_oldest_{one}_seconds \d+(\.\d+)?$", text, re.MULTILINE)
    assert re.search(r'^agentctl_duty_done_seconds\{duty="backfill"\} \d', text, re.MULTILINE)
    told = list(text_string_to_metric_families(text))  # Raises for what is not the format.
    assert all(family.documentation and family.type in ("gauge", "counter", "histogram") for family in told)
    assert "geheim" not in text
    assert fence["id"] not in text


async def test_the_secret_is_asked_for_and_the_store_only_every_few_seconds() -> None:
    asked, now = 0, 100.0

    async def figures() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        raise StoreUnavailable("down")

    route = metrics.route(TOKEN, figures, clock=lambda: now)
    for wrong in ({}, {"authorization": "Bearer no"}, {"authorization": f"Basic {TOKEN.get_secret_value()}"}):
        assert (await get(route, **wrong)).status_code == 401
    assert asked == 0
    right = {"authorization": f"Bearer {TOKEN.get_secret_value()}"}
    for _ in range(3):
        answer = await get(route, **right)
        assert (answer.status_code, "agentctl_store_up 0" in answer.text) == (200, True)
    assert asked == 1
    now += metrics.CACHE_SECONDS
    await get(route, **right)
    assert asked == 2
