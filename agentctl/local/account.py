"""Which account Postgres runs as. Only root needs one: Postgres refuses to run as root."""

from __future__ import annotations

import os
import pwd
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agentctl.errors import StoreUnavailable
from agentctl.local.binaries import Binaries
from agentctl.local.command import run
from agentctl.local.place import Place

_SCRIPT = Path(__file__).with_name("unprivileged.py")
Way = Literal["namespace", "keep", "switch"]


@dataclass(frozen=True)
class Account:
    """How to start a program as the account that Postgres runs as; `way` None: as ourselves."""

    way: Way | None
    uid: int
    gid: int
    directory: Path

    def command(self, *program: str | Path) -> list[str]:
        """The command that runs `program` as this account."""
        if self.way is None:
            return [str(part) for part in program]
        change = (self.way, str(self.uid), str(self.gid), str(self.directory))
        return [sys.executable, "-I", "-S", str(_SCRIPT), *change, *(str(part) for part in program)]

    def give(self, tree: Path) -> None:
        """Make `tree`, which we made ourselves, belong to this account. Follows no link."""
        if self.way not in ("keep", "switch"):
            return
        os.chown(tree, self.uid, self.gid, follow_symlinks=False)
        for folder, folders, files in os.walk(tree):
            for name in (*folders, *files):
                os.chown(Path(folder, name), self.uid, self.gid, follow_symlinks=False)


async def choose(place: Place, binaries: Binaries, ways: tuple[Way, ...] = ("namespace", "keep")) -> Account:
    """The account for this place: ourselves, or, as root, its owner, or else the first of `ways` that works here.

    Raises StoreUnavailable if we are root and none does.
    """
    if os.geteuid() != 0:
        return Account(None, os.geteuid(), os.getegid(), place.directory)
    owner = place.directory.stat()
    if owner.st_uid != 0:
        # Somebody else's project: the store stays theirs, and root's rights must not lend a hand to their server.
        return Account("switch", owner.st_uid, owner.st_gid, place.directory)
    uid, gid = _nobody()
    reasons = []
    for way in ways:
        account = Account(way, uid, gid, place.directory)
        tried = await run(account.command(binaries.postgres, "--version"), 10)
        if tried.ok and not (way == "namespace" and _given_away(place)):
            return account
        reasons.append(tried.tail())
    raise StoreUnavailable(
        "Postgres refuses to run as root, and this system lets root start it in no other way:\n  "
        + "\n  ".join(filter(None, reasons)),
        "Run agentctl as an ordinary user, or set DATABASE_URL to a Postgres of your own.",
    )


def _given_away(place: Place) -> bool:
    # Where a namespace was forbidden before, the data belong to the other account, whom only "keep" can be.
    return place.data.exists() and place.data.stat().st_uid != 0


def _nobody() -> tuple[int, int]:
    # initdb asks for the account's name, so it has to be one that /etc/passwd knows.
    for name in ("nobody", "daemon"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return found.pw_uid, found.pw_gid
    raise StoreUnavailable(
        "Postgres refuses to run as root, and this system has neither an account `nobody` nor `daemon`",
        "Run agentctl as an ordinary user, or set DATABASE_URL to a Postgres of your own.",
    )
