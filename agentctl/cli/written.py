"""Where a command writes what it was asked for: a file that is whole or not there, or what else a path leads to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from agentctl.errors import AgentctlError, UsageError
from agentctl.verbs.unattended.report_file import is_stream


@contextmanager
def written(path: Path | None, *, mark: bool = False) -> Iterator[TextIO]:
    """stdout, or what `path` leads to, links followed.

    A file, readable by its owner alone, takes its place once it is whole: what was there stays if this fails. Anything
    else that is there (a pipe, a device, /dev/stdout) is written into and stays what it is. `mark`: begin with a byte
    order mark, without which Excel takes UTF-8 for something else. Raises UsageError where that cannot begin,
    AgentctlError where it cannot go on.
    """
    if path is None:
        yield sys.stdout
        return
    file = Path(os.path.realpath(path))
    if file.is_dir():
        raise UsageError(f"{path}: cannot be written: it is a directory", "Name a file in it.")
    whole = not is_stream(path) and (file.is_file() or not os.path.lexists(file))
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        if whole:
            unfinished.unlink(missing_ok=True)
            number = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        else:
            # Neither made nor emptied: what stdout leads to may be a file that has something in it.
            number = os.open(path, os.O_WRONLY | os.O_APPEND)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with open(number, "w", encoding="utf-8-sig" if mark else "utf-8", newline="") as out:
            yield out
        if whole:
            unfinished.replace(file)
    except OSError as error:
        raise AgentctlError(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        if whole:
            unfinished.unlink(missing_ok=True)
