"""renames.toml: every rename that these files have seen, so that files older than one can be told from newer ones.

It is committed with the folders. A plan compares it with what the store has seen: see verbs/renaming/recorded.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from agentctl.errors import ConfigurationError, Problem
from agentctl.resources.assistant import KEY
from agentctl.sources.aside import file_beside
from agentctl.sources.toml import Unreadable, read_toml

FILENAME = "renames.toml"
_HEADER = (
    "# Every agentctl rename, oldest first. Commit this file with the folders: by it agentctl tells files that are\n"
    "# older than a rename. Where two branches have each added one, keep both.\n"
)
_HINT = "Keep what agentctl rename has written, of two branches both: [[rename]] with id, old and new each."
_TIME = "%Y%m%dT%H%M%S.%fZ"
Key = Annotated[str, StringConstraints(pattern=f"^(?:{KEY.pattern})$")]


class Rename(BaseModel):
    """One rename. `id` begins with its time (UTC), so that ids sort in the order in which it was done."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, StringConstraints(pattern=r"^\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}$")]
    old: Key
    new: Key

    @property
    def on(self) -> date:
        """The day (UTC)."""
        return datetime.strptime(self.id.partition("-")[0], _TIME).replace(tzinfo=UTC).date()

    @property
    def command(self) -> str:
        """As it was called."""
        return f"agentctl rename {self.old} {self.new}"


_RENAMES = TypeAdapter(tuple[Rename, ...])


def recorded(root: Path) -> tuple[Rename, ...]:
    """All of them, oldest first; none without a file. Raises ConfigurationError."""
    path = root / FILENAME
    if not path.exists():
        return ()
    try:
        table = read_toml(path, FILENAME, root)
        found = _RENAMES.validate_python(table.pop("rename", []))
    except Unreadable as error:
        raise ConfigurationError([error.problem], _HINT) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in ("rename", *first["loc"]))
        raise ConfigurationError([Problem(f"{FILENAME}: {where}", first["msg"])], _HINT) from None
    if table:
        raise ConfigurationError([Problem(FILENAME, f"has unknown keys: {', '.join(table)}")], _HINT)
    return tuple(sorted(found, key=lambda one: one.id))


def record(root: Path, old: str, new: str) -> Rename:
    """Add one that has just been done, but for one that the file ends with already. Raises ConfigurationError."""
    known = recorded(root)
    if known and (known[-1].old, known[-1].new) == (old, new):
        return known[-1]
    made = Rename(id=f"{datetime.now(UTC):{_TIME}}-{secrets.token_hex(4)}", old=old, new=new)
    path = root / FILENAME
    try:
        path.touch()
        before = path.read_text(encoding="utf-8").rstrip() or _HEADER.rstrip()
        file_beside(path, f"{before}\n\n{_written(made)}".encode()).replace(path)
    except OSError as error:
        raise ConfigurationError([Problem(FILENAME, f"cannot be written: {error.strerror}")]) from None
    return made


def _written(one: Rename) -> str:
    return f'[[rename]]\nid = "{one.id}"\nold = "{one.old}"\nnew = "{one.new}"\n'


def moved(renames: Sequence[Rename]) -> dict[str, str]:
    """Which key each assistant has after all of these that had one before them, where it is another."""
    now: dict[str, str] = {}
    later: set[str] = set()  # where those are that got their first key in between
    for one in renames:
        was = next((key for key, place in now.items() if place == one.old), None)
        if was is None and (one.old in now or one.old in later):
            later = {*later - {one.old}, one.new}
        else:
            now[one.old if was is None else was] = one.new
    return {key: place for key, place in now.items() if place != key}
