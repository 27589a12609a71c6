"""The console: its pages over a full store and over a small one, beside the bare question; 200 pages left open; and what
a delivery waits for while somebody takes a large table and somebody reads a long call.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from agentctl.clients.store.operator import OperatorStore
from agentctl.clients.store.postgres import PostgresStore
from scripts.bench_fill import fill, held, store
from scripts.bench_receive import ROOT, SAMPLE, verdict
from scripts.measure import AGENTCTL
from scripts.receivers import SECRET

SMALL = 100  # calls
OPEN = 200  # pages
TABLE = 100_000  # calls of which somebody takes a table
_LONG_CALL = "conv_long"  # of 2,000 turns of 500 characters
_SAID = """
with one as (
    insert into agentctl.calls (tenant, conversation_id, status, started_at, source, turn_count)
    values ('default', %(call)s, 'done', '2026-10-01', 'webhook', 2000) on conflict do nothing returning conversation_id
)
insert into agentctl.call_turns (tenant, conversation_id, position, role, message, at_secs)
select 'default', one.conversation_id, n, case n %% 2 when 0 then 'agent' else 'user' end,
    repeat('<b>"Guten Tag" & auf Wiederhören.</b> ', 13), 2 * n
from one cross join generate_series(0, 1999) n
"""
_SENDERS, _SECONDS = 8, 3.0
# A page, and what the store is asked for it alone.
PAGES: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "calls": ("/calls", "my_calls", {"limit": 51}),
    "calls, a common word": ("/calls?q=Termin", "my_calls", {"limit": 51, "search": "Termin"}),
    "calls, a rare word": ("/calls?q=Wallbox", "my_calls", {"limit": 51, "search": "Wallbox"}),
    "calls of an assistant": ("/calls?assistant=assistant-3", "my_calls", {"limit": 51, "assistant": "assistant-3"}),
    "action items": ("/items", "my_action_items", {"items": "open", "limit": 101}),
}


class Served(NamedTuple):
    """A door with its console. `cookie`: of somebody who is in."""

    port: int
    pid: int
    cookie: str


def console(full: Path, runs: int) -> int:
    """Print first bytes and what open pages cost; the exit code is 1 where a floor is missed."""
    return asyncio.run(_console(full, runs))


async def _console(full: Path, runs: int) -> int:
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as scratch:
        small = Path(scratch) / "small"
        await asyncio.to_thread(fill, small, SMALL)
        async with _opened(full) as (many, ours), _opened(small) as (few, theirs):
            print(f"{many:,} and {few:,} calls, first bytes of {runs} each, milliseconds at the median")
            kept = [await _page(name, ours, theirs, runs) for name in PAGES]
            kept += await _left_open(theirs[0])
        kept += await _asked_for_much(small)
    return 0 if all(kept) else 1


@asynccontextmanager
async def _opened(directory: Path) -> AsyncIterator[tuple[int, tuple[Served, OperatorStore]]]:
    """How many calls a store has, its console, and the store as the operator asks it."""
    async with store(directory) as dsn:
        bare = await PostgresStore.open(dsn)
        try:
            with _served(dsn) as served:
                yield held(dsn), (served, OperatorStore(bare))
        finally:
            await bare.close()


async def _page(name: str, full: tuple[Served, OperatorStore], small: tuple[Served, OperatorStore], runs: int) -> bool:
    path, function, args = PAGES[name]
    took: dict[str, list[float]] = {"full": [], "small": [], "bare": []}
    for turn in range(runs + 2):  # in turn, so that what else the machine does is everybody's; two to warm up
        rows = {
            "full": await asyncio.to_thread(_first_byte, full[0], path),
            "small": await asyncio.to_thread(_first_byte, small[0], path),
            "bare": await _bare(full[1], function, args),
        }
        for which, seconds in rows.items() if turn > 1 else ():
            took[which].append(1000 * seconds)
    page, little, bare = (statistics.median(took[which]) for which in ("full", "small", "bare"))
    print(f"{name:24} full {page:7.1f}  small {little:7.1f}  the store's answer {bare:7.1f}")
    return all(
        [
            _floor(f"{name}: of the store's answer", page / bare, 3.0),
            *([_floor(f"{name}: of the small store's page", page / little, 1.3)] if name == "calls" else []),
        ]
    )


def _floor(what: str, found: float, most: float) -> bool:
    print(f"{verdict(found <= most)} {what}: {found:.2f} (at most {most:g})", flush=True)
    return found <= most


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


async def _bare(asked: OperatorStore, function: str, args: Mapping[str, Any]) -> float:
    began = time.perf_counter()
    await asked.call(function, {**args, "tenant": "default"}, timeout=60)
    return time.perf_counter() - began


async def _left_open(served: Served) -> list[bool]:
    """What the door does with no page open and with many, in turn."""
    memory = _megabytes(served.pid)
    alone, beside = [], []
    most = memory
    for _ in range(3):
        alone += await asyncio.to_thread(_deliver, served.port)
        async with _pages(served):
            beside += await asyncio.to_thread(_deliver, served.port)
            most = max(most, _megabytes(served.pid))
    quiet, busy = (sorted(took)[int(len(took) * 0.99)] / 1000 for took in (alone, beside))
    print(f"{OPEN} pages open: {most - memory:.0f} MB more, acknowledged at p99 {busy:.1f} ms instead of {quiet:.1f}")
    return [_floor("memory, MB", most - memory, 100), _floor("acknowledged at p99", busy / quiet, 1.5)]


async def _asked_for_much(directory: Path) -> list[bool]:
    await asyncio.to_thread(fill, directory, TABLE)
    async with store(directory) as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute(_SAID, {"call": _LONG_CALL})
        with _served(dsn) as served:
            return await _beside(served)


async def _beside(served: Served) -> list[bool]:
    """What one delivery after another waits for, alone and beside those who ask for much, in turn."""
    asked = {
        "a table of 100,000 calls": ("/calls.csv",),
        "calls of 1 MB": (f"/calls/{_LONG_CALL}",),
        "both": ("/calls.csv", f"/calls/{_LONG_CALL}"),
    }
    took: dict[str, list[int]] = {"alone": [], **{name: [] for name in asked}}
    for _ in range(3):
        took["alone"] += await asyncio.to_thread(_deliver, served.port, 1)
        for name, paths in asked.items():
            reading = [asyncio.create_task(_read_on(served, path)) for path in paths]
            try:
                took[name] += await asyncio.to_thread(_deliver, served.port, 1)
            finally:
                for task in reading:
                    task.cancel()
    for name, micros in took.items():
        half, most = (sorted(micros)[int(len(micros) * part)] / 1000 for part in (0.5, 0.99))
        print(f"deliveries beside {name:24} p50 {half:6.1f}  p99 {most:6.1f}  most {max(micros) / 1000:6.1f}")
    return []


async def _read_on(served: Served, path: str) -> None:
    """Ask for it again and again."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(f"GET {path} HTTP/1.0\r\nhost: 127.0.0.1:{served.port}\r\ncookie: {served.cookie}\r\n\r\n".encode())
        with suppress(ConnectionError):
            await _drain(reader)
        writer.close()


def _deliver(port: int, senders: int = _SENDERS) -> list[int]:
    """Of each acknowledged delivery the microseconds."""
    arguments = [str(port), str(senders), str(_SECONDS), str(SAMPLE)]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.senders", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    took: list[int] = json.loads(done.stdout)[1]
    return took


@asynccontextmanager
async def _pages(served: Served) -> AsyncIterator[None]:
    """So many pages open, each of which hears what is new."""
    open_ones = await asyncio.gather(*(_page_left_open(served) for _ in range(OPEN)))
    reading = [asyncio.create_task(_drain(reader)) for reader, _ in open_ones]
    try:
        yield
    finally:
        for task in reading:
            task.cancel()
        for _, writer in open_ones:
            writer.close()


async def _page_left_open(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"GET /live HTTP/1.1\r\nhost: 127.0.0.1:{served.port}\r\ncookie: {served.cookie}\r\n\r\n".encode())
    await reader.readuntil(b"retry:")
    return reader, writer


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


def _megabytes(pid: int) -> float:
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


@contextmanager
def _served(dsn: str) -> Iterator[Served]:
    """`agentctl serve` without its worker, and somebody who came in by a link."""
    with tempfile.TemporaryDirectory(prefix="agentctl-bench-") as home, tempfile.TemporaryFile("w+") as said:
        env = {"PATH": os.environ["PATH"], "HOME": home, "DATABASE_URL": dsn}
        env["ELEVENLABS_WEBHOOK_SECRET"] = SECRET.get_secret_value()
        process = subprocess.Popen(
            [AGENTCTL, "serve", "--no-worker", "--port", "0"],
            cwd=home, env=env, stdout=subprocess.PIPE, stderr=said, text=True,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if "Listening on" not in line:
                said.seek(0)
                sys.exit(f"serve: {said.read()}")
            port = int(line.rsplit(":", 1)[1].partition("/")[0])
            link = subprocess.run([AGENTCTL, "link"], cwd=home, env=env, capture_output=True, text=True, check=True)
            yield Served(port, process.pid, _entered(port, link.stdout.strip()))
        finally:
            process.terminate()
            process.wait(40)


def _entered(port: int, link: str) -> str:
    """The cookie of whoever came in by it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", f"/enter?{link.partition('?')[2]}")
    return (connection.getresponse().getheader("set-cookie") or "").partition(";")[0]
