"""How the queues stand, as a page shows it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agentctl.console.wording import Words

_UNITS = (("days", 86_400), ("hours", 3600), ("minutes", 60))
_OLD_SECONDS = 600  # what waits for longer than a worker's pauses make likely
_QUEUES = (("events", "event"), ("mails", "mail"), ("syncs", "sync"), ("rows", "row"))


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

    @property
    def is_old(self) -> bool:
        """Whether no worker seems to get to it."""
        return (self.oldest or 0) > _OLD_SECONDS


def queues(found: Mapping[str, Any]) -> Iterator[Queue]:
    """Each that there is; most have no table of their own that calls are written to."""
    for name, one in _QUEUES:
        counts = found.get(name)
        if counts is None or (name == "rows" and not any(counts.values())):
            continue
        waiting, running, dead, kept = (counts.get(state, 0) for state in ("pending", "running", "dead", "kept"))
        yield Queue(name, waiting, running, dead, kept, found[f"oldest_{one}_seconds"])


def syncs(assistants: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Those of one tenant's assistants, as the store tells of all: counts by state, and the age of the oldest."""
    jobs = [one["job"] for one in assistants if one["job"]]
    counts = {state: sum(job["state"] == state for job in jobs) for state in ("pending", "running", "held", "dead")}
    since = [job["changed_at"] for job in jobs if job["state"] in ("pending", "running") and job["changed_at"]]
    ages = [(datetime.now(UTC) - datetime.fromisoformat(one)).total_seconds() for one in since]
    return {"syncs": counts, "oldest_sync_seconds": max(ages, default=None)}


def length(seconds: float | None, words: Words) -> str:
    """5 minutes; nothing for nothing."""
    if seconds is None:
        return "–"
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return words(f"health.lengths.{unit}", count=round(seconds / size))
    return words("health.lengths.seconds", count=max(0, round(seconds)))
