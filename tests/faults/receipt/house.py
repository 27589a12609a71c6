"""All that receives, as processes: a Postgres on a disk of its own, doors, workers and a mail server.

Each can be killed, stopped and started again. On this machine alone, and each is ended by its own number.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import psycopg
from pydantic import SecretStr

from agentctl.clients.store.migrations import migrate
from agentctl.clients.store.postgres import PostgresStore
from tests.cluster import Cluster, free_port, wheel_binaries
from tests.commands import Command
from tests.faults.receipt.disk import Disk, disk
from tests.faults.receipt.post import AGENT, MAIL_TO

ROOT = Path(__file__).parents[3]
SECRET = SecretStr("wsec_only_for_tests")
SETTINGS = ("max_wal_size=1GB", "max_connections=100", "checkpoint_timeout=60s")
PATIENCE_SECONDS = 60.0
Way = Literal["agentctl", "hasty"]


class Running(Protocol):
    """A process."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float) -> int: ...


@dataclass
class Member:
    """One process of the house, by what starts it. `port`: where it listens, 0 where it does not."""

    name: str
    begin: Callable[[], Running]
    port: int = 0
    running: Running | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.running = self.begin()
        end = time.monotonic() + PATIENCE_SECONDS
        while self.port and not _listens(self.port):
            assert self.running.poll() is None, f"{self.name} ended by itself"
            assert time.monotonic() < end, f"{self.name} does not listen"
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, and wait for its end if that is one."""
        assert self.running is not None
        os.kill(self.running.pid, number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.running.wait(PATIENCE_SECONDS)
            self.running = None

    @property
    def alive(self) -> bool:
        """Whether it has not ended by itself."""
        return self.running is not None and self.running.poll() is None


@dataclass
class House:
    """What receives, and where it does."""

    place: Path
    disk: Disk
    cluster: Cluster
    dsn: str
    doors: list[Member] = field(default_factory=list)
    workers: list[Member] = field(default_factory=list)
    mail: Member | None = None

    @property
    def ports(self) -> list[int]:
        """The doors'."""
        return [door.port for door in self.doors]

    @property
    def mails(self) -> Path:
        """What the mail server has taken."""
        return self.place / "mails"

    def members(self) -> Sequence[Member]:
        """All but the database."""
        return [*self.doors, *self.workers, *([self.mail] if self.mail else [])]

    def revive(self) -> None:
        """Start the database after a kill; right after it, what is left of the old one may still be in the way."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.cluster.start()
            except AssertionError:
                if time.monotonic() > end:
                    raise
                self.cluster.process = None
                time.sleep(0.1)

    def refusals(self) -> int:
        """How many writes the database was refused by a full disk so far."""
        return (self.cluster.directory / "log").read_text(errors="replace").count("No space left on device")

    def recover(self) -> None:
        """Wait until the database is well again by itself, or start it where it has ended over what befell it."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            process = self.cluster.process
            if process is None or process.poll() is not None:
                return self.revive()
            with suppress(psycopg.Error):
                self.cluster.execute("select 1")
                return None
            assert time.monotonic() < end, "the database does not come back"
            time.sleep(0.05)

    def kill_backend(self, which: int) -> None:
        """Kill one of the processes that serve somebody's connection, and wait until all others have ended over it."""
        with psycopg.connect(self.cluster.dsn(), autocommit=True) as witness:
            found = witness.execute("select pid from pg_stat_activity where backend_type = 'client backend'").fetchall()
            with suppress(ProcessLookupError, psycopg.OperationalError):
                os.kill(found[which % len(found)][0], signal.SIGKILL)
                # Until it has seen to that, the server takes itself for well.
                witness.execute("select pg_sleep(%s)", [PATIENCE_SECONDS])

    def ask(self, function: str, **args: Any) -> Any:
        """Call one of the store's functions."""

        async def session() -> Any:
            store = await PostgresStore.open(self.dsn)
            try:
                return await store.call(function, args)
            finally:
                await store.close()

        return asyncio.run(session())


@contextmanager
def house(
    *, size: int, doors: int = 2, workers: int = 2, way: Way = "agentctl", settings: Sequence[str] = ()
) -> Iterator[House]:
    """Everything started, with one assistant whose calls are mailed; everything ended. `size`: bytes of its disk."""
    with ExitStack() as stack:
        volume = stack.enter_context(disk(size))
        place = volume.path.parent / "place"
        place.mkdir()
        cluster = Cluster(wheel_binaries(), durable=(*SETTINGS, *settings), home=volume.path)
        stack.callback(cluster.remove)
        cluster.create()
        database = cluster.new_database()
        made = House(place, volume, cluster, cluster.dsn(database))
        asyncio.run(migrate(made.dsn, shim=True, alone=True))
        saved = {"project": "p", "environment": "production", "workspace": "w", "key": "empfang", "name": "Empfang"}
        post_call = {"mail_to": [MAIL_TO]}
        made.ask("save_assistant", **saved, language="de", agent_id=AGENT, post_call=post_call)
        stack.callback(_end, made)
        _settle(made, doors, workers, way)
        yield made


def _settle(made: House, doors: int, workers: int, way: Way) -> None:
    mail_port = free_port()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(made.place),
        "DATABASE_URL": made.dsn,
        "ELEVENLABS_WEBHOOK_SECRET": SECRET.get_secret_value(),
        "SMTP_URL": f"smtp://127.0.0.1:{mail_port}?tls=off",
        "MAIL_FROM": "telefon@example.org",
    }

    def begin(name: str, *arguments: str) -> Callable[[], Running]:
        if arguments[0] in ("serve", "work"):
            return lambda: _heard(Command([*arguments, "--log-level", "error"], made.place, environment), made, name)
        command = [sys.executable, "-m", f"tests.faults.receipt.{arguments[0]}", *arguments[1:]]
        return lambda: _program(command, environment, made.place / f"{name}.log")

    for number in range(doors):
        port = free_port()
        door = ("serve", "--no-worker", "--port", str(port)) if way == "agentctl" else ("hasty", str(port))
        made.doors.append(Member(f"door {number}", begin(f"door{number}", *door), port))
    made.workers += [Member(f"worker {number}", begin(f"worker{number}", "work")) for number in range(workers)]
    if workers:
        made.mail = Member("mail", begin("mail", "mailbox", str(mail_port), str(made.mails)), mail_port)
        made.mails.touch()
    for member in made.members():
        member.start()


def _heard(command: Command, made: House, name: str) -> Command:
    """Both of its streams go into its log, so that it never waits for a reader."""

    def copy(stream: Any) -> None:
        with stream, (made.place / f"{name}.log").open("a", encoding="utf-8") as log:
            for line in stream:
                log.write(line)

    for stream in (command.stdout, command.stderr):
        threading.Thread(target=copy, args=(stream,), daemon=True).start()
    return command


def _program(command: Sequence[str], environment: dict[str, str], log: Path) -> Running:
    with log.open("ab") as file:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=file)


def _end(made: House) -> None:
    for member in made.members():
        if member.alive:
            member.send(signal.SIGKILL)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
