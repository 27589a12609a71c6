"""Rows in groups, one assistant alone, and the last clean sync, over both transports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentctl.errors import StoreError
from tests.stores import Store

pytestmark = pytest.mark.anyio

PLACE = {"project": "praxis", "environment": "production", "workspace": "api.elevenlabs.io"}
SEEN = {"digest": "d1", "listed": {"agent_1": ["Empfang", ["t"], 7]}, "resources": 3}


def row(key: str, **changes: Any) -> dict[str, Any]:
    return {**PLACE, "kind": "agent", "key": key, "remote_id": f"id_{key}", "applied": {"name": key}, **changes}


async def test_a_group_binds_each_row_and_fulfils_each_intent(store: Store) -> None:
    intents = await store.call("intend_all", {"rows": [row("a"), row("b"), row("c")]})
    assert [answer["new"] for answer in intents] == [True, True, True]

    answers = await store.call("bind_all", {"rows": [row("b"), row("a"), row("b", remote_id="id_new")]})

    assert [answer["new"] for answer in answers] == [True, True, False]
    bound = await store.call("bindings", PLACE)
    assert [(one["key"], one["remote_id"], one["applied"]) for one in bound] == [
        ("a", "id_a", {"name": "a"}),
        ("b", "id_new", {"name": "b"}),
    ]
    assert [one["key"] for one in await store.call("intents", PLACE)] == ["c"]


async def test_a_group_is_bound_as_a_whole_or_not_at_all(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.call("bind_all", {"rows": [row("a"), row("b", remote_id=None)]})
    assert await store.call("bindings", PLACE) == []
    assert await store.call("bind_all", {"rows": []}) == []


async def test_of_a_group_only_those_are_bound_that_are_known_as_they_are(store: Store) -> None:
    (stamp,) = [one["updated_at"] for one in await store.call("bind_all", {"rows": [row("a")]})]
    await store.call("bind", row("b"))
    rows = [row("a", remote_id="x", expected=stamp), row("b", remote_id="x", expected=None), row("c", expected=None)]
    answers = await store.call("bind_all", {"rows": rows})
    assert [answer and answer["new"] for answer in answers] == [False, None, True]
    assert [one["remote_id"] for one in await store.call("bindings", PLACE)] == ["x", "id_b", "id_c"]


async def test_groups_that_meet_wait_for_each_other(store: Store) -> None:
    rows = [row(f"k{number}") for number in range(20)]
    await asyncio.gather(*(store.call("bind_all", {"rows": rows}) for _ in range(4)))
    assert len(await store.call("bindings", PLACE)) == 20


async def test_one_assistant_is_had_without_the_others(store: Store) -> None:
    for key in ("empfang", "zentrale"):
        body = {"key": key, "name": key, "language": "de", "agent_id": f"agent_{key}", "post_call": {}}
        await store.call("save_assistant", {**PLACE, **body})
    assert [one["key"] for one in await store.call("assistants", {**PLACE, "key": "zentrale"})] == ["zentrale"]
    assert await store.call("assistants", {**PLACE, "key": "nobody"}) == []
    assert len(await store.call("assistants", PLACE)) == 2


async def test_a_clean_sync_is_remembered_until_the_next(store: Store) -> None:
    before = await store.call("clean_sync", PLACE)
    assert before["seen"] is None
    await store.call("save_clean_sync", {**PLACE, **SEEN, "state": before["state"]})
    found = (await store.call("clean_sync", PLACE))["seen"]
    assert {name: found[name] for name in SEEN} == SEEN
    await store.call("save_clean_sync", {**PLACE, **SEEN, "digest": "d2", "state": before["state"]})
    assert (await store.call("clean_sync", PLACE))["seen"]["digest"] == "d2"
    for change in ({"environment": "staging"}, {"workspace": "eu"}, {"project": "x"}, {"tenant": "other"}):
        assert (await store.call("clean_sync", {**PLACE, **change}))["seen"] is None


@pytest.mark.parametrize(
    ("function", "args"),
    [
        ("bind", row("a", applied={"name": "b"})),
        ("bind", row("new")),
        ("unbind", row("a")),
        ("intend", row("a")),
        ("save_assistant", {**PLACE, "key": "a", "name": "a", "language": "de", "agent_id": "x", "post_call": {}}),
        ("hold", {**PLACE, "key": "a", "revision": 1, "digest": "d"}),
    ],
    ids=["applied", "bound", "unbound", "intended", "post_call", "held"],
)
async def test_any_write_ends_the_trust(store: Store, function: str, args: dict[str, Any]) -> None:
    await store.call("bind", row("a"))
    state = (await store.call("clean_sync", PLACE))["state"]
    await store.call("save_clean_sync", {**PLACE, **SEEN, "state": state})
    assert (await store.call("clean_sync", PLACE))["seen"] is not None

    await store.call(function, args)

    assert (await store.call("clean_sync", PLACE))["seen"] is None
    # And a plan that was begun before that write cannot bring it back.
    await store.call("save_clean_sync", {**PLACE, **SEEN, "state": state})
    assert (await store.call("clean_sync", PLACE))["seen"] is None
