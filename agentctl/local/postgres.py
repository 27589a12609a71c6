"""The embedded Postgres of a project: what runs when nobody configured a database.

One server per project, shared by all its commands. It outlives the command that started it and is stopped by a
watchdog when nobody has used it for a while. Postgres' programs come from a wheel (`binaries`); the wheel's own
Python layer is not used, since it takes a zombie for a server and lets a killed client keep the server for ever.

    async with running(project / ".agentctl") as dsn:
        ...
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agentctl.errors import ConfigurationError
from agentctl.local import orphan, server
from agentctl.local.account import choose
from agentctl.local.binaries import Binaries, find
from agentctl.local.cluster import create, major_of
from agentctl.local.lease import lease, renew
from agentctl.local.lock import held, is_held
from agentctl.local.place import Place, unusable


@dataclass(frozen=True)
class Status:
    """What is known of a project's embedded server. `running` without `answering`: it starts, recovers or hangs."""

    running: bool
    answering: bool
    pid: int | None
    dsn: str
    version: int | None
    data: Path
    log: Path


Tell = Callable[[str], None]


def _to_nobody(text: str) -> None:
    """Whoever starts a server need not hear of it."""


async def start(
    directory: Path,
    *,
    pg_bin: Path | None = None,
    idle_seconds: float = 600,
    seconds: float = 60,
    tell: Tell = _to_nobody,
) -> str:
    """Start the server of `directory` (a project's `.agentctl`) unless it runs, and return its DSN.

    The server is stopped once nobody has used it for `idle_seconds`: no lease, no connection, no call of this. The
    DSN can change between one start and the next. `seconds` is the time it may take, recovery after a crash included.
    `tell` hears of a server that was ended first, since its files were removed under it.
    Raises ConfigurationError if there are no programs for it, StoreUnavailable if it does not start.
    """
    place = Place.of(directory)
    async with lease(place.directory):
        with _translated(place):
            renew(place, idle_seconds)
            if not await _serves(place, pg_bin):
                async with held(place.start_lock, seconds=2 * seconds):
                    await _bring_up(place, pg_bin, time.monotonic() + seconds, tell)
            return place.dsn


@asynccontextmanager
async def running(
    directory: Path, *, pg_bin: Path | None = None, idle_seconds: float = 600, tell: Tell = _to_nobody
) -> AsyncIterator[str]:
    """The DSN of a server that is not stopped for being idle while the block runs. See `start`."""
    async with lease(directory):
        yield await start(directory, pg_bin=pg_bin, idle_seconds=idle_seconds, tell=tell)


async def stop(directory: Path) -> bool:
    """Stop the server, whoever uses it, and wait for its end, even if its store is gone; False if none ran.

    Raises StoreUnavailable if it does not end.
    """
    place = Place.of(directory)
    with _translated(place):
        if not _exists(place):
            return bool(await orphan.end(place))
        async with held(place.start_lock):
            ended = await server.end(place)
            return bool(await orphan.end(place)) or ended


async def status(directory: Path, *, pg_bin: Path | None = None) -> Status:
    """What is known of the server. Starts, changes and makes nothing."""
    place = Place.of(directory)
    with _translated(place):
        runs = is_held(place.server_lock)
        found = server.Postmaster.read(place) if runs else None
        version = major_of(place.data)
        return Status(
            running=runs,
            answering=bool(found and found.ready and await _answers(place, pg_bin, version)),
            pid=found.pid if found else None,
            dsn=place.dsn,
            version=version,
            data=place.data,
            log=place.log,
        )


async def _serves(place: Place, pg_bin: Path | None) -> bool:
    """Whether there is a server that answers and a watchdog that will stop it."""
    if not (is_held(place.server_lock) and is_held(place.watch_lock)):
        return False
    found = server.Postmaster.read(place)
    return bool(found and found.ready and await _answers(place, pg_bin, major_of(place.data)))


async def _answers(place: Place, pg_bin: Path | None, version: int | None) -> bool:
    try:
        binaries = await find(pg_bin, version)
    except ConfigurationError:
        # Its programs were removed or another's were asked for, while it runs: its word has to do.
        return True
    return await server.answers(place, binaries)


async def _bring_up(place: Place, pg_bin: Path | None, deadline: float, tell: Tell) -> None:
    """Make the server answer and be watched; somebody may have done all of it while we waited for the lock."""
    if not is_held(place.server_lock) and (ended := await orphan.end(place)):
        pids = ", ".join(map(str, ended))
        rest = "" if place.data.exists() else ", and a new, empty store begins"
        tell(f"{place.data}: files were removed while the embedded Postgres (pid {pids}) ran; it was ended{rest}")
    version = major_of(place.data)
    binaries = await find(pg_bin, version)
    if is_held(place.server_lock) and await server.ready(place, binaries, deadline):
        await server.watch(place, binaries)
        return
    await _launch(place, binaries, version, deadline)


async def _launch(place: Place, binaries: Binaries, version: int | None, deadline: float) -> None:
    account = await choose(place, binaries)
    if version is None:
        await create(place, binaries, account)
    elif account.way == "keep":
        account.give(place.data)  # root's own until now: a namespace was allowed where it was made
    await server.launch(place, binaries, account, deadline)


def _exists(place: Place) -> bool:
    return place.directory.is_dir()


@contextmanager
def _translated(place: Place) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unusable(place.directory, error) from None
