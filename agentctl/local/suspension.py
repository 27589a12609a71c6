"""Processes that somebody has suspended (SIGSTOP, Ctrl-Z, a debugger): seen and woken. Where there is no /proc, of one
process nothing is seen, and it alone is woken.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def suspended(pid: int) -> bool:
    """Whether the process is stopped: it takes no signal but SIGKILL until it is continued."""
    try:
        # The second field is the program's name in parentheses, which may hold anything.
        return (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] in ("T", "t")
    except (OSError, IndexError):
        return False


def family(pid: int) -> tuple[int, ...]:
    """The process and its children, as they are now."""
    try:
        children = (_PROC / str(pid) / "task" / str(pid) / "children").read_text().split()
    except OSError:
        children = []
    return (pid, *map(int, children))


def wake(pids: tuple[int, ...]) -> None:
    """Continue them; those that run do not notice."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGCONT)
