"""The end of a run whose time is up: what is said of it, and how long what comes after may take."""

from __future__ import annotations

from collections.abc import Sequence

from agentctl.errors import TimedOut
from agentctl.sync.plan import Change, Plan
from agentctl.verbs import gate
from agentctl.wiring import Control

# After its limit a run gives back its lease, remembers what it told, and mails: all within this.
AFTER_SECONDS = 10.0
_READING = "Is a loop in a prompt endless? agentctl plan says so of each. Else {}."
_SHOWN = 10


def unplanned(control: Control, seconds: float, unheard: str, longer: str) -> TimedOut:
    """Of a run that was ended after its `seconds`, before it had a plan.

    `unheard`: whose answer was waited for. `longer`: how somebody allows it more time.
    """
    said = f"this run was ended after its {seconds:g} s"
    if control.reading is not None:
        at = f" ({control.reading.at})" if control.reading.at else ""
        return TimedOut(f"{said}, while the files were read{at}; nothing was written", _READING.format(longer))
    said = f"{said}, before there was a plan; nothing was written"
    if not unheard:
        return TimedOut(said, f"{longer[0].upper()}{longer[1:]}.")
    return TimedOut(f"{said}\nNo answer came to {unheard}.", f"Does that host answer at all? If so, {longer}.")


def unfinished(
    control: Control, seconds: float, plan: Plan, left: Sequence[Change], done: int, unheard: str, longer: str
) -> TimedOut:
    """Of one that was ended while it carried out its plan."""
    names = [f"{change.desired.kind} {change.desired.key}" for change in left]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return TimedOut(
        f"this run was ended after its {seconds:g} s: {done} of {len(plan.changes)} changes are done\n"
        f"Not done: {', '.join(names[:_SHOWN])}{more}." + (f"\nNo answer came to {unheard}." if unheard else ""),
        "What is done is bound. The next run goes on from there; one that was under way is looked for first."
        f"{_of_its_gate(control, seconds, plan, longer)}",
    )


def _of_its_gate(control: Control, seconds: float, plan: Plan, longer: str) -> str:
    """What to do where the tests of a gate may take longer than the run: they begin anew each time."""
    may_wait = gate.longest(control) if getattr(plan, "gated", False) else 0
    if may_wait < seconds:
        return ""
    return f" Its gate alone may wait {may_wait:g} s ([sync] gate_timeout): {longer}."
