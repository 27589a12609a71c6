"""Syncs that a page has begun: each goes on in the server, whoever looks, and tells the pages how far it is."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from agentctl.console.ongoing import Begun, Ongoing
from agentctl.errors import AgentctlError, Stale
from agentctl.sync.applied import Applied
from agentctl.sync.ledger import OnChange
from agentctl.sync.plan import Change
from agentctl.verbs.remedy import remedies
from agentctl.verbs.wording import held_back, named
from agentctl.wiring import Control

Work = Callable[[OnChange], Awaitable[Applied]]
"""What one does; it tells of each change that ended."""

_KEPT = 50  # of those that are over
_LAST_SECONDS = 30.0  # what is done by then is bound, and the next sync goes on from there


@dataclass
class Run(Begun):
    """One of them. `total`: how many writes were agreed on, at the page `plan`."""

    id: str
    tenant: str
    person: str
    total: int
    plan: str
    done: list[tuple[str, str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    held: list[tuple[str, str]] = field(default_factory=list)
    stale: bool = False


@dataclass
class Runs:
    """All of this server's. `tell`: hears of which tenant what is new."""

    control: Control
    tell: Callable[..., None]
    ongoing: Ongoing = field(init=False)
    _known: dict[str, Run] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ongoing = Ongoing("a sync", self.control.veil, _LAST_SECONDS)

    def begin(self, work: Work, tenant: str, person: str, total: int, plan: str) -> Run:
        """Have `work` go on; whoever has the id of what is begun can look."""
        run = Run(secrets.token_urlsafe(12), tenant, person, total, plan)
        over = [one.id for one in self._known.values() if one.over]
        for old in over[: max(0, len(over) - _KEPT)]:
            del self._known[old]
        self._known[run.id] = run
        self.ongoing.begin(run, partial(self._run, run, work), partial(self.tell, tenant, "sync", "assistants"))
        return run

    def find(self, identity: str, tenant: str) -> Run | None:
        """The one with this id, if it is of that tenant and this server still knows it."""
        run = self._known.get(identity)
        return run if run is not None and run.tenant == tenant else None

    async def _run(self, run: Run, work: Work) -> None:
        def ended(change: Change, error: AgentctlError | None) -> None:
            if error is None:
                run.done.append((change.action, change.desired.kind, change.desired.key))
            self.tell(run.tenant, "sync")

        try:
            self._close(run, await work(ended))
        except Stale as error:
            run.stale, run.error = True, error.message

    def _close(self, run: Run, applied: Applied) -> None:
        veil = self.control.veil
        run.done = [(one.action, one.desired.kind, one.desired.key) for one in applied.done]
        run.failed = [veil(f"{named(one)}. {one.error.hint}".strip()) for one in applied.failures]
        run.held = [(veil(held_back(change)), remedy) for change, remedy in remedies(applied)]
