"""Work off what waits, once or until told to stop."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from agentctl import worker
from agentctl.calls.jobs import EventJob, MailJob
from agentctl.errors import AgentctlError
from agentctl.wiring import Control
from agentctl.worker import Tally


@dataclass(frozen=True)
class Drained:
    """One pass over what was due.

    done, failed, lost: as a worker counts them. dead: gave up for good now. kept: not
    understood, and shown by `events`. pending_events, pending_mails: what waits, for its time or for a mail route.
    """

    requeued: int
    done: int
    failed: int
    lost: int
    dead: int
    kept: int
    pending_events: int
    pending_mails: int


async def process(control: Control, *, mails: bool = True) -> Tally:
    """Work off what is due now, once: events become calls and, unless `mails` is false, queued mails are sent.

    What fails is tried again by the next worker, after a pause. Raises StoreError.
    """
    return await worker.run(await _jobs(control, mails), once=True)


async def drain(control: Control, *, mails: bool = True) -> Drained:
    """`process`, with what came of it. Raises StoreError."""
    return await _drain(control, mails, requeued=0)


async def process_again(control: Control, which: str, *, mails: bool = True) -> Drained:
    """Queue the events of a conversation, or one event, again, whatever became of them, and work off what is due.

    `which`: the conversation's id or the event's. A mail that was sent is not sent again. Raises AgentctlError where
    there is no such event, StoreError.
    """
    store = await control.store()
    requeued = (await store.call("requeue_events", {"conversation_id": which}))["events"]
    requeued = requeued or (await store.call("requeue_events", {"id": which}))["events"]
    if not requeued:
        raise AgentctlError(
            f"there is nothing to process again for {which!r}",
            "No event has that id or conversation, or a worker is at it right now; see `agentctl calls events`.",
        )
    return await _drain(control, mails, requeued=requeued)


async def work(control: Control, *, stop: asyncio.Event) -> Tally:
    """Be a worker until `stop` is set; what runs then is finished. Outages of the store are survived."""
    return await worker.run(await control.jobs(), stop=stop)


async def _drain(control: Control, mails: bool, *, requeued: int) -> Drained:
    store = await control.store()
    before = await store.call("status", {})
    tally = await process(control, mails=mails)
    after = await store.call("status", {})

    def more(state: str) -> int:
        # Another worker may have added to it; and a mail's or an event's failure counts the same.
        queues = ("events", "mails")
        return sum(max(0, after[queue].get(state, 0) - before[queue].get(state, 0)) for queue in queues)

    return Drained(
        requeued=requeued,
        done=tally.done,
        failed=tally.failed,
        lost=tally.lost,
        dead=more("dead"),
        kept=more("kept"),
        pending_events=after["events"]["pending"],
        pending_mails=after["mails"]["pending"],
    )


async def _jobs(control: Control, mails: bool) -> list[EventJob | MailJob]:
    return [job for job in await control.jobs() if mails or not isinstance(job, MailJob)]
