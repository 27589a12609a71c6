"""Tell people once of what was given up, events and rows of the product's own table, by whichever worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from agentctl.verbs.upkeep import alert
from agentctl.wiring import Control

Message = Callable[[Control, int, Sequence[Mapping[str, Any]]], dict[str, str]]
MAX_NAMED = 40  # more than a person reads in a mail; `agentctl calls events` has them all


async def tell(control: Control, to: Sequence[str]) -> int:
    """Queue one mail per address about dead events, and one about dead rows, of which nobody was told yet; how many of
    both those were.

    Raises StoreError.
    """
    events = await _tell(control, to, "dead", "events", alert.of_dead)
    return events + await _tell(control, to, "sink_rows", "rows", alert.of_rows)


async def _tell(control: Control, to: Sequence[str], of: str, named: str, message: Message) -> int:
    store = await control.store()
    untold = await store.call(f"untold_{of}", {"limit": MAX_NAMED})
    if not untold["count"]:
        return 0
    run, written = alert.new_run(), message(control, untold["count"], untold[named])
    terms = {"until": untold["until"], "id": run, "mails": alert.mails(control, written, to, run)}
    return int((await store.call(f"tell_{of}", terms))["told"])
