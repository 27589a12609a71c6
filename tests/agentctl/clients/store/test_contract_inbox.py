"""The inbox: accepted once, handed to one worker at a time, never lost, over both transports."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections import Counter
from typing import Any

import psycopg
import pytest

from agentctl.errors import StoreError
from tests.stores import Store, claim, delivery, running

pytestmark = pytest.mark.anyio


async def test_the_same_delivery_is_accepted_once_however_often_it_comes(store: Store) -> None:
    answers = await asyncio.gather(*(store.call("accept", delivery()) for _ in range(8)))

    assert Counter(answer["new"] for answer in answers) == {True: 1, False: 7}
    assert len({answer["id"] for answer in answers}) == 1
    assert len(await claim(store)) == 1


async def test_deliveries_that_come_together_are_answered_each_in_its_place(store: Store) -> None:
    known = await store.call("accept", delivery("conv_1"))
    events = [delivery(f"conv_{number % 4}", payload=f"{number % 4}".encode() * 9) for number in range(8)]
    first = delivery("conv_1")

    answers = await store.call("accept_many", {"events": [*events[:3], first, *events[3:]]})

    assert [answer["new"] for answer in answers] == [True] * 3 + [False] + [True] + [False] * 4
    assert answers[3]["id"] == known["id"]
    assert [answer["id"] for answer in answers[5:]] == [answers[at]["id"] for at in (0, 1, 2, 4)]
    assert await store.call("accept_many", {"events": []}) == []
    assert len(await claim(store)) == 5


async def test_the_same_deliveries_in_another_order_at_the_same_time_hinder_nobody(store: Store) -> None:
    events = [delivery(f"conv_{number}", payload=b"%d" % number) for number in range(40)]
    orders = [events, events[::-1], events[20:] + events[:20], events[::2] + events[1::2]]

    answers = await asyncio.gather(*(store.call("accept_many", {"events": order}) for order in orders))

    assert sum(answer["new"] for answered in answers for answer in answered) == 40
    assert len(await claim(store, limit=100)) == 40


async def test_of_deliveries_that_come_together_none_is_stored_unless_all_are(store: Store) -> None:
    with pytest.raises(StoreError):
        await store.call("accept_many", {"events": [delivery("conv_1"), delivery("conv_2", source="elsewhere")]})

    assert await claim(store) == []


async def test_what_differs_in_one_part_is_another_event(store: Store) -> None:
    first = delivery(body=b"1")
    others = (
        {**first, "type": "post_call_audio"},
        {**first, "conversation_id": "conv_2"},
        delivery(body=b"2"),
        {**first, "tenant": "other"},
    )
    await store.call("accept", first)

    for other in others:
        assert (await store.call("accept", other))["new"] is True
    assert (await store.call("accept", {**first, "source": "backfill", "event_timestamp": 7}))["new"] is False


@pytest.mark.parametrize("nothing", [None, ""])
async def test_a_delivery_without_conversation_is_an_event_too(store: Store, nothing: str | None) -> None:
    first = await store.call("accept", delivery(nothing, event_timestamp=None))
    again = await store.call("accept", delivery(None, event_timestamp=None, body=b"{}"))

    assert first["new"] is True
    assert again["new"] is True
    assert (await store.call("accept", delivery(nothing, event_timestamp=None)))["new"] is False
    assert {event["conversation_id"] for event in await claim(store)} == {None}


@pytest.mark.parametrize("body", [b'{"message": "\\u0000"}', b"\x00\xff not JSON at all", b"", bytes(range(256)) * 400])
async def test_any_bytes_come_back_as_they_came(store: Store, body: bytes) -> None:
    accepted = await store.call("accept", delivery(body=body))

    [event] = await claim(store)
    found = await store.call("find_event", {"id": accepted["id"]})

    assert base64.b64decode(found["payload"]) == body
    assert event["size"] == found["size"] == len(body)
    # As bytes or in base64, it is the same.
    assert (await store.call("accept", delivery(payload=body))) == {"id": accepted["id"], "new": False}


async def test_overlong_names_are_accepted(store: Store) -> None:
    accepted = await store.call("accept", delivery("c" * 100_000, type="t" * 100_000))

    assert accepted["new"] is True


async def test_a_claimed_event_has_what_a_worker_needs(store: Store) -> None:
    accepted = await store.call("accept", delivery())

    [event] = await claim(store)

    received = event.pop("received_at")
    assert received.endswith("+00:00")
    # A heading: several payloads in one answer could be more than its deadline or jsonb allows.
    heading = delivery()
    size = len(base64.b64decode(heading.pop("payload")))
    assert event == {
        **heading,
        "id": accepted["id"],
        "attempt": 1,
        "assistant": None,
        "size": size,
        "tenant": "default",
    }


async def test_no_event_is_handed_to_two_workers(store: Store) -> None:
    for number in range(60):
        await store.call("accept", delivery(f"conv_{number}"))

    async def worker(name: str) -> list[str]:
        mine: list[str] = []
        while got := await claim(store, worker=name, limit=3):
            mine += [event["conversation_id"] for event in got]
        return mine

    handed = [event for got in await asyncio.gather(*(worker(f"w{n}") for n in range(6))) for event in got]

    assert sorted(handed) == sorted(f"conv_{number}" for number in range(60))


async def test_events_are_claimed_in_the_order_they_came_and_no_more_than_asked_for(store: Store) -> None:
    for number in range(4):
        await store.call("accept", delivery(f"conv_{number}"))

    batches = [[event["conversation_id"] for event in await claim(store, limit=3)] for _ in range(3)]

    assert batches == [["conv_0", "conv_1", "conv_2"], ["conv_3"], []]


async def test_a_lost_lease_goes_to_the_next_and_the_first_can_no_longer_finish(store: Store) -> None:
    await store.call("accept", delivery())
    [first] = await claim(store, lease_seconds=0)

    [second] = await claim(store, worker="w2")

    assert (first["attempt"], second["attempt"]) == (1, 2)
    late = {"id": first["id"], "attempt": 1}
    failed = {**late, "error": "x", "delay_seconds": 0, "max_attempts": 5}
    assert await store.call("renew", {"queue": "events", **late, "lease_seconds": 60}) == {"held": False}
    assert await store.call("fail_event", failed) == {"held": False, "state": None}
    assert await store.call("keep_event", {**late, "reason": "x"}) == {"held": False}
    [event] = await store.call("list_events", {"states": None, "limit": 5})
    assert (event["state"], event["attempt"], event["error"]) == ("running", 2, None)


async def test_a_renewed_lease_is_kept(store: Store) -> None:
    await store.call("accept", delivery())
    [event] = await claim(store, lease_seconds=0)
    fence = {"queue": "events", "id": event["id"], "attempt": event["attempt"]}

    assert await store.call("renew", {**fence, "lease_seconds": 60}) == {"held": True}

    assert await claim(store) == []


async def test_a_failed_event_waits_and_comes_back(store: Store) -> None:
    fence = await running(store)
    failure = {**fence, "error": "no answer", "max_attempts": 5}

    assert await store.call("fail_event", {**failure, "delay_seconds": 3600}) == {"held": True, "state": "pending"}

    assert await claim(store) == []
    await store.call("requeue_events", {"id": fence["id"]})
    [event] = await claim(store)
    assert event["attempt"] == 2
    again = {**failure, "attempt": 2, "delay_seconds": 0}
    assert (await store.call("fail_event", again))["state"] == "pending"
    assert [event["attempt"] for event in await claim(store)] == [3]


async def test_an_event_is_dead_after_so_many_failures(store: Store) -> None:
    await store.call("accept", delivery())
    states = []
    for _ in range(3):
        [event] = await claim(store)
        failure = {"id": event["id"], "attempt": event["attempt"], "error": "poison", "delay_seconds": 0}
        states.append((await store.call("fail_event", {**failure, "max_attempts": 3}))["state"])

    assert states == ["pending", "pending", "dead"]
    assert await claim(store) == []
    [dead] = await store.call("list_events", {"states": ["dead"], "limit": 5})
    assert (dead["error"], dead["failures"]) == ("poison", 3)


async def test_an_event_that_kills_its_workers_does_not_go_round_for_ever(store: Store) -> None:
    await store.call("accept", delivery("poison"))
    attempts = [len(await claim(store, lease_seconds=0)) for _ in range(5)]
    await store.call("accept", delivery("healthy"))

    # The dead one takes nobody's place.
    last = await claim(store, lease_seconds=0, limit=1)

    assert attempts == [1] * 5
    assert [event["conversation_id"] for event in last] == ["healthy"]
    [dead] = await store.call("list_events", {"states": ["dead"], "limit": 5})
    assert (dead["conversation_id"], dead["failures"]) == ("poison", 5)
    assert "worker was lost" in dead["error"]


async def test_a_kept_event_is_shown_and_not_retried(store: Store) -> None:
    fence = await running(store, type="a_type_of_next_year")

    assert await store.call("keep_event", {**fence, "reason": "unknown type"}) == {"held": True}

    assert await claim(store) == []
    [event] = await store.call("list_events", {"states": ["kept"], "limit": 5})
    assert (event["type"], event["error"]) == ("a_type_of_next_year", "unknown type")


async def test_a_person_may_queue_events_again(store: Store) -> None:
    for number in range(3):
        fence = await running(store, f"conv_{number}")
        await store.call("keep_event", {**fence, "reason": "unknown"})
    busy = await running(store, "conv_busy")

    assert await store.call("requeue_events", {"conversation_id": "conv_0"}) == {"events": 1}
    assert await store.call("requeue_events", {"states": ["dead"]}) == {"events": 0}
    assert await store.call("requeue_events", {"states": ["kept"]}) == {"events": 2}
    assert await store.call("requeue_events", {"id": busy["id"]}) == {"events": 0}
    assert await store.call("requeue_events", {"id": "not an id"}) == {"events": 0}

    assert [event["attempt"] for event in await claim(store)] == [2, 2, 2]


async def test_events_are_listed_newest_first(store: Store) -> None:
    for number in range(4):
        await store.call("accept", delivery(f"conv_{number}"))
    await claim(store, limit=1)

    everything = await store.call("list_events", {"states": None, "limit": 3})
    waiting = await store.call("list_events", {"states": ["pending", "dead"], "limit": 9})

    assert [event["conversation_id"] for event in everything] == ["conv_3", "conv_2", "conv_1"]
    assert [event["conversation_id"] for event in waiting] == ["conv_3", "conv_2", "conv_1"]
    assert "payload" not in everything[0]


@pytest.mark.parametrize("unknown", ["no id at all", "00000000-0000-0000-0000-000000000000"])
async def test_an_event_that_does_not_exist_is_no_error(store: Store, unknown: str) -> None:
    assert await store.call("find_event", {"id": unknown}) is None
    assert await store.call("keep_event", {"id": unknown, "attempt": 1, "reason": "x"}) == {"held": False}


async def test_a_recording_goes_in_and_comes_out(store: Store) -> None:
    body = bytes(range(256)) * 4096 * 4
    accepted = await store.call("accept", delivery(body=body))

    found = await store.call("find_event", {"id": accepted["id"]})

    assert base64.b64decode(found["payload"]) == body


def part(position: int, body: bytes, **changes: Any) -> dict[str, Any]:
    """Arguments of `accept_part` for the event of three parts."""
    whole = hashlib.sha256(b"one" + b"two" + b"3").hexdigest()
    heading = delivery("conv_1", type="post_call_audio", sha256=whole)
    del heading["payload"]
    return {**heading, "position": position, "part": body, **changes}


async def test_an_event_in_parts_is_there_when_all_of_it_is(store: Store) -> None:
    end = {**part(0, b""), "parts": 3, "size": 7}
    for position, body in enumerate((b"one", b"two")):
        assert (await store.call("accept_part", part(position, body)))["known"] is False
    with pytest.raises(StoreError, match="missing"):
        await store.call("accept", end)
    await store.call("accept_part", part(2, b"3"))

    answers = await asyncio.gather(*(store.call("accept", end) for _ in range(4)))

    assert Counter(answer["new"] for answer in answers) == {True: 1, False: 3}
    assert (await store.call("accept_part", part(0, b"one"))) == {"id": answers[0]["id"], "known": True}
    [event] = await claim(store)
    found = await store.call("find_event", {"id": event["id"]})
    assert (found["size"], found["parts"], found["payload"]) == (7, 3, "")
    parts = [await store.call("find_part", {"id": event["id"], "position": position}) for position in range(4)]
    assert [base64.b64decode(one["part"]) for one in parts[:3]] == [b"one", b"two", b"3"]
    assert parts[3] is None


async def test_an_event_in_parts_that_many_bring_at_once_is_there_once_and_fails_nobody(store: Store) -> None:
    for turn in range(4):
        # An agent_id so long is slow to store: between looking for the event and entering it, others have the time to.
        brought = part(0, b"one", conversation_id=f"conv_{turn}", agent_id="a" * 1_000_000)
        await store.call("accept_part", brought)
        end = {**brought, "part": "", "parts": 1, "size": 3}

        answers = await asyncio.gather(*(store.call("accept", end) for _ in range(12)))

        assert Counter(answer["new"] for answer in answers) == {True: 1, False: 11}
        assert len({answer["id"] for answer in answers}) == 1


async def test_parts_go_with_their_event_and_those_of_none_go_after_a_day(store: Store, dsn: str) -> None:
    for position, body in enumerate((b"one", b"two", b"3")):
        await store.call("accept_part", part(position, body))
    await store.call("accept", {**part(0, b""), "parts": 3, "size": 7})
    await store.call("accept_part", part(0, b"x", sha256="00" * 32))
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("update agentctl.event_parts set stored_at = now() - interval '25 hours'")
        await store.call("accept_part", part(0, b"y", sha256="11" * 32))
        left = "select body from agentctl.event_parts order by body"
        assert [bytes(row[0]) for row in connection.execute(left)] == [b"3", b"one", b"two", b"y"]
        connection.execute("delete from agentctl.events")
        assert [bytes(row[0]) for row in connection.execute(left)] == [b"y"]
