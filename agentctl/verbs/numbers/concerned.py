"""Whom it concerns what becomes of a number: the rows that name it, and that of the assistant which has it."""

from __future__ import annotations

from agentctl.sources.table.divided import named
from agentctl.sources.table.rows import holding
from agentctl.verbs.reading import read
from agentctl.verbs.ringing.given_up import wake
from agentctl.wiring import Control

_SECONDS = 15.0


def wait_seconds(control: Control) -> float:
    """For how many seconds to wait for another sync: a worker's may be telling rows of the number before."""
    return _SECONDS if control.loaded.rows else 0.0


async def wake_concerned(control: Control, number: str) -> None:
    """Ask for a sync of each of them, so that their rows are told.

    To be called before the number changes hands, with the lease that keeps these syncs waiting: whoever was cut off
    after that could not tell any more who had it. Raises StoreError.
    """
    loaded = await read(control)
    if loaded.rows is None:
        return
    keys = {one.key for one in named(loaded, {}).get(number, ())}
    keys |= {one.key for one in (await holding(await control.store(), control.scope, [number])).values()}
    await wake(control, keys & loaded.rows_keys)
