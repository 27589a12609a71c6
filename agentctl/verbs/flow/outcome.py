"""What the source of an assistant is told of a sync that was applied."""

from __future__ import annotations

from dataclasses import replace

from agentctl.errors import Blocked, Incomplete, Unauthorized
from agentctl.sources.source import SyncOutcome
from agentctl.sync.applied import Applied
from agentctl.verbs.remedy import remedies
from agentctl.verbs.ringing.confined import discreet
from agentctl.verbs.wording import held_back, named
from agentctl.wiring import Control


async def outcome(control: Control, applied: Applied) -> SyncOutcome:
    """What was left alone, with what to do about it. Raises Incomplete with all that failed, and StoreError."""
    if applied.failures:
        hints = dict.fromkeys(one.error.hint for one in applied.failures if one.error.hint)
        failed = Incomplete(control.veil("; ".join(map(named, applied.failures))), control.veil("\n".join(hints)))
        # What was not tried because of another failure ends as soon as that one does.
        causes = [one.error for one in applied.failures if not isinstance(one.error, Blocked)] or [failed]
        failed.outage = all(error.outage for error in causes)
        failed.held_up = any(one.error.outage or isinstance(one.error, Unauthorized) for one in applied.failures)
        raise failed
    told = replace(applied, held=await discreet(control, applied.held))
    return SyncOutcome(_left(control, applied), held=bool(applied.held), discreet=_left(control, told))


def _left(control: Control, applied: Applied) -> str:
    left = [". ".join(filter(None, (f"held back: {held_back(one)}", way))) for one, way in remedies(applied)]
    return control.veil("\n".join(left))
