"""What calls take: bytes in each table, bytes of log and processor time, on the way that every call goes."""

from __future__ import annotations

import asyncio
import json
import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from pydantic import SecretStr

from agentctl.calls import inbox
from agentctl.clients.store.migrations import migrate
from agentctl.settings import Settings
from agentctl.verbs.work import process
from agentctl.wiring import Control, connect
from scripts.bench_fill import TURNS, conversations
from scripts.bench_receive import DEBIAN, SAMPLE, SETTINGS
from tests.cluster import Cluster, wheel_binaries

_TABLES = """
select c.relname, pg_relation_size(c.oid), coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0),
    pg_indexes_size(c.oid)
from pg_class c where c.relnamespace = 'agentctl'::regnamespace and c.relkind = 'r'
order by pg_total_relation_size(c.oid) desc
"""
_AT_ONCE = 50


def growth(calls: int) -> int:
    """Print them for `calls` calls, each accepted, processed and mailed to one address; the exit code."""
    binaries = DEBIAN if DEBIAN.is_dir() else wheel_binaries()
    cluster = Cluster(binaries, durable=SETTINGS)
    try:
        cluster.create()
        asyncio.run(_growth(cluster.dsn(cluster.new_database()), calls))
    finally:
        cluster.remove()
    return 0


async def _growth(dsn: str, calls: int) -> None:
    await migrate(dsn, shim=True)
    before, log = _sizes(dsn), _log(dsn)
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as home:
        settings = Settings(database_url=SecretStr(dsn), mail_from="telefon@example.org")
        async with connect(Path(home), settings=settings) as control:
            sent = await _accepted(control, calls)
            taken, busy = _log(dsn), resource.getrusage(resource.RUSAGE_SELF)
            tally = await process(control)
            assert tally.done == calls
            worked = resource.getrusage(resource.RUSAGE_SELF)
    written = _log(dsn)
    seconds = (worked.ru_utime + worked.ru_stime - busy.ru_utime - busy.ru_stime) / calls
    print(f"{calls:,} calls of {TURNS} turns, {sent / calls:,.0f} bytes delivered for each; bytes per call:")
    print(f"{'':24}{'rows':>8}{'toast':>8}{'indexes':>8}{'all':>8}")
    after = _sizes(dsn)
    grown = {name: [now - then for now, then in zip(sizes, before[name], strict=True)] for name, sizes in after.items()}
    for name, parts in [*grown.items(), ("all", [sum(column) for column in zip(*grown.values(), strict=True)])]:
        if sum(parts) >= calls:
            print(f"{name:24}" + "".join(f"{part / calls:8,.0f}" for part in (*parts, sum(parts))))
    print(f"write-ahead log: {(taken - log) / calls:,.0f} accepted, {(written - taken) / calls:,.0f} processed")
    print(f"processor time of the worker: {seconds * 1000:.1f} ms")


async def _accepted(control: Control, calls: int) -> int:
    """The bytes of all bodies."""
    store, sent = await control.store(), 0
    saved = {"project": "praxis", "environment": "production", "workspace": "w", "key": "empfang", "name": "Praxis"}
    agent_id = json.loads(SAMPLE.read_text("utf-8"))["data"]["agent_id"]
    post_call = {"mail_to": ["team@example.org"]}
    await store.call("save_assistant", {**saved, "language": "de", "agent_id": agent_id, "post_call": post_call})
    bodies = _bodies(calls)
    while batch := [body for _, body in zip(range(_AT_ONCE), bodies, strict=False)]:
        await asyncio.gather(*(inbox.accept(store, body, inbox.peek(body), "webhook") for body in batch))
        sent += sum(map(len, batch))
    return sent


def _bodies(calls: int) -> Iterator[bytes]:
    """Deliveries as the platform sends them, with what was said in one of three thousand conversations."""
    event = json.loads(SAMPLE.read_text("utf-8"))
    said, spoken = list(conversations()), [turn for turn in event["data"]["transcript"] if turn["message"]]
    for number in range(calls):
        _, _, title, summary, turns = said[number % len(said)]
        analysis = {**event["data"]["analysis"], "transcript_summary": summary, "call_summary_title": title}
        transcript: list[dict[str, Any]] = [
            {**spoken[at % len(spoken)], "role": turn["role"], "message": turn["message"], "time_in_call_secs": 5 * at}
            for at, turn in enumerate(json.loads(turns))
        ]
        ids = {"conversation_id": f"conv_{number:026d}", "analysis": analysis, "transcript": transcript}
        yield json.dumps({**event, "data": {**event["data"], **ids}}, separators=(",", ":")).encode()


def _sizes(dsn: str) -> dict[str, tuple[int, int, int]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
        return {name: (rows, toast, indexes) for name, rows, toast, indexes in connection.execute(_TABLES).fetchall()}


def _log(dsn: str) -> int:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select pg_current_wal_lsn() - '0/0'::pg_lsn").fetchone()
    assert row is not None
    return int(row[0])
