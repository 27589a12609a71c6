"""Two at once at one call: whoever waits goes by what the other one left; over both transports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.stores import Store, running, stored

pytestmark = pytest.mark.anyio
WHOLE = {"digits": "498999998100", "whole": True}  # who called, as `stored` has it
FALLBACK = {"engine": "elevenlabs", "summary": "Kurz.", "language": "de", "detail": {"fallback_from": "llm"}}
LIMIT = {"project": "praxis", "environment": "production", "transcripts": 0}
_UNTIL_ONE_WAITS = """
    do $$ begin
        while not exists (
            select from pg_locks l join pg_stat_activity a using (pid)
            where not l.granted and a.datname = current_database()
        ) loop
            perform pg_sleep(0.005), pg_stat_clear_snapshot();
        end loop;
    end $$"""

Meanwhile = Callable[..., Awaitable[Any]]


@pytest.fixture
def meanwhile(store: Store, dsn: str) -> Meanwhile:
    """Call a function of the store while another one is not yet committed, which is as soon as the first one waits."""

    @asynccontextmanager
    async def uncommitted(function: str, args: dict[str, Any]) -> AsyncIterator[None]:
        async with await psycopg.AsyncConnection.connect(dsn) as first:
            await first.execute(f"select public.agentctl_{function}(%s)".encode(), [Jsonb(args)])
            yield

    async def waits() -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as watching:
            await watching.execute(_UNTIL_ONE_WAITS)

    async def both(first: tuple[str, dict[str, Any]], second: tuple[str, dict[str, Any]]) -> Any:
        async with asyncio.timeout(10):
            async with uncommitted(*first):
                answer = asyncio.create_task(store.call(*second))
                await waits()
            return await answer

    return both


async def shown(store: Store) -> dict[str, Any]:
    call: dict[str, Any] = await store.call("show_call", {"conversation_id": "conv_1"})
    return call


async def fallback(store: Store) -> tuple[str, dict[str, Any]]:
    fence = await running(store, body=uuid4().bytes)
    return "store_call", stored(fence, digest=FALLBACK, action_items=[])


async def test_two_that_empty_a_call_leave_the_marks_of_who_called(store: Store, meanwhile: Meanwhile) -> None:
    await store.call("store_call", stored(await running(store)))
    await store.call("save_retention", LIMIT)
    empty = ("retain_calls", {"limit": 9})
    assert (await meanwhile(empty, empty))["count"] == 0  # it is the other's
    assert [row["conversation_id"] for row in await store.call("calls_of_number", WHOLE)] == ["conv_1"]
    assert (await shown(store))["emptied_at"]


async def test_what_comes_while_its_call_is_emptied_does_not_fill_it_again(store: Store, meanwhile: Meanwhile) -> None:
    await store.call("store_call", stored(await running(store)))
    await store.call("save_retention", LIMIT)
    late = await fallback(store)
    assert await meanwhile(("retain_calls", {"limit": 9}), late) == {"held": False, "stored": False}
    call = await shown(store)
    assert (bool(call["emptied_at"]), call["turns"], call["events"]) == (True, [], [])


async def test_an_item_that_is_ticked_off_while_the_call_is_stored_anew_stays_so(
    store: Store, meanwhile: Meanwhile
) -> None:
    await store.call("store_call", stored(await running(store)))
    (item,) = (await shown(store))["action_items"]
    tick = {"conversation_id": "conv_1", "id": item["id"], "done": True}
    answer = await meanwhile(("mark_action_item", tick), await fallback(store))
    assert (answer["stored"], answer["kept"]) == (True, "same")
    assert [one["done"] for one in (await shown(store))["action_items"]] == [True]


async def test_a_digest_that_is_made_while_the_call_is_stored_anew_yields_to_no_fallback(
    store: Store, meanwhile: Meanwhile
) -> None:
    await store.call(*await fallback(store))
    made = {"engine": "llm", "model": "m", "title": "Neu", "summary": "Neu.", "language": "de"}
    digest = {"conversation_id": "conv_1", "updated_at": (await shown(store))["updated_at"]}
    answer = await meanwhile(("store_digest", {**digest, "digest": made, "action_items": []}), await fallback(store))
    assert answer["kept"] == "same"
    assert (await shown(store))["title"] == "Neu"
