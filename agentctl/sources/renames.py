"""renames.toml: every rename that these files have seen, so that files older than one can be told from newer ones.

It is committed with the folders. A plan compares it with what the store has seen: see verbs/renaming/recorded.py.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from agentctl.errors import ConfigurationError, Problem
from agentctl.resources.assistant import KEY
from agentctl.sources.aside import file_beside
from agentctl.sources.problems import located
from agentctl.sources.toml import Unreadable, read_text, read_toml

FILENAME = "renames.toml"
_HEADER = (
    "# Every agentctl rename, oldest first. Commit this file with the folders: by it agentctl tells files that are\n"
    "# older than a rename. Where two branches have each added one, keep both lines.\n"
)
_HINT = "Keep the lines that agentctl rename has written, of two branches both."
_MARKS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")  # of Git, around what it could not merge
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
    if path.is_symlink() and not path.exists():
        raise ConfigurationError(
            [Problem(FILENAME, "is a link that leads nowhere")], "Take it away, or make it a file."
        )
    if not path.exists():
        return ()
    try:
        _must_be_merged(read_text(path, FILENAME, root))
        table = read_toml(path, FILENAME, root)
        found = _RENAMES.validate_python(table.pop("renames", []))
    except Unreadable as error:
        raise ConfigurationError([error.problem], _HINT) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in ("renames", *first["loc"]))
        what = first["msg"] if first["loc"] else "must be a list"
        raise ConfigurationError([Problem(f"{FILENAME}: {where}", what)], _HINT) from None
    ids = [one.id for one in found]
    if twice := next((one for one in ids if ids.count(one) > 1), None):
        raise ConfigurationError([Problem(FILENAME, f"has {twice} twice")], _HINT)
    if table:
        raise ConfigurationError([Problem(FILENAME, f"has unknown keys: {', '.join(table)}")], _HINT)
    return tuple(sorted(found, key=lambda one: one.id))


def _must_be_merged(text: str) -> None:
    """Raise ConfigurationError where Git has left the two sides of a merge to a person."""
    for number, line in enumerate(text.split("\n"), 1):
        if mark := next((one for one in _MARKS if line.startswith(one)), None):
            what = f"is a mark of Git ({mark}): two branches have each added a rename, and both are to be kept"
            hint = f"Keep the lines of both sides, and take out the marks alone ({', '.join(_MARKS)})."
            raise ConfigurationError([Problem(located(FILENAME, f"line {number}"), what)], hint)


def done(old: str, new: str) -> Rename:
    """One that has just been done."""
    return Rename(id=f"{datetime.now(UTC):{_TIME}}-{secrets.token_hex(4)}", old=old, new=new)


def record(root: Path, more: Iterable[Rename]) -> None:
    """Add those that are not there yet. Raises ConfigurationError."""
    known = recorded(root)
    wanted = sorted({*known, *more}, key=lambda one: one.id)
    if tuple(wanted) == known:
        return
    path = root / FILENAME
    lines = "".join(f'  {{ id = "{one.id}", old = "{one.old}", new = "{one.new}" }},\n' for one in wanted)
    try:
        path.touch()
        place = path.resolve()
        file_beside(place, f"{_HEADER}renames = [\n{lines}]\n".encode()).replace(place)
    except OSError as error:
        raise ConfigurationError([Problem(FILENAME, f"cannot be written: {error.strerror}")]) from None


def last(renames: Sequence[Rename], old: str, new: str) -> Rename | None:
    """The rename of `old` to `new` after which none has to do with either key; None where there is none."""
    touching = [one for one in renames if {one.old, one.new} & {old, new}]
    return touching[-1] if touching and (touching[-1].old, touching[-1].new) == (old, new) else None


def formers(renames: Sequence[Rename], key: str) -> set[str]:
    """Every key that the assistant of `key` may have had before."""
    found = {key}
    for one in reversed(renames):
        if one.new in found:
            found.add(one.old)
    return found - {key}


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
