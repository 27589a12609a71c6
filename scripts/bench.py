"""Measurements, each beside a peer or a physical limit in the same run, so that the ratio holds on any machine.

cold-start   `agentctl --help` beside the official CLI's `--help`
sync         syncs of 50, 200 and 1,000 assistants beside the official CLI's push of the same agents and beside the
             floor; with --trust-store; and a first sync of 50 assistants with 4 documents each
flow         from the commit of one of 200 rows of a product's table to the end of its sync, beside the least that
             anybody needs: to hear of it and to write it
receive      deliveries of 23 kB that the door acknowledges, at 1, 8 and 64 senders, beside the same insert by pgbench,
             a receiver that commits per request, one that stores nothing and a bare one; with 2 ms per commit, too
strain       small deliveries beside four recordings of 50 MB and beside 4,000 half-open connections, and those of a
             door with its worker while language model and mail server are at hand, gone, and hung
rights       a signed-in user's questions over 100,000 calls beside the same ones of the tables' owner
fill         alone: a store with --calls calls and 12 turns each, in --store
process      alone: events into stored calls per second, 1 and 4 workers, over an empty store and over the full one
growth       alone: what a call takes in each table, in the log and of a worker's time, by -n calls
reading      alone: list, search, show and stats over the full store
console      alone: the console's pages over the full store; deliveries beside 200 open ones, a large table, a long call
faults       alone: 50,000 worlds with two faults each, every single fault, 2,000 races, and a naive sync that must fail
digest       alone: our golden conversations through the endpoint that LLM_BASE_URL and LLM_MODEL name, scored
chaos        alone: --deliveries under --faults (kill -9, hung, full, gone) of doors, workers, Postgres and mail server;
             --seed plays the same again; two receivers that lose must be caught
deploy       alone: every step of the Dockerfile and of deploy/release, downloads included
fuzz         alone: a million deliveries to the door that nobody would send; -n: so many

The official CLI is the pinned npm package that the contract tests use; nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.bench_console import console
from scripts.bench_deploy import deploy
from scripts.bench_digest import digest
from scripts.bench_fill import fill
from scripts.bench_flow import flow
from scripts.bench_fuzz import fuzz
from scripts.bench_growth import growth
from scripts.bench_process import process
from scripts.bench_reading import reading
from scripts.bench_receive import receive
from scripts.bench_rights import rights
from scripts.bench_strain import strain
from scripts.bench_sync import sync
from scripts.measure import AGENTCTL, in_turn, run, table
from tests.contract.openapi import cli as official_cli
from tests.faults.chaos import faults
from tests.faults.receipt.chaos import chaos

FULL = Path(__file__).parents[1] / ".cache" / "bench-store"

# An entry prints what it found; its argument is -n, or None for as many runs as it thinks are enough.
Entry = Callable[[int | None], None]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("entries", nargs="*", metavar="ENTRY", help=f"{', '.join(ENTRIES)}; default: all")
    parser.add_argument("-n", "--runs", type=int, help="counted runs of each command; default: a few minutes in all")
    parser.add_argument("--calls", type=int, default=1_000_000, help="of the full store; default: 1,000,000")
    parser.add_argument("--store", type=Path, default=FULL, help=f"directory of the full store; default: {FULL}")
    parser.add_argument("--deliveries", type=int, default=1_000_000, help="of chaos; default: 1,000,000")
    parser.add_argument("--faults", type=int, default=1000, help="of chaos; default: 1,000")
    parser.add_argument("--seed", type=int, default=0, help="of chaos; default: a new one")
    options = parser.parse_args()
    unknown = set(options.entries) - {*ENTRIES, *ALONE}
    if unknown:
        parser.error(f"no such entry: {', '.join(sorted(unknown))}")
    if options.runs is not None and options.runs < 1:
        parser.error("-n: at least 1")
    if not 0 <= options.faults <= options.deliveries // 2:
        parser.error("--faults: from 0 to half of --deliveries")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}")
    if alone := [name for name in options.entries if name in ALONE]:
        if options.entries != alone[:1]:
            parser.error(f"{alone[0]}: runs alone")
        return ALONE[alone[0]](options)
    for name in options.entries or ENTRIES:
        print(f"\n{name}" + (": wall-clock seconds, process start included" if name in ("cold-start", "sync") else ""))
        ENTRIES[name](options.runs)
    return 0


def cold_start(runs: int | None) -> None:
    table(
        in_turn(
            {
                "agentctl --help": lambda: run([AGENTCTL, "--help"]),
                "official CLI --help": lambda: run([str(official_cli()), "--help"]),
                "python -c pass (floor)": lambda: run([sys.executable, "-c", "pass"]),
            },
            runs or 7,
        )
    )


ALONE: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "faults": lambda options: faults(),
    "chaos": lambda options: chaos(options.deliveries, options.faults, options.seed),
    "deploy": lambda options: deploy(),
    "digest": lambda options: digest(options.runs),
    "fuzz": lambda options: fuzz(options.runs),
    "fill": lambda options: fill(options.store, options.calls),
    "growth": lambda options: growth(options.runs or 5000),
    "process": lambda options: process(options.store, 1000, options.runs or 3),
    "reading": lambda options: reading(options.store, options.runs or 100),
    "console": lambda options: console(options.store, options.runs or 40),
}
ENTRIES: Mapping[str, Entry] = {
    "cold-start": cold_start,
    "sync": sync,
    "flow": flow,
    "receive": receive,
    "strain": strain,
    "rights": rights,
}


if __name__ == "__main__":
    sys.exit(main())
