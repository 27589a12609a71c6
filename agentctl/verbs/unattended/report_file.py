"""The file of a report: replaced in one step, and never in the place of anything but a file."""

from __future__ import annotations

import os
from pathlib import Path

from agentctl.errors import AgentctlError, UsageError

_STREAMS = ("/dev/fd/", "/proc/")  # where a system has names for what a process has open
_LINKS = 40  # as many as a kernel follows


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
    elif is_stream(path) or (os.path.exists(file) and not os.path.isfile(file)):
        why = "is no ordinary file, and a report takes the place of the file before it"
        remedy = "For stdout use --json, for no report leave --report away, for a pipe let the reader have the file."
    else:
        return file
    raise UsageError(f"--report: {path} {why}", remedy)


def is_stream(path: Path) -> bool:
    """Whether `path` names something this process has open, such as /dev/stdout, though that be a file just now."""
    step = path.absolute()
    for _ in range(_LINKS):
        if step.as_posix().startswith(_STREAMS):
            return True
        if not os.path.islink(step):
            return False
        step = Path(os.path.normpath(step.parent / step.readlink()))
    return False
