"""Tell people of the events that were given up, each once, however many workers there are."""

from __future__ import annotations

from collections.abc import Sequence

from agentctl.verbs.upkeep import alert
from agentctl.wiring import Control

MAX_NAMED = 40  # more than a person reads in a mail; `agentctl calls events` has them all


async def tell(control: Control, to: Sequence[str]) -> int:
    """Queue one mail per address about dead events that nobody was told of yet; how many events that were.

    Raises StoreError.
    """
    store = await control.store()
    untold = await store.call("untold_dead", {"limit": MAX_NAMED})
    if not untold["count"]:
        return 0
    run, message = alert.new_run(), alert.of_dead(control, untold["count"], untold["events"])
    terms = {"until": untold["until"], "id": run, "mails": alert.mails(control, message, to, run)}
    return int((await store.call("tell_dead", terms))["told"])
