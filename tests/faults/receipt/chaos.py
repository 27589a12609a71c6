"""Deliveries under faults, and what is there afterwards: the long form of the tests beside it.

8 senders that behave as ElevenLabs documents it deliver to two doors, two workers work it off and mail it, and all of
these, Postgres and the mail server are killed, stopped, hung and filled up at places that the seed decides. A door that
acknowledges first, and a database that commits without writing (synchronous_commit=off), run in the same harness and
must be caught losing.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random

from tests.faults.receipt import audit
from tests.faults.receipt.audit import Findings
from tests.faults.receipt.faults import KINDS, Fault, row
from tests.faults.receipt.house import SECRET, House, house
from tests.faults.receipt.post import Letter, post
from tests.faults.receipt.sender import Journal, Sender, Supply

SENDERS = 8
FULL = "disk full"
KILLED = "kill -9 of a worker"
CRASHES = ("kill -9 of all of Postgres",)
_TOLD_SECONDS = 60.0  # between two lines of how far it is
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scale:
    """How large a run is. `rate`: deliveries a second, at most; `scale`: how much shorter the sender's pauses are;
    `longest`: seconds that something is stopped.
    """

    deliveries: int
    faults: int
    seed: int
    rate: float = 400.0
    scale: float = 0.01
    longest: float = 6.0

    @property
    def disk(self) -> int:
        """Bytes that the database may need, and some."""
        return (400 << 20) + self.deliveries * (40 << 10)


@dataclass
class Tally:
    """What came of one kind of fault."""

    times: int = 0
    seconds: float = 0.0
    failures: int = 0  # attempts that were not acknowledged meanwhile


@dataclass
class Outcome:
    """A run, told."""

    journal: Journal
    found: Findings
    kinds: dict[str, Tally] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    refusals: int = 0  # writes of the database that a full disk refused
    seconds: float = 0.0

    @property
    def explained(self) -> bool:
        """Whether SMTP's own case came at most once per kill of a worker."""
        return self.found.mails_doubled <= self.kinds.get(KILLED, Tally()).times

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return not self.found.wrongs and self.explained


def run(
    scale: Scale, say: Say = lambda line: None, afterwards: Callable[[House, Outcome], None] = lambda *_: None
) -> Outcome:
    """Everything, then all of it worked off and looked at; `afterwards` is called while the house still stands."""
    begun = time.perf_counter()
    with house(size=scale.disk) as there:
        outcome = _struck(there, scale, tuple(KINDS), say)
        say("  all is delivered; waiting until it is worked off")
        drain(there, say=say)
        outcome.found = audit.worked_off(there, outcome.journal)
        afterwards(there, outcome)
    outcome.seconds = time.perf_counter() - begun
    return outcome


def control(there: AbstractContextManager[House], scale: Scale, kinds: Sequence[str], say: Say = print) -> Outcome:
    """A receiver that has to lose, of which only the receipt is looked at."""
    begun = time.perf_counter()
    with there as made:
        outcome = _struck(made, scale, kinds, say)
        # What is still on its way in a process that has not been killed is not lost.
        time.sleep(0.5)
        outcome.found = audit.stored(made, outcome.journal)
    outcome.seconds = time.perf_counter() - begun
    return outcome


def _struck(there: House, scale: Scale, kinds: Sequence[str], say: Say) -> Outcome:
    luck = Random(scale.seed)
    letters = post(scale.deliveries, luck)
    possible = tuple(kind for kind in kinds if kind != FULL or there.disk.bounded)
    faults = row(possible, scale.faults, scale.deliveries, scale.longest, luck)
    left_out = tuple(kind for kind in kinds if kind not in possible)
    outcome = Outcome(Journal(), Findings(), {kind: Tally() for kind in possible}, left_out)
    asyncio.run(_delivered(there, scale, letters, faults, outcome, luck, say))
    outcome.refusals = there.refusals()
    dead = [member.name for member in there.members() if not member.alive]
    assert not dead, f"ended by themselves: {dead}"
    return outcome


async def _delivered(
    there: House,
    scale: Scale,
    letters: Sequence[Letter],
    faults: Sequence[Fault],
    outcome: Outcome,
    luck: Random,
    say: Say,
) -> None:
    supply = Supply(letters, scale.rate)
    senders = [
        Sender(there.ports, SECRET, outcome.journal, scale.scale, Random(luck.random()), sent=number)
        for number in range(SENDERS)
    ]
    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(sender.run(supply))
        limits = [*(fault.place for fault in faults), len(letters)]
        supply.allow(limits[0])
        for number, fault in enumerate(faults):
            # Nobody gets further than the place of the next one, so that each finds deliveries under way.
            supply.allow(limits[number + 1])
            await supply.reached(fault.place)
            await _strike(there, fault, outcome)
            if number % 50 == 49:
                acknowledged = len(outcome.journal.acknowledged)
                say(f"  {number + 1} faults, {supply.taken} deliveries, {acknowledged} events acknowledged")


async def _strike(there: House, fault: Fault, outcome: Outcome) -> None:
    tally, before, begun = outcome.kinds[fault.kind], outcome.journal.failures, time.perf_counter()
    await asyncio.to_thread(KINDS[fault.kind][0], there, fault)
    tally.times += 1
    tally.seconds += time.perf_counter() - begun
    tally.failures += outcome.journal.failures - before


def drain(there: House, patience: float = 120.0, say: Say = lambda line: None) -> None:
    """Wait until nothing waits any more; as long as there is progress, that may take its time.

    What waits for its next try after an outage gets it now, as if the pause were over. Leases run their time.
    """
    seen, end, told = None, time.monotonic() + patience, time.monotonic()
    while True:
        for table in ("events", "outbox"):
            there.cluster.execute(
                f"update agentctl.{table} set due_at = now() where state = 'pending' and due_at > now()",
                there.dsn.rpartition("/")[2],
            )
        queue = there.ask("queue")
        queues = ("events", "recordings", "mails")
        if not any(queue[name][state] for name in queues for state in ("pending", "running")):
            return
        if queue != seen:
            seen, end = queue, time.monotonic() + patience
        assert time.monotonic() < end, f"nothing moves any more: {queue}"
        if time.monotonic() - told > _TOLD_SECONDS:
            told = time.monotonic()
            say(f"  {queue['events']['pending']} events and {queue['mails']['pending']} mails wait")
        time.sleep(0.5)


def chaos(deliveries: int, faults: int, seed: int = 0, *, say: Say = print) -> int:
    """The long form: prints progress and tables; 1 where a promise is broken or a control passes."""
    seed = seed or Random().randrange(1, 1_000_000)
    say(f"{deliveries} deliveries, {faults} faults, seed {seed}, {os.cpu_count()} cores")
    scale = Scale(deliveries, faults, seed)
    outcome = run(scale, say=say)
    for line in table(outcome):
        say(line)
    bad = 0 if outcome.kept else 1
    small = Scale(min(deliveries, 6000), 24, seed, longest=2.0)
    for name, caught in controls(small):
        lost = caught.found.lost
        say(f"{name}: {lost} of {len(caught.journal.acknowledged)} acknowledged were lost, as they had to be")
        if not lost:
            bad = 1
            say("  it lost nothing, so the harness proves nothing")
    return bad


def controls(scale: Scale) -> Iterator[tuple[str, Outcome]]:
    """Two receivers that have to lose, one after the other."""
    yield "acknowledges first", hasty(scale)
    off = house(size=scale.disk, workers=0, settings=("synchronous_commit=off",))
    yield "synchronous_commit=off", control(off, scale, CRASHES)


def hasty(scale: Scale) -> Outcome:
    """A door that acknowledges first; only doors and databases are killed."""
    return control(house(size=scale.disk, workers=0, way="hasty"), scale, ("kill -9 of a door", *CRASHES))


def table(outcome: Outcome) -> Iterator[str]:
    """For people: the faults by kind, then what was delivered and what became of it."""
    yield f"\n{'':36} {'times':>6} {'seconds':>8} {'attempts that failed':>21}"
    for kind, tally in outcome.kinds.items():
        yield f"{kind:36} {tally.times:>6} {tally.seconds:>8.1f} {tally.failures:>21}"
    for kind in outcome.left_out:
        yield f"{kind:36}   not tried: nothing may be mounted here"
    journal, found = outcome.journal, outcome.found
    answers = ", ".join(f"{count} × {status or 'none'}" for status, count in sorted(journal.answers.items()))
    rows: Mapping[str, object] = {
        "attempts, by answer": f"{journal.attempts}: {answers}",
        "writes refused by the full disk": outcome.refusals,
        "given up by the sender": journal.given_up,
        "events acknowledged": len(journal.acknowledged),
        "events stored": found.events,
        "calls": found.calls,
        "mails": found.mails,
        "lost": found.lost,
        "doubled": found.doubled,
        "mails doubled by SMTP": f"{found.mails_doubled} in {outcome.kinds[KILLED].times} kills of a worker",
        "acknowledged within, p50 / p99": f"{journal.percentile(0.5):.0f} / {journal.percentile(0.99):.0f} ms",
        "the slowest answer": f"{journal.slowest:.1f} s",
        "seconds in all": f"{outcome.seconds:.0f}",
    }
    yield from (f"{name:36} {value}" for name, value in rows.items())
    yield from found.lines()
    yield "kept" if outcome.kept else "BROKEN"
