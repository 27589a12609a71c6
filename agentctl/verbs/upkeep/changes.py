"""Look whether changes of the source table are still noticed, and tell people once when that ends, or is so again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from agentctl.errors import SyncError
from agentctl.sources.table.anothers import holder
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
    known = await holder(await control.store(), source, control.scope)
    unheard = known is not None and known.unheard and known.is_of(control.scope)
    what = f"changes of table {source.table} are noticed no longer: triggers that watched it are gone or disabled"
    named = f"project => '{control.scope.project}', environment => '{control.scope.environment}'"
    remedy = (
        f"{source.adoption} has a table watched again; for each that a view shows: select agentctl.watch('TABLE', "
        f"'KEY', array['COLUMN'], {named}). If it is meant: select agentctl.unwatch('TABLE', {named})"
    )
    found = (what, remedy) if unheard else ()
    message = alert.of_changes(control, found)
    await alert.tell(control, asdict(control.scope), SUBJECT, "".join(found), message, to)
    if unheard:
        raise SyncError(what, f"{remedy}. Then: agentctl sync")
