"""One Postgres server and its watchdog: start them, wait for them, end them. The caller holds `start.lock`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agentctl.errors import StoreUnavailable
from agentctl.local.account import Account
from agentctl.local.binaries import Binaries
from agentctl.local.command import ENVIRONMENT, run
from agentctl.local.lock import is_held, open_private, released, wait_for
from agentctl.local.place import Place
from agentctl.local.suspension import family, suspended, wake

_WATCH = Path(__file__).with_name("watch.py")
_PAUSE = 0.01
_LOG_MAX_BYTES = 1024 * 1024
# Seconds before the second and third attempt. A server that was killed may leave shared memory in use for a moment.
_PAUSES = (0.2, 0.8)


def command(place: Place, binaries: Binaries) -> list[str]:
    """The server's command line. Settings are given here, not in a file, so that the project can be moved."""
    quoted = str(place.sockets).replace('"', '""')
    settings = {
        # No TCP port. Every connection is trusted, since a socket can be reached only through its directory, which
        # is 0700: the operating system has checked the account already, and a password in a file beside the socket
        # would be readable by exactly the same account.
        "listen_addresses": "",
        "port": "5432",
        "unix_socket_directories": f'"{quoted}"',
        "unix_socket_permissions": "0700",
        # Small, not unsafe: fsync, full_page_writes and synchronous_commit keep their durable defaults.
        "shared_buffers": "32MB",
        "max_connections": "50",
        "timezone": "UTC",
        "cluster_name": "agentctl",
        # A failed statement may contain a transcript, so neither it nor the row in question goes into the log.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries.postgres), "-D", str(place.data), *options]


@dataclass(frozen=True)
class Postmaster:
    """What postmaster.pid says. Believe it only while `server.lock` is held: it outlives a server that was killed."""

    pid: int
    ready: bool

    @classmethod
    def read(cls, place: Place) -> Postmaster | None:
        """The file's content, or None if there is none, or none yet."""
        try:
            lines = (place.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
            return cls(int(lines[0]), any(line.strip() == "ready" for line in lines[1:]))
        except (OSError, ValueError, IndexError):
            return None


async def answers(place: Place, binaries: Binaries, seconds: int = 1) -> bool:
    """Whether the server accepts connections within `seconds`. A pid alone proves nothing: it may hang."""
    where = ("-h", place.sockets, "-p", "5432", "-U", "postgres", "-d", "postgres")
    return (await run([binaries.pg_isready, "-q", "-t", str(seconds), *where], seconds + 2)).ok


async def ready(place: Place, binaries: Binaries, deadline: float) -> bool:
    """Wait until the server answers; False if it is gone.

    Raises StoreUnavailable if it does neither by `deadline` (of the monotonic clock).
    """
    while is_held(place.server_lock):
        found = Postmaster.read(place)
        if found and found.ready and await answers(place, binaries):
            return True
        if found and suspended(found.pid):
            raise StoreUnavailable(
                f"{place.data}: the embedded Postgres (pid {found.pid}) is suspended and does not answer",
                f"Continue it with `kill -CONT {found.pid}`; `agentctl db stop` ends it, and the next command "
                "starts it anew.",
            )
        if time.monotonic() > deadline:
            who = f" (pid {found.pid})" if found else ""
            raise StoreUnavailable(
                f"{place.data}: the embedded Postgres{who} runs but does not answer; its log ends with\n"
                f"  {place.log_tail()}",
                "If it is recovering, wait; `agentctl db stop` ends it, and the next command starts it anew.",
            )
        await asyncio.sleep(_PAUSE)
    return False


async def launch(place: Place, binaries: Binaries, account: Account, deadline: float) -> None:
    """Start the server and a watchdog, and wait until it answers.

    Raises StoreUnavailable with the last lines of its log.
    """
    tail = ""
    for pause in (*_PAUSES, None):
        _rotate(place.log)
        begin = place.log_size()
        await _launch_once(place, binaries, account, deadline, short="Unix-domain socket" in tail)
        if await ready(place, binaries, deadline):
            return
        tail = place.log_tail(begin)
        if pause is not None:
            await asyncio.sleep(pause)
    raise StoreUnavailable(
        f"{place.data}: the embedded Postgres does not start; its log ends with\n  {tail}",
        f"The whole log is {place.log}. DATABASE_URL can name a Postgres of your own instead.",
    )


async def watch(place: Place, binaries: Binaries) -> None:
    """Start a watchdog for a server that runs and has none: its own was killed."""
    if is_held(place.watch_lock):
        return
    watch_lock = open_private(place.watch_lock)
    try:
        await wait_for(watch_lock, place.watch_lock, time.monotonic() + 5)
        await _spawn(place, binaries, None, watch_lock, [])
    finally:
        os.close(watch_lock)


async def end(place: Place) -> bool:
    """End the server, politely first, and its watchdog; whether there was a server.

    Raises StoreUnavailable if it outlives even SIGKILL.
    """
    running = is_held(place.server_lock)
    # SIGINT: sessions end, a checkpoint is written. SIGQUIT: at once, with recovery at the next start.
    for number, patience in ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
        if await _ended(place, number, patience):
            break
    else:
        raise StoreUnavailable(f"{place.data}: the embedded Postgres does not end, even when killed", "")
    await _end_watch(place)
    place.remove_sockets()
    return running


async def _ended(place: Place, number: signal.Signals, patience: float) -> bool:
    deadline = time.monotonic() + patience
    sent = False
    while is_held(place.server_lock):
        # The pid file appears a moment after the lock is taken.
        found = Postmaster.read(place)
        if found and not sent:
            sent = True
            # Its children hold the lock too, and a suspended one does not hear that its parent is gone.
            whole = family(found.pid)
            with suppress(ProcessLookupError):
                os.kill(found.pid, number)
            wake(whole)
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_PAUSE)
    return True


async def _end_watch(place: Place) -> None:
    try:
        pid = int(place.watch_lock.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return
    if is_held(place.watch_lock):
        # Without a server it ends by itself within seconds; one that root started cannot be told by others.
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGTERM)
        await released(place.watch_lock, 5)


async def _launch_once(place: Place, binaries: Binaries, account: Account, deadline: float, *, short: bool) -> None:
    server_lock, watch_lock = open_private(place.server_lock), open_private(place.watch_lock)
    try:
        # With patience, since what is left of a killed server may still be ending.
        await wait_for(server_lock, place.server_lock, deadline)
        await _end_watch(place)
        await wait_for(watch_lock, place.watch_lock, deadline)
        sockets = place.make_sockets(short=short)
        if account.way == "switch":
            account.give(sockets)
        # Nobody holds the lock, so no server lives here, whatever the pid in this file belongs to by now: Postgres
        # itself would refuse to start if it were a zombie's or, after a reboot, some other program's of ours.
        (place.data / "postmaster.pid").unlink(missing_ok=True)
        await _spawn(place, binaries, server_lock, watch_lock, account.command(*command(place, binaries)))
    finally:
        os.close(server_lock)
        os.close(watch_lock)


async def _spawn(
    place: Place, binaries: Binaries, server_lock: int | None, watch_lock: int, program: Sequence[str]
) -> None:
    locks = [watch_lock] if server_lock is None else [server_lock, watch_lock]
    numbers = ("-1" if server_lock is None else str(server_lock), str(watch_lock))
    arguments = (str(place.directory), str(place.sockets), str(binaries.psql), *numbers, *program)
    os.ftruncate(watch_lock, 0)  # the pid of the watchdog before it: may be anybody's by now
    log = open_private(place.log, os.O_WRONLY | os.O_APPEND)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_WATCH), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=ENVIRONMENT,
            pass_fds=locks,
        )
        await process.wait()  # only until it has put itself in the background
    finally:
        os.close(log)


def _rotate(log: Path) -> None:
    with suppress(FileNotFoundError):
        if log.stat().st_size > _LOG_MAX_BYTES:
            log.replace(log.with_suffix(".log.1"))
