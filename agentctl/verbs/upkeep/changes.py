"""Look whether changes of the source table are still noticed, and tell people once when that ends, or is so again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict

from agentctl.errors import SyncError
from agentctl.sources.table.anothers import is_unheard
from agentctl.verbs.upkeep import alert
from agentctl.wiring import Control

SUBJECT = "changes"


async def watch(control: Control, to: Sequence[str]) -> None:
    """Fail as long as they are not: who made the table anew has dropped its triggers with it. `to`: who gets a mail.

    One that was never watched, or is no longer on purpose, misses nothing. Raises SyncError and StoreError.
    """
    source = control.project.table
    if source is None:
        return
    store = await control.store()
    unheard = await is_unheard(store, source, control.scope)
    what = f"changes of table {source.table} are noticed no longer: the triggers that watch it are gone"
    told, run = (what, source.adoption) if unheard else (), alert.new_run()
    row = {
        **asdict(control.scope),
        "subject": SUBJECT,
        "purpose": "alert",
        "digest": hashlib.sha256(what.encode()).hexdigest() if unheard else "",
        "id": run,
        "mails": alert.mails(control, alert.of_changes(control, told), to, run),
    }
    await store.call("notify", row)
    if unheard:
        raise SyncError(what, f"{source.adoption} watches it again; then: agentctl sync")
