"""What every measurement needs: programs run one after another, their time and memory, and a table of it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

AGENTCTL = str(Path(sys.executable).with_name("agentctl"))


@dataclass(frozen=True)
class Run:
    """One process from its start to its end. `megabytes`: the most memory that it held, of 1,000,000 bytes.

    `busy`: seconds of processor time, which tells whether a slow run was slow or had to wait for others.
    """

    seconds: float
    busy: float
    megabytes: float


@dataclass(frozen=True)
class Row:
    """One command over several runs. `floor`: seconds that no client with these requests could do better than."""

    name: str
    runs: Sequence[Run] = field(default_factory=list)
    requests: int | None = None
    floor: float | None = None

    @property
    def seconds(self) -> float:
        """The median."""
        return statistics.median(run.seconds for run in self.runs)

    @property
    def busy(self) -> float:
        """The lowest: what others take of the machine only adds to it."""
        return min(run.busy for run in self.runs)

    @property
    def megabytes(self) -> float:
        """The highest peak."""
        return max(run.megabytes for run in self.runs)


# A process of its own starts the program: the kernel counts what a process held before exec as the program's peak, so
# that a measurement of a few hundred megabytes would be ours and not the program's.
_START = """
import json, os, resource, sys, time
started = time.perf_counter()
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
status = os.waitpid(pid, 0)[1]
seconds = time.perf_counter() - started
used = resource.getrusage(resource.RUSAGE_CHILDREN)
told = [os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss]
os.write(int(sys.argv[1]), json.dumps(told).encode())
"""


def run(command: Sequence[str], directory: Path | None = None, env: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end; a failure ends the measurement with what it said."""
    reader, writer = os.pipe()
    with tempfile.TemporaryFile("w+") as said, os.fdopen(reader) as told:
        starter = [sys.executable, "-I", "-S", "-c", _START, str(writer), *command]
        process = subprocess.Popen(starter, cwd=directory, env=env, stdout=said, stderr=said, pass_fds=[writer])
        os.close(writer)
        process.wait()
        code, seconds, busy, peak = json.loads(told.read() or "[-1, 0, 0, 0]")
        if code:
            said.seek(0)
            sys.exit(f"{' '.join(command)} exited with {code}:\n{said.read()[-4000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Run(seconds, busy, peak * unit / 1_000_000)


def in_turn(
    commands: Mapping[str, Callable[[], Run]], runs: int, *, rarely: Mapping[str, int] | None = None
) -> list[Row]:
    """A B A B …, so that a machine whose speed drifts drifts for all; after one warm-up of each.

    `rarely`: names that are run so often only, without a warm-up, since they take long.
    """
    left = {name: (rarely or {}).get(name, runs + 1) for name in commands}
    found: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            if not left[name]:
                continue
            left[name] -= 1
            done = command()
            if turn or name in (rarely or {}):
                found[name].append(done)
    return [Row(name, made) for name, made in found.items()]


def with_requests(row: Row, requests: int, concurrency: int, latency_ms: float) -> Row:
    """The row with its floor: rounds of `concurrency` requests at once, each of which takes the latency."""
    return replace(row, requests=requests, floor=-(-requests // concurrency) * latency_ms / 1000)


def table(rows: Sequence[Row]) -> None:
    """Each row beside its own floor, and beside the first row."""
    width = max(len(row.name) for row in rows)
    print(f"{'':{width}} runs     min  median     max    busy  requests   floor  of floor     MB  of the first")
    for row in rows:
        seconds = [run.seconds for run in row.runs]
        figures = f"{len(seconds):4} {min(seconds):7.3f} {row.seconds:7.3f} {max(seconds):7.3f} {row.busy:7.3f}"
        requests = "" if row.requests is None else str(row.requests)
        floor = "" if row.floor is None else f"{row.floor:.3f}"
        over = "" if row.floor is None else f"{row.seconds / row.floor:.2f}x"
        first = f"{row.seconds / rows[0].seconds:11.2f}x"
        print(f"{row.name:{width}} {figures} {requests:>9} {floor:>7} {over:>9} {row.megabytes:6.0f} {first}")
