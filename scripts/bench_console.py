"""The console: its pages over a full store and over a small one, beside the bare questions; 200 pages left open; and
what a delivery waits for while somebody takes a large table and somebody reads a long call.
"""

from __future__ import annotations

import asyncio
import http.client
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from agentctl.clients.store.operator import OperatorStore
from agentctl.clients.store.postgres import PostgresStore
from scripts.bench_beside import Served, asked_for_much, floor, left_open, serving
from scripts.bench_fill import fill, held, store

SMALL = 100  # calls
_WARM = 2  # of a page that do not count
Question = tuple[str, Mapping[str, Any]]
_ASSISTANTS: Question = ("my_assistants", {})
_OPENED = {"actor": "operator", "action": "show", "subject": {}}  # who opens a call is written down


def _calls(**wanted: str) -> tuple[Question, ...]:
    return ("my_calls", {"limit": 51, **wanted}), _ASSISTANTS


# A page, and what the store has to be asked for it; `{call}` is the newest.
PAGES: Mapping[str, tuple[str, tuple[Question, ...]]] = {
    "calls": ("/calls", _calls()),
    "calls, a common word": ("/calls?q=Termin", _calls(search="Termin")),
    "calls, a rare word": ("/calls?q=Wallbox", _calls(search="Wallbox")),
    "calls of an assistant": ("/calls?assistant=assistant-3", _calls(assistant="assistant-3")),
    "a call": ("/calls/{call}", (("my_call", {"conversation_id": "{call}"}), ("audit", _OPENED))),
    "action items": ("/items", (("my_action_items", {"items": "open", "limit": 101}),)),
    "assistants": ("/", (_ASSISTANTS,)),
    "numbers": ("/numbers", (_ASSISTANTS,)),
    "at a glance, 90 days": ("/glance?days=90", (("my_counts", {"since": "{since}"}), _ASSISTANTS)),
    "health": (
        "/health",
        (
            ("list_events", {"states": ["dead", "kept"], "limit": 26}),
            *((name, {"tenant": None}) for name in ("queue", "sink_queue", "strangers")),
            ("sync_queue", {}),
        ),
    ),
}


def console(full: Path, runs: int) -> int:
    """Print first bytes and what open pages cost; the exit code is 1 where a floor is missed."""
    return asyncio.run(_console(full, runs))


async def _console(full: Path, runs: int) -> int:
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as scratch:
        small = Path(scratch) / "small"
        await asyncio.to_thread(fill, small, SMALL)
        async with _opened(full) as many, _opened(small) as few:
            print(f"{many.calls:,} and {few.calls:,} calls, first bytes of {runs} each, milliseconds at the median")
            kept = [await _page(name, many, few, runs) for name in PAGES]
            kept += await left_open(few.served)
        await asked_for_much(small)
    return 0 if all(kept) else 1


class Opened(NamedTuple):
    """A store with `calls` calls, `call` the newest; its console, and as the operator asks it."""

    calls: int
    call: str
    served: Served
    asked: OperatorStore


@asynccontextmanager
async def _opened(directory: Path) -> AsyncIterator[Opened]:
    async with store(directory) as dsn:
        bare = await PostgresStore.open(dsn)
        asked = OperatorStore(bare)
        try:
            (newest,) = await asked.call("my_calls", {"tenant": "default", "limit": 1})
            with serving(dsn) as served:
                yield Opened(held(dsn), newest["conversation_id"], served, asked)
        finally:
            await bare.close()


async def _page(name: str, full: Opened, small: Opened, runs: int) -> bool:
    path, questions = PAGES[name]
    known = {"call": full.call, "since": str(datetime.now(UTC).date() - timedelta(days=89))}
    asked = [(function, _filled(args, known)) for function, args in questions]
    took: dict[str, list[float]] = {"full": [], "small": [], "bare": []}
    for _ in range(runs + _WARM):  # in turn, so that what else the machine does is everybody's
        took["full"].append(await asyncio.to_thread(_first_byte, full.served, path.format(**known)))
        took["small"].append(await asyncio.to_thread(_first_byte, small.served, path.format(call=small.call)))
        took["bare"].append(await _bare(full.asked, asked))
    page, little, bare = (1000 * statistics.median(took[which][_WARM:]) for which in took)
    first = f"  the first {1000 * took['full'][0]:.0f}" if took["full"][0] > page / 200 else ""
    print(f"{name:24} full {page:7.1f}  small {little:7.1f}  the store's answer {bare:7.1f}{first}")
    held_there = floor(f"{name}: of the store's answer", page / bare, 3.0)
    return (name != "calls" or floor("calls: of the small store's page", page / little, 1.3)) and held_there


def _filled(args: Mapping[str, Any], known: Mapping[str, str]) -> Mapping[str, Any]:
    return {name: one.format(**known) if isinstance(one, str) else one for name, one in args.items()}


def _first_byte(served: Served, path: str) -> float:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.connect()
    began = time.perf_counter()
    connection.request("GET", path, headers={"cookie": served.cookie})
    answer = connection.getresponse()
    answer.read(1)
    took = time.perf_counter() - began
    if answer.status != 200:
        sys.exit(f"{path}: {answer.status} {answer.read().decode()}")
    connection.close()
    return took


async def _bare(store: OperatorStore, questions: Sequence[Question]) -> float:
    """All of them at once, as a page asks them."""
    began = time.perf_counter()
    asked = (store.call(function, {"tenant": "default", **args}, timeout=60) for function, args in questions)
    await asyncio.gather(*asked)
    return time.perf_counter() - began
