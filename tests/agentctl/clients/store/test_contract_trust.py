"""Intents and leases, over both transports; a store of the version before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from agentctl.clients.store.migrations import migrate, migrations
from agentctl.clients.store.postgres import PostgresStore
from agentctl.errors import StoreError
from tests.cluster import Cluster
from tests.stores import Store

pytestmark = pytest.mark.anyio

PLACE = {"project": "praxis", "environment": "production", "workspace": "api.elevenlabs.io"}
AGENT = {**PLACE, "kind": "agent", "key": "empfang"}
OTHER_TENANT = {"tenant": "other"}


def lease(holder: str, seconds: float = 60, name: str = "praxis/production") -> dict[str, Any]:
    return {"name": name, "holder": holder, "lease_seconds": seconds}


# Intents


async def test_an_intent_keeps_its_first_time_until_it_is_forgotten(store: Store) -> None:
    first = await store.call("intend", AGENT)
    again = await store.call("intend", AGENT)

    assert (first["new"], again["new"]) == (True, False)
    assert again["intended_at"] == first["intended_at"]
    assert datetime.fromisoformat(first["intended_at"]).utcoffset() == UTC.utcoffset(None)
    row = {"kind": "agent", "key": "empfang", "intended_at": first["intended_at"], "said": None}
    assert await store.call("intents", PLACE) == [row]

    assert await store.call("forget_intent", AGENT) == {"removed": True}
    assert await store.call("forget_intent", AGENT) == {"removed": False}
    assert await store.call("intents", PLACE) == []


async def test_an_intent_says_what_it_said_first_until_that_was_looked_for_in_vain(store: Store) -> None:
    async def said() -> list[Any]:
        return [row["said"] for row in await store.call("intents", PLACE)]

    await store.call("intend", {**AGENT, "said": {"name": "one"}, "again": False})
    await store.call("intend", {**AGENT, "said": {"name": "two"}, "again": False})
    assert await said() == [{"name": "one"}]
    await store.call("intend", {**AGENT, "said": {"name": "two"}, "again": True})
    assert await said() == [{"name": "two"}]


async def test_an_intent_is_fulfilled_by_the_binding_of_the_same_name_only(store: Store) -> None:
    near = [{"kind": "knowledge"}, {"key": "zentrale"}, {"environment": "staging"}, {"workspace": "eu"}, OTHER_TENANT]
    for change in ({}, *near):
        await store.call("intend", {**AGENT, **change})

    assert (await store.call("bind", {**AGENT, "remote_id": "agent_1", "applied": None}))["new"] is True

    left = [(row["kind"], row["key"]) for row in await store.call("intents", PLACE)]
    assert left == [("agent", "zentrale"), ("knowledge", "empfang")]
    for change in near[2:]:
        assert len(await store.call("intents", {**PLACE, **change})) == 1
    # Also one that replaces an id: the create was meant for it.
    await store.call("intend", AGENT)
    assert (await store.call("bind", {**AGENT, "remote_id": "agent_2", "applied": None}))["new"] is False
    assert [(row["kind"], row["key"]) for row in await store.call("intents", PLACE)] == left


async def test_an_intent_tells_what_is_bound_already(store: Store) -> None:
    assert (await store.call("intend", AGENT))["remote_id"] is None
    await store.call("bind", {**AGENT, "remote_id": "agent_1", "applied": None})
    late = await store.call("intend", AGENT)
    assert (late["new"], late["remote_id"]) == (True, "agent_1")
    assert (await store.call("intend", {**AGENT, **OTHER_TENANT}))["remote_id"] is None


async def test_a_refused_binding_leaves_the_intent(store: Store) -> None:
    intended = await store.call("intend", AGENT)

    with pytest.raises(StoreError):
        await store.call("bind", {**AGENT, "remote_id": None, "applied": None})

    assert [row["intended_at"] for row in await store.call("intents", PLACE)] == [intended["intended_at"]]


async def test_bindings_tell_since_when(store: Store) -> None:
    await store.call("bind", {**AGENT, "remote_id": "agent_1", "applied": {}})
    [made] = await store.call("bindings", PLACE)
    await store.call("bind", {**AGENT, "remote_id": "agent_1", "applied": {"a": 1}})
    [applied] = await store.call("bindings", PLACE)
    await store.call("bind", {**AGENT, "remote_id": "agent_2", "applied": {"a": 1}})
    [moved] = await store.call("bindings", PLACE)

    assert made["bound_at"] == made["updated_at"] == applied["bound_at"] < applied["updated_at"]
    assert moved["bound_at"] == moved["updated_at"] > applied["updated_at"]


# Leases


async def test_of_many_that_ask_at_once_one_holds_the_lease(store: Store) -> None:
    for expired in (False, True):
        if expired:
            await store.call("take_lease", lease("dead", 0, name="lease"))
        answers = await asyncio.gather(
            *(store.call("take_lease", lease(f"machine {n}", name="lease")) for n in range(8))
        )

        held = [answer for answer in answers if answer["held"]]
        assert len(held) == 1
        # Everybody is told the same: who, since when, until when.
        assert all({**answer, "held": True} == held[0] for answer in answers)
        assert held[0]["since"] < held[0]["expires_at"]
        assert await store.call("release_lease", {"name": "lease", "holder": held[0]["holder"]}) == {"released": True}


async def test_a_holder_extends_its_lease_and_keeps_since(store: Store) -> None:
    first = await store.call("take_lease", lease("a"))
    longer = await store.call("take_lease", lease("a", 600))

    assert (first["held"], longer["held"], longer["holder"]) == (True, True, "a")
    assert longer["since"] == first["since"]
    assert longer["expires_at"] > first["expires_at"]
    assert await store.call("renew_lease", lease("a", 1200)) == {"held": True}
    refused = await store.call("take_lease", lease("b"))
    assert (refused["held"], refused["holder"], refused["since"]) == (False, "a", first["since"])
    assert refused["expires_at"] > longer["expires_at"]


async def test_a_stranger_neither_renews_nor_releases(store: Store) -> None:
    held = await store.call("take_lease", lease("a"))

    assert await store.call("renew_lease", lease("b", 600)) == {"held": False}
    assert await store.call("release_lease", lease("b")) == {"released": False}
    assert await store.call("renew_lease", lease("a", 600, name="nobody's")) == {"held": False}
    assert await store.call("take_lease", lease("b")) == {**held, "held": False}


async def test_an_expired_lease_goes_to_whoever_asks_first(store: Store) -> None:
    dead = await store.call("take_lease", lease("dead", 0))
    heir = await store.call("take_lease", lease("heir"))

    assert (dead["held"], heir["held"], heir["holder"]) == (True, True, "heir")
    assert heir["since"] > dead["since"]
    assert await store.call("renew_lease", lease("dead")) == {"held": False}
    assert await store.call("release_lease", lease("dead")) == {"released": False}
    assert (await store.call("take_lease", lease("dead")))["holder"] == "heir"


async def test_a_late_holder_keeps_a_lease_that_nobody_wanted(store: Store) -> None:
    late = await store.call("take_lease", lease("a", 0))

    assert await store.call("renew_lease", lease("a", 0)) == {"held": True}
    again = await store.call("take_lease", lease("a"))
    assert (again["held"], again["since"]) == (True, late["since"])
    assert (await store.call("take_lease", lease("b")))["held"] is False


async def test_leases_of_other_names_and_tenants_are_free(store: Store) -> None:
    await store.call("take_lease", lease("a"))

    assert (await store.call("take_lease", lease("b", name="praxis/staging")))["held"] is True
    assert (await store.call("take_lease", {**lease("b"), **OTHER_TENANT}))["held"] is True
    assert await store.call("release_lease", lease("a")) == {"released": True}
    assert (await store.call("take_lease", lease("b")))["held"] is True
    with pytest.raises(StoreError):
        await store.call("take_lease", lease("", name="praxis/dev"))


# From the version before


@pytest.mark.parametrize("server", ["wheel", "15"])
async def test_a_store_of_the_version_before_keeps_its_rows(clusters: Callable[[str], Cluster], server: str) -> None:
    cluster = clusters(server)
    database = cluster.new_database()
    dsn = cluster.dsn(database)
    before = [migration for migration in migrations() if migration.version <= "20261121000500"]
    with psycopg.connect(dsn) as connection:
        for migration in before:
            connection.execute(migration.path.read_bytes())
    store = await PostgresStore.open(dsn)
    try:
        await store.call("bind", {**AGENT, "remote_id": "agent_1", "applied": {"name": "Empfang"}})
        await store.call("save_route", {"phone_number": "+498999998100", "route": {"voice_url": "https://old"}})
        [old] = await store.call("bindings", PLACE)

        assert len(before) == 6
        assert await migrate(dsn, shim=False, alone=True) == [str(migration) for migration in migrations()[6:]]

        [row] = await store.call("bindings", PLACE)
        assert {name: row[name] for name in old} == old
        assert row["bound_at"] == row["updated_at"]
        assert (await store.call("route", {"phone_number": "+498999998100"}))["route"] == {"voice_url": "https://old"}
        # What the older version does goes on, also by connections that it opened before.
        await store.call("intend", AGENT)
        assert (await store.call("bind", {**AGENT, "remote_id": "agent_1", "applied": None}))["new"] is False
        assert await store.call("intents", PLACE) == []
        first: dict[str, Any] = {**PLACE, "key": "empfang", "spec": {}, "digest": "a", "note": None, "contents": []}
        assert await store.call("save_revision", first) == {"revision": 1, "new": True}
    finally:
        await store.close()
        cluster.drop(database)
