"""The example project in a directory of its own, at a sandbox, driven as a user drives it: by processes."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from agentctl.sandbox.harness import BlockingSandbox
from agentctl.sources.init import write
from tests import commands
from tests.commands import PATIENCE_SECONDS, Command

NUMBER = "+498999998100"


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
        return commands.ended(arguments, self.root, {**self.env, **settings})

    def started(self, *arguments: str, **settings: str) -> AbstractContextManager[Command]:
        """A command that is running; killed at the end if it still does."""
        return commands.started(arguments, self.root, {**self.env, **settings})

    def on_terminal(self, *arguments: str, typed: Mapping[str, str] | None = None, **settings: str) -> tuple[int, str]:
        """Run a command on a terminal of its own: exit code and everything shown. `typed`: prompt -> keys."""
        waiting, shown, end = dict(typed or {}), "", time.monotonic() + PATIENCE_SECONDS
        with commands.on_terminal(arguments, self.root, {**self.env, **settings}) as (command, terminal):
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
                command.kill()
        return command.wait(), shown.replace("\r\n", "\n")

    def writes(self) -> list[tuple[str, str]]:
        """Every request so far that could have written something at ElevenLabs."""
        return [(entry["method"], entry["path"]) for entry in self.sandbox.log() if entry["method"] != "GET"]

    def until(self, path: str) -> None:
        """Wait until a request to `path` has been caught by an ordered fault."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not any(fault["hits"] for fault in self.sandbox.faults() if fault["path"] == path):
            assert time.monotonic() < end, f"nobody asked for {path}"
            time.sleep(0.02)
