"""Which queues there are, how one stands, and when it stands still. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

QUEUES = ("events", "recordings", "mails", "rows", "syncs")
OLD_SECONDS = 600  # what waits for longer than a worker's pauses make likely
_RARE = ("recordings", "rows")  # most keep none, and have no table of their own that calls are written to


@dataclass(frozen=True)
class Queue:
    """`waiting` for a worker, `running`, given up (`dead`), and `kept`: not understood. `oldest`: seconds that the
    oldest of those that wait has waited, None where none does.
    """

    name: str
    waiting: int
    running: int
    dead: int
    kept: int
    oldest: float | None

    @classmethod
    def of(cls, name: str, found: Mapping[str, Any]) -> Queue:
        """That of QUEUES, as the store tells of all of them."""
        waiting, running, dead, kept = (found[name].get(state, 0) for state in ("pending", "running", "dead", "kept"))
        return cls(name, waiting, running, dead, kept, found[f"oldest_{name.removesuffix('s')}_seconds"])

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it."""
        return not (self.waiting or self.running or self.dead or self.kept)

    @property
    def is_old(self) -> bool:
        """Whether no worker seems to get to it."""
        return self.waiting > 0 and (self.oldest or 0) > OLD_SECONDS


def used(found: Mapping[str, Any]) -> Iterator[Queue]:
    """Each that whoever asks how they stand is to be told of."""
    for queue in (Queue.of(name, found) for name in QUEUES):
        if queue.name not in _RARE or not queue.is_empty:
            yield queue
