"""What a delivery waits for beside the console: 200 pages left open, a large table taken, a long call read."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from scripts.bench_fill import fill, store
from scripts.bench_receive import ROOT, SAMPLE, verdict
from scripts.measure import AGENTCTL
from scripts.receivers import SECRET

OPEN = 200  # pages
TABLE = 100_000  # calls
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


class Served(NamedTuple):
    """A door with its console. `cookie`: of somebody who is in."""

    port: int
    pid: int
    cookie: str


def floor(what: str, found: float, most: float) -> bool:
    """Whether it is held, and print it."""
    print(f"{verdict(found <= most)} {what}: {found:.2f} (at most {most:g})", flush=True)
    return found <= most


async def left_open(served: Served) -> list[bool]:
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
    return [floor("memory, MB", most - memory, 100), floor("acknowledged at p99", busy / quiet, 1.5)]


async def asked_for_much(directory: Path) -> None:
    """What it does beside those who ask for much of this store, which is filled for it."""
    await asyncio.to_thread(fill, directory, TABLE)
    async with store(directory) as dsn:
        with psycopg.connect(dsn) as connection:
            connection.execute(_SAID, {"call": _LONG_CALL})
        with serving(dsn) as served:
            await _beside(served)


async def _beside(served: Served) -> None:
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


async def _read_on(served: Served, path: str) -> None:
    """Ask for it again and again."""
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        try:
            writer.write(_asking(served, path))
            await _drain(reader)
        finally:
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
    writer.write(_asking(served, "/live"))
    await reader.readuntil(b"retry:")
    return reader, writer


def _asking(served: Served, path: str) -> bytes:
    """One request on a connection of its own."""
    host = f"host: 127.0.0.1:{served.port}\r\n"
    return f"GET {path} HTTP/1.1\r\n{host}cookie: {served.cookie}\r\nconnection: close\r\n\r\n".encode()


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


def _megabytes(pid: int) -> float:
    (line,) = [one for one in Path(f"/proc/{pid}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1000


@contextmanager
def serving(dsn: str) -> Iterator[Served]:
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
