"""Notices and undertakings, over both transports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.stores import Store

pytestmark = pytest.mark.anyio

PLACE = {"project": "praxis", "environment": "production", "workspace": "api.elevenlabs.io"}
ROTATION = {**PLACE, "name": "webhook rotation"}


def notice(digest: str, run: str = "sync_1", **changes: Any) -> dict[str, Any]:
    mails = [{"recipient": "team@example.org", "message": {"subject": digest}}]
    return {**PLACE, "digest": digest, "id": run, "mails": mails, **changes}


async def queued(store: Store) -> list[str]:
    rows = await store.call("claim_mails", {"worker": "w", "limit": 50, "lease_seconds": 60})
    return [row["message"]["subject"] for row in rows]


async def test_only_news_is_queued(store: Store) -> None:
    assert await store.call("notify", notice("")) == {"new": False, "queued": 0}
    assert await store.call("notify", notice("drift", "sync_1")) == {"new": True, "queued": 1}
    assert await store.call("notify", notice("drift", "sync_2")) == {"new": False, "queued": 0}
    assert await store.call("notify", notice("", "sync_3")) == {"new": True, "queued": 1}
    assert await store.call("notify", notice("drift", "sync_4")) == {"new": True, "queued": 1}
    assert sorted(await queued(store)) == ["", "drift", "drift"]


async def test_each_place_has_news_of_its_own(store: Store) -> None:
    for number, change in enumerate(({}, {"environment": "staging"}, {"workspace": "eu"}, {"tenant": "other"})):
        assert (await store.call("notify", notice("drift", f"sync_{number}", **change)))["new"]


async def test_of_many_runs_at_once_one_tells(store: Store) -> None:
    told = await asyncio.gather(*(store.call("notify", notice("drift", f"sync_{n}")) for n in range(8)))
    assert sum(one["new"] for one in told) == 1
    assert await queued(store) == ["drift"]


async def test_an_undertaking_keeps_its_begin_until_it_is_forgotten(store: Store) -> None:
    assert await store.call("undertaking", ROTATION) is None
    first = await store.call("save_undertaking", {**ROTATION, "state": {"step": 1}})
    again = await store.call("save_undertaking", {**ROTATION, "state": {"step": 2}})
    assert (first["new"], again["new"]) == (True, False)
    assert again["began_at"] == first["began_at"]
    found = await store.call("undertaking", ROTATION)
    assert (found["state"], found["began_at"]) == ({"step": 2}, first["began_at"])
    assert 0 <= float(found["age_seconds"]) < 60
    assert await store.call("undertakings", PLACE) == [{"name": "webhook rotation"}]
    for change in ({"environment": "staging"}, {"tenant": "other"}):
        assert await store.call("undertakings", {**PLACE, **change}) == []
    for change in ({"name": "other"}, {"environment": "staging"}, {"tenant": "other"}):
        assert await store.call("undertaking", {**ROTATION, **change}) is None
        assert await store.call("forget_undertaking", {**ROTATION, **change}) == {"removed": False}
    assert await store.call("forget_undertaking", ROTATION) == {"removed": True}
    assert await store.call("undertaking", ROTATION) is None
