"""What came of one sync that nobody watched: for a file that a monitor reads, and for a mail."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from agentctl.errors import AgentctlError, Busy, ConfigurationError, TimedOut, Unreachable
from agentctl.sources.files import ASSISTANTS
from agentctl.sync.apply import Applied
from agentctl.sync.kind import Scope
from agentctl.sync.plan import Change, Failure
from agentctl.verbs.commands import addressed
from agentctl.verbs.remedy import remedies
from agentctl.verbs.revisions.hold import Hold
from agentctl.verbs.unattended.holding import left_alone
from agentctl.verbs.wording import held_back, message_of, named
from agentctl.wiring import Control

# Times, process numbers, request ids: they differ at each run of the very same trouble.
_PASSING = re.compile(r"\b[0-9a-f]{8,}\b|\d+")
_STOPPED = 130  # what a shell says of a program that a Ctrl-C ended
Outcome = Literal["normal", "pinned", "held", "failed"]


@dataclass(frozen=True)
class Report:
    """One run. `applied` is None where no plan came about; `left` were planned and neither done nor held back.

    `error` ended the run; None where it came to its end, with or without failures. `requests` went to ElevenLabs.
    `environment`: the one that was named, and that commands in messages name; None for the project's own.
    `only`: the globs that narrowed it; a run with any says nothing of the project as a whole.
    """

    started: datetime
    ended: datetime
    exit_code: int
    requests: int
    scope: Scope | None
    applied: Applied | None
    left: tuple[Change, ...]
    error: Exception | None
    environment: str | None = None
    only: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[str, ...]:
        """Everything that is not as the files have it, one line or a few each; empty when all is well."""
        applied = self.applied
        lines = [_with_remedy(failure) for failure in applied.failures] if applied else []
        held = remedies(applied) if applied else []
        lines += [held_back(change) + (f"\n  {what}" if what else "") for change, what in held]
        lines += [message_of(self.error)] if self.error else []
        lines += [f"{ASSISTANTS}/{hold.key} is {hold}" for hold in self._pinned]
        return tuple(addressed(line, self.environment) for line in lines)

    @property
    def digest(self) -> str:
        """The same for the same findings, whenever they are met; empty when all is well."""
        applied = self.applied
        marks = [f"{one.ref.kind} {one.ref.key} {_mark(one.error)}" for one in applied.failures] if applied else []
        marks += [_of_held(change) for change in applied.held] if applied else []
        marks += [_mark(self.error)] if self.error else []
        marks += [f"hold {hold.key} {hold.revision} {hold.since}" for hold in self._pinned]
        return hashlib.sha256("\n".join(sorted(marks)).encode()).hexdigest() if marks else ""

    @property
    def outcome(self) -> Outcome:
        """How it ended, in a word: what was held back is no failure, nor what a rollback holds any trouble."""
        if self.error is not None or (self.applied and self.applied.failures):
            return "failed"
        if self.applied and self.applied.held:
            return "held"
        return "pinned" if self._pinned else "normal"

    @property
    def _pinned(self) -> tuple[Hold, ...]:
        return left_alone(self.applied.plan, self.only) if self.applied else ()

    @property
    def telling(self) -> bool:
        """Whether the run says anything of the project: one that another sync kept waiting does not."""
        return not isinstance(self.error, Busy)


def scope_of(control: Control) -> Scope | None:
    """Whose outcome it is; None where agentctl.toml does not say."""
    try:
        return control.scope if control.project.name else None
    except ConfigurationError:
        return None


def code(applied: Applied | None, error: BaseException | None) -> int:
    """The exit code of a run that ended so, or would have, where nobody sees one."""
    if isinstance(error, KeyboardInterrupt | asyncio.CancelledError):
        return _STOPPED
    if error is not None:
        return error.exit_code if isinstance(error, AgentctlError) else 1
    if applied is None:
        return 0
    return 3 if applied.ok and applied.held else 0 if applied.ok else 1


def _with_remedy(failure: Failure) -> str:
    return f"{named(failure)}\n  {failure.error.hint}" if failure.error.hint else named(failure)


def _mark(error: Exception) -> str:
    kind = type(error).__name__
    if isinstance(error, TimedOut | Busy | Unreachable) or not isinstance(error, AgentctlError):
        return kind  # What is left, and how an outage is met, differs from run to run.
    if isinstance(error, ConfigurationError):
        return " ".join((kind, *map(str, error.problems)))
    # A message without marks is all our own words.
    return " ".join((kind, *(error.marks or (_PASSING.sub("#", error.message),))))


def _of_held(change: Change) -> str:
    paths = sorted({edit.path for edit in (*change.foreign, *change.perilous)})
    return " ".join((change.desired.kind, change.desired.key, "gone" if change.vanished else "held", *paths))
