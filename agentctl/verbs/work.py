"""Work off what waits, once or until told to stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from agentctl import worker
from agentctl.calls.inbox import Store
from agentctl.calls.jobs import EventJob, MailJob
from agentctl.calls.queue import QUEUES
from agentctl.calls.sink import SinkJob
from agentctl.verbs.calls.retry import retry
from agentctl.wiring import Control
from agentctl.worker import Tally

_DUTY_PAUSE = 5.0  # seconds between two questions whether a duty is due


@dataclass(frozen=True)
class Drained:
    """One pass over what was due.

    done, failed, lost: as a worker counts them. dead: gave up for good now; of them `dead_mails` mails, `dead_rows`
    rows of a product's own table, `dead_syncs` syncs. kept: not understood, and shown by `events`. pending_events,
    pending_mails, pending_recordings: what waits, for its time, a mail route or the place of recordings.
    duties_failed: recurring work that could not be done, such as asking ElevenLabs; the log has said why. synced,
    syncs_failed: assistants whose declarations had changed; of those that failed `wrong_rows` are wrong as their rows
    say, and `held_up_syncs` wait for ElevenLabs, a key or a mapping. pending_syncs: those that wait; unread: why nobody
    here knows whose they are, where agentctl.toml cannot be read.
    """

    requeued: int
    done: int
    failed: int
    lost: int
    dead: int
    kept: int
    pending_events: int
    pending_mails: int
    pending_recordings: int = 0
    duties_failed: int = 0
    dead_mails: int = 0
    dead_rows: int = 0
    dead_syncs: int = 0
    synced: int = 0
    syncs_failed: int = 0
    wrong_rows: int = 0
    held_up_syncs: int = 0
    pending_syncs: int = 0
    unread: tuple[str, ...] = ()

    @property
    def is_stuck(self) -> bool:
        """Whether whoever runs agentctl has to look: something was given up, could not be done, or is not to be read.

        What is wrong with a row alone is for those to correct who wrote it, and was told to them there.
        """
        given_up = self.dead - self.dead_syncs or self.dead_syncs > self.wrong_rows
        return bool(given_up or self.duties_failed or self.held_up_syncs or (self.unread and self.pending_syncs))


async def process(control: Control, *, mails: bool = True) -> Tally:
    """Work off what is due now, once: events become calls, and these rows of a product's own table; queued mails are
    sent, unless `mails` is false.

    What fails is tried again by the next worker, after a pause. Raises StoreError.
    """
    return await worker.run(await _jobs(control, mails), once=True)


async def drain(control: Control, *, mails: bool = True) -> Drained:
    """`process`, with what came of it. Raises StoreError."""
    return await _drain(control, lambda: process(control, mails=mails))


async def once(control: Control) -> Drained:
    """All that a worker would do now: `drain`, syncs, the duties that are due, and what they have fetched.

    What waits here comes first, since ElevenLabs may be away and take its time to say so. Raises StoreError.
    """
    from agentctl.verbs.flow import legible, syncing
    from agentctl.verbs.flow.job import HELD_UP, WRONG
    from agentctl.verbs.upkeep import duties

    failed, syncs, why = 0, Tally(), Counter[str]()

    async def all_of_it() -> Tally:
        nonlocal failed, syncs
        first = await process(control)
        syncs = await syncing.once(control, why)
        failed = (await worker.run([await duties.job(control)], once=True)).failed
        then = await process(control)
        return Tally(first.done + then.done, first.failed + then.failed, first.lost + then.lost)

    drained = await _drain(control, all_of_it)
    told = {"duties_failed": failed, "synced": syncs.done, "syncs_failed": syncs.failed}
    told |= {"wrong_rows": why[WRONG], "held_up_syncs": why[HELD_UP]}
    return replace(drained, **told, unread=legible.problems(control))


async def process_again(control: Control, which: str, *, mails: bool = True) -> Drained:
    """Queue the events of a conversation, or one event, again, whatever became of them, and work off what is due.

    `which`: the conversation's id or the event's. A mail that was sent is not sent again. Raises AgentctlError where
    there is no such event, StoreError.
    """
    requeued = (await retry(control, which)).events
    return replace(await _drain(control, lambda: process(control, mails=mails)), requeued=requeued)


async def work(control: Control, *, stop: asyncio.Event, wake: asyncio.Event | None = None) -> Tally:
    """Be a worker until `stop` is set; what runs then is finished. A store that is away, or goes, is waited for.

    `wake`, set after an accept, spares the wait for the next look. The tally is of events, rows and mails. Raises
    ConfigurationError where no store can be had at all.
    """
    from agentctl.verbs.flow import syncing
    from agentctl.verbs.upkeep import duties

    wake = wake or asyncio.Event()
    await control.store(waiting=True)
    # A loop of their own: they are none of what somebody who asks how much was done wants to know.
    upkeep, jobs = [await duties.job(control, wake)], control.workshop.jobs(await control.store())
    async with asyncio.TaskGroup() as group:
        group.create_task(worker.run(upkeep, stop=stop, idle_seconds=_DUTY_PAUSE))
        group.create_task(syncing.work(control, stop=stop))
        working = group.create_task(worker.run(jobs, stop=stop, wake=wake))
    return working.result()


async def _drain(control: Control, working: Callable[[], Awaitable[Tally]]) -> Drained:
    store = await control.store()
    before = await _standing(store)
    tally = await working()
    after = await _standing(store)

    def more(queue: str, state: str) -> int:
        return int(max(0, after[queue].get(state, 0) - before[queue].get(state, 0)))  # others may have queued it again

    dead = {queue: more(queue, "dead") for queue in QUEUES}
    return Drained(
        requeued=0,
        done=tally.done,
        failed=tally.failed,
        lost=tally.lost,
        dead=sum(dead.values()),
        dead_mails=dead["mails"],
        dead_rows=dead["rows"],
        dead_syncs=dead["syncs"],
        kept=more("events", "kept") + more("recordings", "kept"),
        pending_events=after["events"]["pending"],
        pending_recordings=after["recordings"]["pending"],
        pending_mails=after["mails"]["pending"],
        pending_syncs=after["syncs"]["pending"],
    )


async def _standing(store: Store) -> dict[str, Any]:
    """How many are in which state, by queue."""
    queues = [await store.call(name, {}) for name in ("status", "sink_queue", "sync_queue")]
    return {name: value for found in queues for name, value in found.items()}


async def _jobs(control: Control, mails: bool) -> list[EventJob | SinkJob | MailJob]:
    return [job for job in control.workshop.jobs(await control.store()) if mails or not isinstance(job, MailJob)]
