"""How the queues stand: what waits, for how long, what was given up, and when each duty was last done."""

from __future__ import annotations

import asyncio
from typing import Any

from agentctl.wiring import Control

_SECONDS = 3.0  # whoever looks at it wants to know, not to wait


async def queue(control: Control) -> dict[str, Any]:
    """Counts by state of `events`, `mails` and `rows`, the age of the oldest that wait, what for, and `duties`.

    Ages are seconds, None where nothing waits or a duty was never done. A duty that is not `offered` is one that no
    worker has any more. `rows` are those of a product's own table; `troubled_rows`: why some of them could not be
    written. Raises StoreError.
    """
    store = await control.store()
    found = await asyncio.gather(*(store.call(name, {}, timeout=_SECONDS) for name in ("queue", "sink_queue")))
    return {name: value for figures in found for name, value in figures.items()}
