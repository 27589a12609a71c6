"""What was accepted: the events that wait, that were not understood, that were given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentctl.wiring import Control

OPEN_STATES = ("pending", "running", "kept", "dead")


async def events(control: Control, states: Sequence[str] = OPEN_STATES, *, limit: int = 50) -> list[dict[str, Any]]:
    """Accepted events in `states`, newest first: what waits, what was not understood, what was given up.

    Those of all tenants, unless one was named.
    """
    store = await control.store_of_queues()
    rows: list[dict[str, Any]] = await store.call("list_events", {"states": list(states), "limit": limit})
    return rows
