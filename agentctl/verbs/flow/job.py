"""A worker's syncs: in each workspace one assistant after another, which changed or which somebody asked for."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from agentctl.calls.inbox import Store
from agentctl.calls.jobs import LEASE_SECONDS, OUTAGE_SECONDS, describe, worker_name
from agentctl.errors import (
    AgentctlError,
    Busy,
    ConfigurationError,
    Elsewhere,
    Incomplete,
    Misdeclared,
    StoreError,
    Unauthorized,
    UsageError,
)
from agentctl.sources.source import SyncOutcome
from agentctl.telemetry.fields import Field
from agentctl.verbs.flow.housed import sync_housed
from agentctl.verbs.places import is_keyed
from agentctl.wiring import Control

log = logging.getLogger(__name__)

QUIET_SECONDS = 0.3  # without a change, before a job is due
LONGEST_SECONDS = 2.0  # from the first change to that, however many follow
DEADLINE_SECONDS = 600.0  # of one sync, without what its gate may wait
WRONG, HELD_UP = "wrong", "held up"
_BUSY_SECONDS = 2.0
_RELEASE_SECONDS = 3.0
_KEYLESS = "ELEVENLABS_API_KEY is not set, and no tenant has a key of its own"
_UNSURE = "why is told to whoever runs agentctl"  # where nobody knows whom an error may name
_PERMANENT = (Misdeclared, UsageError)
# A key, a file or a mapping that is wrong for every assistant: they wait until it is put right, as for an outage.
_OF_ALL = (Unauthorized, ConfigurationError, Elsewhere)


async def unseen() -> None:
    """Look at nothing."""


@dataclass(frozen=True)
class Due:
    """One assistant that is ours to sync until the lease ends. `attempt` counts since its last change; see `Work`."""

    id: str
    attempt: int
    fence: dict[str, Any]

    @property
    def marks(self) -> Mapping[str, Field | None]:
        """As of a worker's Work."""
        return {"assistant": self.id or None}


@dataclass(frozen=True)
class SyncJob:
    """Syncs the assistants of one project that are due, of each workspace one at a time: the store hands out no more.

    `quiet_seconds`: how long a job waits for another change; a worker that looks once waits for none. `wake` is set
    when the next one is due. `idle` hears why none is claimed, as often as that is so: others may have them meanwhile.
    `look` is awaited before each claim, for whoever wants to see that agentctl.toml can be read. `failed` counts why
    some failed: WRONG, what its row declares, as that says; HELD_UP, what keeps others from it as well.
    """

    control: Control
    store: Store
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    quiet_seconds: float = QUIET_SECONDS
    idle: Callable[[str], None] = lambda why: None
    look: Callable[[], Awaitable[None]] = unseen
    failed: Counter[str] = field(default_factory=Counter)
    worker: str = field(default_factory=worker_name)
    at_once: int = 4
    lease_seconds: float = LEASE_SECONDS
    deadline_seconds: float = DEADLINE_SECONDS
    grace_seconds: float = 25.0  # what is done by then is bound; the next one goes on from there
    max_attempts: int = 5

    name: ClassVar[str] = "syncs"

    async def claim(self, limit: int) -> Sequence[Due]:
        """Take what is due, and have `wake` set once more is. Raises StoreError, ConfigurationError."""
        await self.look()
        if not self.control.project.name:  # agentctl.toml is wrong, and may be mended
            return ()
        if not await is_keyed(self.control):
            self.idle(_KEYLESS)
            return ()
        terms = {
            "project": self.control.scope.project,
            "environment": self.control.scope.environment,
            "worker": self.worker,
            "limit": limit,
            "lease_seconds": self.lease_seconds,
            "max_attempts": self.max_attempts,
            "quiet_seconds": self.quiet_seconds,
            "longest_seconds": LONGEST_SECONDS,
        }
        found = await self.store.call("claim_sync_jobs", terms)
        if not found["jobs"] and (found["due_seconds"] or 0.0) > 0.0:  # what is due already waits for another worker
            asyncio.get_running_loop().call_later(found["due_seconds"], self.wake.set)
        return [
            Due(row["key"], row["tries"], {name: row[name] for name in ("tenant", "id", "attempt")})
            for row in found["jobs"]
        ]

    async def run(self, work: Due) -> bool:
        """Sync it, and tell its source; False if another worker has it by now."""
        async with self.control.afresh() as control:
            outcome = await sync_housed(control, work.id)
        await self.control.source.told(work.id, outcome)
        done = {**work.fence, "held": outcome.held, "error": outcome.error or None}
        done["discreet"] = await self._discreet(work, outcome.shown)
        if outcome.held:
            log.warning("syncs %s: %s", work.id, "; ".join(outcome.error.splitlines()))
        return bool((await self.store.call("sync_job_done", done))["held"])

    async def renew(self, work: Due) -> bool:
        """Hold it for another lease; False if another worker has it by now."""
        terms = {**work.fence, "queue": "sync_jobs", "lease_seconds": self.lease_seconds}
        return bool((await self.store.call("renew", terms))["held"])

    async def fail(self, work: Due, error: Exception, delay_seconds: float) -> None:
        """Give it back, to be tried again after `delay_seconds`, or never where that can help nothing."""
        busy = isinstance(error, Busy)
        outage = isinstance(error, (Busy, *_OF_ALL)) or (isinstance(error, AgentctlError) and error.outage)
        held_up = error.held_up if isinstance(error, Incomplete) else outage and not busy
        says = False
        longest = _BUSY_SECONDS if busy else OUTAGE_SECONDS if outage else delay_seconds
        told = describe(error)
        terms: dict[str, Any] = {"error": told, "outage": outage, "permanent": isinstance(error, _PERMANENT)}
        terms |= {"max_attempts": self.max_attempts, "delay_seconds": min(delay_seconds, longest)}
        try:
            terms["discreet"] = await self._discreet(work, told)
            if not isinstance(error, Busy | Incomplete):
                with suppress(StoreError):  # The next attempt tells it again.
                    says = await self.control.source.told(work.id, SyncOutcome(told))
        finally:  # Until it is recorded nothing else is synced there.
            self.failed[WRONG if says and isinstance(error, Misdeclared) else HELD_UP if held_up else ""] += 1
            await self.store.call("fail_sync_job", {**work.fence, **terms})

    async def _discreet(self, work: Due, error: str) -> str | None:
        """An error as the people of its tenant may read it; None without one."""
        if not error:
            return None
        try:
            return (await self.control.households()).told(work.fence["tenant"], error)
        except StoreError:
            return _UNSURE

    async def release(self, work: Due) -> None:
        """Give it back unfinished."""
        await self.store.call("release", {**work.fence, "queue": "sync_jobs"}, timeout=_RELEASE_SECONDS)
