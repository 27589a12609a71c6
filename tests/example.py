"""The example project in a directory of its own, at a sandbox, driven as a user drives it: by processes."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentctl.sandbox.harness import BlockingSandbox
from agentctl.sources.init import write

NUMBER = "+498999998100"
PATIENCE_SECONDS = 60
COMMAND = (sys.executable, "-m", "agentctl")


class Example:
    """One project. `dsn` None: on the embedded store, which somebody has to stop."""

    def __init__(self, root: Path, sandbox: BlockingSandbox, dsn: str | None) -> None:
        self.root = root
        self.sandbox = sandbox
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(root.parent),
            "ELEVENLABS_BASE_URL": sandbox.url,
            "ELEVENLABS_API_KEY": sandbox.key,
            "TWILIO_BASE_URL": sandbox.url,
            "TWILIO_ACCOUNT_SID": sandbox.account_sid,
            "TWILIO_AUTH_TOKEN": sandbox.auth_token,
            **({"DATABASE_URL": dsn} if dsn else {}),
        }
        write(root)  # what `agentctl init` does, without its process

    def __call__(self, *arguments: str, **settings: str) -> str:
        """Run a command that has to work; what it printed."""
        ended = self.ended(*arguments, **settings)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def json(self, *arguments: str) -> Any:
        """Run a command that has to work with --json."""
        return json.loads(self(*arguments, "--json"))

    def ended(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command, however it ends."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.root,
            env={**self.env, **settings},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        )

    @contextmanager
    def started(self, *arguments: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
        """A command that is running; killed at the end if it still does."""
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.root,
            env={**self.env, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def on_terminal(self, *arguments: str, typed: Mapping[str, str] | None = None, **settings: str) -> tuple[int, str]:
        """Run a command on a terminal of its own: exit code and everything shown. `typed`: prompt -> keys."""
        waiting = dict(typed or {})
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.root)
            os.execve(COMMAND[0], [*COMMAND, *arguments], {**self.env, "TERM": "xterm", **settings})
        shown, end = "", time.monotonic() + PATIENCE_SECONDS
        try:
            while time.monotonic() < end:
                if not select.select([terminal], [], [], 0.2)[0]:
                    # A person types once the text stands still; a key that comes before it is read for may be missed.
                    for prompt in [prompt for prompt in waiting if prompt in shown]:
                        os.write(terminal, waiting.pop(prompt).encode())
                    continue
                try:
                    shown += os.read(terminal, 65536).decode(errors="replace")
                except OSError:  # Linux: the other side is closed
                    break
            else:
                os.kill(pid, 9)
        finally:
            os.close(terminal)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return code, shown.replace("\r\n", "\n")

    def writes(self) -> list[tuple[str, str]]:
        """Every request so far that could have written something at ElevenLabs."""
        return [(entry["method"], entry["path"]) for entry in self.sandbox.log() if entry["method"] != "GET"]

    def until(self, path: str) -> None:
        """Wait until a request to `path` has been caught by an ordered fault."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not any(fault["hits"] for fault in self.sandbox.faults() if fault["path"] == path):
            assert time.monotonic() < end, f"nobody asked for {path}"
            time.sleep(0.02)
