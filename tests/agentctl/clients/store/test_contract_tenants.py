"""Whose an event is, the store decides by its agent, and what is made of it is theirs; over both transports."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.stores import Store, claim, delivery, running, stored

pytestmark = pytest.mark.anyio
PLACE = {"project": "praxis", "environment": "production", "workspace": "host"}
SETTINGS = {"mail_to": ["team@example.org"], "timezone": "Europe/Berlin"}


async def register(store: Store, tenant: str, key: str = "empfang", agent: str = "agent_1") -> dict[str, bool]:
    row = {"tenant": tenant, "key": key, "name": key, "language": "de", "agent_id": agent, "post_call": SETTINGS}
    saved: dict[str, bool] = await store.call("save_assistant", {**PLACE, **row})
    return saved


async def owners(store: Store) -> dict[str, str]:
    return {one["conversation_id"]: one["tenant"] for one in await store.call("list_events", {"limit": 99})}


async def test_an_event_is_its_agents_tenants_however_it_comes_in(store: Store) -> None:
    await register(store, "acme", "a", "agent_a")
    await register(store, "beta", "b", "agent_b")
    agents = {"conv_a": "agent_a", "conv_b": "agent_b", "conv_x": "agent_x", "conv_n": None}
    events = [delivery(name, agent_id=agent) for name, agent in agents.items()]

    together = await store.call("accept_many", {"events": events})
    again = [await store.call("accept", event) for event in events]
    await store.call("accept", delivery("conv_given", agent_id="agent_y", tenant="gamma"))
    part = {**delivery("conv_parts", agent_id="agent_b"), "sha256": "ab" * 32, "position": 0, "part": "eHk="}
    await store.call("accept_part", part)
    await store.call("accept", {**part, "parts": 1, "size": 2})

    assert [one["new"] for one in together] == [True] * 4
    assert [(one["id"], one["new"]) for one in again] == [(one["id"], False) for one in together]
    assert await owners(store) == {
        "conv_a": "acme", "conv_b": "beta", "conv_x": "default", "conv_n": "default", "conv_given": "gamma",
        "conv_parts": "beta",
    }  # fmt: skip
    assert await claim(store, tenant="nobody") == []
    claimed = {one["conversation_id"]: one for one in await claim(store, limit=20)}
    assert {name: (one["assistant"] or {}).get("key") for name, one in claimed.items()} == {
        "conv_a": "a", "conv_b": "b", "conv_x": None, "conv_n": None, "conv_given": None, "conv_parts": "b",
    }  # fmt: skip
    assert claimed["conv_a"]["assistant"]["post_call"] == SETTINGS
    row = await store.call("find_event", {"id": claimed["conv_parts"]["id"], "tenant": "beta"})
    assert row["parts"] == 1
    assert await store.call("find_event", {"id": claimed["conv_parts"]["id"]}) is None


async def test_who_signs_speaks_of_the_agents_in_its_own_workspace_alone(store: Store) -> None:
    there = {"name": "n", "language": "de", "post_call": SETTINGS}
    for tenant, workspace in (("acme", "host/acme"), ("beta", "host/beta"), ("lodger", "host/acme"), ("plain", "host")):
        row = {"tenant": tenant, "workspace": workspace, "key": f"key-{tenant}", "agent_id": f"agent_{tenant}"}
        await store.call("save_assistant", {**PLACE, **there, **row})
    # What was begun by the project's word, and what another signs of it.
    await store.call("accept", delivery("conv_begun", agent_id="agent_beta"))
    said = {
        "conv_own": ("agent_acme", ["acme"], "acme"),
        "conv_lodger": ("agent_lodger", ["acme"], "lodger"),
        "conv_beta": ("agent_beta", ["acme"], "acme"),
        "conv_plain": ("agent_plain", ["acme"], "acme"),
        "conv_nobody": ("agent_new", ["acme"], "acme"),
        "conv_none": (None, ["acme"], "acme"),
        "conv_two": ("agent_beta", ["acme", "beta"], "beta"),
        "conv_trusted": ("agent_beta", [], "beta"),
    }
    events = [delivery(name, agent_id=agent, signers=signers) for name, (agent, signers, _) in said.items()]
    await store.call("accept_many", {"events": events})
    assert {not (await store.call("accept", event))["new"] for event in events} == {True}
    part = {**delivery("conv_parts", agent_id="agent_beta", signers=["acme"]), "sha256": "ab" * 32, "position": 0}
    await store.call("accept_part", {**part, "part": "eHk="})
    await store.call("accept", {**part, "parts": 1, "size": 2})
    wanted = {name: owner for name, (_, _, owner) in said.items()} | {"conv_begun": "beta", "conv_parts": "acme"}
    assert await owners(store) == wanted
    await store.call("accept", delivery("conv_begun", agent_id="agent_beta", signers=["acme"], payload="Zm9yZ2Vk"))
    events = await store.call("list_events", {"limit": 99})
    whose = [one["tenant"] for one in events if one["conversation_id"] == "conv_begun"]
    assert sorted(whose) == ["acme", "beta"], "nothing of beta's is displaced"
    # Who has it only by their own word learns nothing of the assistant, and mails to nobody.
    claimed = [one for one in await claim(store, limit=20) if one["agent_id"] == "agent_beta"]
    assert {(one["tenant"], (one["assistant"] or {}).get("key")) for one in claimed} == {
        ("acme", None), ("beta", "key-beta"),
    }  # fmt: skip


async def test_calls_of_who_moved_come_from_both_workspaces_and_of_who_is_new_stay(store: Store) -> None:
    async def lives(tenant: str, workspace: str, agent: str) -> None:
        row = {"tenant": tenant, "key": "k", "name": "n", "language": "de", "post_call": SETTINGS, "agent_id": agent}
        await store.call("save_assistant", {**PLACE, **row, "workspace": workspace})

    await lives("acme", "host/landlord", "agent_old")
    await lives("acme", "host/acme", "agent_new")
    await store.call("remove_assistant", {**PLACE, "workspace": "host/landlord", "key": "k"})
    await store.call("accept", delivery("conv_old", agent_id="agent_old", signers=["landlord"]))
    await store.call("accept", delivery("conv_new", agent_id="agent_new", signers=["acme"]))
    # Begun while the agent was nobody's, and ended when it was a tenant's.
    await store.call("accept", delivery("conv_early", agent_id="agent_early", signers=["landlord"]))
    await lives("lodger", "host/landlord", "agent_early")
    for name, signers in (("conv_early", ["landlord"]), ("conv_late", ["landlord"]), ("conv_early", [])):
        await store.call("accept", delivery(name, agent_id="agent_early", signers=signers, payload="bGF0ZXI="))
    assert await owners(store) == {
        "conv_old": "acme", "conv_new": "acme", "conv_early": "landlord", "conv_late": "lodger",
    }  # fmt: skip
    asked = {"conversation_ids": ["conv_early"], "agent_ids": ["agent_early"]}
    assert await store.call("unknown_conversations", asked) == []
    # A conversation of another agent is no word for this one's.
    await store.call("accept", delivery("conv_operator", agent_id="agent_nobody"))
    await store.call("accept", delivery("conv_operator", agent_id="agent_new", signers=["acme"], payload="Zm9yZ2Vk"))
    events = await store.call("list_events", {"limit": 99})
    whose = {(one["tenant"], one["agent_id"]) for one in events if one["conversation_id"] == "conv_operator"}
    assert whose == {("default", "agent_nobody"), ("acme", "agent_new")}


async def test_one_that_passes_to_another_tenant_has_one_row_and_its_conversations_stay(store: Store) -> None:
    assert await register(store, "acme") == {"new": True}
    before = await store.call("clean_sync", PLACE)
    fence = await running(store, "conv_done", tenant="ignored: the agent tells")
    await store.call("store_call", {**stored(fence, "conv_done"), "tenant": "acme"})
    await store.call("accept", delivery("conv_waits"))
    await store.call("mark_forgotten", {"tenant": "acme", "conversation_ids": ["conv_gone"], "numbers": []})

    assert await register(store, "beta") == {"new": False}

    assert [(one["key"], one["tenant"]) for one in await store.call("assistants", PLACE)] == [("empfang", "beta")]
    assert (await store.call("clean_sync", PLACE))["state"] != before["state"]
    for late in ("conv_done", "conv_waits"):
        assert (await store.call("accept", delivery(late)))["new"] is False
        assert (await store.call("accept", delivery(late, body=b"better")))["new"]
    assert await store.call("accept", delivery("conv_gone", body=b"late")) == {"id": None, "new": False}
    await store.call("accept", delivery("conv_new"))
    assert await owners(store) == {"conv_done": "acme", "conv_waits": "acme", "conv_new": "beta"}
    # What is still acme's is worked on as before, and mails nobody of beta's.
    handed = {one["conversation_id"]: one["assistant"]["post_call"] for one in await claim(store)}
    assert handed["conv_waits"] == {"timezone": "Europe/Berlin"}
    assert handed["conv_new"] == SETTINGS

    await register(store, "acme")
    await store.call("accept", delivery("conv_new", body=b"late"))
    assert await store.call("remove_assistant", {**PLACE, "key": "empfang"}) == {"removed": True}
    await store.call("accept", delivery("conv_last"))  # it was being talked when the assistant went
    found = await owners(store)
    assert (found["conv_new"], found["conv_last"]) == ("beta", "acme")


async def test_what_came_of_an_agent_that_was_nobodys_stays_the_operators(store: Store) -> None:
    await store.call("accept", delivery("conv_1"))
    await register(store, "acme")
    assert (await store.call("accept", delivery("conv_1")))["new"] is False
    await store.call("accept", delivery("conv_1", body=b"late"))
    await store.call("accept", delivery("conv_2"))
    assert await owners(store) == {"conv_1": "default", "conv_2": "acme"}


async def test_the_operator_sees_all_tenants_or_one(store: Store) -> None:
    assert "tenants" not in await store.call("queue", {})
    await register(store, "acme")
    for name, changes in {"conv_1": {}, "conv_2": {}, "conv_3": {"agent_id": "agent_x"}}.items():
        await store.call("accept", delivery(name, **changes))
    for one in await claim(store, limit=2):
        fence = {"tenant": one["tenant"], "id": one["id"], "attempt": one["attempt"], "fault": "E"}
        await store.call("fail_event", {**fence, "error": "e", "delay_seconds": 0, "max_attempts": 1})

    def counts(found: dict[str, Any]) -> tuple[int, int]:
        return found["events"]["pending"], found["events"]["dead"]

    everybody, acme = await store.call("queue", {}), await store.call("queue", {"tenant": "acme"})
    assert (counts(everybody), counts(acme)) == ((1, 2), (1, 1))
    busiest = {"tenant": "acme", "waiting": 1, "dead": 1}, {"tenant": "default", "waiting": 0, "dead": 1}
    assert everybody["tenants"] == list(busiest)
    assert counts(await store.call("status", {})) == (1, 2)
    assert counts(await store.call("status", {"tenant": "default"})) == (0, 1)
    assert set((await owners(store)).values()) == {"acme", "default"}
    untold = await store.call("untold_dead", {"limit": 9})
    assert sorted(one["tenant"] for one in untold["events"]) == ["acme", "default"]
    alert = {"until": untold["until"], "id": "alert_1", "mails": [{"recipient": "me@example.org", "message": {}}]}
    assert await store.call("tell_dead", alert) == {"told": 2}
    terms = {"worker": "w", "limit": 9, "lease_seconds": 9}
    assert [one["tenant"] for one in await store.call("claim_mails", terms)] == ["default"]  # the operator's own mail
    assert await store.call("requeue_events", {"states": ["dead"], "tenant": "acme"}) == {"events": 1}
    assert await store.call("requeue_events", {"states": ["dead"]}) == {"events": 1}


async def test_a_backfill_knows_what_any_tenant_has_of_an_agent(store: Store) -> None:
    await register(store, "acme")
    fence = {**await running(store, "conv_1"), "tenant": "acme"}
    heard = {"detail": {"has_audio": True}, "started_at": datetime.now(UTC).isoformat()}
    await store.call("store_call", {**stored(fence, "conv_1", call=heard), "tenant": "acme"})

    async def unknown(agent: str | None) -> list[str]:
        asked = {"conversation_ids": ["conv_1", "conv_2"], "agent_ids": [agent, agent]}
        found: list[str] = await store.call("unknown_conversations", asked)
        return found

    assert await unknown("agent_1") == ["conv_2"]
    assert await unknown(None) == ["conv_1", "conv_2"]  # of an agent that was never anybody's
    await register(store, "beta")
    assert await unknown("agent_1") == ["conv_2"]
    assert await store.call("agents_with_calls", {"agent_ids": ["agent_1", "agent_x"]}) == ["agent_1"]
    looked = {"agent_ids": ["agent_1"], "grace_seconds": 0, "limit": 9}
    old = {"conversation_id": "conv_1", "agent_id": "agent_1", "tenant": "acme"}
    assert await store.call("missing_sounds", looked) == [old]
    assert await store.call("asked_for_sounds", {"conversation_ids": ["conv_1"]}) == {"count": 0}
    assert await store.call("asked_for_sounds", {"conversation_ids": ["conv_1"], "tenant": "acme"}) == {"count": 1}
    assert await store.call("missing_sounds", looked) == []


async def test_what_one_landlord_fetched_of_an_agent_that_nobody_has_comes_to_no_other(store: Store) -> None:
    """Two tenants' keys open one workspace, with an agent there that nobody has."""
    for tenant in ("acme", "beta"):
        await store.call("save_tenant", {"tenant": tenant, "set": {"elevenlabs_key": f"env:{tenant.upper()}_KEY"}})
    for tenant in ("acme", "default"):
        fetched = delivery(f"conv_{tenant}", agent_id="agent_nobody", source="backfill", tenant=tenant)
        assert (await store.call("accept", fetched))["new"]

    async def unknown(agent: str) -> list[str]:
        ids = ["conv_acme", "conv_default", "conv_new"]
        asked = {"conversation_ids": ids, "agent_ids": [agent] * len(ids), "tenant": "beta"}
        found: list[str] = await store.call("unknown_conversations", asked)
        return found

    assert await unknown("agent_nobody") == ["conv_new"]
    # Of one that somebody has, its owners tell.
    await register(store, "beta", agent="agent_beta")
    assert await unknown("agent_beta") == ["conv_acme", "conv_new"], "the operator is one of them"


async def test_what_one_landlord_had_fetched_and_erased_is_fetched_by_no_other(store: Store) -> None:
    nobodys = {"agent_id": "agent_nobody", "source": "backfill"}
    await store.call("save_tenant", {"tenant": "acme", "set": {"elevenlabs_key": "env:ACME_KEY"}})
    assert (await store.call("accept", delivery("conv_1", **nobodys, tenant="acme")))["new"]
    # Whoever can sign, or forget, may name any conversation: that keeps none from others.
    assert (await store.call("accept", delivery("conv_2", agent_id="agent_nobody", tenant="acme")))["new"]
    forgotten = {"conversation_ids": ["conv_1", "conv_2", "conv_3"], "tenant": "acme"}
    for _ in range(2):
        await store.call("mark_forgotten", {**forgotten, "numbers": []})
        await store.call("erase", {**forgotten, "event_ids": []})
    await store.call("remove_tenant", {"tenant": "acme", "force": True})

    asked = {"conversation_ids": ["conv_1", "conv_2", "conv_3"], "tenant": "beta"}
    await register(store, "beta", agent="agent_beta")
    for agent in ("agent_nobody", "agent_beta"):
        found = await store.call("unknown_conversations", {**asked, "agent_ids": [agent] * 3})
        assert found == ["conv_2", "conv_3"]
    # Also what was being fetched meanwhile; what is delivered to another is that one's own.
    fetched = delivery("conv_1", **nobodys, tenant="beta")
    assert await store.call("accept", fetched) == {"id": None, "new": False}
    assert (await store.call("accept", {**fetched, "source": "webhook"}))["new"]


async def test_a_new_name_is_that_of_all_calls_whosever_they_are(store: Store) -> None:
    await register(store, "acme")
    fence = {**await running(store, "conv_1"), "tenant": "acme"}
    await store.call("store_call", {**stored(fence, "conv_1"), "tenant": "acme"})
    await register(store, "beta")
    await store.call("rename", {"project": "praxis", "old": "empfang", "new": "zentrale", "kinds": []})
    [assistant] = await store.call("assistants", PLACE)
    assert (assistant["key"], assistant["tenant"]) == ("zentrale", "beta")
    [call] = await store.call("list_calls", {"tenant": "acme", "limit": 9})
    assert call["assistant"] == "zentrale"
    assert {"tenant": "acme", "has_calls": True} in await store.call("tenants", {})
