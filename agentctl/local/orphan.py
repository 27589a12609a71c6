"""A server whose store was removed under it: it goes on without its files, and a new store cannot tell it to end.

Its lock and its pid file went with the store, so it is found by what it runs with: Postgres works in its data directory
(the kernel knows whether that one is gone) and names it in its command line. Where there is no /proc nothing is found,
and Postgres ends by itself when it next looks for its pid file, which it does once a minute.

Whoever calls this holds `start.lock` and has seen that nobody holds `server.lock`: what runs all the same has lost it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from agentctl.errors import StoreUnavailable
from agentctl.local.place import Place
from agentctl.local.suspension import family, wake

_PROC = Path("/proc")
_PAUSE = 0.01


def orphans(place: Place) -> tuple[int, ...]:
    """The servers of this account that run in the data directory which is here, or was and is no more."""
    try:
        pids = [int(name) for name in os.listdir(_PROC) if name.isdigit()]
    except OSError:
        return ()
    return tuple(pid for pid in pids if _is_orphan(pid, place))


async def end(place: Place) -> tuple[int, ...]:
    """End them, each by its own pid, and wait for that; the answer is their pids.

    Raises StoreUnavailable where one outlives even SIGKILL.
    """
    found = orphans(place)
    # Its files are gone, so nothing can be written in order: SIGQUIT ends it at once.
    for number, patience in ((signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        left = [pid for pid in found if _is_orphan(pid, place)]
        for pid in left:
            whole = family(pid)
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
            wake(whole)
        deadline = time.monotonic() + patience
        while left and time.monotonic() < deadline:
            left = [pid for pid in left if _is_orphan(pid, place)]
            await asyncio.sleep(_PAUSE)
        if not left:
            return found
    pids = ", ".join(map(str, left))
    raise StoreUnavailable(
        f"{place.data}: files were removed while the embedded Postgres (pid {pids}) ran, and it does not end, even "
        "when killed",
        "End it, then run the same again.",
    )


def _is_orphan(pid: int, place: Place) -> bool:
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
        if b"-D" not in words or os.fsencode(place.data) not in words:
            return False
        link = _PROC / str(pid) / "cwd"
        working = link.stat()
        if working.st_nlink == 0:
            return os.readlink(link) == f"{place.data} (deleted)"
        return os.path.samestat(working, place.data.stat())
    except OSError:
        return False  # it ended, or is somebody else's, or works elsewhere
