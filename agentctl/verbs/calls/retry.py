"""Queue again what was given up, for a worker to take."""

from __future__ import annotations

from dataclasses import dataclass

from agentctl.errors import AgentctlError
from agentctl.wiring import Control


@dataclass(frozen=True)
class Requeued:
    """How many events, mails, rows of the product's own table and syncs of assistants wait again."""

    events: int
    mails: int
    rows: int = 0
    syncs: int = 0


async def retry(control: Control, which: str) -> Requeued:
    """Queue the events of a conversation, or one event, again, whatever became of them, and mails that were given up.

    `which`: the conversation's id, the event's or the mail's. It is processed anew from the raw event; a mail that was
    sent is not sent again. Raises AgentctlError where there is no such thing, StoreError.
    """
    store = await control.store_of_queues()
    events = (await store.call("requeue_events", {"conversation_id": which}))["events"]
    events = events or (await store.call("requeue_events", {"id": which}))["events"]
    mails = (await store.call("requeue_mails", {"conversation_id": which}))["mails"]
    mails = mails or (await store.call("requeue_mails", {"id": which}))["mails"]
    rows = (await store.call("requeue_sink_rows", {"conversation_id": which}))["rows"]
    if not (events or mails or rows):
        raise AgentctlError(
            f"there is nothing to process again for {which!r}",
            "No event has that id or conversation and no mail that was given up, it is kept as its recording alone, or "
            "a worker is at it right now; see `agentctl calls events` and `agentctl calls mails`.",
        )
    return Requeued(events, mails, rows)


async def retry_all(control: Control) -> Requeued:
    """Queue every event, mail, row and sync that was given up again; of one tenant, if one was named, but for syncs.

    Raises StoreError.
    """
    store = await control.store_of_queues()
    events = (await store.call("requeue_events", {"states": ["dead"]}))["events"]
    mails = (await store.call("requeue_mails", {}))["mails"]
    rows = (await store.call("requeue_sink_rows", {}))["rows"]
    syncs = 0 if control.tenant else (await store.call("retry_sync_jobs", {}))["jobs"]
    return Requeued(events, mails, rows, syncs)
