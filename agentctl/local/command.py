"""Run one of Postgres' programs to its end, with a deadline and an environment of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

# Nothing of the caller's environment: PGPORT, PGOPTIONS, PGDATA or a locale would change what the programs do.
# `locale`, which initdb asks for collations, is found by PATH.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}


@dataclass(frozen=True)
class Outcome:
    """How a program ended; `output` is what it wrote, errors included."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0

    def tail(self, lines: int = 5) -> str:
        """The last lines of the output, indented to stand below a message."""
        return "\n  ".join(self.output.strip().splitlines()[-lines:])


async def run(command: Sequence[str | Path], seconds: float, *, pass_fds: Sequence[int] = ()) -> Outcome:
    """Run `command`. After `seconds` it is killed, and the outcome's code is -9; a missing program's is 127."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=ENVIRONMENT,
            pass_fds=pass_fds,
        )
    except OSError as error:
        return Outcome(127, f"{command[0]}: {error.strerror}")
    output = b""
    try:
        async with asyncio.timeout(seconds):
            output, _ = await process.communicate()
    except TimeoutError:
        pass
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return Outcome(process.returncode if process.returncode is not None else -9, output.decode("utf-8", "replace"))
