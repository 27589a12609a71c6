"""The end of a run whose time is up: what is said of it, and how long what comes after may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentctl.clients.awaited import Answered
from agentctl.errors import TimedOut
from agentctl.sync.plan import Change, Plan
from agentctl.verbs import gate
from agentctl.verbs.wording import sentence
from agentctl.wiring import Control

# After its limit a run gives back its lease, remembers what it told, and mails: all within this.
AFTER_SECONDS = 10.0
MAIL_SECONDS = 30.0  # what is not sent by then waits in the outbox
_READING = "Is a loop in a prompt endless? agentctl plan says so of each. Else {}."
_NEXT = "The next run begins anew."
_SHOWN = 10


@dataclass(frozen=True)
class Limit:
    """When a run is ended, in seconds from its beginning, and how somebody allows it more.

    `stopped`: why it is ended earlier, and then there is nothing to allow.
    """

    seconds: float
    longer: str
    stopped: str = ""

    @property
    def said(self) -> str:
        """That it was ended, in words."""
        return f"this run was ended, since {self.stopped}" if self.stopped else f"this run was ended {self._after}"

    @property
    def _after(self) -> str:
        return f"after its {self.seconds:g} s"


def unplanned(control: Control, limit: Limit, unheard: str) -> TimedOut:
    """Of a run that was ended before it had a plan. `unheard`: what was waited for, in a sentence."""
    longer = "" if limit.stopped else limit.longer
    if control.reading is not None:
        at = f" ({control.reading.at})" if control.reading.at else ""
        hint = _READING.format(longer) if longer else _NEXT
        return TimedOut(f"{limit.said}, while the files were read{at}; nothing was written", hint)
    said = f"{limit.said}, before there was a plan; nothing was written"
    if unheard:
        said = f"{said}\n{unheard}"
    if not longer:
        return TimedOut(said, _NEXT)
    if isinstance(unheard, Answered):
        return TimedOut(said, f"That host answers, and asked to wait: wait, or {longer}.")
    hint = f"Does that host answer at all? If so, {longer}." if unheard else f"{sentence(longer)}."
    return TimedOut(said, hint)


def unfinished(control: Control, limit: Limit, plan: Plan, left: Sequence[Change], done: int, unheard: str) -> TimedOut:
    """Of one that was ended while it carried out its plan."""
    names = [f"{change.desired.kind} {change.desired.key}" for change in left]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return TimedOut(
        f"{limit.said}: {done} of {len(plan.changes)} changes are done\n"
        f"Not done: {', '.join(names[:_SHOWN])}{more}." + (f"\n{unheard}" if unheard else ""),
        "What is done is bound. The next run goes on from there; one that was under way is looked for first."
        f"{_of_its_gate(control, limit, plan)}",
    )


def _of_its_gate(control: Control, limit: Limit, plan: Plan) -> str:
    """What to do where the tests of a gate may take longer than the run: they begin anew each time."""
    may_wait = gate.longest(control) if getattr(plan, "gated", False) else 0
    if limit.stopped or may_wait < limit.seconds:
        return ""
    return f" Its gate alone may wait {may_wait:g} s ([sync] gate_timeout): {limit.longer}."
