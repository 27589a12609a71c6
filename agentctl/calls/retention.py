"""Erase what is older than its project keeps it: transcripts, recordings and raw events, each with a limit of its own.

In batches, each of them whole; so it can be cut off at any point, and be done by several workers at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # A sync tells of limits, and processes no calls.
    from agentctl.calls.inbox import Store
    from agentctl.calls.process import Recordings

log = logging.getLogger(__name__)

NAMES = {
    "transcripts": "transcripts",
    "audio": "recordings",
    "raw_events": "raw events",
    "audit": "rows of the audit log",
}
_BATCH = 200
_SECONDS = 60.0


@dataclass(frozen=True)
class Retained:
    """What one run erased: the words of so many calls, recordings, raw events, rows of the audit log.

    `missing`: of the recordings, those that somebody had deleted where they lay. `elsewhere`: recordings that are due
    and lie on another machine, whose worker erases them.
    """

    calls: int = 0
    recordings: int = 0
    events: int = 0
    audit: int = 0
    missing: int = 0
    elsewhere: int = 0


async def retain(store: Store, recordings: Recordings, *, batch: int = _BATCH) -> Retained:
    """Erase all that is due. Where no project has declared a limit, that is nothing but old rows of the audit log.

    Raises StoreError.
    """
    sounds, missing, elsewhere = await _recordings(store, recordings, batch)
    sounds += await erase_abandoned(store, recordings)
    events = [await _batches(store, "retain_events", batch, state=state) for state in ("done", "kept", "dead")]
    calls = await _batches(store, "retain_calls", batch)
    trimmed = (await store.call("trim_audit", {}, timeout=_SECONDS))["count"]
    done = Retained(calls, sounds, sum(events), trimmed, missing, elsewhere)
    if any(asdict(done).values()):
        told = "%d transcripts, %d recordings, %d raw events and %d audit rows were erased for their age"
        log.info(told, done.calls, done.recordings, done.events, done.audit)
    if missing:
        told = "%d recordings that were due are not in Storage any more: somebody deleted them there, or %s"
        log.warning(told, missing, "SUPABASE_URL names another project than the one that has them")
    if elsewhere:
        log.warning("%d recordings are due to be erased and not in this place", elsewhere)
    return done


async def erase_abandoned(store: Store, recordings: Recordings) -> int:
    """Erase what a worker that was lost may have stored of calls that are gone, and of others in a second place; how
    many files that were. One by one: meanwhile somebody may begin the next anew. Raises StoreError.
    """
    erased, after = 0, None
    while left := await store.call("abandoned_recordings", {"limit": 1, "after": after}, timeout=_SECONDS):
        (one,) = left
        there = await recordings.discard(one["location"])
        looked = {**one, "reached": there or await recordings.reaches(one["location"])}
        await store.call("drop_abandoned", {"recordings": [looked]}, timeout=_SECONDS)
        erased, after = erased + there, [one["conversation_id"], one["location"]]
    return erased


def added(runs: Iterable[Retained]) -> Retained:
    """What several runs have erased together."""
    counted = [asdict(run) for run in runs]
    return Retained(**{name: sum(run[name] for run in counted) for name in asdict(Retained())})


def changes(kept: Mapping[str, Any], declared: Mapping[str, int | None]) -> list[str]:
    """What is other in `declared` than in the store's row, in words."""
    return [
        f"{name} are kept {_length(declared.get(kind))} instead of {_length(kept.get(kind))}"
        for kind, name in NAMES.items()
        if kept.get(kind) != declared.get(kind)
    ]


def _length(days: int | None) -> str:
    return "for ever" if days is None else f"for {days} days"


async def _batches(store: Store, function: str, batch: int, **asked: Any) -> int:
    total, after = 0, None
    while True:
        found = await store.call(function, {**asked, "limit": batch, "after": after}, timeout=_SECONDS)
        total, after = total + int(found["count"]), found["last"]
        if after is None:
            return total


async def _recordings(store: Store, recordings: Recordings, batch: int) -> tuple[int, int, int]:
    """How many went, how many of these were missing, how many are elsewhere."""
    erased, missing, elsewhere, after = 0, 0, 0, None
    while due := await store.call("due_recordings", {"limit": batch, "after": after}, timeout=_SECONDS):
        there = [one for one in due if await recordings.erase(one["conversation_id"], one["location"])]
        gone = [one for one in due if one not in there and await recordings.reaches(one["location"])]
        lost = await _drop(store, gone)
        erased, missing = erased + lost + await _drop(store, there), missing + lost
        elsewhere, after = elsewhere + len(due) - len(there) - len(gone), due[-1]["conversation_id"]
    return erased, missing, elsewhere


async def _drop(store: Store, gone: list[Any]) -> int:
    """How many of them nobody else has dropped."""
    dropped: int = (await store.call("drop_recordings", {"recordings": gone}, timeout=_SECONDS))["count"]
    return dropped
