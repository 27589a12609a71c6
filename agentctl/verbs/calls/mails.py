"""What is to be mailed: the mails that wait, and those that were given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentctl.wiring import Control

OPEN_STATES = ("pending", "running", "dead")


async def mails(control: Control, states: Sequence[str] = OPEN_STATES, *, limit: int = 50) -> list[dict[str, Any]]:
    """Queued mails in `states`, newest first, with recipient and reason; what they say is not in it.

    Those of all tenants, unless one was named. Raises StoreError.
    """
    store = await control.store_of_queues()
    rows: list[dict[str, Any]] = await store.call("list_mails", {"states": list(states), "limit": limit})
    return rows
