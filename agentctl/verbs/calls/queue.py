"""How the queues stand: what waits, for how long, what was given up, and when each duty was last done."""

from __future__ import annotations

import asyncio
from typing import Any

from agentctl.wiring import Control

SECONDS = 3.0  # whoever looks at it wants to know, not to wait


async def queue(control: Control, *, of: str | None = None) -> dict[str, Any]:
    """Counts by state of each of QUEUES, the age of the oldest that wait, what for, `duties`.

    `of`: only this tenant's; where there are others than the operator, `tenants` has those of whom most waits. Ages are
    seconds, None where nothing waits or a duty was never done. A duty that is not `offered` is one that no worker has
    any more. `rows` are those of a product's own table; `troubled_rows`: why some of them could not be written;
    `troubled_syncs`: assistants of which the last sync failed, or left something alone. Raises StoreError.
    """
    store = await control.store()
    asked = (store.call(name, {"tenant": of}, timeout=SECONDS) for name in ("queue", "sink_queue", "sync_queue"))
    found = await asyncio.gather(*asked)
    return {name: value for figures in found for name, value in figures.items()}


async def strangers(control: Control, *, of: str | None = None) -> dict[str, int]:
    """How many `calls` of the last seven days are of how many `agents` that no sync into this store has made.

    `of`: this tenant's alone. Raises StoreError.
    """
    store = await control.store()
    counts: dict[str, int] = await store.call("strangers", {"tenant": of}, timeout=SECONDS)
    return counts
