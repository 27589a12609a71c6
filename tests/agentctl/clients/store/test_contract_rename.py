"""What a rename moves and what it leaves, over both transports."""

from __future__ import annotations

import pytest

from tests.stores import Store

pytestmark = pytest.mark.anyio

PLACE = {"project": "praxis", "environment": "production", "workspace": "api.elevenlabs.io"}
STAGING = {**PLACE, "environment": "staging"}
RENAME = {"project": "praxis", "old": "a_b", "new": "neu", "kinds": ["agent", "knowledge_document", "post_call"]}


async def bind(store: Store, kind: str, key: str, remote_id: str, **place: str) -> None:
    row = {"kind": kind, "key": key, "remote_id": remote_id, "applied": {}}
    await store.call("bind", {**PLACE, **place, **row})


async def bound(store: Store, **place: str) -> dict[tuple[str, str], str]:
    rows = await store.call("bindings", {**PLACE, **place})
    return {(row["kind"], row["key"]): row["remote_id"] for row in rows}


async def test_bindings_move_in_every_environment_and_nothing_else_does(store: Store) -> None:
    await bind(store, "agent", "a_b", "agent_1")
    await bind(store, "agent", "a_b", "agent_2", environment="staging")
    await bind(store, "knowledge_document", "a_b/preise", "doc_1")
    await bind(store, "post_call", "a_b", "a_b")
    others = {("agent", "axb"): "x", ("agent", "a_b2"): "y", ("webhook", "a_b"): "z"}
    others |= {("knowledge_document", "axb/preise"): "x", ("knowledge_document", "shared/a_b"): "y"}
    for (kind, key), remote_id in others.items():
        await bind(store, kind, key, remote_id)
    await bind(store, "agent", "a_b", "agent_3", project="andere")
    for _ in range(2):
        assert (await store.call("rename", RENAME))["taken"] is False
        ours = {("agent", "neu"): "agent_1", ("knowledge_document", "neu/preise"): "doc_1", ("post_call", "neu"): "neu"}
        assert await bound(store) == {**others, **ours}
        assert await bound(store, environment="staging") == {("agent", "neu"): "agent_2"}
        assert await bound(store, project="andere") == {("agent", "a_b"): "agent_3"}


async def test_a_key_of_another_agent_is_taken_and_nothing_moves(store: Store) -> None:
    await bind(store, "agent", "a_b", "agent_1")
    await bind(store, "agent", "a_b", "agent_2", environment="staging")
    await bind(store, "agent", "neu", "agent_9", environment="staging")
    assert await store.call("rename", RENAME) == {"taken": True, "begun": [], "bindings": 0, "revisions": 0}
    assert await bound(store) == {("agent", "a_b"): "agent_1"}


async def test_what_is_done_is_noted_in_the_same_step_and_what_is_not_is_not(store: Store) -> None:
    nowhere = {"project": "praxis", "environment": "", "workspace": ""}
    await bind(store, "agent", "a_b", "agent_1")
    await bind(store, "agent", "neu", "agent_9", environment="staging")
    assert await store.call("agent_keys", {"project": "praxis"}) == ["a_b", "neu"]
    await bind(store, "agent", "a_b", "agent_2", environment="staging")
    assert (await store.call("rename", {**RENAME, "noted": "renamed 1"}))["taken"] is True
    assert await store.call("undertakings", nowhere) == []
    await store.call("unbind", {**STAGING, "kind": "agent", "key": "neu", "remote_id": "agent_9"})
    for _ in range(2):
        assert (await store.call("rename", {**RENAME, "noted": "renamed 1"}))["taken"] is False
        assert await store.call("undertakings", nowhere) == [{"name": "renamed 1"}]


async def test_revisions_follow_those_that_the_key_had_and_a_hold_stays_with_its_own(store: Store) -> None:
    spec = {"key": "a_b", "knowledge": [{"key": "a_b/preise"}, {"key": "shared/a_b"}]}
    for key, digest in (("neu", "d0"), ("a_b", "d1"), ("a_b", "d2")):
        row = {**PLACE, "key": key, "spec": {**spec, "key": key}, "digest": digest, "note": None, "contents": []}
        await store.call("save_revision", row)
    await store.call("hold", {**PLACE, "key": "a_b", "revision": 1, "digest": "source"})
    assert (await store.call("rename", RENAME))["revisions"] == 2
    kept = await store.call("revisions", {**PLACE, "key": "neu"})
    assert [(row["revision"], row["digest"]) for row in kept] == [(3, "d2"), (2, "d1"), (1, "d0")]
    newest = await store.call("revision", {**PLACE, "key": "neu", "revision": None})
    assert newest["spec"] == {"key": "neu", "knowledge": [{"key": "neu/preise"}, {"key": "shared/a_b"}]}
    (held,) = await store.call("holds", PLACE)
    assert (held["key"], held["revision"]) == ("neu", 2)
    assert await store.call("revisions", {**PLACE, "key": "a_b"}) == []
