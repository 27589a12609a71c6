"""agentctl's migrations as files of a product's repository, under the product's own numbering.

A file is a copy, byte for byte, and enters itself in agentctl's ledger when it runs: `agentctl db migrate` knows then
what `supabase db push` has brought. A list beside the folder says which of ours is which file.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from agentctl.errors import ConfigurationError, Problem, UsageError

LIST = "agentctl-migrations.json"
# All that the list names, in one command of the shell: they are more than anybody types.
REPAIR = f'supabase migration repair --status applied $(sed -n \'s/.*"file": "\\([0-9]*\\).*/\\1/p\' supabase/{LIST})'
_STAMP = "%Y%m%d%H%M%S"  # as `supabase migration new` numbers files


@dataclass(frozen=True)
class Exported:
    """`folder`: where the files are. `written`: our migration -> the file that was made of it now, in order.

    `kept`: those that were there before, likewise.
    """

    folder: Path
    written: dict[str, str]
    kept: dict[str, str]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    sha256: str


class _List(RootModel[dict[str, _File]]):
    """Our migration -> its file in the product's folder."""


def export(directory: Path) -> Exported:
    """Copy those migrations that the product's repository `directory` lacks into its `supabase/migrations`.

    No file that is there is touched but for the list. Raises UsageError if that is no such repository or cannot be
    written to, and ConfigurationError, with nothing written, if a file of an earlier export was edited or is gone.
    """
    try:
        return _export(directory)
    except OSError as error:
        raise UsageError(f"{error.filename}: {error.strerror}") from None


def _export(directory: Path) -> Exported:
    from agentctl.clients.store.migrations import migrations

    supabase = directory / "supabase"
    if not supabase.is_dir():
        raise UsageError(
            f"{directory} has no folder `supabase`", "Name the product's repository; `supabase init` makes the folder."
        )
    folder = supabase / "migrations"
    known = _listed(supabase / LIST)
    _refuse_changed(folder, known, {str(migration) for migration in migrations()})
    copies = {digest: name for name, digest in _digests(folder).items()}
    texts = {str(migration): migration.path.read_bytes() for migration in migrations()}
    for name, text in texts.items():
        # An export that was cut off before it wrote the list, or a copy by hand.
        if name not in known and (file := copies.get(_digest(text))):
            known[name] = _File(file=file, sha256=_digest(text))
    kept = {name: one.file for name, one in known.items()}
    missing = [migration for migration in migrations() if str(migration) not in known]
    folder.mkdir(exist_ok=True)
    for migration, number in zip(missing, _numbers(folder, len(missing)), strict=True):
        text = texts[str(migration)]
        file = f"{number}_{migration.name}.sql"
        with (folder / file).open("xb") as stream:
            stream.write(text)
        known[str(migration)] = _File(file=file, sha256=_digest(text))
    _save(supabase / LIST, known)
    return Exported(folder, {str(one): known[str(one)].file for one in missing}, kept)


def _listed(path: Path) -> dict[str, _File]:
    if not path.exists():
        return {}
    try:
        return dict(_List.model_validate_json(path.read_bytes()).root)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        raise ConfigurationError([Problem(str(path), reason)], "Take it back from version control.") from None


def _save(path: Path, known: dict[str, _File]) -> None:
    # One line each, so that Git merges two lists.
    lines = [f"  {json.dumps(name)}: {json.dumps(one.model_dump())}" for name, one in sorted(known.items())]
    partial = path.with_suffix(".new")
    partial.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    partial.replace(path)


def _refuse_changed(folder: Path, known: dict[str, _File], ours: set[str]) -> None:
    """Raise for all at once. A database may have had a file already, so that it is never written again."""
    there = _digests(folder)
    problems = []
    for name, one in known.items():
        where = str(folder / one.file)
        if name not in ours:
            problems.append(Problem(where, f"is {name}, which this version of agentctl does not have"))
        elif one.file not in there:
            problems.append(Problem(where, f"was exported as {name} and is gone"))
        elif there[one.file] != one.sha256:
            problems.append(Problem(where, f"was exported as {name} and has been edited since"))
    if problems:
        raise ConfigurationError(
            problems,
            "Nothing was written. Take the files back from version control; changes of your own belong into another "
            "migration. For one that is not known here, use the newer agentctl.",
        )


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: _digest(path.read_bytes()) for path in _files(folder)}


def _files(folder: Path) -> list[Path]:
    """What the Supabase CLI takes for migrations, in its order."""
    return [path for path in sorted(folder.glob("*.sql")) if re.match(r"\d+_", path.name)]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _numbers(folder: Path, count: int) -> list[str]:
    """The numbers that come after the folder's newest, of its kind: timestamps, else whatever counts up."""
    newest = max((path.name.partition("_")[0] for path in _files(folder)), default="")
    now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    try:
        reached = datetime.strptime(newest, _STAMP) if newest else datetime.min
    except ValueError:
        return [_counted(newest, place) for place in range(1, count + 1)]
    # The last one is of now where that can be, so that the product's next one comes after all of them.
    first = max(now - timedelta(seconds=count - 1), reached + timedelta(seconds=1))
    return [(first + timedelta(seconds=place)).strftime(_STAMP) for place in range(count)]


def _counted(newest: str, place: int) -> str:
    number = str(int(newest) + place).zfill(len(newest))
    if len(number) > len(newest):
        raise UsageError(f"no number of {len(newest)} digits comes after {newest}", "Give the files wider numbers.")
    return number
