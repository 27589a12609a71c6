"""Claim and run: the one loop behind `serve` and `work`. It knows no job by itself; wiring hands it some.

Work is claimed under a lease, which is renewed as long as the work runs. A worker that dies loses its leases, and
others take over; one that merely lost touch finds out when it renews, and stops. One that is told to end finishes what
runs, and gives back what takes too long. A store that is down is waited for.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from agentctl.errors import AgentctlError, StoreError
from agentctl.telemetry.attended import Attended, attended
from agentctl.telemetry.attended import Work as Work

log = logging.getLogger(__name__)

W = TypeVar("W", bound="Work")


class Job(Protocol[W]):
    """A kind of work. Every method may raise StoreError; `run` may raise anything, which counts as a failure."""

    @property
    def name(self) -> str:
        """For logs, figures and traces."""
        ...

    @property
    def at_once(self) -> int:
        """How many pieces one worker may have under way."""
        ...

    @property
    def lease_seconds(self) -> float:
        """How long a claim holds without being renewed."""
        ...

    @property
    def deadline_seconds(self) -> float:
        """How long one piece may take before it counts as failed."""
        ...

    @property
    def grace_seconds(self) -> float:
        """How long one piece may go on when the worker is told to end; then it is given back."""
        ...

    async def claim(self, limit: int) -> Sequence[W]:
        """Take what is due."""
        ...

    async def run(self, work: W) -> bool:
        """Do it and mark it done; False if somebody else has it by now."""
        ...

    async def renew(self, work: W) -> bool:
        """Hold it for another lease; False if somebody else has it by now."""
        ...

    async def fail(self, work: W, error: Exception, delay_seconds: float) -> None:
        """Give it back after a failure."""
        ...

    async def release(self, work: W) -> None:
        """Give it back unfinished, for another worker to take at once."""
        ...


@dataclass
class Tally:
    """How much was done, how much failed (and will be tried again or is dead), how much another worker took over."""

    done: int = 0
    failed: int = 0
    lost: int = 0


def backoff(attempt: int) -> float:
    """Seconds until the next try: 15, 45, 135 … up to an hour, less up to a third so that many do not come at once."""
    return min(3600.0, 15.0 * 3.0 ** min(attempt - 1, 8)) * random.uniform(0.67, 1.0)  # noqa: S311  (spread, no secret)


async def run(
    jobs: Sequence[Job[Any]],
    *,
    once: bool = False,
    stop: asyncio.Event | None = None,
    wake: asyncio.Event | None = None,
    idle_seconds: float = 2.0,
    backoff: Callable[[int], float] = backoff,
) -> Tally:
    """Run `jobs` until `stop` is set, then finish what runs, within its grace; or with `once` until nothing is due.

    `wake` (set by the door after an accept) spares the wait of `idle_seconds`. An outage of the store is logged once
    and survived; only with `once`, which somebody waits for, it is raised as StoreError.
    """
    stop = stop or asyncio.Event()
    tally = Tally()
    lanes = [_Lane(job, tally, backoff) for job in jobs]
    try:
        if once:
            await _drain(lanes, stop)
        else:
            await _serve(lanes, stop, wake, idle_seconds)
    finally:
        for lane in lanes:
            await lane.abandon()
    return tally


async def _serve(
    lanes: Sequence[_Lane[Any]], stop: asyncio.Event, wake: asyncio.Event | None, idle_seconds: float
) -> None:
    for lane in lanes:
        lane.neighbours = lanes
    async with asyncio.TaskGroup() as group:
        watchers = [group.create_task(_watch(stop, lanes))]
        if wake is not None:
            watchers.append(group.create_task(_watch_again(wake, lanes)))
        running = [group.create_task(lane.serve(stop, idle_seconds)) for lane in lanes]
        await asyncio.wait(running)
        for watcher in watchers:
            watcher.cancel()


async def _drain(lanes: Sequence[_Lane[Any]], stop: asyncio.Event) -> None:
    """Rounds over all jobs, since one makes work for the next (an event queues a mail), until a round finds nothing."""
    found = True
    while found and not stop.is_set():
        found = False
        for lane in lanes:
            while not stop.is_set() and await lane.claim():
                found = True
                await lane.finish()


async def _watch(signal: asyncio.Event, lanes: Sequence[_Lane[Any]]) -> None:
    await signal.wait()
    for lane in lanes:
        lane.nudge.set()


async def _watch_again(signal: asyncio.Event, lanes: Sequence[_Lane[Any]]) -> None:
    while True:
        await _watch(signal, lanes)
        signal.clear()


class _Lane(Generic[W]):
    """One job and what of it is running."""

    def __init__(self, job: Job[W], tally: Tally, backoff: Callable[[int], float]) -> None:
        self.job = job
        self.tally = tally
        self.backoff = backoff
        self.running: set[asyncio.Task[None]] = set()
        self.nudge = asyncio.Event()
        self.neighbours: Sequence[_Lane[Any]] = ()
        self.outages = 0

    async def serve(self, stop: asyncio.Event, idle_seconds: float) -> None:
        while not stop.is_set():
            self.nudge.clear()
            try:
                claimed = await self.claim()
            except Exception as error:  # noqa: BLE001  a loop that ends would leave the door accepting for nobody
                await _wait(stop, self._outage(error))
                continue
            self._recovered()
            if not claimed:
                await _wait(self.nudge, idle_seconds)
        await self.finish(self.job.grace_seconds)
        await self.abandon()

    async def claim(self) -> int:
        """Start as much as there is room for; how much that was."""
        room = self.job.at_once - len(self.running)
        found = await self.job.claim(room) if room else ()
        for work in found:
            task = asyncio.create_task(self._attend(work))
            self.running.add(task)
            task.add_done_callback(self._ended)
        return len(found)

    async def finish(self, seconds: float | None = None) -> None:
        """Wait for what is running, at most `seconds`; each piece has its deadline."""
        if self.running:
            await asyncio.wait(set(self.running), timeout=seconds)

    async def abandon(self) -> None:
        """Stop what is still running, and give it back."""
        for task in self.running:
            task.cancel()
        if self.running:
            await asyncio.wait(set(self.running))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        for lane in (self, *self.neighbours):
            lane.nudge.set()  # there is room here, and perhaps new work next door
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: a failure could not be handled: %s", self.job.name, type(error).__name__)

    async def _attend(self, work: W) -> None:
        """See one piece through, or give it back."""
        with attended(self.job.name, work) as ending:
            try:
                await self._see_through(work, ending)
            except asyncio.CancelledError:
                ending.outcome = "released"
                log.info("%s %s: given back unfinished", self.job.name, work.id)
                with suppress(StoreError):  # its lease will end
                    await self.job.release(work)
                raise

    async def _see_through(self, work: W, ending: Attended) -> None:
        """Run one piece with its lease held, and say how it ended."""
        doing = asyncio.create_task(self.job.run(work))
        holding = asyncio.create_task(self._hold(work, doing))
        try:
            finished, _ = await asyncio.wait({doing}, timeout=self.job.deadline_seconds)
            if not finished:
                doing.cancel()
                await asyncio.wait({doing})
            error = TimeoutError() if not finished and doing.cancelled() else _error(doing)
        finally:
            holding.cancel()
            doing.cancel()
            await asyncio.wait({holding, doing})
        if error is not None:
            ending.failed(error)
            await self._fail(work, error)
        elif doing.cancelled() or not doing.result():
            ending.outcome = "lost"
            self.tally.lost += 1
            log.warning("%s %s: another worker has it by now", self.job.name, work.id)
        else:
            ending.outcome = "done"
            self.tally.done += 1
            log.debug("%s %s: done", self.job.name, work.id)

    async def _hold(self, work: W, doing: asyncio.Task[bool]) -> None:
        while True:
            await asyncio.sleep(self.job.lease_seconds / 3)
            try:
                held = await self.job.renew(work)
            except StoreError:
                continue  # nobody else can claim it from a store that is down; if only we are cut off, the fence holds
            if not held:
                doing.cancel()
                return

    async def _fail(self, work: W, error: Exception) -> None:
        self.tally.failed += 1
        delay = self.backoff(work.attempt)
        # An unforeseen error's text may quote a caller: its type must do here, the place is in the store.
        reason = error.message if isinstance(error, AgentctlError) else type(error).__name__
        log.warning("%s %s: attempt %s failed: %s", self.job.name, work.id, work.attempt, reason)
        try:
            await self.job.fail(work, error, delay)
        except StoreError:
            log.warning("%s %s: the failure could not be recorded; its lease will end", self.job.name, work.id)

    def _outage(self, error: Exception) -> float:
        """Seconds to wait; the log hears of an outage once."""
        if not self.outages:
            reason = error.message if isinstance(error, AgentctlError) else type(error).__name__
            log.error("%s: cannot ask for work, will keep trying: %s", self.job.name, reason)
        self.outages += 1
        return min(30.0, 0.25 * 2.0 ** min(self.outages, 8)) * random.uniform(0.67, 1.0)  # noqa: S311

    def _recovered(self) -> None:
        if self.outages:
            log.warning("%s: asking for work succeeds again", self.job.name)
        self.outages = 0


def _error(doing: asyncio.Task[bool]) -> Exception | None:
    error = None if doing.cancelled() else doing.exception()
    if error is not None and not isinstance(error, Exception):
        raise error  # KeyboardInterrupt, SystemExit
    return error


async def _wait(signal: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(signal.wait(), seconds)
