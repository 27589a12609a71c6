"""A million deliveries that nobody would send, each held against what the door promises: any other answer ends it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter

from tests.webhooks.fuzz import Fuzz

MILLION = 1_000_000
_ROW = 10_000


def fuzz(runs: int | None) -> int:
    """`runs`: how many, a million unless given. A failure is raised with its delivery, after its row's seed."""
    logging.disable(logging.CRITICAL)
    wanted, seen, start = runs or MILLION, Counter[int](), time.monotonic()
    for seed in range(-(-wanted // _ROW)):
        print(f"\rseed {seed}", end="", flush=True)
        row = Fuzz(seed)
        asyncio.run(_row(row, min(_ROW, wanted - seed * _ROW)))
        seen += row.seen
    print(f"\r{seen.total():,} deliveries in {time.monotonic() - start:.0f} s, each answered as promised")
    for status, times in sorted(seen.items()):
        print(f"{status}: {times:,}")
    return 0


async def _row(row: Fuzz, deliveries: int) -> None:
    for _ in range(deliveries):
        await row.one()
