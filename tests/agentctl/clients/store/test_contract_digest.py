"""Digests made anew, what was ticked off, and money that many workers share; over both transports."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.stores import Store, running, stored

pytestmark = pytest.mark.anyio

NEW = {"engine": "llm", "model": "n", "title": "Neu", "summary": "Neu.", "language": "de", "outcome": "resolved"}


def item(position: int, what: str, **fields: Any) -> dict[str, Any]:
    return {"position": position, "what": what, **fields}


async def put(store: Store, items: list[dict[str, Any]]) -> dict[str, Any]:
    """A call with these items; the answer is what a new digest starts from."""
    await store.call("store_call", stored(await running(store), action_items=items))
    return await digestible(store)


async def digestible(store: Store) -> dict[str, Any]:
    found: dict[str, Any] = await store.call("digestible", {"conversation_id": "conv_1"})
    return found


async def again(store: Store, items: list[dict[str, Any]], updated_at: str) -> bool:
    args = {"conversation_id": "conv_1", "updated_at": updated_at, "digest": NEW, "action_items": items}
    return bool((await store.call("store_digest", args))["stored"])


async def test_a_new_digest_takes_the_place_of_the_old_one_and_mails_nobody(store: Store) -> None:
    before = await put(store, [item(0, "Zurückrufen"), item(1, "Rezept")])
    assert before["settings"] is None
    assert [turn["message"] for turn in before["turns"]] == ["Guten Tag", None]

    assert await again(store, [item(0, "Angebot", due_date="2026-12-03")], before["updated_at"])

    after = await digestible(store)
    assert (after["title"], after["outcome"], after["digest"]["cost"]) == ("Neu", "resolved", None)
    assert [(one["what"], one["due_date"]) for one in after["action_items"]] == [("Angebot", "2026-12-03")]
    for same in ("turns", "mails", "events", "updated_at"):
        assert after[same] == before[same]


async def test_a_call_that_was_stored_anew_meanwhile_keeps_its_own_digest(store: Store) -> None:
    before = await put(store, [])
    await store.call("store_call", stored(await running(store, body=b"newer")))

    assert not await again(store, [], before["updated_at"])

    assert (await digestible(store))["title"] == "Termin"
    assert await store.call("digestible", {"conversation_id": "nobody"}) is None
    gone = {"conversation_id": "nobody", "updated_at": before["updated_at"], "digest": NEW, "action_items": []}
    assert await store.call("store_digest", gone) == {"stored": False}


async def test_the_assistant_is_the_one_that_is_saved_now(store: Store) -> None:
    row = {"project": "praxis", "environment": "production", "workspace": "w", "key": "empfang", "name": "Empfang"}
    settings = {"mail_to": [], "outcomes": ["a", "b"]}
    await store.call("save_assistant", {**row, "language": "de", "agent_id": "agent_1", "post_call": settings})

    assert (await put(store, []))["settings"] == {
        "project": "praxis",
        "environment": "production",
        "key": "empfang",
        "name": "Empfang",
        "language": "de",
        "post_call": settings,
    }


async def test_what_was_ticked_off_stays_whatever_the_new_digest_says(
    postgres_store: Store, dsn: str, cluster: Any
) -> None:
    evidence = {"quote": "schicken Sie mir das Rezept", "turn": 3}
    before = await put(
        postgres_store,
        [item(0, "Zurückrufen"), item(1, "Rezept ausstellen", **evidence), item(2, "Akte suchen"), item(3, "Offen")],
    )
    cluster.execute("update agentctl.action_items set done = true where position < 3", dsn.rsplit("/", 1)[1])
    new = [item(0, "Neu", **{**evidence, "turn": 7}), item(1, "Rezept schicken", **evidence), item(2, "Zurückrufen")]

    for _ in range(2):
        assert await again(postgres_store, new, before["updated_at"])
        shown = (await digestible(postgres_store))["action_items"]
        assert [(one["what"], one["done"]) for one in shown] == [
            ("Neu", False),
            ("Rezept ausstellen", True),
            ("Zurückrufen", True),
            ("Akte suchen", True),
        ]


async def test_an_items_id_stays_with_what_it_rests_on_whatever_its_place_and_wording(store: Store) -> None:
    evidence = {"quote": "schicken Sie mir das Rezept", "turn": 3}
    before = await put(store, [item(0, "Zurückrufen"), item(1, "Rezept ausstellen", **evidence)])
    ids = [one["id"] for one in before["action_items"]]
    assert all(one.startswith("conv_1:") and one[7:].isalpha() for one in ids)

    assert await again(store, [item(0, "Rezept schicken", **evidence), item(1, "Zurückrufen")], before["updated_at"])
    assert [one["id"] for one in (await digestible(store))["action_items"]] == ids[::-1]
    marked = await store.call("mark_action_item", {"conversation_id": "conv_1", "id": ids[0], "done": True})
    assert (marked["what"], marked["id"], marked["done"], marked["changed"]) == ("Zurückrufen", ids[0], True, True)

    # Two of one sentence are told apart by all that they say.
    both = [item(0, "Rezept schicken", **evidence), item(1, "Porto buchen", **evidence)]
    assert await again(store, both, before["updated_at"])
    found = [one["id"] for one in (await digestible(store))["action_items"]]
    assert len({*found, *ids}) == 4
    gone = {"conversation_id": "conv_1", "id": ids[1], "done": True}
    assert await store.call("mark_action_item", gone) is None


async def test_a_day_is_not_overspent_by_many_at_once(store: Store) -> None:
    async def reserve() -> bool:
        return bool((await store.call("reserve_spending", {"amount": 0.3, "budget": 1.0}))["granted"])

    granted = await asyncio.gather(*(reserve() for _ in range(12)))
    assert granted.count(True) == 3

    day = (await store.call("reserve_spending", {"amount": 5, "budget": 1.0}))["day"]
    assert await store.call("settle_spending", {"day": day, "amount": -0.25}) == {"settled": True}
    assert await reserve()
    assert not await reserve()
    assert await store.call("settle_spending", {"day": "2020-01-01", "amount": 1}) == {"settled": False}


FALLBACK = {"engine": "elevenlabs", "summary": "Kurz.", "language": "de", "detail": {"fallback_from": "llm"}}


async def delivered(store: Store, said: str | None = None, **changes: Any) -> dict[str, Any]:
    """The call from another event, with these words if they are others; and what is shown of it then."""
    args = stored(await running(store, body=uuid4().bytes), **changes)
    if said is not None:
        args["turns"][0]["message"] = said
    answer = await store.call("store_call", args)
    shown: dict[str, Any] = await store.call("show_call", {"conversation_id": "conv_1"})
    return {**shown, "kept": answer.get("kept")}


async def test_a_fallback_takes_no_models_digest_away(store: Store) -> None:
    first = await delivered(store)
    fallback: dict[str, Any] = {"digest": FALLBACK, "action_items": []}
    same = await delivered(store, **fallback)
    assert (same["kept"], same["digest"], same["action_items"]) == ("same", first["digest"], first["action_items"])
    assert (same["outcome"], same["open_items"]) == ("callback", 1)

    await store.call(
        "mark_action_item", {"conversation_id": "conv_1", "id": first["action_items"][0]["id"], "done": True}
    )
    newer = await delivered(store, "Anderes", **fallback)
    assert (newer["kept"], newer["turns"][0]["message"]) == ("earlier", "Anderes")
    assert newer["digest"] == {**first["digest"], "detail": {"earlier_transcript": True}}
    assert [item["done"] for item in newer["action_items"]] == [True]
    assert (await delivered(store, **fallback))["digest"] == first["digest"]  # what it was made of is back

    plain = {"digest": {**FALLBACK, "detail": {}}, "action_items": []}
    assert (await delivered(store, **plain))["kept"] == "same"
    assert (await delivered(store, "Drittes", **plain))["digest"]["engine"] == "elevenlabs"  # no model is wanted
    assert (await delivered(store, "Viertes", **fallback))["kept"] is None
    assert (await delivered(store, "Fünftes"))["digest"]["engine"] == "llm"
