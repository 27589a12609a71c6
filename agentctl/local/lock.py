"""Locks between processes, made of flock(2): the kernel drops them when their holder dies, even by `kill -9`.

A lock belongs to an open file, so a process that was started with the file open holds it too. That is how Postgres
itself holds `server.lock` for as long as any of its processes lives: neither a pid file nor a zombie can pretend it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agentctl.errors import StoreUnavailable

_PAUSE = 0.01


def open_private(path: Path, flags: int = os.O_RDWR) -> int:
    """Open (or make, for its owner alone) a file; a started program does not inherit the descriptor by itself."""
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    if os.geteuid() == 0:
        # Root in somebody's project must not leave files behind that lock the project's owner out.
        owner = path.parent.stat()
        if os.fstat(descriptor).st_uid != owner.st_uid:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def take(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock without waiting; False if somebody else has it."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether anybody holds the lock exclusively. A lock file that does not exist is held by nobody."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who ask at the same time do not take each other for the holder.
        return not take(descriptor, shared=True)
    finally:
        os.close(descriptor)


async def wait_for(descriptor: int, path: Path, deadline: float, *, shared: bool = False) -> None:
    """Take the lock of `path`, open as `descriptor`, as soon as nobody has it.

    Raises StoreUnavailable if somebody still has it at `deadline` (of the monotonic clock).
    """
    while not take(descriptor, shared=shared):
        if time.monotonic() > deadline:
            raise StoreUnavailable(
                f"another process is starting or stopping the embedded Postgres and does not get done: it holds {path}",
                "Try again; if that does not help, end the agentctl and postgres processes of this project.",
            )
        await asyncio.sleep(_PAUSE)


@asynccontextmanager
async def held(path: Path, *, shared: bool = False, seconds: float = 120) -> AsyncIterator[int]:
    """Hold the lock for the length of a block.

    Raises StoreUnavailable if it is not to be had within `seconds`.
    """
    descriptor = open_private(path)
    try:
        await wait_for(descriptor, path, time.monotonic() + seconds, shared=shared)
        yield descriptor
    finally:
        os.close(descriptor)


async def released(path: Path, seconds: float) -> bool:
    """Wait until nobody holds the lock; False if somebody still does after `seconds`."""
    deadline = time.monotonic() + seconds
    while is_held(path):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_PAUSE)
    return True
