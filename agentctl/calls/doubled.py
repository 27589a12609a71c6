"""Recordings that are kept twice, where they lie and in the event that brought them, are kept once.

The event's content goes when its recording was found whole where it lies, and not before: it may be the only copy.
"""

from __future__ import annotations

import logging

from agentctl.calls.inbox import Store
from agentctl.calls.process import Recordings

log = logging.getLogger(__name__)

_BATCH = 100
_SECONDS = 60.0


async def spare(store: Store, recordings: Recordings, *, batch: int = _BATCH) -> int:
    """Drop what one tenant's audio events hold of recordings that are found in this place; the answer: of how many.

    What this place does not reach is left to others. Raises StoreError; nothing is dropped of what cannot be asked for.
    """
    dropped, after = 0, None
    while found := await store.call("doubled_sounds", {"limit": batch, "after": after}, timeout=_SECONDS):
        whole = [one for one in found if await recordings.keeps(one["location"], one["size"], one["sha256"])]
        if whole:
            dropped += int((await store.call("drop_doubled", {"sounds": whole}, timeout=_SECONDS))["count"])
        after = found[-1]["id"]
    if dropped:
        log.info("%d recordings are no longer kept as they were delivered, too", dropped)
    return dropped
