"""Syncs that a page has begun: each goes on in the server, whoever looks, and tells the pages how far it is."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agentctl.errors import AgentctlError, Stale
from agentctl.secrecy.veil import Veil
from agentctl.sources.table.row import is_row
from agentctl.sync.applied import Applied
from agentctl.sync.ledger import OnChange
from agentctl.sync.plan import Change
from agentctl.verbs.remedy import owners, remedies
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.wording import held_back, message_of, named
from agentctl.wiring import Control

log = logging.getLogger(__name__)

Work = Callable[[OnChange], Awaitable[Applied]]
"""What one does; it tells of each change that ended."""

_KEPT = 50  # of those that are over
_LAST_SECONDS = 30.0  # for what runs when the server is stopped


@dataclass(frozen=True)
class Held:
    """A change that was held back. `way`: what to do about it, in words; `keys`: the assistants whose plan has a tick
    for it, of which those `in_files` can take what was changed at the platform.
    """

    what: str
    way: str
    keys: tuple[str, ...] = ()
    in_files: bool = False


@dataclass
class Run:
    """One of them. `total`: how many writes were agreed on, at the page `plan`; `error`: why it did not end well."""

    id: str
    tenant: str
    person: str
    total: int
    plan: str
    begun: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    done: list[tuple[str, str, str]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    error: str = ""
    stale: bool = False
    over: bool = False

    @property
    def seconds(self) -> float:
        """How long it took, or has taken."""
        return ((self.ended or datetime.now(UTC)) - self.begun).total_seconds()


@dataclass
class Runs:
    """All of this server's. `tell`: hears of which tenant what is new."""

    control: Control
    tell: Callable[[str, str], None]
    _known: dict[str, Run] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def begin(self, work: Work, tenant: str, person: str, total: int, plan: str) -> Run:
        """Have `work` go on; whoever has the id of what is begun can look."""
        run = Run(secrets.token_urlsafe(12), tenant, person, total, plan)
        over = [one.id for one in self._known.values() if one.over]
        for old in over[: max(0, len(over) - _KEPT)]:
            del self._known[old]
        self._known[run.id] = run
        task = asyncio.create_task(self._run(run, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    def find(self, identity: str, tenant: str) -> Run | None:
        """The one with this id, if it is of that tenant and this server still knows it."""
        run = self._known.get(identity)
        return run if run is not None and run.tenant == tenant else None

    async def end(self) -> None:
        """Let what runs finish; what is done by then is bound, and the next sync goes on from there."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, run: Run, work: Work) -> None:
        def ended(change: Change, error: AgentctlError | None) -> None:
            if error is None:
                run.done.append((change.action, change.desired.kind, change.desired.key))
            self._say(run)

        try:
            self._close(run, await work(ended))
        except Stale as error:
            run.stale, run.error = True, error.message
        except AgentctlError as error:
            run.error = self.control.veil(str(error))
        except asyncio.CancelledError:
            run.error = "the server was stopped: what is done is done, the next sync goes on from there"
            raise
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: what is not kept here is lost
            log.error("a sync from the console failed: %s", type(error).__name__)
            run.error = message_of(error)
        finally:
            run.over, run.ended = True, datetime.now(UTC)
            self._say(run)

    def _close(self, run: Run, applied: Applied) -> None:
        veil = self.control.veil
        run.done = [(one.action, one.desired.kind, one.desired.key) for one in applied.done]
        run.failed = [veil(f"{named(one)}. {one.error.hint}".strip()) for one in applied.failures]
        run.held = list(_held(applied, veil))

    def _say(self, run: Run) -> None:
        self.tell(run.tenant, "sync")


def _held(applied: Applied, veil: Veil) -> Iterator[Held]:
    for part in applied.parts or (applied,):
        assistants = part.plan.assistants if isinstance(part.plan, ProjectPlan) else ()
        for change, way in remedies(part):
            ticked = bool(way) and not change.withheld and change.action != "delete"
            keys = owners([change.desired], assistants) if ticked else []
            yield Held(veil(held_back(change)), way, tuple(keys), bool(keys) and not is_row(change.desired.where))
