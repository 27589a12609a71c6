"""Measurements, each beside a peer or a physical limit in the same run, so that the ratio holds on any machine.

cold-start   `agentctl --help` beside the official CLI's `--help`
sync         a sync with nothing to do of 50 assistants beside the official CLI's push of the same 50 agents, with the
             sandbox answering each request after 50 ms; and beside the floor, the requests alone at full concurrency
faults       alone: 50,000 worlds with two faults each, every single fault, 2,000 races, and a naive sync that must fail

The official CLI is the pinned npm package that the contract tests use; nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from tests.contract.openapi import cli as official_cli
from tests.faults.chaos import faults

AGENTCTL = str(Path(sys.executable).with_name("agentctl"))
ASSISTANTS = 50
LATENCY_MS = 50
CONCURRENCY = 32


@dataclass(frozen=True)
class Row:
    """One command's wall-clock seconds over several runs."""

    name: str
    seconds: Sequence[float]
    requests: int | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("entries", nargs="*", metavar="ENTRY", help=f"{', '.join(ENTRIES)}; default: all")
    parser.add_argument("-n", "--runs", type=int, default=7, help="counted runs of each command (default 7)")
    options = parser.parse_args()
    unknown = set(options.entries) - {*ENTRIES, "faults"}
    if unknown:
        parser.error(f"no such entry: {', '.join(sorted(unknown))}")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}")
    if options.entries == ["faults"]:
        return faults()
    for name in options.entries or ENTRIES:
        print(f"\n{name}: wall-clock seconds over {options.runs} runs, in turn, after one warm-up")
        table(ENTRIES[name](options.runs))
    return 0


def cold_start(runs: int) -> list[Row]:
    return in_turn(
        {
            "agentctl --help": lambda: run([AGENTCTL, "--help"]),
            "official CLI --help": lambda: run([str(official_cli()), "--help"]),
            "python -c pass (floor)": lambda: run([sys.executable, "-c", "pass"]),
        },
        runs,
    )


def sync(runs: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as scratch, running_thread(Options()) as sandbox:
        ours, theirs = Path(scratch, "ours"), Path(scratch, "theirs")
        env = environment(sandbox, Path(scratch))
        write_project(ours)
        try:
            run([AGENTCTL, "sync", "--yes"], ours, env)
            for command in (["init", "."], ["pull", "--all", "--yes"]):
                theirs.mkdir(exist_ok=True)
                run([str(official_cli()), "agents", *command, "--base-url", sandbox.url], theirs, env)
            sandbox.latency(LATENCY_MS)
            push = [str(official_cli()), "agents", "push", "--base-url", sandbox.url]
            requests = {
                "agentctl sync, nothing to do": count(sandbox, lambda: run([AGENTCTL, "sync", "--yes"], ours, env)),
                "official CLI agents push": count(sandbox, lambda: run(push, theirs, env)),
            }
            rows = in_turn(
                {
                    "agentctl sync, nothing to do": lambda: run([AGENTCTL, "sync", "--yes"], ours, env),
                    "official CLI agents push": lambda: run(push, theirs, env),
                },
                runs,
            )
        finally:
            run([AGENTCTL, "db", "stop"], ours, env)
    floor = -(-requests["agentctl sync, nothing to do"] // CONCURRENCY) * LATENCY_MS / 1000
    counted = [Row(row.name, row.seconds, requests[row.name]) for row in rows]
    return [*counted, Row(f"floor: our requests / {CONCURRENCY} x {LATENCY_MS} ms", [floor])]


ENTRIES: Mapping[str, Callable[[int], list[Row]]] = {"cold-start": cold_start, "sync": sync}


def write_project(directory: Path) -> None:
    """50 assistants with a prompt of some length."""
    directory.mkdir()
    (directory / "agentctl.toml").write_text('project = "bench"\n')
    for number in range(ASSISTANTS):
        home = directory / "assistants" / f"desk-{number:03}"
        home.mkdir(parents=True)
        (home / "assistant.toml").write_text(f'name = "Desk {number}"\nfirst_message = "Hello, desk {number}."\n')
        (home / "prompt.md").write_text(f"You answer the phone of desk {number}.\n" + "Be brief and friendly.\n" * 40)


def environment(sandbox: BlockingSandbox, home: Path) -> dict[str, str]:
    """The sandbox as the platform, for both clients; nothing of the user's own settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ELEVENLABS_API_KEY": sandbox.key,
        "ELEVENLABS_BASE_URL": sandbox.url,
    }


def count(sandbox: BlockingSandbox, action: Callable[[], None]) -> int:
    """How many requests an action makes."""
    sandbox.clear_log()
    action()
    return len(sandbox.log())


def run(command: Sequence[str], directory: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run a command to its end; a failure ends the bench with what it said."""
    ended = subprocess.run(command, cwd=directory, env=env, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(command)} exited with {ended.returncode}:\n{ended.stdout}{ended.stderr}")


def in_turn(commands: Mapping[str, Callable[[], None]], runs: int) -> list[Row]:
    """A B A B …, so that a machine whose speed drifts drifts for all."""
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for counted in [False, *[True] * runs]:
        for name, command in commands.items():
            started = time.perf_counter()
            command()
            if counted:
                seconds[name].append(time.perf_counter() - started)
    return [Row(name, values) for name, values in seconds.items()]


def table(rows: Sequence[Row]) -> None:
    """Each row with its ratio to the first."""
    width = max(len(row.name) for row in rows)
    print(f"{'':{width}}      min   median      max   requests   ratio to the first")
    for row in rows:
        requests = "" if row.requests is None else str(row.requests)
        figures = f"{min(row.seconds):8.3f} {row.median:8.3f} {max(row.seconds):8.3f}"
        print(f"{row.name:{width}} {figures} {requests:>10}   {row.median / rows[0].median:6.2f}x")


if __name__ == "__main__":
    sys.exit(main())
