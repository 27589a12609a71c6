"""The console's sessions and paces, over both transports."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

import pytest

from agentctl.errors import StoreError
from tests.cluster import Cluster
from tests.stores import Store

pytestmark = pytest.mark.anyio

Execute = Callable[[str], list[tuple[object, ...]]]


def digest(cookie: str) -> dict[str, str]:
    return {"id_sha256": hashlib.sha256(cookie.encode()).hexdigest()}


@pytest.fixture
def execute(cluster: Cluster, dsn: str) -> Execute:
    """Runs a statement as somebody who looks into the tables."""
    return lambda statement: cluster.execute(statement, dsn.rpartition("/")[2])


def hours_left(execute: Execute) -> list[object]:
    asked = "select round(extract(epoch from expires_at - now()) / 3600)::integer from agentctl.console_sessions"
    return [left for (left,) in execute(asked)]


async def test_a_session_slides_with_its_use_and_ends_once(store: Store, execute: Execute) -> None:
    one = digest("one")
    await store.call("open_session", {**one, "person": "ada", "kind": "user"})

    seen = await store.call("session", one)
    assert (seen["person"], seen["kind"]) == ("ada", "user")
    assert await store.call("session", digest("two")) is None

    written = "select xmin::text from agentctl.console_sessions"
    at_first = execute(written)
    assert (await store.call("session", one))["seen_at"] == seen["seen_at"]
    assert execute(written) == at_first  # no write within the minute
    execute(
        "update agentctl.console_sessions set seen_at = now() - interval '2 min', expires_at = now() + interval '1 h'"
    )
    assert (await store.call("session", one))["seen_at"] > seen["seen_at"]
    assert hours_left(execute) == [12]
    old = "created_at = now() - interval '29 days 23 hours', seen_at = now() - interval '2 min'"
    execute(f"update agentctl.console_sessions set {old}")
    await store.call("session", one)
    assert hours_left(execute) == [1], "however much it is used, it ends"

    assert await store.call("end_session", one) == {"ended": True}
    assert await store.call("end_session", one) == {"ended": False}
    assert await store.call("session", one) is None


async def test_what_is_over_is_nobody_and_goes_in_time(store: Store, execute: Execute) -> None:
    for cookie, person in (("a1", "ada"), ("a2", "ada"), ("b1", "bob")):
        await store.call("open_session", {**digest(cookie), "person": person, "kind": "user"})

    assert await store.call("end_sessions", {"person": "ada"}) == {"ended": 2}
    found = [await store.call("session", digest(cookie)) for cookie in ("a1", "a2", "b1")]
    assert [one and one["person"] for one in found] == [None, None, "bob"]

    execute("update agentctl.console_sessions set expires_at = now() - interval '1 second'")
    assert await store.call("session", digest("b1")) is None
    execute("update agentctl.console_sessions set expires_at = now() - interval '2 days'")
    await store.call("open_session", {**digest("o"), "person": "operator", "kind": "operator"})
    assert execute("select person from agentctl.console_sessions") == [("operator",)]
    for wrong in ({"id_sha256": "one"}, {**digest("x"), "kind": "admin"}, {**digest("x"), "person": ""}):
        with pytest.raises(StoreError):
            await store.call("open_session", {"person": "eve", "kind": "user", **wrong})


async def test_a_pace_holds_for_each_key_and_frees_itself(store: Store, execute: Execute) -> None:
    login = {"key": "login 203.0.113.7", "many": 7, "seconds": 60}

    taken = await asyncio.gather(*(store.call("take_pace", login) for _ in range(9)))

    assert sum(one["allowed"] for one in taken) == 7
    refused = next(one for one in taken if not one["allowed"])
    assert 5 <= refused["wait_seconds"] <= 9  # a seventh of the minute
    assert (await store.call("take_pace", {**login, "key": "another"}))["allowed"]
    execute("update agentctl.paces set free_at = free_at - interval '9 seconds'")
    after = [(await store.call("take_pace", login))["allowed"] for _ in range(2)]
    assert after == [True, False]
    execute("update agentctl.paces set free_at = now() - interval '2 hours'")
    await store.call("take_pace", login)
    assert execute("select count(*) from agentctl.paces") == [(1,)]
    for wrong in ({"many": 0}, {"seconds": 0}, {"key": None}):
        with pytest.raises(StoreError, match="a pace needs a key"):
            await store.call("take_pace", {**login, **wrong})
