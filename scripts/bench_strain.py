"""What a door's other visitors, and the outages of what it can do without, cost a small delivery."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg

from scripts.bench_receive import DEBIAN, OURS, ROOT, SAMPLE, SETTINGS, SUPABASE, Bench, verdict
from scripts.senders import Letters
from tests.chat import chatting
from tests.cluster import Cluster, free_port, wheel_binaries

RECORDINGS, SILENT = 4, 4000
ALONE = 400  # small deliveries beside nothing
PAUSE_SECONDS = 0.02  # between two of them
WORKED_SECONDS = 10.0
GROWN_MB, HELD_UP_MS, GOOD_MS, CLOSED_SECONDS = 80, 50.0, 100.0, 10.0
Deliver = Callable[[], float]


def strain(runs: int | None) -> None:
    """Each small delivery has 23 kB and a connection of its own; times are milliseconds until it is acknowledged."""
    binaries = DEBIAN if (DEBIAN / "pgbench").exists() else wheel_binaries()
    cluster = Cluster(binaries, durable=SETTINGS)
    with ExitStack() as stack:
        stack.callback(cluster.remove)
        cluster.create()
        bench = Bench(cluster, stack)
        for name in (OURS, *([SUPABASE] if SUPABASE in bench.doors else [])):
            for _ in range(runs or 1):
                print(f"\n{name}")
                _visited(bench.doors[name].port, bench.doors[name].pid)
        print("\nserve with its worker, whose calls are digested and mailed")
        _bereft(bench, runs or 3)


def _visited(port: int, pid: int) -> None:
    """Beside large recordings, and beside connections that say nothing."""
    deliver = _small(port)
    alone = [deliver() for _ in range(ALONE)]
    _say("alone", alone)
    with _burden("recordings", port, RECORDINGS) as burden:
        before = _megabytes(pid, "VmRSS")
        Path(f"/proc/{pid}/clear_refs").write_text("5")
        burden.begin()
        beside = list(_while(burden, deliver))
        grown = _megabytes(pid, "VmHWM") - before
    _say(f"beside {RECORDINGS} recordings of 50 MB, over a gigabit line", beside)
    told = burden.told
    print(f"{verdict(told['statuses'] == [200] * RECORDINGS)} all taken, in {told['seconds']:.1f} s")
    print(f"{verdict(grown < GROWN_MB)} the door grew by {grown:.0f} MB (below {GROWN_MB})")
    held_up = _percentile(beside, 0.99)
    print(f"{verdict(held_up < HELD_UP_MS)} p99 {held_up:.0f} ms (below {HELD_UP_MS:.0f})")
    with _burden("silent", port, SILENT) as burden:
        beside = list(_while(burden, deliver))
    _say(f"beside {SILENT} half-open connections", beside)
    good = _percentile(beside, 0.99)
    print(f"{verdict(good < GOOD_MS)} p99 {good:.0f} ms (below {GOOD_MS:.0f})")
    closed = burden.told["seconds"]
    # They were opened one after another, and the bench was busy meanwhile.
    print(f"{verdict(closed < CLOSED_SECONDS + 1)} each closed within {closed:.1f} s ({CLOSED_SECONDS:.0f} asked)")


def _bereft(bench: Bench, runs: int) -> None:
    """With language model and mail server at hand, gone, and hung, in turn."""
    took: dict[str, list[float]] = {}
    with ExitStack() as stack:
        answer = {"title": "Anruf", "summary": "Ein Anruf.", "outcome": "other", "language": "de", "action_items": []}
        model = stack.enter_context(chatting(lambda _: answer)).url
        mail, box = free_port(), bench.scratch / "mails"
        server = subprocess.Popen([sys.executable, "-m", "tests.faults.receipt.mailbox", str(mail), str(box)], cwd=ROOT)
        stack.callback(server.wait)
        stack.callback(server.terminate)
        hung = stack.enter_context(_hanging())
        places = {
            "at hand": (model, mail),
            "gone": (f"http://127.0.0.1:{free_port()}", free_port()),
            "hung": (f"http://127.0.0.1:{hung}", hung),
        }
        _owned(bench)
        for _ in range(runs):
            for name, (llm, smtp) in places.items():
                took.setdefault(name, []).extend(_served(bench, llm, smtp))
    for name, some in took.items():
        _say(f"language model and mail server {name}", some)
    base = statistics.median(took["at hand"])
    for name in ("gone", "hung"):
        ratio = statistics.median(took[name]) / base
        print(f"{verdict(ratio < 1.1)} {name}: p50 is {ratio:.2f} of that at hand (below 1.10)")


def _owned(bench: Bench) -> None:
    """The agent of the deliveries is an assistant's whose calls are mailed."""
    event = json.loads(SAMPLE.read_bytes())
    row = {
        "project": "bench", "environment": "production", "workspace": "127.0.0.1", "key": "bench", "name": "Bench",
        "language": "de", "agent_id": event["data"]["agent_id"],
        "post_call": {"mail_to": ["team@example.org"], "summary_language": "de", "action_items": True},
    }  # fmt: skip
    with psycopg.connect(bench.dsn, autocommit=True) as connection:
        connection.execute("select public.agentctl_save_assistant(%s::jsonb)", [json.dumps(row)])


def _served(bench: Bench, llm: str, smtp: int) -> list[float]:
    bench.cluster.execute("truncate agentctl.events, agentctl.outbox, agentctl.calls cascade", bench.database)
    settings = {
        "DATABASE_URL": bench.dsn, "LLM_BASE_URL": llm, "LLM_MODEL": "m", "MAIL_FROM": "telefon@example.org",
        "SMTP_URL": f"smtp://127.0.0.1:{smtp}?tls=off",
    }  # fmt: skip
    with bench.door(settings, "serve") as door:
        deliver = _small(door.port)
        end = time.monotonic() + WORKED_SECONDS
        for _ in range(20):
            deliver()
        return list(iter(lambda: deliver() if time.monotonic() < end else -1.0, -1.0))


class Burden:
    """A process of senders, and what it `told` at its end."""

    def __init__(self, what: str, port: int, count: int) -> None:
        command = [sys.executable, "-m", "scripts.burdens", what, str(port), str(count)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.told: dict[str, Any] = {}

    def begin(self) -> None:
        """Let it go."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@contextmanager
def _burden(what: str, port: int, count: int) -> Iterator[Burden]:
    burden = Burden(what, port, count)
    assert burden.process.stdout is not None
    burden.process.stdout.readline()
    try:
        yield burden
        burden.told = json.loads(burden.process.stdout.readline())
    finally:
        burden.process.kill()
        burden.process.wait()


def _while(burden: Burden, deliver: Deliver) -> Iterator[float]:
    """Deliver until the burden has nothing left to do."""
    assert burden.process.stdout is not None
    while burden.process.poll() is None:
        yield deliver()


def _small(port: int) -> Deliver:
    letters = Letters(SAMPLE)

    def deliver() -> float:
        letter = letters.next()
        time.sleep(PAUSE_SECONDS)
        begin, answer = time.perf_counter(), b""
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(letter)
            while not answer.endswith(b"}"):
                answer += (more := connection.recv(4096))
                if not more:
                    break
        if not answer.startswith(b"HTTP/1.1 200 "):
            sys.exit(f"a delivery was answered: {answer[:200]!r}")
        return (time.perf_counter() - begin) * 1e3

    return deliver


@contextmanager
def _hanging() -> Iterator[int]:
    """The port of what takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        yield listening.getsockname()[1]


def _megabytes(pid: int, what: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024


def _percentile(took: Sequence[float], share: float) -> float:
    return sorted(took)[min(len(took) - 1, int(len(took) * share))]


def _say(what: str, took: Sequence[float]) -> None:
    p50, p99 = _percentile(took, 0.5), _percentile(took, 0.99)
    print(f"{what:60} {len(took):5} deliveries  p50 {p50:6.1f}  p99 {p99:6.1f}  max {max(took):6.1f}", flush=True)
