"""The short form of `scripts/bench faults`: every fault at every step of a small first sync, some at every step
of one of all kinds, some pairs, some races."""

from __future__ import annotations

from random import Random

import pytest

from agentctl.resources import KINDS
from tests.faults.chaos import MOST_RERUNS, Case, doubles, raced, singles, tallied
from tests.faults.naive import naive
from tests.faults.world import SCENES, SCOPE, World

pytestmark = pytest.mark.anyio
SEED = 20261121


async def test_every_kind_takes_part() -> None:
    bound = await (await World().start("edit")).call("bindings", vars(SCOPE))
    assert {row["kind"] for row in bound} == {kind.name for kind in KINDS}, "a kind that no world has meets no fault"


async def test_single_and_double_faults_leave_no_orphan_and_no_duplicate() -> None:
    world = World()
    cases = await singles(world, ("one",))
    applied = await singles(world, ("first", "edit one again"), ("reset for ever, applied", "killed, applied"), ())
    cases += await at_writes(world, applied)
    tally = await tallied(world, [*cases, *await doubles(world, tuple(SCENES), 20, Random(SEED))])
    assert not tally.wrongs
    assert tally.worst <= MOST_RERUNS


async def at_writes(world: World, cases: list[Case]) -> list[Case]:
    """Without those at a read, of which nothing is applied."""
    steps = {scene: (await world.play(scene, {})).steps for scene in {scene for scene, _ in cases}}
    return [(scene, faults) for scene, faults in cases if all(steps[scene][step - 1][0] != "GET" for step in faults)]


async def test_a_naive_sync_fails_in_the_same_harness() -> None:
    world = World(naive)
    assert not (await tallied(world, [("first", {}), ("edit", {})])).broken, "without faults it does its work"
    tally = await tallied(world, await singles(world, ("one",), ("reset for ever, applied", "killed, applied")))
    assert tally.surplus > 0


@pytest.mark.parametrize("lease", [True, False])
async def test_two_syncs_at_once_make_everything_once(lease: bool) -> None:
    assert not (await raced(World(), 10, Random(SEED), lease=lease)).wrongs
