"""Where a number led before its import, as the store keeps it: with whose import it was, and whom it was taken from.

The store keeps one for each number, whatever project, environment or workspace asks: another's is not to be put back
as if it were one's own, since its callers would be lost. Notes stand in the routing's own JSON, beside Twilio's fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from agentctl.errors import Stale
from agentctl.resources import routing
from agentctl.resources.routing import Routing
from agentctl.sync.kind import Scope
from agentctl.wiring import Control

# No field of Twilio's. What is kept under it: the scope, and `agent`, the id of whom the number was taken from.
_NOTES = "~of"


@dataclass(frozen=True)
class SavedRoute:
    """One routing. `by`: whose import saved it; None: an earlier version's, which did not note that.

    `taken_from`: the agent at which ElevenLabs let the number ring until it was taken over; empty: none. `saved_at`:
    when, as the store tells it; empty for one that is not there yet.
    """

    routing: Routing
    by: Scope | None = None
    taken_from: str = ""
    saved_at: str = ""

    def is_of(self, scope: Scope) -> bool:
        """Whether that scope saved it, also before its workspace had a label."""
        return self.by is not None and self.by in (scope, scope.unlabelled)

    def is_others(self, scope: Scope) -> bool:
        """Whether it is known that another one saved it."""
        return self.by is not None and not self.is_of(scope)

    @property
    def whose(self) -> str:
        """Of whom to speak in a message."""
        if self.by is None:
            return "an earlier version of agentctl, which did not note for whom"
        return f"project {self.by.project}, environment {self.by.environment}, workspace {self.by.workspace}"

    @property
    def is_a_way_back(self) -> bool:
        """Whether it leads somewhere else than to ElevenLabs, which answers no number that it does not have."""
        return not routing.rings_at_elevenlabs(self.routing)

    def restores(self, now: Routing) -> bool:
        """Whether a release writes it over `now`: what somebody set since is better than what leads to nobody."""
        return self.is_a_way_back or routing.rings_at_elevenlabs(now)


async def find(control: Control, number: str) -> SavedRoute | None:
    """What is saved of it, whoever saved it. Raises StoreError."""
    found = await (await control.store()).call("route", {"phone_number": number})
    if not found:
        return None
    kept = dict(found["route"])
    notes = kept.pop(_NOTES, None)
    by, agent = _read(notes) if isinstance(notes, Mapping) else (None, "")
    return SavedRoute(kept, by, agent, found["saved_at"])


async def keep(control: Control, number: str, saved: SavedRoute, *, instead: SavedRoute | None) -> None:
    """Save it as this control's own, `instead` of what was found; None: where nothing was.

    One step: whatever ends a run, one of the two is kept. Raises Stale where another one has been saved or forgotten
    since, and StoreError.
    """
    store, mine = await control.store(), replace(saved, by=control.scope)
    assert mine.by is not None
    notes = {**asdict(mine.by), **({"agent": mine.taken_from} if mine.taken_from else {})}
    args = {"phone_number": number, "route": {**mine.routing, _NOTES: notes}}
    if instead is None:
        kept = (await store.call("save_route", args))["new"]
    else:
        kept = (await store.call("hand_over_route", {**args, "expected": instead.saved_at}))["handed_over"]
    if not kept:
        raise Stale(f"{number} was imported or released elsewhere meanwhile; nothing was written", "Run it again.")


def _read(notes: Mapping[str, object]) -> tuple[Scope, str]:
    project, environment, workspace, agent = (
        str(notes.get(name) or "") for name in ("project", "environment", "workspace", "agent")
    )
    return Scope(project, environment, workspace), agent
