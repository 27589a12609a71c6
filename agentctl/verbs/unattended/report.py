"""What came of one sync that nobody watched: for a file that a monitor reads, and for a mail."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from agentctl.errors import AgentctlError, Busy, ConfigurationError, TimedOut, Unreachable, UsageError
from agentctl.resources import knowledge
from agentctl.sources.written import ASSISTANTS
from agentctl.sync.apply import Applied
from agentctl.sync.diff import Edit, Origin
from agentctl.sync.kind import Scope
from agentctl.sync.plan import Change, Failure
from agentctl.verbs.commands import addressed
from agentctl.verbs.remedy import remedies
from agentctl.verbs.revisions.hold import Hold
from agentctl.verbs.unattended.holding import left_alone
from agentctl.wiring import Control

# Times, process numbers, request ids: they differ at each run of the very same trouble.
_PASSING = re.compile(r"\b[0-9a-f]{8,}\b|\d+")
_STREAMS = ("/dev/fd/", "/proc/")  # where a system has names for what a process has open
_STOPPED = 130  # what a shell says of a program that a Ctrl-C ended
_LINKS = 40  # as many as a kernel follows


# Where a field was changed, in words.
ORIGINS: Mapping[Origin, str] = {
    "here": "changed here",
    "there": "changed at the platform",
    "both": "changed on both sides",
}
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


def held_back(change: Change) -> str:
    """One change that is somebody else's to undo, in one line, with the reason for each field."""
    name = f"{change.desired.kind} {change.desired.key}"
    if change.doubt:
        return f"{name} is probably not meant"
    if change.vanished:
        return f"{name} was deleted at the platform"
    why = {edit.path: whence(change, edit) for edit in change.foreign}
    lost = f"would delete {', '.join(change.destroys)}"
    why |= {edit.path: lost for edit in change.perilous if edit.path not in why}
    why |= {edit.path: "waits with it" for edit in change.held(take_ours=False, destroy=False) if edit.path not in why}
    doomed = change.action == "delete"
    if not why:
        waits = "stays with what it belongs to" if doomed else "waits for what it refers to"
        return f"{name} {waits}, which is held back"
    paths = ", ".join(f"{path} ({reason})" for path, reason in why.items())
    return f"{name}{' is to be deleted' if doomed else ''}: {paths}"


def whence(change: Change, edit: Edit) -> str:
    """Where a field was changed, and that it was removed there, in words."""
    if change.desired.kind == knowledge.KIND and edit.path == "content" and edit.before is None:
        # The digest of its content stands in its name, which somebody changed.
        return "no longer told by its name"
    awaited = sorted({f"{ref.kind} {ref.key}" for at, ref in change.awaits if at == edit.keys})
    return f"waits for {', '.join(awaited)}, edited at the platform" if awaited else origin(edit)


def origin(edit: Edit) -> str:
    """The same, whatever the field is of."""
    is_gone = edit.origin == "there" and edit.before is None
    return "removed at the platform" if is_gone else ORIGINS[edit.origin]


def message_of(error: Exception) -> str:
    """An error in words. Of an unforeseen one only its type: its text may hold anything."""
    return str(error) if isinstance(error, AgentctlError) else f"agentctl itself failed: {type(error).__name__}"


def must_be_writable(path: Path) -> None:
    """Raise UsageError unless a report can be written to `path`: better known before the run than after it."""
    file = _file(path)
    parent = file.parent
    if not os.path.isdir(parent) or not os.access(parent, os.W_OK | os.X_OK):
        why = "lies in no directory that can be written to"
        raise UsageError(f"--report: {path} {why}", "Name a file in a directory that exists and is yours.")


def save(path: Path, text: str) -> None:
    """Replace the file in one step, so that whoever reads it finds a whole report, this one or the one before.

    Of a link what it leads to is replaced. Raises AgentctlError where it cannot be written.
    """
    try:
        file = _file(path)
        partial = file.with_name(f".{file.name}-{os.getpid()}")
        try:
            # Not by tempfile: who may read it is for the caller's umask to say, a monitor is often another user.
            with partial.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise AgentctlError(f"--report: {path} cannot be written: {error.strerror}") from None


def _file(path: Path) -> Path:
    """The file that `path` names, with links followed. Raises UsageError where a file would take another thing's place.

    To replace a device would be to remove it for the whole machine. What may not be looked at counts as not there.
    """
    file = Path(os.path.realpath(path))
    if os.path.islink(file):
        why, remedy = "is a link that leads to itself", "Name a file."
    elif os.path.isdir(file):
        why, remedy = "is a directory", "Name a file in it."
    elif _is_stream(path) or (os.path.exists(file) and not os.path.isfile(file)):
        why = "is no ordinary file, and a report takes the place of the file before it"
        remedy = "For stdout use --json, for no report leave --report away, for a pipe let the reader have the file."
    else:
        return file
    raise UsageError(f"--report: {path} {why}", remedy)


def _is_stream(path: Path) -> bool:
    """Whether it is a name for something this process has open, such as /dev/stdout, though that be a file just now."""
    step = path.absolute()
    for _ in range(_LINKS):
        if step.as_posix().startswith(_STREAMS):
            return True
        if not os.path.islink(step):
            return False
        step = Path(os.path.normpath(step.parent / step.readlink()))
    return False


def named(failure: Failure) -> str:
    """Why a resource failed. It is named first: what a platform says of two of them may be word for word the same."""
    name, message = f"{failure.ref.kind} {failure.ref.key}", failure.error.message
    return message if message.startswith((f"{name}:", f"{name} ")) else f"{name}: {message}"


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
