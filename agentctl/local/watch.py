"""The watchdog: starts Postgres, then stops it when nobody has used it for a while. A script of its own.

    python -I -S watch.py DIRECTORY SOCKETS PSQL SERVER_FD|-1 WATCH_FD [PROGRAM ARGUMENT...]

It loads a few modules of the standard library and none of the package's, since it stays in memory for as long as the
server does. It inherits `server.lock` and `watch.lock` as open files, locked by the process that starts it: the first
it hands on to Postgres, the second it keeps. Without a PROGRAM it watches a server that runs already.

In use means: somebody holds `in-use` (shared), or wrote or touched it, or is connected to the server. The lock ends
with its holder, so a client that was killed cannot keep the server alive. While the server is being stopped the
watchdog holds `in-use` for itself, so that nobody is handed a server that is about to go.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import sys
import time

_SECONDS_TO_STOP = 60.0
_LONGEST_PAUSE = 5.0
_CLIENTS = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"


class Watch:
    """One watchdog over the store in `directory`."""

    def __init__(self, directory: str, sockets: str, psql: str, watch_lock: int) -> None:
        self.watch_lock = (os.path.join(directory, "watch.lock"), watch_lock)
        self.server_lock = os.path.join(directory, "server.lock")
        self.pid_file = os.path.join(directory, "postgres", "postmaster.pid")
        self.in_use = os.open(os.path.join(directory, "in-use"), os.O_RDWR)
        self.sockets = sockets
        self.psql = psql
        self.idle_seconds = 600.0
        self.stamp = 0
        self.used_at = time.monotonic()

    def run(self) -> None:
        """Watch until the server is gone, by our doing or by somebody else's, or until SIGTERM."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while self.is_ours() and _is_held(self.server_lock):
            self.look()
            idle = time.monotonic() - self.used_at
            if idle >= self.idle_seconds and self.stop():
                return
            left = max(self.idle_seconds - idle, self.idle_seconds / 4)
            if select.select([woken], [], [], min(max(left, 0.02), _LONGEST_PAUSE))[0]:
                os.read(woken, 512)
            _reap()

    def is_ours(self) -> bool:
        """Whether the store is the one that we watch: if it was removed, another server may be in its place."""
        path, descriptor = self.watch_lock
        try:
            return os.path.samestat(os.stat(path), os.fstat(descriptor))
        except OSError:
            return False

    def look(self) -> None:
        """Note whether the store was used since the last look."""
        stamp = os.fstat(self.in_use).st_mtime_ns
        if stamp != self.stamp:
            # Only whether it changed counts: its clock may be set back, or stand still while the machine sleeps.
            self.stamp, self.used_at = stamp, time.monotonic()
        text = os.pread(self.in_use, 64, 0).strip()
        with contextlib.suppress(ValueError):  # being written at this moment: what we read before still holds
            self.idle_seconds = max(float(text), 0.0)

    def stop(self) -> bool:
        """Stop the server unless it is in use after all; whether it has stopped."""
        if not _take(self.in_use):
            self.used_at = time.monotonic()
            return False
        try:
            used = os.fstat(self.in_use).st_mtime_ns != self.stamp or self._clients() > 0
            if used or not self.is_ours():
                self.used_at = time.monotonic()
                return False
            pid = self._pid()
            if pid is not None:
                os.kill(pid, signal.SIGINT)  # Postgres' "fast" shutdown: ends sessions, writes a checkpoint
            if not _gone(self.server_lock, _SECONDS_TO_STOP):
                return False
            with contextlib.suppress(OSError):  # something is left in it: the next start does not mind
                os.rmdir(self.sockets)
            return True
        except ProcessLookupError:
            return False  # it ended by itself just now: the next look sees that
        finally:
            fcntl.flock(self.in_use, fcntl.LOCK_UN)

    def _clients(self) -> int:
        """How many are connected, 0 if nobody can tell."""
        import subprocess  # only here: once per idle time, and half as much memory as all the rest

        command = [self.psql, "-XAtq", "-h", self.sockets, "-U", "postgres", "-d", "postgres", "-c", _CLIENTS]
        environment = {"PGCONNECT_TIMEOUT": "5", "LC_ALL": "C"}
        try:
            answer = subprocess.run(command, capture_output=True, timeout=10, env=environment, check=True)  # noqa: S603
            return int(answer.stdout)
        except (OSError, ValueError, subprocess.SubprocessError):
            return 0

    def _pid(self) -> int | None:
        try:
            with open(self.pid_file, encoding="utf-8", errors="replace") as file:
                return int(file.readline())
        except (OSError, ValueError):
            return None


def _take(descriptor: int, *, shared: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_held(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False  # the whole store was removed
    try:
        return not _take(descriptor, shared=True)
    finally:
        os.close(descriptor)


def _gone(path: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _is_held(path):
        if time.monotonic() > deadline:
            return False
        _reap()
        time.sleep(0.02)
    return True


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _start(program: list[str], server_lock: int, watch_lock: int) -> None:
    """Start `program` with `server_lock` open in it, and close our own copy: from now on it alone holds the lock."""
    if program and os.fork() == 0:
        os.close(watch_lock)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and a program would inherit that
        try:
            os.execv(program[0], program)  # noqa: S606 - no shell is the point
        except OSError as error:
            os.write(2, f"{program[0]}: {error.strerror}\n".encode())
        os._exit(127)
    if server_lock >= 0:
        os.close(server_lock)


def main(arguments: list[str]) -> None:
    """Leave the caller's session, start the program if there is one, and watch."""
    directory, sockets, psql, server_lock, watch_lock, *program = arguments
    if os.fork():
        os._exit(0)  # the caller waits for this one; the other belongs to nobody
    os.setsid()
    os.chdir("/")
    os.ftruncate(int(watch_lock), 0)
    os.pwrite(int(watch_lock), f"{os.getpid()}\n".encode(), 0)
    _start(program, int(server_lock), int(watch_lock))
    os.set_inheritable(int(watch_lock), False)
    Watch(directory, sockets, psql, int(watch_lock)).run()


if __name__ == "__main__":
    main(sys.argv[1:])
