"""Every fault at every step, many random pairs of faults, and races of two syncs: counted, and reproducible by a seed.

scripts/bench faults            single faults, 50,000 double faults, 2,000 races, 10,000 worlds, the naive variant
python -m tests.faults.chaos --doubles 500 --races 50 --seed 7
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from random import Random

from tests.faults.naive import naive
from tests.faults.test_properties import many
from tests.faults.world import AT_PLATFORM, AT_STORE, SCENES, WEIGHTS, Faults, Outcome, World, sync

MOST_RERUNS = 2
Case = tuple[str, Faults]
VARIANTS = {"agentctl": sync, "naive": naive}


@dataclass
class Tally:
    """What came of many worlds. `wrongs` holds up to a few in full, so that one can be played again."""

    worlds: int = 0
    met: int = 0
    reruns: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    surplus: int = 0
    wrongs: list[str] = field(default_factory=list)

    def add(self, case: Case, outcome: Outcome) -> None:
        """Count one world."""
        self.worlds += 1
        self.met += outcome.met == len(case[1])
        self.reruns[outcome.reruns] += 1
        self.surplus += sum("one too many" in wrong for wrong in outcome.wrongs)
        if outcome.wrongs or outcome.reruns > MOST_RERUNS:
            self.broken += 1
            if len(self.wrongs) < 5:
                self.wrongs.append(f"{case[0]} {dict(case[1])}: {outcome.reruns} re-runs; {'; '.join(outcome.wrongs)}")

    def join(self, other: Tally) -> None:
        """Count what another process has seen."""
        self.worlds += other.worlds
        self.met += other.met
        self.reruns += other.reruns
        self.broken += other.broken
        self.surplus += other.surplus
        self.wrongs = (self.wrongs + other.wrongs)[:5]

    @property
    def worst(self) -> int:
        """Most re-runs that any world needed."""
        return max(self.reruns, default=0)


async def singles(
    world: World,
    scenes: Sequence[str],
    faults: Sequence[str] = tuple(AT_PLATFORM),
    at_store: Sequence[str] = AT_STORE,
) -> list[Case]:
    """Each fault at each step of each scene."""
    cases: list[Case] = []
    for scene in scenes:
        for step, (method, _) in enumerate((await world.play(scene, {})).steps, 1):
            possible = at_store if method == "store" else faults
            cases += [(scene, {step: (fault, fault)}) for fault in possible]
    return cases


async def doubles(world: World, scenes: Sequence[str], number: int, luck: Random) -> list[Case]:
    """Random pairs of faults, the second in the same run or in the next."""
    long = {scene: len((await world.play(scene, {})).steps) for scene in scenes}

    def pair() -> tuple[str, str]:
        return luck.choice(tuple(AT_PLATFORM)), luck.choice(AT_STORE)

    cases: list[Case] = []
    for _ in range(number):
        (scene,) = luck.choices(scenes, [WEIGHTS[one] for one in scenes])
        first = luck.randint(1, long[scene])
        cases.append((scene, {first: pair(), first + luck.randint(1, long[scene] * 2 // 3): pair()}))
    return cases


async def tallied(world: World, cases: Sequence[Case]) -> Tally:
    """Play all cases."""
    tally = Tally()
    for case in cases:
        tally.add(case, await world.play(*case))
    return tally


async def raced(world: World, number: int, luck: Random, *, lease: bool) -> Tally:
    """Races of two first syncs; `reruns` counts how many of the two got through."""
    tally = Tally()
    for race in range(number):
        through, wrongs = await world.race(luck, lease=lease)
        tally.add((f"race {race}", {}), Outcome(0, wrongs, [], 0))
        tally.met += through
    return tally


def generated(number: int, seed: int) -> Tally:
    """Properties of plan, apply and diff over as many generated worlds, which hypothesis counts by itself."""
    try:
        many(number, seed)
    except AssertionError as error:
        return Tally(number, broken=1, wrongs=[f"seed {seed}: {error}"])
    return Tally(number)


def faults(number: int = 50_000, races: int = 1_000, seed: int = 0, *, say: Callable[[str], None] = print) -> int:
    """The long form: prints progress and a table; 1 where a promise is broken or the naive variant passes."""
    seed = seed or Random().randrange(1, 1_000_000)
    say(f"seed {seed}, {os.cpu_count()} processes")
    rows = dict(_measured(number, races, seed, say))
    say(f"\n{'':34} {'worlds':>8} {'broken':>7} {'surplus':>8} {'re-runs':>8} {'seconds':>8}")
    for name, (tally, seconds) in rows.items():
        say(f"{name:34} {tally.worlds:>8} {tally.broken:>7} {tally.surplus:>8} {tally.worst:>8} {seconds:>8.0f}")
    bad = 0
    for name, (tally, _) in rows.items():
        must_break = name == "naive, single faults"
        if bool(tally.broken) != must_break:
            bad = 1
            say(f"\n{name}: {'it passed, so the harness proves nothing' if must_break else 'a promise is broken:'}")
            for wrong in tally.wrongs:
                say(f"  {wrong}")
    return bad


def _measured(
    number: int, races: int, seed: int, say: Callable[[str], None]
) -> Iterator[tuple[str, tuple[Tally, float]]]:
    plain, luck = World(), Random(seed)
    every, simple = tuple(SCENES), ("first", "edit")
    single = asyncio.run(singles(plain, every))
    double = asyncio.run(doubles(plain, every, number, luck))
    bad = asyncio.run(singles(World(naive), simple)) if number else []
    begun = time.perf_counter()
    yield "generated worlds", (generated(races * 10, seed), time.perf_counter() - begun)
    for name, lease in (("races of two syncs", True), ("races without a lease", False)):
        begun = time.perf_counter()
        tally = asyncio.run(raced(plain, races, luck, lease=lease))
        yield name, (tally, time.perf_counter() - begun)
    for name, variant, cases in (
        ("a naive sync without faults", "naive", [(scene, {}) for scene in simple]),
        ("naive, single faults", "naive", bad),
        (f"single faults, {len(AT_PLATFORM)} + {len(AT_STORE)} kinds", "agentctl", single),
        ("double faults", "agentctl", double),
    ):
        begun = time.perf_counter()
        yield name, (_spread(name, variant, cases, say), time.perf_counter() - begun)


def _spread(name: str, variant: str, cases: Sequence[Case], say: Callable[[str], None]) -> Tally:
    """Play the cases on all cores."""
    tally, size = Tally(), 500
    parts = [cases[start : start + size] for start in range(0, len(cases), size)]
    with ProcessPoolExecutor() as pool:
        for ended in as_completed([pool.submit(_part, variant, part) for part in parts]):
            tally.join(ended.result())
            say(f"  {name}: {tally.worlds}/{len(cases)}, {tally.broken} broken")
    return tally


def _part(variant: str, cases: Sequence[Case]) -> Tally:
    return asyncio.run(tallied(World(VARIANTS[variant]), cases))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.chaos", description=__doc__)
    parser.add_argument("--doubles", type=int, default=50_000)
    parser.add_argument("--races", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=0, help="that of an earlier run plays the same worlds again")
    options = parser.parse_args()
    return faults(options.doubles, options.races, options.seed, say=lambda line: print(line, flush=True))


if __name__ == "__main__":
    sys.exit(main())
