"""The two jobs of a worker: process what was accepted, send what was queued. The loop that runs them knows neither."""

from __future__ import annotations

import os
import platform
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from agentctl.calls import inbox, outbox
from agentctl.calls.digest import Digester
from agentctl.calls.event import Event
from agentctl.calls.inbox import Store
from agentctl.calls.mail import Letterhead
from agentctl.calls.outbox import Mail, MailRoute
from agentctl.calls.process import Outcome, Recordings, process
from agentctl.calls.tenant import recordings_of, store_of
from agentctl.calls.turns import Turns
from agentctl.errors import AgentctlError, MailError
from agentctl.telemetry import figures

LEASE_SECONDS = 15.0
# How often work that waits for something which is away is tried: soon after that is back, all of it is done.
OUTAGE_SECONDS = 300.0
_RELEASE_TIMEOUT = 3.0  # seconds; whoever waits for the end of this process waits for that


def worker_name() -> str:
    """Which process holds a lease, for people who look into the database."""
    return f"{platform.node()}:{os.getpid()}"


@dataclass(frozen=True)
class EventJob:
    """Process accepted events. One that fails `max_attempts` times, or kills its workers that often, is dead.

    `sound`: recordings alone, or all else alone, so that a place of recordings that hangs holds up no call; None: both.
    """

    store: Store
    digester: Digester
    recordings: Recordings
    letterhead: Letterhead = field(default_factory=Letterhead)
    worker: str = field(default_factory=worker_name)
    at_once: int = 4
    lease_seconds: float = LEASE_SECONDS
    deadline_seconds: float = 300.0
    grace_seconds: float = 25.0  # nothing of it is stored before all of it is, so that it can be cut off at any point
    max_attempts: int = 5
    turns: Turns = field(default_factory=Turns, repr=False)
    sound: bool | None = None

    @property
    def name(self) -> str:
        """What it is of."""
        return "recordings" if self.sound else "events"

    async def claim(self, limit: int) -> Sequence[Event]:
        """Take events that are due. Raises StoreError."""
        return await inbox.claim(
            self.store,
            worker=self.worker,
            limit=limit,
            lease_seconds=self.lease_seconds,
            max_attempts=self.max_attempts,
            turns=self.turns,
            sound=self.sound,
        )

    async def run(self, work: Event) -> bool:
        """Fetch its payload and process it, be it refused; False if another worker has it by now."""
        outcome: Outcome = await process(
            work,
            store=store_of(self.store, work.tenant),
            digester=self.digester,
            recordings=recordings_of(self.recordings, work.tenant),
            letterhead=replace(self.letterhead, tenant=work.tenant),
        )
        figures.PROCESSED.add(outcome.state)
        return outcome.state != "lost"

    async def renew(self, work: Event) -> bool:
        """Hold it for another lease; False if another worker has it by now."""
        return await renew(store_of(self.store, work.tenant), "events", work, self.lease_seconds)

    async def fail(self, work: Event, error: Exception, delay_seconds: float) -> None:
        """Give it back, to be tried again after `delay_seconds` or never."""
        terms = {"max_attempts": self.max_attempts, "fault": kind(error), **_failure(work, error, delay_seconds)}
        await store_of(self.store, work.tenant).call("fail_event", terms)

    async def release(self, work: Event) -> None:
        """Give it back unfinished."""
        await release(store_of(self.store, work.tenant), "events", work)


@dataclass(frozen=True)
class MailJob:
    """Send queued mails. A route that is down for some hours costs nothing; a refused recipient is dead at once."""

    store: Store
    route: MailRoute
    worker: str = field(default_factory=worker_name)
    at_once: int = 1  # a worker that is killed between a mail and its record leaves one that is sent again, not several
    lease_seconds: float = LEASE_SECONDS
    # Longer than an SMTP dialogue may take as a whole (clients.mail.SMTP_DEADLINE), or than Resend's timeout: a
    # dialogue that is cut off may have been a success.
    deadline_seconds: float = 300.0
    grace_seconds: float = 300.0
    max_attempts: int = 12
    # What this process has sent and the store has not recorded: claimed again, it is recorded and not sent again.
    unrecorded: dict[int | str, str] = field(default_factory=dict, repr=False)
    turns: Turns = field(default_factory=Turns, repr=False)

    name: ClassVar[str] = "mails"

    async def claim(self, limit: int) -> Sequence[Mail]:
        """Take mails that are due. Raises StoreError."""
        return await outbox.claim(
            self.store,
            worker=self.worker,
            limit=limit,
            lease_seconds=self.lease_seconds,
            max_attempts=self.max_attempts,
            turns=self.turns,
        )

    async def run(self, work: Mail) -> bool:
        """Send one; False if another worker has it by now."""
        store = store_of(self.store, work.tenant)
        return await outbox.deliver(work, store=store, route=self.route, unrecorded=self.unrecorded)

    async def renew(self, work: Mail) -> bool:
        """Hold it for another lease; False if another worker has it by now."""
        return await renew(store_of(self.store, work.tenant), "outbox", work, self.lease_seconds)

    async def fail(self, work: Mail, error: Exception, delay_seconds: float) -> None:
        """Give it back, to be tried again after `delay_seconds` or never."""
        permanent = isinstance(error, MailError) and error.permanent
        terms = {"permanent": permanent, "max_attempts": self.max_attempts, **_failure(work, error, delay_seconds)}
        await store_of(self.store, work.tenant).call("mail_failed", terms)

    async def release(self, work: Mail) -> None:
        """Give it back unfinished."""
        await release(store_of(self.store, work.tenant), "outbox", work)


def describe(error: Exception) -> str:
    """What to record of a failure. Of an unforeseen one only its type and place: its text may quote a caller."""
    if isinstance(error, AgentctlError):
        return str(error)[:2000]
    if isinstance(error, TimeoutError):
        return "took longer than its deadline"
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"


def kind(error: Exception) -> str:
    """Of what kind a failure is, without anything that a caller or a vendor said."""
    return type(error).__name__ if isinstance(error, AgentctlError) else describe(error)


class Claimed(Protocol):
    """What a claim hands out: `attempt` is the fence."""

    @property
    def id(self) -> int | str: ...

    @property
    def attempt(self) -> int: ...


async def renew(store: Store, queue: str, work: Claimed, lease_seconds: float) -> bool:
    """Hold it for another lease; False if another worker has it by now. Raises StoreError."""
    fence = {"queue": queue, "id": work.id, "attempt": work.attempt}
    answer = await store.call("renew", {**fence, "lease_seconds": lease_seconds})
    return bool(answer["held"])


async def release(store: Store, queue: str, work: Claimed) -> None:
    """Give it back, due at once and without a failure; nothing where another worker has it. Raises StoreError."""
    fence = {"queue": queue, "id": work.id, "attempt": work.attempt}
    await store.call("release", fence, timeout=_RELEASE_TIMEOUT)


def _failure(work: Claimed, error: Exception, delay_seconds: float) -> dict[str, Any]:
    outage = isinstance(error, AgentctlError) and error.outage
    return {
        "id": work.id,
        "attempt": work.attempt,
        "error": describe(error),
        "outage": outage,
        "delay_seconds": min(delay_seconds, OUTAGE_SECONDS) if outage else delay_seconds,
    }
