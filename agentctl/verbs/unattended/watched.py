"""A sync that nobody watches, whoever started it: its time, how far it came however it ends, and who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from agentctl.clients.awaited import watching
from agentctl.errors import AgentctlError, TimedOut
from agentctl.sync.applied import Applied
from agentctl.sync.apply import OnChange
from agentctl.sync.kind import Scope
from agentctl.sync.plan import Change, Failure, Plan
from agentctl.verbs.unattended import limit
from agentctl.verbs.unattended.addressees import recipients
from agentctl.verbs.unattended.report import Report, code, scope_of
from agentctl.verbs.workspaces import together
from agentctl.wiring import Control

Body = Callable[[Control], Awaitable[Applied]]

_LEAST = 2.0  # seconds for a mail, however late it is


@dataclass
class Watched:
    """One such run. `seconds`: its limit, None for none; `longer`: how somebody allows it more.

    `environment`: the one that was named. `begun`: there is a project to run it in; before that, nothing is known of it
    but its error.
    """

    seconds: float | None = None
    only: Sequence[str] = ()
    environment: str | None = None
    longer: str = "allow more with --timeout"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    begun: bool = False
    _plan: Plan | None = None
    _applied: Applied | None = None
    _ended: Applied | None = None  # of the workspaces where it came to an end
    _done: list[Change] = field(default_factory=list)
    _failed: list[Failure] = field(default_factory=list)
    _requests: int = 0
    _scope: Scope | None = None
    _clock: asyncio.Timeout | None = None
    _over: float | None = None  # by the event loop's clock: when it is stopped
    _stopped: str = ""

    async def run(
        self, control: Control, body: Body, *, mail: bool, mail_to: Sequence[str], say: Callable[[str], None]
    ) -> Applied:
        """Carry out `body`; with `mail`, tell the people of `mail_to`, or of agentctl.toml, how it ended.

        Raises what `body` raises, and TimedOut at the limit, after people were told.
        """
        self.begun, self.started = True, datetime.now(UTC)
        error: Exception | None = None
        clock = asyncio.timeout_at(self._soonest(self.seconds))
        try:
            if mail:
                recipients(control, mail_to)
            with watching() as cut_off:
                async with clock:
                    self._clock = clock
                    self._applied = await body(control)
        except TimeoutError as raised:
            over = clock.when() or 0.0
            error = self._timed_out(control, cut_off.since(over)) if clock.expired() else raised
        except Exception as raised:  # noqa: BLE001 - it is raised again below, after people were told
            error = raised
        finally:
            self._clock = None
            self._requests, self.environment = control.requests, control.environment
            self._scope = scope_of(control)
        if mail:
            # Brings all that mails are made of, which a run that tells nobody does not need.
            from agentctl.verbs.unattended import notice

            seconds = mail_seconds(clock.when(), asyncio.get_running_loop().time())
            await notice.tell(control, self.reported(error), mail_to, say, seconds=seconds)
        if error is not None:
            raise error
        assert self._applied is not None
        return self._applied

    def planned(self, plan: Plan) -> None:
        """A plan is made, after those of other workspaces; from here on it is known what is left of it."""
        self._plan = plan if self._plan is None else together((self._plan, plan))

    def partly(self, applied: Applied) -> None:
        """What came of all workspaces where it came to its end, though it did not in another."""
        self._ended = applied

    def extend(self, seconds: float) -> None:
        """Move the limit, for what has a limit of its own. One that is stopped gets no more."""
        if self.seconds is not None and self._clock is not None and not self._stopped:
            self.seconds += seconds
            self._clock.reschedule((self._clock.when() or 0.0) + seconds)

    def stop(self, within: float, why: str) -> None:
        """End it in `within` seconds unless it is over by then, or has not that long itself. `why`: see `Limit`."""
        over = asyncio.get_running_loop().time() + within
        if self._clock is None or (self._clock.when() or over) >= over:
            self._over, self._stopped = over, why
        if self._clock is not None and self._over == over:
            self._clock.reschedule(over)

    def _soonest(self, seconds: float | None) -> float | None:
        """When it is over, if it begins now."""
        now = asyncio.get_running_loop().time()
        return min((one for one in (self._over, seconds and now + seconds) if one), default=None)

    def hearing(self, also: OnChange | None = None) -> OnChange:
        """Notes each change as it ends, and passes it on."""

        def ended(change: Change, error: AgentctlError | None) -> None:
            if error is None:
                self._done.append(change)
            else:
                self._failed.append(Failure(change.desired.ref, change.desired.where, error))
            if also is not None:
                also(change, error)

        return ended

    def reported(self, error: BaseException | None) -> Report:
        """What is known of the run now, if it ends with `error`."""
        applied = self._applied
        if applied is None and self._plan is not None:
            failures = [*self._plan.failures, *self._failed]
            ended = self._ended.failures if self._ended else ()
            failures += [one for one in ended if one.ref not in {known.ref for known in failures}]
            others = self._ended or Applied(Plan(), (), ())
            held, parts = others.held, others.parts
            applied = Applied(self._plan, tuple(self._done), tuple(failures), held=held, parts=parts)
        return Report(
            started=self.started,
            ended=datetime.now(UTC),
            exit_code=code(applied, error),
            requests=self._requests,
            scope=self._scope,
            applied=applied,
            left=self._left(),
            error=error if isinstance(error, Exception) else AgentctlError("stopped") if error else None,
            environment=self.environment,
            only=tuple(self.only),
        )

    def _timed_out(self, control: Control, unheard: str) -> TimedOut:
        bound = limit.Limit(self.seconds or 0.0, self.longer, self._stopped)
        if control.reading is not None or self._plan is None:
            return limit.unplanned(control, bound, unheard)
        return limit.unfinished(control, bound, self._plan, self._left(), len(self._done), unheard)

    def _left(self) -> tuple[Change, ...]:
        if self._plan is None or self._applied is not None:
            return ()
        ended = {change.desired.ref for change in self._done} | {failure.ref for failure in self._failed}
        ended |= {change.desired.ref for change in (self._ended.held if self._ended else ())}
        return tuple(change for change in self._plan.changes if change.desired.ref not in ended)


def mail_seconds(over: float | None, now: float) -> float:
    """How long a mail may take, by when the run's time is `over`: a bit beyond that, and never for ever."""
    longest = limit.MAIL_SECONDS
    return longest if over is None else min(longest, max(_LEAST, over + limit.AFTER_SECONDS - now))
