"""A server's data with a migrated database in it, made once per checkout and copied by each process that runs tests.

To initialise and migrate takes two seconds of processor time; a run of the suite wants eight such servers, and a single
file one. `python -m tests.prepared` makes them before a test asks for one.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agentctl.clients.store.migrations import migrate, migrations
from tests.cluster import VERIFIER, Cluster, wheel_binaries
from tests.npm import CACHE

TEMPLATE = "migrated"
SERVERS: dict[str, Callable[[], Path]] = {
    "wheel": wheel_binaries,
    "15": lambda: Path("/usr/lib/postgresql/15/bin"),
}
_ROOT = Path(__file__).parents[1]
_MAKERS = (Path(__file__), _ROOT / "tests/cluster.py", _ROOT / "agentctl/clients/store/migrations.py")


@contextmanager
def prepared(binaries: Path, name: str) -> Iterator[Path]:
    """The data of an ended server of these programs, for as long as the block copies it."""
    folder = CACHE / f"postgres-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        data, made_of, wanted = folder / "data", folder / "made-of", _made_of(binaries)
        if not made_of.exists() or made_of.read_text() != wanted:
            made_of.unlink(missing_ok=True)
            shutil.rmtree(data, ignore_errors=True)
            _make(binaries, data)
            made_of.write_text(wanted)
        yield data


def _made_of(binaries: Path) -> str:
    """Another one for whatever would make other data."""
    program = (binaries / "postgres").stat()
    seen = hashlib.sha256(f"{binaries} {program.st_size} {program.st_mtime_ns} {os.geteuid()}".encode())
    roles = _ROOT / "agentctl/local/roles.sql"
    for path in (*_MAKERS, roles, *(migration.path for migration in migrations())):
        seen.update(hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()


def _make(binaries: Path, data: Path) -> None:
    cluster = Cluster(binaries)
    try:
        cluster.create()
        cluster.execute(f"create database {TEMPLATE}")
        asyncio.run(migrate(cluster.dsn(TEMPLATE), shim=True))
        # Of 25 MB 15 are former versions of functions, and each database would be a copy with them.
        cluster.execute("vacuum full pg_proc", TEMPLATE)
        cluster.execute(f"alter role authenticator login password '{VERIFIER}'")
        cluster.end(data)
    finally:
        cluster.remove()


def main() -> None:
    for name, binaries in SERVERS.items():
        if binaries().is_dir():
            with prepared(binaries(), name):
                pass


if __name__ == "__main__":
    main()
