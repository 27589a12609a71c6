"""The Edge Function in a genuine Deno."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import npm

FUNCTION = Path(__file__).parents[2] / "supabase" / "functions" / "post-call"
HARNESS = "x-harness"


def deno() -> str:
    """The program, downloaded once per checkout."""
    return str(npm.program(npm.DENO))


@dataclass(frozen=True)
class Edge:
    """Where it listens, and the file with all that it has logged."""

    url: str
    pid: int
    log: Path


def harness(environment: Mapping[str, str], now: float | None = None, hurry: int = 1) -> dict[str, str]:
    """The header by which a request says what the function finds; `now` in unix seconds, None: the real time; its
    timers run `hurry` times faster.
    """
    return {HARNESS: json.dumps({"environment": environment, "now": now, "hurry": hurry})}


@contextmanager
def served() -> Iterator[Edge]:
    """The function until the block ends. Nothing can be downloaded."""
    script, entry = Path(__file__).with_name("edge.ts"), FUNCTION / "index.ts"
    rights = ("--allow-net=127.0.0.1", "--allow-env", f"--allow-read={FUNCTION}")
    with tempfile.TemporaryDirectory(prefix="agentctl-edge-") as home, open(Path(home, "log"), "wb") as log:
        command = [deno(), "run", "--no-remote", "--no-npm", "--no-prompt", "--no-check", *rights]
        command += [str(script), entry.as_uri()]
        own = {"DENO_DIR": home, "NO_COLOR": "1"}
        process = subprocess.Popen(command, cwd=home, env=own, stdout=subprocess.PIPE, stderr=log)
        assert process.stdout is not None
        try:
            port = process.stdout.readline().decode().strip()
            assert port, Path(home, "log").read_text()
            yield Edge(f"http://127.0.0.1:{port}/functions/v1/post-call", process.pid, Path(home, "log"))
        finally:
            process.terminate()
            process.communicate()
