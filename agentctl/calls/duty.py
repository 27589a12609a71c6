"""What has to be done again and again: each duty once per interval, by one of however many workers there are.

The store knows when each is due and hands it to one worker under a lease. So a duty must be such that it can be cut
off at any point and done again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from agentctl.calls.inbox import Store
from agentctl.calls.jobs import LEASE_SECONDS, describe, release, renew, worker_name
from agentctl.telemetry.fields import Field


async def always() -> bool:
    """What can be done whenever it is due."""
    return True


@dataclass(frozen=True)
class Duty:
    """One thing to be done every so often. `place`: what it is done for, such as a workspace; empty: the whole store.

    `carry_out` may raise anything, which counts as a failure; it is then tried again before its time. `able`: whether
    this worker could do it now; until then others may have it.
    """

    name: str
    place: str
    every_seconds: float
    carry_out: Callable[[], Awaitable[object]] = field(repr=False)
    able: Callable[[], Awaitable[bool]] = field(default=always, repr=False)


@dataclass(frozen=True)
class Due:
    """A duty that is ours until its lease ends. `attempt` is the fence."""

    id: str
    attempt: int
    duty: Duty

    @property
    def marks(self) -> Mapping[str, Field | None]:
        """As of a worker's Work."""
        return {"duty": self.duty.name}


@dataclass(frozen=True)
class DutyJob:
    """Does those of `duties` that are due. Whoever is not able to do one leaves it to the others."""

    store: Store
    duties: Sequence[Duty]
    worker: str = field(default_factory=worker_name)
    at_once: int = 4
    lease_seconds: float = LEASE_SECONDS
    deadline_seconds: float = 3600.0  # a backfill after a long gap fetches thousands of conversations
    grace_seconds: float = 2.0  # another worker begins it anew, and finds what this one has done

    name: ClassVar[str] = "duties"

    async def claim(self, limit: int) -> Sequence[Due]:
        """Take duties that are due. Raises StoreError."""
        offered = {(duty.name, duty.place): duty for duty in self.duties if await duty.able()}
        terms = {
            "duties": [{"name": name, "place": place} for name, place in offered],
            "worker": self.worker,
            "limit": limit,
            "lease_seconds": self.lease_seconds,
        }
        rows = await self.store.call("claim_duties", terms)
        return [Due(row["id"], row["attempt"], offered[row["name"], row["place"]]) for row in rows]

    async def run(self, work: Due) -> bool:
        """Carry it out; False if another worker has it by now."""
        await work.duty.carry_out()
        done = {"id": work.id, "attempt": work.attempt, "every_seconds": work.duty.every_seconds}
        return bool((await self.store.call("duty_done", done))["held"])

    async def renew(self, work: Due) -> bool:
        """Hold it for another lease; False if another worker has it by now."""
        return await renew(self.store, "duties", work, self.lease_seconds)

    async def fail(self, work: Due, error: Exception, delay_seconds: float) -> None:
        """Give it back, to be tried again after `delay_seconds`, or when it would be due in any case."""
        delay = min(delay_seconds, work.duty.every_seconds)
        failed = {"id": work.id, "attempt": work.attempt, "error": describe(error), "delay_seconds": delay}
        await self.store.call("fail_duty", failed)

    async def release(self, work: Due) -> None:
        """Give it back unfinished."""
        await release(self.store, "duties", work)
