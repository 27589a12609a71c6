"""Measurements, each beside a peer or a physical limit in the same run, so that the ratio holds on any machine.

cold-start   `agentctl --help` beside the official CLI's `--help`
sync         syncs of 50, 200 and 1,000 assistants beside the official CLI's push of the same agents and beside the
             floor; with --trust-store; and a first sync of 50 assistants with 4 documents each
receive      deliveries of 23 kB that the door acknowledges, at 1, 8 and 64 senders, beside the same insert by pgbench,
             a receiver that commits per request, one that stores nothing and a bare one; with 2 ms per commit, too
faults       alone: 50,000 worlds with two faults each, every single fault, 2,000 races, and a naive sync that must fail
digest       alone: our golden conversations through the endpoint that LLM_BASE_URL and LLM_MODEL name, scored
fuzz         alone: a million deliveries to the door that nobody would send; -n: so many

The official CLI is the pinned npm package that the contract tests use; nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Mapping

from scripts.bench_digest import digest
from scripts.bench_fuzz import fuzz
from scripts.bench_receive import receive
from scripts.bench_sync import sync
from scripts.measure import AGENTCTL, in_turn, run, table
from tests.contract.openapi import cli as official_cli
from tests.faults.chaos import faults

# An entry prints what it found; its argument is -n, or None for as many runs as it thinks are enough.
Entry = Callable[[int | None], None]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("entries", nargs="*", metavar="ENTRY", help=f"{', '.join(ENTRIES)}; default: all")
    parser.add_argument("-n", "--runs", type=int, help="counted runs of each command; default: a few minutes in all")
    options = parser.parse_args()
    unknown = set(options.entries) - {*ENTRIES, *ALONE}
    if unknown:
        parser.error(f"no such entry: {', '.join(sorted(unknown))}")
    if options.runs is not None and options.runs < 1:
        parser.error("-n: at least 1")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}")
    if alone := [name for name in options.entries if name in ALONE]:
        if options.entries != alone[:1]:
            parser.error(f"{alone[0]}: runs alone")
        return ALONE[alone[0]](options.runs)
    for name in options.entries or ENTRIES:
        print(f"\n{name}" + (": wall-clock seconds, process start included" if name != "receive" else ""))
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


ALONE: Mapping[str, Callable[[int | None], int]] = {"faults": lambda _: faults(), "digest": digest, "fuzz": fuzz}
ENTRIES: Mapping[str, Entry] = {"cold-start": cold_start, "sync": sync, "receive": receive}


if __name__ == "__main__":
    sys.exit(main())
