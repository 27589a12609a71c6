"""What happens to a house while deliveries come in: kinds of faults, and a row of them that a seed decides."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from tests.faults.receipt.house import House, Member

# Longer than the door waits for its database; how long it waits is to be seen in the answers.
HUNG_SECONDS = 2.8
FELT_SECONDS = 4.0


@dataclass(frozen=True)
class Fault:
    """One of them. `place`: how many deliveries have gone out before it; `which`: decides whom it hits."""

    kind: str
    place: int
    seconds: float
    which: int


Strike = Callable[[House, Fault], None]


def kill_door(house: House, fault: Fault) -> None:
    _killed(_one(house.doors, fault))


def kill_worker(house: House, fault: Fault) -> None:
    _killed(_one(house.workers, fault))


def kill_postgres(house: House, fault: Fault) -> None:
    house.cluster.kill()
    house.revive()


def kill_backend(house: House, fault: Fault) -> None:
    """One of Postgres' processes: the others end then by themselves and begin anew."""
    house.recover()  # from what befell it before
    house.kill_backend(fault.which)
    house.recover()


def stop_postgres(house: House, fault: Fault) -> None:
    """In order, and gone for a while."""
    process = house.cluster.process
    assert process is not None
    process.send_signal(signal.SIGINT)
    process.wait(60)
    time.sleep(fault.seconds)
    house.revive()


def hang_postgres(house: House, fault: Fault) -> None:
    with house.cluster.frozen():
        time.sleep(HUNG_SECONDS + fault.seconds)


def fill_disk(house: House, fault: Fault) -> None:
    """Until a write was refused, if one is within reasonable time: tables have some room of their own."""
    before = house.refusals()
    house.disk.fill()
    try:
        time.sleep(fault.seconds)
        end = time.monotonic() + FELT_SECONDS
        while house.refusals() == before and time.monotonic() < end:
            time.sleep(0.05)
    finally:
        house.disk.free()
    house.recover()


def hang_door(house: House, fault: Fault) -> None:
    _hung(_one(house.doors, fault), fault.seconds)


def hang_worker(house: House, fault: Fault) -> None:
    _hung(_one(house.workers, fault), fault.seconds)


def stop_mail(house: House, fault: Fault) -> None:
    assert house.mail is not None
    house.mail.send(signal.SIGTERM)
    time.sleep(fault.seconds)
    house.mail.start()


def hang_mail(house: House, fault: Fault) -> None:
    assert house.mail is not None
    _hung(house.mail, fault.seconds)


# How often each comes, of all.
KINDS: Mapping[str, tuple[Strike, int]] = {
    "kill -9 of a door": (kill_door, 5),
    "kill -9 of a worker": (kill_worker, 5),
    "kill -9 of all of Postgres": (kill_postgres, 5),
    "kill -9 of one process of Postgres": (kill_backend, 2),
    "Postgres stopped": (stop_postgres, 1),
    "Postgres hung (SIGSTOP)": (hang_postgres, 1),
    "disk full": (fill_disk, 2),
    "door hung (SIGSTOP)": (hang_door, 2),
    "worker hung (SIGSTOP)": (hang_worker, 2),
    "mail server gone": (stop_mail, 1),
    "mail server hung (SIGSTOP)": (hang_mail, 1),
}


def row(kinds: Sequence[str], faults: int, deliveries: int, longest: float, luck: Random) -> list[Fault]:
    """So many faults at random places among the deliveries, each kind at least once where there are enough."""
    drawn = [*kinds, *luck.choices(kinds, [KINDS[kind][1] for kind in kinds], k=faults)][:faults]
    luck.shuffle(drawn)
    # None while nothing is under way: neither before the first deliveries nor after the last ones.
    places = sorted(luck.sample(range(deliveries // 50 + 1, deliveries - deliveries // 50), faults))
    return [
        Fault(kind, place, luck.uniform(longest / 10, longest), luck.randrange(1000))
        for kind, place in zip(drawn, places, strict=True)
    ]


def _one(members: Sequence[Member], fault: Fault) -> Member:
    return members[fault.which % len(members)]


def _killed(member: Member) -> None:
    member.send(signal.SIGKILL)
    member.start()


def _hung(member: Member, seconds: float) -> None:
    member.send(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        member.send(signal.SIGCONT)
