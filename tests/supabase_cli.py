"""The genuine Supabase CLI, for what it does to a database by its address alone: no account, no Docker.

It is told nothing of this machine's user, and tells nobody of itself.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests import npm

OURS = Path(__file__).parents[1] / "supabase"
_QUIET = {"DO_NOT_TRACK": "1", "SUPABASE_TELEMETRY_DISABLED": "1", "PGSSLMODE": "disable"}


class Repository:
    """A repository with a folder `supabase`, and the CLI in it."""

    def __init__(self, folder: Path, *, ours: bool = False) -> None:
        """An empty one, or a copy of `ours`, up to whichever migration a test leaves in it."""
        self.folder = folder
        self.migrations = folder / "supabase" / "migrations"
        if ours:
            shutil.copytree(OURS, folder / "supabase", ignore=shutil.ignore_patterns(".temp"))
        else:
            self.migrations.mkdir(parents=True)

    def push(self, dsn: str, *flags: str) -> str:
        """`supabase db push`; what it said, also where it refused."""
        ran = self.run("db", "push", f"--remote={dsn}", *flags)
        return ran.stdout + ran.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Any command."""
        program = npm.program(npm.SUPABASE)
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **_QUIET}
        return subprocess.run(
            [str(program), "--workdir", str(self.folder), "--agent", "no", "--yes", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
