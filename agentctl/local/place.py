"""Where the embedded store keeps what: the files in a project's `.agentctl/`, and the DSN that leads to it.

.agentctl/            0700, with a .gitignore of its own
├── postgres/         the data directory
├── postgres.log
├── run               the socket's directory, or a link to a short one if this path is too long for a socket
├── start.lock        held by whoever starts or stops the server
├── server.lock       held by Postgres itself
├── watch.lock        held by the watchdog, whose pid it contains
└── in-use            held (shared) by everyone who uses the store; its content is the idle time in seconds
"""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from agentctl.errors import StoreUnavailable
from agentctl.local.lock import open_private

SOCKET = ".s.PGSQL.5432"
# sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, the closing zero included.
_SOCKET_PATH_MAX = 103


@dataclass(frozen=True)
class Place:
    """The paths of one project's embedded store."""

    directory: Path

    @classmethod
    def of(cls, directory: Path) -> Place:
        """The place for `directory`, which need not exist yet."""
        return cls(directory.expanduser().resolve())

    @property
    def data(self) -> Path:
        return self.directory / "postgres"

    @property
    def log(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def start_lock(self) -> Path:
        return self.directory / "start.lock"

    @property
    def server_lock(self) -> Path:
        return self.directory / "server.lock"

    @property
    def watch_lock(self) -> Path:
        return self.directory / "watch.lock"

    @property
    def in_use(self) -> Path:
        return self.directory / "in-use"

    @property
    def sockets(self) -> Path:
        """The directory that the server's socket is, or was last, in."""
        run = self.directory / "run"
        return run.readlink() if run.is_symlink() else run

    @property
    def dsn(self) -> str:
        """A libpq connection URI. There is no password in it: see `server.command` for why."""
        return f"postgresql://postgres@:5432/postgres?host={quote(os.fsencode(self.sockets), safe='/')}"

    def prepare(self) -> None:
        """Make the directory, for its owner alone.

        Raises StoreUnavailable if that is not possible.
        """
        try:
            self.directory.mkdir(mode=0o700, exist_ok=True)
            own = self.directory.stat()
            if own.st_uid == os.geteuid() and own.st_mode & 0o077:
                self.directory.chmod(0o700)  # made by somebody in a hurry; what lies in it is transcripts of calls
            ignore = self.directory / ".gitignore"
            if not ignore.exists():
                descriptor = open_private(ignore)
                os.write(descriptor, b"*\n")
                os.close(descriptor)
            os.close(open_private(self.in_use))
        except OSError as error:
            raise unusable(self.directory, error) from None

    def make_sockets(self, *, short: bool = False) -> Path:
        """Make the socket's directory (0700) and return it; `short`: outside the project, whatever its path.

        Call it only while no server runs: it may choose another one than the last time.
        """
        run = self.directory / "run"
        if not short and _fits(run):
            if run.is_symlink():
                run.unlink()
            run.mkdir(mode=0o700, exist_ok=True)
            return run
        owners = {os.geteuid(), self.directory.stat().st_uid}
        if run.is_symlink() and _private(run.readlink(), owners):
            return run.readlink()
        # Not tempfile.gettempdir(): TMPDIR may be long as well, and /tmp exists on Linux and macOS. The name is
        # random, and mkdtemp makes it 0700, so that nobody can have laid a directory there for us to fall into.
        made = Path(tempfile.mkdtemp(prefix="agentctl-", dir="/tmp"))
        with suppress(FileNotFoundError):
            run.unlink() if run.is_symlink() else run.rmdir()
        run.symlink_to(made)
        return made

    def remove_sockets(self) -> None:
        """Remove the socket's directory if it is empty, as a server that was stopped in order leaves it."""
        with suppress(OSError):
            self.sockets.rmdir()

    def log_size(self) -> int:
        """The log's size in bytes."""
        try:
            return self.log.stat().st_size
        except FileNotFoundError:
            return 0

    def log_tail(self, start: int = 0, lines: int = 5) -> str:
        """The last lines of the log, of what was written behind byte `start`."""
        try:
            with self.log.open("rb") as log:
                log.seek(start)
                text = log.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""
        return "\n  ".join(text.strip().splitlines()[-lines:])


def unusable(path: Path, error: OSError) -> StoreUnavailable:
    """The error for a path that the operating system does not let us use."""
    return StoreUnavailable(
        f"{error.filename or path}: the embedded store cannot use it: {error.strerror or error}",
        f"Make {path} writable for the account that runs agentctl, or set DATABASE_URL to a Postgres of your own.",
    )


def _fits(directory: Path) -> bool:
    # libpq splits a host at commas, so a directory with one cannot be written in a DSN.
    return len(os.fsencode(directory / SOCKET)) <= _SOCKET_PATH_MAX and "," not in str(directory)


def _private(directory: Path, owners: set[int]) -> bool:
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid in owners and not found.st_mode & 0o077
