"""The data directory: made once, whole or not at all, and never handed to another major version."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

from agentctl.errors import StoreUnavailable
from agentctl.local.account import Account
from agentctl.local.binaries import Binaries
from agentctl.local.command import Outcome, run
from agentctl.local.place import Place

_UNFINISHED = "initdb-"
_BUILTIN_LOCALES_SINCE = 17  # and --sync-method


def major_of(data: Path) -> int | None:
    """The major version that made the data directory; None if there is none yet.

    Raises StoreUnavailable if something else lies in its place.
    """
    if not data.exists():
        return None
    try:
        return int((data / "PG_VERSION").read_text(encoding="ascii").strip())
    except (FileNotFoundError, ValueError):
        raise StoreUnavailable(
            f"{data} is not a Postgres data directory: it has no readable PG_VERSION",
            "Move it away; the next start makes a new, empty store.",
        ) from None


async def create(place: Place, binaries: Binaries, account: Account) -> None:
    """Make the data directory. Call it with `start.lock` held.

    initdb works in a directory beside it that is renamed when it is done, so that one who is killed in the middle
    leaves no half of a cluster; what he left is removed by the next.
    Raises StoreUnavailable with initdb's last lines.
    """
    await asyncio.to_thread(_remove_unfinished, place)
    outcome = Outcome(1, "")
    for options in _attempts(binaries.major):
        made = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=place.directory))
        try:
            account.give(made)
            outcome = await _initdb(made, options, binaries, account)
            if outcome.ok:
                _keep(made, place.data)
                return
        finally:
            await asyncio.to_thread(shutil.rmtree, made, ignore_errors=True)
    raise StoreUnavailable(
        f"{place.data}: Postgres' initdb failed (exit code {outcome.code}):\n  {outcome.tail()}",
        "Set DATABASE_URL to a Postgres of your own if this machine cannot run one here.",
    )


async def _initdb(directory: Path, options: tuple[str, ...], binaries: Binaries, account: Account) -> Outcome:
    # initdb syncs what it wrote before it ends, so the rename never publishes files that a power cut can empty.
    fixed = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions")
    return await run(account.command(binaries.initdb, "--pgdata", directory, *fixed, *options), 120)


def _attempts(major: int) -> tuple[tuple[str, ...], ...]:
    """Options to try in this order: lower() and ILIKE must know umlauts, where that can be had."""
    if major >= _BUILTIN_LOCALES_SINCE:
        locale = ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        # One sync of the file system beats a thousand of files (on a busy disk 0.1 s against 3 s), where it exists.
        return (*locale, "--sync-method=syncfs"), locale
    return ("--locale=C.UTF-8",), ("--locale=C",)  # not every system has C.UTF-8; the wheels have no ICU


def _keep(made: Path, data: Path) -> None:
    made.rename(data)
    folder = os.open(data.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove_unfinished(place: Place) -> None:
    for left in place.directory.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
