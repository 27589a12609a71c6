"""Have a worker carry changes of declarations to ElevenLabs, where it has the project and a key to do so."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Protocol, runtime_checkable

from agentctl import worker
from agentctl.verbs.flow.job import DEADLINE_SECONDS, SyncJob
from agentctl.verbs.flow.legible import Legible
from agentctl.wiring import Control
from agentctl.worker import Tally

log = logging.getLogger(__name__)

CHANNEL = "agentctl_sync"  # on which the store says that something was noted
IDLE_SECONDS = 1.0  # between two looks where nothing is heard of changes


@runtime_checkable
class Listening(Protocol):
    """A store that tells of changes by itself."""

    async def listen(self, channel: str, heard: Callable[[], None]) -> None:
        """Until cancelled, call `heard` when something was notified on `channel`, or may have been unheard."""


async def job(control: Control) -> SyncJob | None:
    """The job that does them; None without a project's directory, so that other workers have them."""
    if not control.has_project:
        return None
    store = await control.store(waiting=True)
    gate = 2 * control.project.gate_timeout if control.project.gate else 0
    return SyncJob(control, store, deadline_seconds=DEADLINE_SECONDS + gate)


async def work(control: Control, *, stop: asyncio.Event) -> Tally:
    """Sync what changes, within a moment, until `stop` is set."""
    told: set[str] = set()

    def idle(lacking: str) -> None:
        if lacking not in told:
            told.add(lacking)
            log.info("syncs: changes of rows are left to other workers: %s", lacking)

    found = await job(control)
    if found is None:
        idle(f"no agentctl.toml in {control.directory}")
        return Tally()
    syncs = replace(found, idle=idle, look=Legible(control).look)
    async with _heard(syncs):
        return await worker.run([syncs], stop=stop, wake=syncs.wake, idle_seconds=IDLE_SECONDS)


async def once(control: Control, failed: Counter[str] | None = None) -> Tally:
    """Sync what has changed until now; `failed` counts why some failed, as a SyncJob does. Raises StoreError.

    That agentctl.toml cannot be read is told by whoever asked: a machine that is another one each time knows of no
    earlier time at which that was told.
    """
    syncs = await job(control)
    if syncs is None:
        return Tally()
    counted = Counter[str]() if failed is None else failed
    return await worker.run([replace(syncs, quiet_seconds=0.0, failed=counted)], once=True)


@asynccontextmanager
async def _heard(syncs: SyncJob) -> AsyncIterator[None]:
    """Have it woken where the store tells of changes."""
    if not isinstance(syncs.store, Listening):
        yield
        return
    listening = asyncio.create_task(syncs.store.listen(CHANNEL, syncs.wake.set))
    try:
        yield
    finally:
        listening.cancel()
        await asyncio.wait({listening})
