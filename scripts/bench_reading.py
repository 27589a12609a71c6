"""What people wait for over a full store: lists with each filter, searches for common and rare words, calls, counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg

from agentctl.clients.store.postgres import PostgresStore
from scripts.bench_fill import held, store

_PAGE = {"limit": 20}
# Of 1,000,000 calls as `fill` makes them: in most, in 5 %, in one, in none; words that never meet in one call.
_SEARCHES = ("Termin", "Rückruf Angebot", "invoice", "Wallbox", '"call you back on Friday"', "V4711K", "nowhere")
QUESTIONS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "list": ("list_calls", _PAGE),
    "list --assistant": ("list_calls", {**_PAGE, "assistant": "assistant-3"}),
    "list --since --until": ("list_calls", {**_PAGE, "since": "2026-10-01", "until": "2026-10-02"}),
    "list --number +49…": ("list_calls", {**_PAGE, "number": "498900007919"}),
    "list --number 089…": ("list_calls", {**_PAGE, "number_ending": "8900007919"}),
    "list --outcome": ("list_calls", {**_PAGE, "outcome": "complaint"}),
    "list --status failed": ("list_calls", {**_PAGE, "status": "failed"}),
    "list --open": ("list_calls", {**_PAGE, "items": "open"}),
    **{f"list --search {text}": ("list_calls", {**_PAGE, "search": text}) for text in _SEARCHES},
    "list --search … --assistant": ("list_calls", {**_PAGE, "search": "Wallbox", "assistant": "assistant-3"}),
    "list --search … --until": ("list_calls", {**_PAGE, "search": "Wallbox", "until": "2026-10-01"}),
}
_RARELY: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "list --search, words that never meet": ("list_calls", {**_PAGE, "search": "hello termin"}),
    "stats --since 30d": ("count_calls", {"since": "2026-10-01"}),
    "stats of everything": ("count_calls", {}),
}


def reading(full: Path, runs: int) -> int:
    """Print the 50th and 95th percentile of each question; the exit code."""
    return asyncio.run(_reading(full, runs))


async def _reading(full: Path, runs: int) -> int:
    async with store(full) as dsn:
        print(f"{held(dsn):,} calls, {runs} times each, milliseconds")
        with psycopg.connect(dsn) as connection:
            rows = connection.execute("select conversation_id from agentctl.calls tablesample system (1) limit 500")
            ids = [{"conversation_id": name} for (name,) in rows.fetchall()]
        opened = await PostgresStore.open(dsn)
        for name, (function, args) in QUESTIONS.items():
            await _ask(opened, name, function, [args] * runs)
        await _ask(opened, "show", "show_call", [ids[at % len(ids)] for at in range(runs)])
        for name, (function, args) in _RARELY.items():
            await _ask(opened, name, function, [args] * 3)
        await opened.close()
    return 0


async def _ask(opened: PostgresStore, name: str, function: str, questions: Sequence[Mapping[str, Any]]) -> None:
    await opened.call(function, questions[0], timeout=120)
    took = []
    for args in questions:
        began = time.perf_counter()
        await opened.call(function, args, timeout=120)
        took.append(1000 * (time.perf_counter() - began))
    took.sort()
    print(f"{name:40} p50 {took[len(took) // 2]:8.1f}  p95 {took[int(len(took) * 0.95)]:8.1f}", flush=True)
