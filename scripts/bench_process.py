"""Events into stored calls: how many a second one worker makes, and four; and again over a full store."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from agentctl.clients.store.postgres import PostgresStore
from scripts.bench_fill import held, store
from scripts.measure import AGENTCTL

_SAMPLE = Path(__file__).parents[1] / "tests" / "samples" / "post_call_transcription.json"
_AT_ONCE = 20
_DONE: LiteralString = (
    "select count(*), max(finished_at) from agentctl.events where starts_with(conversation_id, %s) and state = 'done'"
)
# Each worker has asked for work at least once, and waits.
_UP: LiteralString = (
    "select count(distinct pid) from pg_stat_activity "
    "where application_name = 'agentctl' and query like '%claim_events%'"
)


def process(full: Path, events: int, runs: int) -> int:
    """Print the rates over an empty store and, where `full` has one (see `fill`), over that; their exit code."""
    return asyncio.run(_process(full, events, runs))


async def _process(full: Path, events: int, runs: int) -> int:
    print(f"{events} transcripts of {len(_body('x')) / 1000:.0f} kB each, medians of {runs} runs")
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as made:
        empty = await _rates("an empty store", Path(made), events, runs)
    if not full.is_dir():
        print(f"No full store in {full}: make one with ./scripts/bench fill")
        return 0
    loaded = await _rates("a full store", full, events, runs)
    for workers in empty:
        print(f"{workers} workers over the full store: {empty[workers] / loaded[workers]:.2f} times slower")
    return 0


async def _rates(name: str, directory: Path, events: int, runs: int) -> dict[int, float]:
    rates: dict[int, list[float]] = {1: [], 4: []}
    async with store(directory) as dsn:
        print(f"{name}, {held(dsn):,} calls:")
        for turn in range(runs):
            for workers, found in rates.items():
                mark = f"bench_{os.getpid()}_{turn}_{workers}"
                await _accept(dsn, mark, events)
                found.append(await _work(dsn, directory, workers, mark, events))
                await asyncio.to_thread(
                    _run, dsn, "delete from agentctl.calls where starts_with(conversation_id, %s)", mark
                )
                await asyncio.to_thread(
                    _run, dsn, "delete from agentctl.events where starts_with(conversation_id, %s)", mark
                )
    one, four = (statistics.median(found) for found in rates.values())
    print(f"  1 worker {one:,.0f} calls/s, 4 workers {four:,.0f}: {four / one:.2f} times as many")
    return {1: one, 4: four}


async def _accept(dsn: str, mark: str, events: int) -> None:
    """Fill the queue; nothing of it is due before `_work` says so."""
    opened = await PostgresStore.open(dsn)
    for first in range(0, events, _AT_ONCE):
        names = [f"{mark}_{number}" for number in range(first, min(first + _AT_ONCE, events))]
        await asyncio.gather(*(opened.call("accept", _delivery(name)) for name in names))
    await opened.close()
    _run(
        dsn,
        "update agentctl.events set due_at = now() + interval '1 hour' where starts_with(conversation_id, %s)",
        mark,
    )


async def _work(dsn: str, directory: Path, workers: int, mark: str, events: int) -> float:
    """Calls per second of whole worker processes, as on machines of their own, all of them up already."""
    env = {**os.environ, "DATABASE_URL": dsn}
    command = [AGENTCTL, "-C", str(directory), "work", "--log-level", "error"]
    started = [
        subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(workers)
    ]
    try:
        while _run(dsn, _UP)[0] < workers:
            await asyncio.sleep(0.1)
        _run(dsn, "update agentctl.events set due_at = now() where starts_with(conversation_id, %s)", mark)
        began = _run(dsn, "select clock_timestamp()")[0]
        while (done := _run(dsn, _DONE, mark))[0] < events:
            await asyncio.sleep(0.1)
    finally:
        for one in started:
            one.terminate()
        for one in started:
            await asyncio.to_thread(one.wait)
    return events / float((done[1] - began).total_seconds())


def _run(dsn: str, statement: LiteralString, *values: str) -> tuple[Any, ...]:
    """Run a statement; the first row of its answer, empty where there is none."""
    with psycopg.connect(dsn, application_name="bench") as connection:
        cursor = connection.execute(statement, values or None)
        return (cursor.fetchone() or ()) if cursor.description else ()


def _body(name: str) -> bytes:
    event = json.loads(_SAMPLE.read_bytes())
    event["data"]["conversation_id"] = name
    return json.dumps(event).encode()


def _delivery(name: str) -> dict[str, Any]:
    return {
        "type": "post_call_transcription",
        "conversation_id": name,
        "agent_id": "agent_bench",
        "event_timestamp": 1_760_000_000,
        "source": "webhook",
        "payload": base64.b64encode(_body(name)).decode(),
    }
