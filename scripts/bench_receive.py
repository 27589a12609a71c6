"""Deliveries that the door acknowledges per second, beside the same insert by pgbench and beside lesser receivers."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from agentctl.clients.store.migrations import migrate
from scripts.measure import AGENTCTL
from scripts.receivers import CONNECTIONS, SECRET
from scripts.senders import Letters
from tests import npm, pgbouncer, postgrest
from tests.cluster import VERIFIER, Cluster, wheel_binaries

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "samples" / "post_call_transcription.json"
DEBIAN = Path("/usr/lib/postgresql/15/bin")
SENDERS = (1, 8, 64)
SECONDS = 3.0
POOL = 8  # as many as one door holds itself
OURS, POOLED, SUPABASE, NAIVE, VERIFY, BARE, PGBENCH = (
    "the door",
    f"the door over PgBouncer, {POOL} connections",
    "the door over PostgREST",
    f"naive: a commit per request, {CONNECTIONS} connections",
    "verifies and parses, stores nothing",
    "bare receiver",
    "pgbench, the same insert",
)
# Floors: of another row of the same table, at that many senders; where a commit is quick, and where it costs 2 ms.
QUICK = {
    1: {NAIVE: 1 / 1.1, PGBENCH: 0.5},
    8: {PGBENCH: 0.5},
    64: {NAIVE: 1.5, VERIFY: 0.5, PGBENCH: 0.5},
}
SLOW = {64: {NAIVE: 3.0, PGBENCH: 0.5}}
_SCRIPT = """\
\\set number random(1, 9000000000000000000)
insert into agentctl.events (type, conversation_id, agent_id, event_timestamp, source, payload, payload_sha256)
select 'post_call_transcription', 'conv_' || n.n, 'agent_1', 1763600031, 'webhook', n.body, sha256(n.body)
from (select :number as n, convert_to('FRONT' || :number, 'UTF8') as body offset 0) n
on conflict on constraint events_once do nothing;
"""
SETTINGS = ("max_wal_size=8GB", "shared_buffers=512MB", "max_connections=200")


@dataclass
class Cell:
    """What was acknowledged in all runs of one receiver with so many senders."""

    per_second: list[float] = field(default_factory=list)
    took: list[int] = field(default_factory=list)  # microseconds

    def add(self, seconds: float, took: Sequence[int]) -> None:
        """One run."""
        self.per_second.append(len(took) / seconds)
        self.took += took

    @property
    def rate(self) -> float:
        """The median of the runs."""
        return statistics.median(self.per_second)

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        return sorted(self.took)[min(len(self.took) - 1, int(len(self.took) * share))] / 1000


class Listening(NamedTuple):
    """A receiver."""

    port: int
    pid: int


class Bench:
    """A durable server with a migrated database, and every receiver in front of it."""

    def __init__(self, cluster: Cluster, stack: ExitStack) -> None:
        self.cluster = cluster
        self.database = cluster.new_database()
        self.dsn = cluster.dsn(self.database)
        self.scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agentctl-bench-")))
        asyncio.run(migrate(self.dsn, shim=True))
        self.doors = {
            OURS: stack.enter_context(self.door({"DATABASE_URL": self.dsn})),
            NAIVE: stack.enter_context(_listening([sys.executable, "-m", "scripts.receivers", "naive", self.dsn])),
            VERIFY: stack.enter_context(_listening([sys.executable, "-m", "scripts.receivers", "verify", ""])),
            BARE: stack.enter_context(_listening([sys.executable, "-m", "scripts.receivers", "bare", ""])),
        }
        if pgbouncer.program():
            pooled = stack.enter_context(pgbouncer.pooling(self.dsn, self.scratch, size=POOL))
            self.doors[POOLED] = stack.enter_context(self.door({"DATABASE_URL": pooled}))
        if npm.runs_here():
            cluster.execute(f"alter role authenticator login password '{VERIFIER}'")
            api = stack.enter_context(postgrest.project(self.dsn.replace("//postgres:", "//authenticator:")))
            keys = {"SUPABASE_URL": api.url, "SUPABASE_SERVICE_ROLE_KEY": api.service_key}
            self.doors[SUPABASE] = stack.enter_context(self.door(keys))

    def door(self, settings: Mapping[str, str], *how: str) -> AbstractContextManager[Listening]:
        """`agentctl serve` on a free port, by default without its worker."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.scratch), **settings}
        env["ELEVENLABS_WEBHOOK_SECRET"] = SECRET.get_secret_value()
        return _listening([AGENTCTL, *(how or ("serve", "--no-worker")), "--port", "0"], env, self.scratch)

    def cost_of_commit(self, microseconds: int) -> None:
        """Let each flush wait that long, as a slow disk or a copy on another machine would."""
        siblings = 0 if microseconds else 5
        for setting in (f"commit_delay = {microseconds}", f"commit_siblings = {siblings}"):
            self.cluster.execute(f"alter system set {setting}")
        self.cluster.execute("select pg_reload_conf()")

    def measure(self, name: str, senders: int, seconds: float) -> tuple[float, list[int]]:
        """Seconds, and of each acknowledged delivery the microseconds."""
        self.cluster.execute("truncate agentctl.events", self.database)
        self.cluster.execute("checkpoint")
        if name == PGBENCH:
            return self._pgbench(senders, seconds)
        arguments = [str(self.doors[name].port), str(senders), str(seconds), str(SAMPLE)]
        done = subprocess.run(
            [sys.executable, "-m", "scripts.senders", *arguments], cwd=ROOT, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{name}: {done.stderr}")
        took: tuple[float, list[int]] = json.loads(done.stdout)
        return took

    def _pgbench(self, senders: int, seconds: float) -> tuple[float, list[int]]:
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            script = Path(folder, "insert.sql")
            script.write_text(_insert(Letters(SAMPLE).front.decode()))
            terms = ["-n", "-f", str(script), "-c", str(senders), "-j", str(min(senders, 2)), "-T", str(int(seconds))]
            logged = ["-l", "--log-prefix", f"{folder}/log"]
            subprocess.run([str(DEBIAN / "pgbench"), *terms, *logged, self.dsn], check=True, capture_output=True)
            lines = [line for log in Path(folder).glob("log*") for line in log.read_text().splitlines()]
            return float(int(seconds)), [int(line.split()[2]) for line in lines]


def receive(runs: int | None) -> None:
    """One table where a commit costs what the disk takes, one where it costs 2 ms more."""
    binaries = DEBIAN if (DEBIAN / "pgbench").exists() else wheel_binaries()
    if binaries != DEBIAN:
        print("Debian's postgresql-15 is not here: no pgbench, and payloads are stored without lz4")
    cluster = Cluster(binaries, durable=SETTINGS)
    with ExitStack() as stack:
        stack.callback(cluster.remove)
        cluster.create()
        bench = Bench(cluster, stack)
        names = [OURS, *(one for one in (POOLED, SUPABASE) if one in bench.doors), NAIVE, VERIFY, BARE]
        names += [PGBENCH] if binaries == DEBIAN else []
        for cost, floors in ((0, QUICK), (2000, SLOW)):
            bench.cost_of_commit(cost)
            print(f"\n{'a commit costs 2 ms more' if cost else 'a commit costs one flush'}; fsync on, bodies of 23 kB")
            _table(_in_turn(bench, names, runs or 3), floors)


def _in_turn(bench: Bench, names: Sequence[str], runs: int) -> dict[tuple[str, int], Cell]:
    cells = {(name, senders): Cell() for name in names for senders in SENDERS}
    for turn in range(runs + 1):
        for (name, senders), cell in cells.items():
            measured = bench.measure(name, senders, SECONDS if turn else 1.0)
            if turn:  # the first one warms up
                cell.add(*measured)
    return cells


def _table(cells: Mapping[tuple[str, int], Cell], floors: Mapping[int, Mapping[str, float]]) -> None:
    width = max(len(name) for name, _ in cells)
    print(f"{'':{width}} " + " ".join(f"{f'{n} sender' + 's' * (n > 1):>31}" for n in SENDERS))
    print(f"{'':{width}} " + " ".join(f"{'per s':>8} {'of ours':>8} {'p50':>6} {'p99':>6}" for _ in SENDERS))
    for name in dict.fromkeys(name for name, _ in cells):
        row = [f"{name:{width}}"]
        for senders in SENDERS:
            cell = cells[name, senders]
            of_ours = cell.rate / cells[OURS, senders].rate
            row.append(f"{cell.rate:8.0f} {of_ours:7.2f}x {cell.percentile(0.5):6.2f} {cell.percentile(0.99):6.2f}")
        print(" ".join(row))
    for senders, wanted in floors.items():
        for name, floor in wanted.items():
            if (name, senders) in cells:
                found = cells[OURS, senders].rate / cells[name, senders].rate
                print(f"{verdict(found >= floor)} at {senders}: {found:.2f} of {name} (floor {floor:.2f})")
    calm = cells[OURS, 8].percentile(0.99) / cells[OURS, 8].percentile(0.5)
    print(f"{verdict(calm < 3)} at 8: p99 is {calm:.1f} times p50 (below 3)")


def verdict(held: bool) -> str:
    """What to print before a floor."""
    return "held  " if held else "MISSED"


def _insert(front: str) -> str:
    return _SCRIPT.replace("FRONT", front.replace("'", "''"))


@contextmanager
def _listening(command: Sequence[str], env: Mapping[str, str] | None = None, home: Path = ROOT) -> Iterator[Listening]:
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=home, env=env, stdout=subprocess.PIPE, stderr=said, text=True)
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if "Listening on" not in line:
                said.seek(0)
                sys.exit(f"{' '.join(command)}: {said.read()}")
            yield Listening(int(line.rsplit(":", 1)[1].partition("/")[0]), process.pid)
        finally:
            process.terminate()
            process.wait(40)
