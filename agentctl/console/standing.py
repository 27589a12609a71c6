"""How the queues stand, as a page shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from agentctl.console.wording import Words

_UNITS = (("days", 86_400), ("hours", 3600), ("minutes", 60))


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
