"""How often something may be done: counted by the store, for all doors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from agentctl.calls.inbox import Store


@dataclass(frozen=True)
class Pace:
    """So `many` in so many `seconds`."""

    many: int
    seconds: int


async def pause(store: Store, paces: Iterable[tuple[str, Pace]]) -> int:
    """In how many seconds it may be tried again; 0: it may, and is counted under each key. Raises StoreError."""
    for key, pace in paces:
        taken = await store.call("take_pace", {"key": key, **asdict(pace)})
        if not taken["allowed"]:
            return max(1, int(taken["wait_seconds"]))
    return 0
