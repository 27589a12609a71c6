"""The short form of `scripts/bench chaos`: 2,000 deliveries, 20 faults, and a receiver that has to be caught losing."""

from __future__ import annotations

from itertools import pairwise
from random import Random

from tests.faults.receipt.chaos import KILLED, Scale, hasty, run, table
from tests.faults.receipt.faults import KINDS
from tests.faults.receipt.post import REPEATED, Kind, post

SEED = 20261122


def test_whatever_is_killed_stopped_or_full_what_was_acknowledged_is_there_once() -> None:
    outcome = run(Scale(deliveries=2000, faults=20, seed=SEED, rate=150, scale=0.004, longest=1.0))
    told = "\n".join(table(outcome))
    assert outcome.kept, told
    assert len(outcome.journal.acknowledged) > 1700, told
    assert outcome.journal.failures > 50, f"hardly anything was under way when something failed\n{told}"
    assert not outcome.journal.refused, told
    assert outcome.journal.slowest < 5, told
    struck = {kind for kind, tally in outcome.kinds.items() if tally.times}
    assert struck | {*outcome.left_out} == set(KINDS), told
    assert outcome.kinds[KILLED].times


def test_a_door_that_acknowledges_first_is_caught_losing() -> None:
    outcome = hasty(Scale(deliveries=600, faults=4, seed=SEED, rate=300, scale=0.004))
    assert outcome.found.lost > 0, "\n".join(table(outcome))


def test_every_twentieth_delivery_is_a_repetition_and_every_kind_is_among_them() -> None:
    letters = post(2000, Random(SEED))
    assert len(letters) == 2000
    assert len(letters) - len(set(letters)) == 2000 * REPEATED
    assert {letter.kind for letter in letters} == set(Kind)
    assert any(first == second for first, second in pairwise(letters))
    assert letters == post(2000, Random(SEED))
