"""How often Python looks for objects that nobody but each other holds."""

from __future__ import annotations

import gc

# What a command reads it keeps to its end, and its start alone makes 130,000 objects. To look through all of them after
# every 700 new ones (Python's default) was a quarter of a small sync's processor time, after every 50,000 a tenth.
_COMMAND = 500_000
# A process that runs for weeks is looked through, but for what it began with.
_SERVER = 50_000
_OLDER = (20, 20)


def rarely() -> None:
    """For a command, which ends soon and all its objects with it."""
    gc.set_threshold(_COMMAND, *_OLDER)


def regularly() -> None:
    """For what runs until it is stopped: from here on, its memory must not grow by what it no longer needs."""
    gc.freeze()
    gc.set_threshold(_SERVER, *_OLDER)


def never() -> None:
    """For the end of a process: to look once more through what ends with it was a tenth of a second."""
    gc.freeze()
