"""How long a sync takes where the platform answers each request after 50 ms: the sandbox, on loopback."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlencode

from agentctl.clients.pace import CONCURRENCY
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from scripts.measure import AGENTCTL, Row, Run, in_turn, run, table, with_requests
from tests.contract.openapi import cli as official_cli

LATENCY_MS = 50
OURS = "agentctl sync"
PEER = "official CLI: agents push"
BARE = "bare sockets, the same reads (a limit)"
START = "python with the libraries, nothing done (a limit)"
LIBRARIES = "import asyncio, httpcore, httpx, psycopg, pydantic, tenacity, typer"
BESIDE_THE_PEER = (50, 200)
MANY = 1000
FIRST, DOCUMENTS = 50, 4


def sync(runs: int | None) -> None:
    """One table per size, then the first sync."""
    print(f"each request takes {LATENCY_MS} ms; floor: requests / {CONCURRENCY} at once x {LATENCY_MS} ms")
    print("(for pages of a list and for the official CLI, which asks one thing after another: / 1)")
    print("\nthe start of a process alone")
    table(in_turn({START: lambda: run([sys.executable, "-c", LIBRARIES])}, runs or 5))
    for assistants in (*BESIDE_THE_PEER, MANY):
        print(f"\n{assistants} assistants, nothing to do")
        table(nothing_to_do(assistants, runs or 5))
    print(f"\na first sync of {FIRST} assistants with {DOCUMENTS} documents each, into an empty workspace")
    table(first_sync(runs or 5))


def nothing_to_do(assistants: int, runs: int) -> list[Row]:
    """Our sync, the same with --trust-store, and the peer's push where it ends in a tolerable time."""
    with Bench(assistants) as bench:
        bench.sync()
        ours: dict[str, Callable[[], Run]] = {
            OURS: bench.sync,
            "agentctl sync --trust-store": lambda: bench.sync("--trust-store"),
        }
        rarely = {}
        if assistants in BESIDE_THE_PEER:
            bench.adopt()
            ours[PEER] = bench.push
            rarely = {PEER: max(1, runs // 5)} if assistants > min(BESIDE_THE_PEER) else {}
        ours[BARE] = bench.bare
        bench.sync("--trust-store")  # has seen nothing to do, and remembers it
        bench.bare()  # has learned what a sync reads
        bench.sandbox.latency(LATENCY_MS)
        requests = {name: bench.requests(command) for name, command in ours.items() if name not in rarely}
        rows = in_turn(ours, runs, rarely=rarely)
        return [
            with_requests(row, requests[row.name], CONCURRENCY if row.name in (OURS, BARE) else 1, LATENCY_MS)
            if row.name in requests
            else row
            for row in rows
        ]


def first_sync(runs: int) -> list[Row]:
    """A workspace without anything each time; the database is there, as it is after the first command of a project."""
    with Bench(FIRST, DOCUMENTS) as bench:
        name = "agentctl sync, all new"
        bench.sandbox.latency(LATENCY_MS)
        bench.empty()
        requests = bench.requests(bench.sync)
        done = []
        for _ in range(runs):
            bench.empty()
            done.append(bench.sync())
        return [with_requests(Row(name, done), requests, CONCURRENCY, LATENCY_MS)]


class Bench:
    """A project and a sandbox of its own; ended, nothing of them is left."""

    def __init__(self, assistants: int, documents: int = 0) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="agentctl-bench-"))
        self._ours, self._theirs = self._scratch / "ours", self._scratch / "theirs"
        self._context = running_thread(Options())
        self._emptied = 0
        write_project(self._ours, assistants, documents)

    def __enter__(self) -> Bench:
        self.sandbox = self._context.__enter__()
        self._env = environment(self.sandbox, self._scratch)
        return self

    def __exit__(self, *error: object) -> None:
        run([AGENTCTL, "db", "stop"], self._ours, self._env)
        self._context.__exit__(None, None, None)
        shutil.rmtree(self._scratch)

    def sync(self, *options: str) -> Run:
        """Our sync."""
        return run([AGENTCTL, "sync", "--yes", *options], self._ours, self._env)

    def adopt(self) -> None:
        """Have the peer fetch all agents into files of its own."""
        self._theirs.mkdir()
        for command in (["init", "."], ["pull", "--all", "--yes"]):
            run([str(official_cli()), "agents", *command, "--base-url", self.sandbox.url], self._theirs, self._env)

    def push(self) -> Run:
        """The peer's push of all its files."""
        return run([str(official_cli()), "agents", "push", "--base-url", self.sandbox.url], self._theirs, self._env)

    def bare(self) -> Run:
        """The reads of our sync by bare sockets."""
        paths = self._scratch / "paths"
        if not paths.exists():
            self.sandbox.clear_log()
            self.sync()
            read = (f"{entry['path']}?{urlencode(entry['query'], True)}\n" for entry in self.sandbox.log())
            paths.write_text("".join(read))
        command = [sys.executable, str(Path(__file__).with_name("bare.py")), self.sandbox.url, str(paths)]
        return run([*command, str(CONCURRENCY)], self._scratch, self._env)

    def empty(self) -> None:
        """Nothing is at the platform, and this project was never synced."""
        self._emptied += 1
        self.sandbox.reset()
        (self._ours / "agentctl.toml").write_text(f'project = "bench-{self._emptied}"\n')
        run([AGENTCTL, "db", "migrate"], self._ours, self._env)
        self.sandbox.latency(LATENCY_MS)

    def requests(self, command: Callable[[], Run]) -> int:
        """How many requests a command makes."""
        self.sandbox.clear_log()
        command()
        return len(self.sandbox.log())


def write_project(directory: Path, assistants: int, documents: int) -> None:
    """Assistants with a prompt of some length."""
    directory.mkdir()
    (directory / "agentctl.toml").write_text('project = "bench"\n')
    for number in range(assistants):
        home = directory / "assistants" / f"desk-{number:03}"
        (home / "knowledge").mkdir(parents=True)
        (home / "assistant.toml").write_text(f'name = "Desk {number}"\nfirst_message = "Hello, desk {number}."\n')
        (home / "prompt.md").write_text(f"You answer the phone of desk {number}.\n" + "Be brief and friendly.\n" * 40)
        for document in range(documents):
            text = f"What desk {number} knows, part {document}.\n" + "And more of it.\n" * 60
            (home / "knowledge" / f"part-{document}.md").write_text(text)


def environment(sandbox: BlockingSandbox, home: Path) -> Mapping[str, str]:
    """The sandbox as the platform, for both clients; nothing of the user's own settings."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ELEVENLABS_API_KEY": sandbox.key,
        "ELEVENLABS_BASE_URL": sandbox.url,
    }
