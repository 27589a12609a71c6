"""agentctl.calls.queue: every teller knows all queues that the store has."""

from __future__ import annotations

import pytest

from agentctl.calls import queue
from agentctl.calls.queue import QUEUES, Queue
from tests.stores import Store

pytestmark = pytest.mark.anyio


async def test_the_queues_are_those_that_the_store_tells_of(postgres_store: Store) -> None:
    found = {}
    for name in ("queue", "sink_queue", "sync_queue"):
        found.update(await postgres_store.call(name, {}))
    assert {name for name, value in found.items() if isinstance(value, dict) and "pending" in value} == set(QUEUES)
    assert [one.name for one in queue.used(found)] == ["events", "mails", "syncs"]
    assert all(Queue.of(name, found).is_empty for name in QUEUES)


def test_what_waits_for_long_is_old_and_what_is_worked_on_is_not() -> None:
    found = {"mails": {"pending": 1, "running": 1, "dead": 2}, "oldest_mail_seconds": queue.OLD_SECONDS + 1}
    assert Queue.of("mails", found) == Queue("mails", 1, 1, 2, 0, queue.OLD_SECONDS + 1)
    assert Queue.of("mails", found).is_old
    assert not Queue.of("mails", {**found, "mails": {"running": 2}}).is_old
    assert not Queue.of("mails", {**found, "oldest_mail_seconds": None}).is_old
