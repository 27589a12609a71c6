"""Syncs that a page has begun: each goes on in the server, whoever looks, and tells the pages how far it is."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from agentctl.console.ongoing import Begun, Ongoing
from agentctl.console.telling import failed
from agentctl.errors import AgentctlError, Stale
from agentctl.secrecy.veil import Veil
from agentctl.sources.row import is_row
from agentctl.sync.applied import Applied
from agentctl.sync.ledger import OnChange
from agentctl.sync.plan import Change
from agentctl.verbs.remedy import owners, remedies
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.status import Part, part
from agentctl.verbs.wording import held_back
from agentctl.wiring import Control

Work = Callable[[OnChange], Awaitable[Applied]]
"""What one does; it tells of each change that ended."""

_KEPT = 50  # of those that are over
_LAST_SECONDS = 30.0  # what is done by then is bound, and the next sync goes on from there


@dataclass(frozen=True)
class Held:
    """A change that was held back, and what it is about. `way`: what to do about it, in words; `keys`: the assistants
    whose plan has a tick for it, of which those `in_files` can take what was changed at the platform.
    """

    what: str
    part: Part
    way: str
    keys: tuple[str, ...] = ()
    in_files: bool = False


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
    held: list[Held] = field(default_factory=list)
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
        run.failed = [failed(one, veil) for one in applied.failures]
        run.held = list(_held(applied, veil))


def _held(applied: Applied, veil: Veil) -> Iterator[Held]:
    for one in applied.parts or (applied,):
        assistants = one.plan.assistants if isinstance(one.plan, ProjectPlan) else ()
        for change, way in remedies(one):
            ticked = bool(way) and not change.withheld and change.action != "delete"
            keys = owners([change.desired], assistants) if ticked else []
            in_files = bool(keys) and not is_row(change.desired.where)
            yield Held(veil(held_back(change)), part(change), way, tuple(keys), in_files)
