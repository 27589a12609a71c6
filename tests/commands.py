"""`agentctl` in processes of its own that begin where the interpreter has started and everything is imported.

That is most of the time which a short command takes, and nothing that it does: each is forked from one process which
has loaded the command line and never ran it (multiprocessing's fork server), with arguments, directory, environment,
streams, signals and end of its own. How the program itself starts is for tests/e2e and tests/agentctl/cli/test_app.py.
"""

from __future__ import annotations

import fcntl
import io
import multiprocessing
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from agentctl.cli.commands import PLACES

PATIENCE_SECONDS = 60
PROGRAM = (sys.executable, "-m", "agentctl")
# What commands import once they run; a name that is gone makes them slower, and nothing else.
LOADED = (
    *sorted({f"agentctl.cli.{place.partition('.')[0]}" for place in PLACES.values()}),
    "agentctl.__main__", "agentctl.cli.app", "agentctl.cli.render", "agentctl.cli.terminal",
    "agentctl.clients.elevenlabs", "agentctl.clients.mail", "agentctl.clients.store.postgres",
    "agentctl.clients.twilio", "agentctl.verbs.door", "agentctl.verbs.examination.doctor",
    "agentctl.verbs.pulling.pull", "agentctl.verbs.promote", "agentctl.verbs.trusted",
    "agentctl.verbs.unattended.notice", "agentctl.verbs.up", "agentctl.worker", "anyio._backends._asyncio",
    "dotenv.main", "elevenlabs.types.agent_platform_settings_request_model",
    "elevenlabs.types.conversational_config", "httpcore", "tests.deadlines", "uvicorn.protocols.http.auto",
    "webhooks.app",
)  # fmt: skip
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(list(LOADED))


@dataclass
class Overheard:
    """What no process may write to standard error, in lower case; the `file` that then has it."""

    words: tuple[str, ...] = ()
    file: Path = Path(os.devnull)


overheard = Overheard()


class Command:
    """One that runs: what `subprocess.Popen` has of it."""

    def __init__(
        self, arguments: Sequence[str], directory: Path, environment: Mapping[str, str], terminal: int | None = None
    ) -> None:
        """`terminal`: the descriptor of one that becomes the command's own; otherwise nobody types and both streams
        are pipes.
        """
        if terminal is None:
            (out, out_end), (err, err_end) = os.pipe(), os.pipe()
            ends = [os.open(os.devnull, os.O_RDONLY), out_end, err_end]
            self.stdout, self.stderr = (os.fdopen(end, encoding="utf-8", errors="replace") for end in (out, err))
        else:
            ends = [os.dup(terminal) for _ in range(3)]
        streams = [Connection(end) for end in ends]  # which multiprocessing knows how to hand over
        # `calls` answers whom it is asked about, and repeats what it was given.
        listening = Overheard() if "calls" in arguments else overheard
        self._process = _SERVER.Process(
            target=_run,
            args=(list(arguments), str(directory), dict(environment), streams, terminal is not None, listening),
        )
        self._process.start()
        for stream in streams:
            stream.close()
        self.pid = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float = PATIENCE_SECONDS) -> int:
        """Its exit code. Raises TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(PROGRAM, timeout)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = PATIENCE_SECONDS) -> tuple[str, str]:
        """The rest of both streams; then it has ended. Raises TimeoutExpired once it was killed."""
        errors: list[str] = []
        reading = threading.Thread(target=lambda: errors.append(self.stderr.read()))
        late = threading.Timer(timeout, self.kill)
        for thread in (reading, late):
            thread.start()
        out = self.stdout.read()
        reading.join()
        code = self.wait()
        if late.finished.is_set() and code == -signal.SIGKILL:
            raise subprocess.TimeoutExpired(PROGRAM, timeout, out, "".join(errors))
        late.cancel()
        return out, "".join(errors)


@contextmanager
def started(arguments: Sequence[str], directory: Path, environment: Mapping[str, str]) -> Iterator[Command]:
    """A command that is running; killed at the end if it still does."""
    command = Command(arguments, directory, environment)
    with command.stdout, command.stderr:
        try:
            yield command
        finally:
            command.kill()
            command.wait()


def ended(
    arguments: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command, however it ends."""
    with started(arguments, directory, environment) as command:
        out, err = command.communicate()
        return subprocess.CompletedProcess([*PROGRAM, *arguments], command.wait(), out, err)


@contextmanager
def on_terminal(
    arguments: Sequence[str], directory: Path, environment: Mapping[str, str]
) -> Iterator[tuple[Command, int]]:
    """A command on a terminal of its own, and the descriptor at which one types and reads."""
    ours, its = pty.openpty()
    try:
        command = Command(arguments, directory, {"TERM": "xterm", **environment}, its)
        os.close(its)
        yield command, ours
    finally:
        os.close(ours)  # it hangs up
        command.wait()


class _Errors(io.TextIOWrapper):
    """Standard error, line by line, that notes what it should not have heard."""

    def __init__(self, listening: Overheard) -> None:
        raw = os.fdopen(2, "wb", closefd=False)
        super().__init__(raw, encoding="utf-8", errors="backslashreplace", line_buffering=True)
        self._listening = listening

    def write(self, text: str) -> int:
        if any(word in text.casefold() for word in self._listening.words):
            with self._listening.file.open("a", encoding="utf-8") as file:
                file.write(text)
        return super().write(text)


def _run(
    arguments: list[str],
    directory: str,
    environment: dict[str, str],
    streams: list[Connection],
    terminal: bool,
    listening: Overheard,
) -> None:
    """What the fork does: to be the program."""
    if terminal:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream.fileno(), number)
        stream.close()
    if terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = _Errors(listening)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    sys.argv = ["agentctl", *arguments]
    from agentctl.__main__ import main

    main()
