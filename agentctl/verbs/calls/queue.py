"""How the queues stand: what waits, for how long, what was given up, and when each duty was last done."""

from __future__ import annotations

from typing import Any

from agentctl.wiring import Control

_SECONDS = 3.0  # whoever looks at it wants to know, not to wait


async def queue(control: Control, *, of: str | None = None) -> dict[str, Any]:
    """Counts by state of `events` and `mails`, the age of the oldest that wait, what they wait for, and `duties`.

    `of`: only this tenant's; where there are others than the operator, `tenants` has those of whom most waits. Ages are
    seconds, None where nothing waits or a duty was never done. A duty that is not `offered` is one that no worker has
    any more. Raises StoreError.
    """
    found: dict[str, Any] = await (await control.store()).call("queue", {"tenant": of}, timeout=_SECONDS)
    return found
