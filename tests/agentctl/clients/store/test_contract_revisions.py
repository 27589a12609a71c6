"""Revisions with their contents, and holds, over both transports."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from typing import Any

import psycopg
import pytest

from agentctl.errors import StoreError
from tests.stores import Store

pytestmark = pytest.mark.anyio

PLACE = {"project": "praxis", "environment": "production", "workspace": "api.elevenlabs.io"}
KEY = {**PLACE, "key": "empfang"}
OTHER_TENANT = {"tenant": "other"}


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def content(body: bytes) -> dict[str, str]:
    return {"sha256": sha(body), "content": base64.b64encode(body).decode()}


def revision(digest: str, *bodies: bytes, **changes: Any) -> dict[str, Any]:
    """Arguments of `save_revision`."""
    contents = [content(body) for body in bodies]
    return {**KEY, "spec": {"prompt": digest}, "digest": digest, "note": None, "contents": contents, **changes}


async def missing(store: Store, *bodies: bytes, **changes: Any) -> list[bytes]:
    """Those of the bodies that the store does not have."""
    lacked = await store.call("missing_contents", {"sha256": [sha(body) for body in bodies], **changes})
    return [body for body in bodies if sha(body) in lacked]


async def test_a_revision_is_kept_whole(store: Store) -> None:
    bodies = (b"", b"\x00\xff" * 4000, "Öffnungszeiten: 9–17".encode())
    spec = {"conversation_config": {"tts": {"speed": 1.05}}, "tags": ["ü"]}

    saved = await store.call("save_revision", revision("d1", *bodies, spec=spec, note="first sync"))

    assert saved == {"revision": 1, "new": True}
    found = await store.call("revision", {**KEY, "revision": None})
    assert found["applied_at"].endswith("+00:00")
    head = {"revision": 1, "digest": "d1", "note": "first sync", "applied_at": found["applied_at"]}
    by_sha = sorted((content(body) for body in bodies), key=lambda row: row["sha256"])
    assert found == {**head, "spec": spec, "contents": by_sha}
    assert await store.call("revisions", KEY) == [head]


async def test_revisions_are_numbered_per_key_and_equal_ones_are_one(store: Store) -> None:
    async def save(digest: str, **changes: Any) -> tuple[int, bool]:
        answer = await store.call("save_revision", revision(digest, **changes))
        return answer["revision"], answer["new"]

    assert await save("a") == (1, True)
    assert await save("a", note="again") == (1, False)
    assert await save("b") == (2, True)
    # Back to the first: a new revision, since it is what is now in force.
    assert await save("a") == (3, True)
    for part in ("project", "environment", "workspace", "key", "tenant"):
        assert await save("a", **{part: "elsewhere"}) == (1, True)

    listed = await store.call("revisions", KEY)
    assert [(row["revision"], row["digest"], row["note"]) for row in listed] == [
        (3, "a", None),
        (2, "b", None),
        (1, "a", None),
    ]
    assert (await store.call("revision", {**KEY, "revision": 2}))["spec"] == {"prompt": "b"}
    assert (await store.call("revision", KEY))["revision"] == 3
    assert await store.call("revision", {**KEY, "revision": 4}) is None
    assert await store.call("revision", {**KEY, "key": "nobody", "revision": None}) is None
    assert await store.call("revisions", {**KEY, "key": "nobody"}) == []


async def test_the_newest_twenty_are_kept_unless_told_otherwise(store: Store) -> None:
    for n in range(1, 23):
        await store.call("save_revision", revision(f"d{n}"))
    assert [row["revision"] for row in await store.call("revisions", KEY)] == list(range(22, 2, -1))

    await store.call("save_revision", revision("d23", keep=2))
    assert [row["revision"] for row in await store.call("revisions", KEY)] == [23, 22]

    # The newest always stays: it has the last number.
    assert await store.call("save_revision", revision("d24", keep=0)) == {"revision": 24, "new": True}
    assert [row["revision"] for row in await store.call("revisions", KEY)] == [24]


async def test_a_content_goes_with_the_last_revision_that_refers_to_it(store: Store) -> None:
    shared, mine, lasting = b"shared", b"mine", b"lasting"
    await store.call("save_revision", revision("a1", shared, mine, lasting, keep=1))
    await store.call("save_revision", revision("b1", shared, keep=1, key="zentrale"))
    await store.call("save_revision", revision("c1", mine, **OTHER_TENANT))
    assert await missing(store, shared, mine, lasting) == []

    await store.call("save_revision", revision("a2", lasting, keep=1))
    assert await missing(store, shared, mine, lasting) == [mine]
    assert await missing(store, mine, **OTHER_TENANT) == []
    other = await store.call("revision", {**KEY, "key": "zentrale"})
    assert other["contents"] == [content(shared)]

    await store.call("save_revision", revision("b2", keep=1, key="zentrale"))
    assert await missing(store, shared, mine, lasting) == [shared, mine]


async def test_a_stored_content_need_not_be_sent_again(store: Store) -> None:
    await store.call("save_revision", revision("a1", b"old"))
    named = [{"sha256": sha(b"old")}, content(b"new"), content(b"new")]

    assert await missing(store, b"old", b"new") == [b"new"]
    assert (await store.call("save_revision", revision("a2", contents=named)))["new"] is True

    found = await store.call("revision", KEY)
    assert {row["sha256"]: base64.b64decode(row["content"]) for row in found["contents"]} == {
        sha(b"old"): b"old",
        sha(b"new"): b"new",
    }


@pytest.mark.parametrize(
    "wrong", [{"sha256": sha(b"never sent")}, {**content(b"x"), "sha256": sha(b"y")}, {**content(b"x"), "sha256": None}]
)
async def test_a_content_that_is_not_what_it_says_is_refused(store: Store, wrong: dict[str, Any]) -> None:
    await store.call("save_revision", revision("a1", b"old"))

    with pytest.raises(StoreError, match="is not what its sha256 says"):
        await store.call("save_revision", revision("a2", contents=[content(b"good"), wrong]))

    assert [row["digest"] for row in await store.call("revisions", KEY)] == ["a1"]
    assert await missing(store, b"good", b"x") == [b"good", b"x"]


async def test_revisions_saved_at_once_get_a_number_each(store: Store) -> None:
    saved = await asyncio.gather(*(store.call("save_revision", revision(f"d{n}", b"shared")) for n in range(8)))
    same = await asyncio.gather(*(store.call("save_revision", revision("same")) for _ in range(8)))

    assert sorted(answer["revision"] for answer in saved) == list(range(1, 9))
    assert {answer["revision"] for answer in same} == {9}
    assert [answer["new"] for answer in same].count(True) == 1


async def test_no_content_is_pruned_while_another_revision_begins_to_refer_to_it(store: Store, dsn: str) -> None:
    await store.call("save_revision", revision("a1", b"shared", keep=1))
    other = json.dumps(revision("b1", b"shared", key="zentrale"))
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        # Not committed yet: whoever prunes now cannot see that it refers to the content.
        await connection.execute("select public.agentctl_save_revision(%s)", (other,))
        pruning = asyncio.create_task(store.call("save_revision", revision("a2", keep=1)))
        while not pruning.done() and not await _somebody_waits(dsn):
            pass
        await connection.commit()
    await pruning

    found = await store.call("revision", {**KEY, "key": "zentrale"})
    assert found["contents"] == [content(b"shared")]


async def _somebody_waits(dsn: str) -> bool:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        return (await connection.execute("select from pg_locks where not granted")).rowcount > 0


# Holds


async def test_a_key_is_held_until_it_is_let_go(store: Store) -> None:
    assert await store.call("hold", {**KEY, "digest": "source 1", "revision": 3}) == {"new": True}
    [first] = await store.call("holds", PLACE)
    assert await store.call("hold", {**KEY, "digest": "source 1", "revision": 3}) == {"new": False}
    assert await store.call("holds", PLACE) == [first]
    held = {"key": "empfang", "digest": "source 1", "revision": 3, "tenant": None}  # no revision says whose
    assert first == {**held, "held_at": first["held_at"]}

    assert await store.call("hold", {**KEY, "digest": "source 2", "revision": 2}) == {"new": False}
    [second] = await store.call("holds", PLACE)
    assert (second["digest"], second["revision"]) == ("source 2", 2)
    assert second["held_at"] > first["held_at"]

    for elsewhere in ({"environment": "staging"}, OTHER_TENANT):
        assert await store.call("holds", {**PLACE, **elsewhere}) == []
        assert await store.call("unhold", {**KEY, **elsewhere}) == {"removed": False}
    assert await store.call("unhold", KEY) == {"removed": True}
    assert await store.call("unhold", KEY) == {"removed": False}
    assert await store.call("holds", PLACE) == []
