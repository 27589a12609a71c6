"""Recordings that are kept twice, where they lie and in the event that brought them, are kept once.

The event's content goes when its recording was found whole where it lies, some time after it was put there and not
before, since it may be the only copy: a day for a file, whose disk may be one that goes with its container, and an hour
in Storage.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentctl.calls.inbox import Store
from agentctl.calls.process import Recordings
from agentctl.errors import AgentctlError

log = logging.getLogger(__name__)

_BATCH = 100
SETTLED_SECONDS = 86_400.0  # of a file
SETTLED_THERE_SECONDS = 3_600.0  # of what lies in Storage
_SECONDS = 60.0


@dataclass
class Budget:
    """How much one look asks for, of all tenants together: so many recordings, and none after so many seconds."""

    recordings: int = 1000
    seconds: float = 60.0
    _since: float = field(default_factory=time.monotonic, init=False)

    @property
    def is_left(self) -> bool:
        """Whether another one may be asked for."""
        return self.recordings > 0 and time.monotonic() - self._since < self.seconds


async def spare(store: Store, recordings: Recordings, budget: Budget) -> int:
    """Drop what one tenant's audio events hold of recordings that are found in this place; the answer: of how many.

    What this place does not reach is left to others. What is not found whole, or cannot be asked for, is kept, and
    asked for again a day later: it does not use up the next look. Raises StoreError of the store itself.
    """
    dropped, after = 0, None
    while budget.is_left:
        settled = {"settled_seconds": SETTLED_SECONDS, "settled_there_seconds": SETTLED_THERE_SECONDS}
        terms = {"limit": min(_BATCH, budget.recordings), "after": after, "place": recordings.place}
        found = await store.call("doubled_sounds", {**terms, **settled}, timeout=_SECONDS)
        if not found:
            break
        whole: list[Mapping[str, Any]] = []
        unproven: list[Mapping[str, Any]] = []
        for one in found:
            if not budget.is_left:
                break
            budget.recordings -= 1
            (whole if await _is_whole(recordings, one) else unproven).append(one)
        if whole:
            dropped += int((await store.call("drop_doubled", {"sounds": whole}, timeout=_SECONDS))["count"])
        if unproven:
            told = {"events": [one["id"] for one in unproven], "place": recordings.place}
            await store.call("unproven_sounds", told)
        after = found[-1]["id"]
    if dropped:
        log.info("%d recordings are no longer kept as they were delivered, too", dropped)
    return dropped


async def _is_whole(recordings: Recordings, one: Mapping[str, Any]) -> bool:
    try:
        return await recordings.keeps(one["location"], one["size"], one["sha256"])
    except AgentctlError as error:
        log.warning("the recording of event %s is kept as it was delivered, too: %s", one["id"], error.message)
        return False
