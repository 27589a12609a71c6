"""What every function and both transports have in common: rights, tenants, refusals, deadlines."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from agentctl.clients.store.migrations import behind
from agentctl.errors import StoreBehind, StoreError, StoreUnavailable
from tests.cluster import Cluster
from tests.stores import Store, claim, delivery, running, stored

pytestmark = pytest.mark.anyio


async def test_a_fresh_store_is_current_and_empty(store: Store) -> None:
    status = await store.call("status", {})

    assert behind(status.pop("migrations")) == []
    assert status == {
        "events": {"pending": 0, "running": 0, "done": 0, "kept": 0, "dead": 0},
        "recordings": {"pending": 0, "running": 0, "done": 0, "kept": 0, "dead": 0},
        "mails": {"pending": 0, "running": 0, "sent": 0, "dead": 0},
        "oldest_pending_seconds": None,
    }


async def test_status_counts_and_tells_how_long_the_oldest_waits(store: Store) -> None:
    await store.call("store_call", stored(await running(store)))
    await store.call("accept", delivery("conv_2"))

    status = await store.call("status", {})

    assert (status["events"]["done"], status["events"]["pending"], status["mails"]["pending"]) == (1, 1, 1)
    assert 0 <= status["oldest_pending_seconds"] < 60


async def test_one_tenant_sees_nothing_of_another(store: Store) -> None:
    await store.call("store_call", stored(await running(store)))
    place = {"project": "praxis", "environment": "production", "workspace": "host"}
    await store.call("bind", {**place, "kind": "agent", "key": "empfang", "remote_id": "agent_1", "applied": None})
    await store.call("accept", delivery("conv_2"))
    other = {"tenant": "other"}

    assert await store.call("list_calls", {"limit": 10, **other}) == []
    assert await store.call("show_call", {"conversation_id": "conv_1", **other}) is None
    assert await store.call("list_events", {"states": None, "limit": 10, **other}) == []
    assert await store.call("bindings", {**place, **other}) == []
    assert await claim(store, **other) == []
    assert await store.call("claim_mails", {"worker": "w", "limit": 9, "lease_seconds": 9, **other}) == []
    assert (await store.call("status", other))["events"]["done"] == 0
    assert (await store.call("accept", delivery("conv_2", **other)))["new"] is True


async def test_a_missing_function_means_that_the_store_is_behind(store: Store) -> None:
    with pytest.raises(StoreBehind, match="db migrate"):
        await store.call("function_of_the_next_version", {})


async def test_a_refusal_shows_nothing_of_the_row(store: Store) -> None:
    fence = await running(store)
    args = stored(fence, call={"duration_secs": "geheim", "external_number": "+498999998111"})

    with pytest.raises(StoreError) as refused:
        await store.call("store_call", args)

    assert not isinstance(refused.value, StoreUnavailable | StoreBehind)
    assert "22P02" in str(refused.value)
    assert refused.value.__suppress_context__
    for secret in ("geheim", "+498999998111", "Zurückrufen", "Guten Tag"):
        assert secret not in f"{refused.value!s} {refused.value!r}"


async def test_a_refused_call_leaves_nothing_behind(store: Store) -> None:
    fence = await running(store)
    broken = stored(fence, action_items=[{"position": 0, "what": None}])

    with pytest.raises(StoreError):
        await store.call("store_call", broken)

    assert await store.call("show_call", {"conversation_id": "conv_1"}) is None
    [event] = await store.call("list_events", {"states": ["running"], "limit": 5})
    assert event["id"] == fence["id"]


async def test_our_own_functions_may_say_what_is_wrong(store: Store) -> None:
    with pytest.raises(StoreError, match="needs an id, a conversation_id or states"):
        await store.call("requeue_events", {})


async def test_what_jsonb_refuses_is_replaced(store: Store) -> None:
    route: dict[str, Any] = {"null": "a\x00b", "lone": "\ud800!", "\udfff": ["😀 ü"]}

    await store.call("save_route", {"phone_number": "+498999998100", "route": route})

    saved = await store.call("route", {"phone_number": "+498999998100"})
    assert saved["route"] == {"null": "a\ufffdb", "lone": "\ufffd!", "\ufffd": ["😀 ü"]}


async def test_many_calls_at_once(store: Store) -> None:
    accepted = await asyncio.gather(*(store.call("accept", delivery(f"conv_{n}")) for n in range(40)))

    assert len({event["id"] for event in accepted}) == 40


async def test_a_hung_server_is_given_up_at_the_deadline(store: Store, cluster: Cluster) -> None:
    await store.call("status", {})
    with cluster.frozen():
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match=r"0\.4 s"):
            await store.call("status", {}, timeout=0.4)
        # Also the one that finds no open connection.
        with pytest.raises(StoreUnavailable):
            await store.call("status", {}, timeout=0.4)
        assert time.monotonic() - started < 1.5

    assert await store.call("status", {})


async def test_a_caller_that_gives_up_is_let_go_at_once(store: Store, cluster: Cluster) -> None:
    await store.call("status", {})
    with cluster.frozen():
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await store.call("status", {}, timeout=30)
        assert time.monotonic() - started < 1

    assert await store.call("status", {})


async def test_a_restarted_server_is_found_again(store: Store, cluster: Cluster) -> None:
    await store.call("accept", delivery())
    cluster.stop()
    with pytest.raises(StoreUnavailable):
        await store.call("status", {}, timeout=2)

    cluster.start()

    # PostgREST itself pauses between its attempts to connect.
    async with asyncio.timeout(30):
        while True:
            try:
                status = await store.call("status", {})
                break
            except StoreUnavailable:
                await asyncio.sleep(0.1)
    assert status["events"]["pending"] == 1
