"""Queue again what was given up, for a worker to take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agentctl.errors import AgentctlError
from agentctl.wiring import Control


@dataclass(frozen=True)
class Requeued:
    """How many events, mails, rows of the product's own table and syncs of assistants wait again."""

    events: int
    mails: int
    rows: int
    syncs: int


async def retry(control: Control, which: str) -> Requeued:
    """Queue the events of a conversation, or one event, again, whatever became of them, and mails that were given up.

    `which`: the conversation's id, the event's or the mail's. It is processed anew from the raw event; a mail that was
    sent is not sent again. Raises AgentctlError where there is no such thing, StoreError.
    """
    store = await control.store_of_queues()
    return requeued(await store.call("retry", {"which": which}), which)


async def retry_all(control: Control) -> Requeued:
    """Queue every event, mail, row and sync that was given up again; of one tenant, if one was named.

    Raises StoreError.
    """
    store = await control.store_of_queues()
    return requeued(await store.call("retry", {}))


def requeued(told: Mapping[str, int], which: str | None = None) -> Requeued:
    """What the store has queued again. Raises AgentctlError where that was to be `which`, and nothing is."""
    if which is not None and not any(told.values()):
        raise AgentctlError(
            f"there is nothing to process again for {which!r}",
            "No event has that id or conversation and no mail that was given up, it is kept as its recording alone, or "
            "a worker is at it right now; see `agentctl calls events` and `agentctl calls mails`.",
        )
    return Requeued(**told)
