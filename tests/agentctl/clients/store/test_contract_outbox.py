"""The outbox: each mail once per call and recipient, sent by one worker at a time; over both transports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agentctl.errors import StoreError
from tests.stores import Store, mail, running, stored

pytestmark = pytest.mark.anyio


async def _queue(store: Store, *recipients: str, conversation_id: str = "conv_1", body: bytes = b"1") -> None:
    fence = await running(store, conversation_id, body=body)
    await store.call("store_call", stored(fence, conversation_id, mails=[mail(to) for to in recipients]))


async def _claim(store: Store, **changes: Any) -> list[dict[str, Any]]:
    asked = {"worker": "w1", "limit": 10, "lease_seconds": 60, **changes}
    claimed: list[dict[str, Any]] = await store.call("claim_mails", asked)
    return claimed


def _fence(claimed: dict[str, Any]) -> dict[str, Any]:
    return {"id": claimed["id"], "attempt": claimed["attempt"]}


async def _mails(store: Store) -> list[dict[str, Any]]:
    mails: list[dict[str, Any]] = (await store.call("show_call", {"conversation_id": "conv_1"}))["mails"]
    return mails


async def test_a_mail_is_queued_once_per_call_and_recipient(store: Store) -> None:
    await _queue(store, "a@example.org", "b@example.org", "a@example.org")
    await _queue(store, "a@example.org", "c@example.org", body=b"2")
    await _queue(store, "a@example.org", conversation_id="conv_2")

    claimed = await _claim(store)

    assert sorted((each["conversation_id"], each["recipient"]) for each in claimed) == [
        ("conv_1", "a@example.org"),
        ("conv_1", "b@example.org"),
        ("conv_1", "c@example.org"),
        ("conv_2", "a@example.org"),
    ]


async def test_a_claimed_mail_has_what_a_sender_needs(store: Store) -> None:
    await _queue(store, "a@example.org")

    [claimed] = await _claim(store)

    assert claimed["message"] == mail("a@example.org")["message"]
    assert (claimed["purpose"], claimed["conversation_id"], claimed["attempt"]) == ("call", "conv_1", 1)
    assert claimed["created_at"].endswith("+00:00")


async def test_no_mail_is_handed_to_two_senders(store: Store) -> None:
    await _queue(store, *(f"{number}@example.org" for number in range(40)))

    async def sender(name: str) -> list[str]:
        mine: list[str] = []
        while got := await _claim(store, worker=name, limit=3):
            mine += [each["recipient"] for each in got]
        return mine

    handed = [to for got in await asyncio.gather(*(sender(f"w{n}") for n in range(5))) for to in got]

    assert sorted(handed) == sorted(f"{number}@example.org" for number in range(40))


async def test_a_sent_mail_is_never_sent_again(store: Store) -> None:
    await _queue(store, "a@example.org")
    [claimed] = await _claim(store)
    receipt = {"route": "smtp", "reference": "250 ok"}

    assert await store.call("mail_sent", {**_fence(claimed), **receipt}) == {"held": True}

    assert await store.call("mail_sent", {**_fence(claimed), **receipt}) == {"held": False}
    await _queue(store, "a@example.org", body=b"2")
    assert await _claim(store) == []
    [sent] = await _mails(store)
    assert (sent["status"], sent["attempt"], sent["error"]) == ("sent", 1, None)
    assert sent["sent_at"].endswith("+00:00")


async def test_a_failed_mail_waits_and_comes_back_until_it_is_dead(store: Store) -> None:
    await _queue(store, "a@example.org")
    states = []
    for _ in range(3):
        [claimed] = await _claim(store)
        failure = {**_fence(claimed), "error": "451", "permanent": False, "delay_seconds": 0, "max_attempts": 3}
        states.append(await store.call("mail_failed", failure))

    assert [state["state"] for state in states] == ["pending", "pending", "dead"]
    assert await _claim(store) == []
    assert (await _mails(store))[0]["status"] == "dead"


async def test_a_failed_mail_is_not_tried_before_its_time(store: Store) -> None:
    await _queue(store, "a@example.org")
    [claimed] = await _claim(store)
    failure = {**_fence(claimed), "error": "451", "permanent": False, "delay_seconds": 600, "max_attempts": 3}

    assert await store.call("mail_failed", failure) == {"held": True, "state": "pending"}

    assert await _claim(store) == []
    [waiting] = await _mails(store)
    assert (waiting["status"], waiting["error"]) == ("pending", "451")


async def test_a_permanent_refusal_ends_it_at_once(store: Store) -> None:
    await _queue(store, "a@example.org")
    [claimed] = await _claim(store)
    failure = {**_fence(claimed), "error": "550", "permanent": True, "delay_seconds": None, "max_attempts": 9}

    assert await store.call("mail_failed", failure) == {"held": True, "state": "dead"}


async def test_a_sender_that_lost_its_lease_cannot_report(store: Store) -> None:
    await _queue(store, "a@example.org")
    [first] = await _claim(store, lease_seconds=0)
    [second] = await _claim(store, worker="w2")
    failure = {"error": "x", "permanent": True, "delay_seconds": 0, "max_attempts": 5}
    renewal = {"queue": "outbox", "lease_seconds": 60}

    assert second["attempt"] == 2
    assert await store.call("mail_sent", {**_fence(first), "route": "smtp", "reference": None}) == {"held": False}
    assert await store.call("mail_failed", {**_fence(first), **failure}) == {"held": False, "state": None}
    assert await store.call("renew", {**_fence(first), **renewal}) == {"held": False}
    assert await store.call("renew", {**_fence(second), **renewal}) == {"held": True}


async def test_a_mail_that_kills_its_senders_does_not_go_round_for_ever(store: Store) -> None:
    await _queue(store, "a@example.org")

    attempts = [len(await _claim(store, lease_seconds=0, max_attempts=3)) for _ in range(4)]

    assert attempts == [1, 1, 1, 0]
    assert (await _mails(store))[0]["status"] == "dead"


async def test_no_other_queue_is_taken(store: Store) -> None:
    with pytest.raises(StoreError, match="queue must be events, outbox, duties, sync_jobs or sink_rows"):
        await store.call("renew", {"queue": "letters", "id": "x", "attempt": 1, "lease_seconds": 1})
