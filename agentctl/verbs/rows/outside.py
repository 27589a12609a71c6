"""What is written into files of an assistant: of one that is declared in a row, only its product writes that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from agentctl.errors import Problem, UsageError
from agentctl.resources.assistant import Assistant
from agentctl.sources.loaded import Loaded, apart
from agentctl.sources.row import Row
from agentctl.sync.plan import Change
from agentctl.verbs.remedy import narrowed, owners


def row_of(loaded: Loaded, key: str) -> Row | None:
    """The row that declares the assistant `key`; None where files do, or nobody."""
    return next((row for row in loaded.rows.rows if row.key == key), None) if loaded.rows else None


def need_right(loaded: Loaded, only: Sequence[str]) -> None:
    """Raise UsageError where one of `only` (globs) asks for a row that is wrong, and for nothing that can be read."""
    for glob in only:
        if any(fnmatchcase(one.key, glob) for one in loaded.assistants):
            continue
        for row in loaded.rows.wrong if loaded.rows else ():
            if fnmatchcase(row.key, glob):
                raise _is_wrong(row)


def need_here(loaded: Loaded, only: Sequence[str], way: str) -> None:
    """Raise UsageError where one of `only` (globs) asks for nothing but assistants in another workspace.

    `way`: what is to be done there instead, with KEY and TENANT for these.
    """
    for glob in only:
        if any(fnmatchcase(key, glob) for key in loaded.keys):
            continue
        for key, tenant in loaded.elsewhere.items():
            if fnmatchcase(key, glob):
                what = f"{key} is of tenant {tenant}, whose agents are in another workspace; nothing was done"
                raise UsageError(what, way.replace("KEY", key).replace("TENANT", tenant))


def need_number(loaded: Loaded, assistant: Assistant, number: str) -> None:
    """Raise UsageError where `number` has to be written into a row first, or rings at nobody by what that says."""
    row = row_of(loaded, assistant.key)
    if row is None or loaded.rows is None:
        return
    if not declares(loaded, assistant, number):
        place = loaded.rows.source.places.get("numbers")
        where = f"column {'.'.join(place)} there" if place else "a column, and map that as numbers under [source.table]"
        raise UsageError(
            f"{number} is not declared in {row.where}; nothing was done", f"Write it into {where}, then run this again."
        )
    if not assistant.enabled:
        raise UsageError(f"{row.where} is disabled, so that {number} rings at nobody", "Enable it first.")


def declares(loaded: Loaded, assistant: Assistant, number: str) -> bool:
    """Whether its file or its row names `number`, also one that is not its to have yet."""
    row = row_of(loaded, assistant.key)
    return number in assistant.phone.numbers or (row is not None and number in row.denied)


def gone(loaded: Loaded, key: str) -> UsageError:
    """The error for an assistant that was declared once, and cannot be read now: what has to be put right first."""
    if tenant := loaded.elsewhere.get(key):
        return apart(key, tenant)
    if (row := row_of(loaded, key)) and row.problems:
        return _is_wrong(row)
    row_too = f", or its row of table {loaded.rows.source.table}," if loaded.rows else ""
    return UsageError(
        f"{key} is no longer declared", f"Its revisions are kept; bring assistants/{key}{row_too} back first."
    )


def _is_wrong(row: Row) -> UsageError:
    return UsageError(f"{row.where} is wrong: {row.error}", "Correct the row first; what was synced before is kept.")


def way_to_tests(loaded: Loaded, key: str) -> str:
    """What to do about an assistant without tests."""
    if row_of(loaded, key):
        return "Tests are files of an assistant's folder; one that a row declares has none."
    return "Write one: assistants/<key>/tests/<name>.toml"


def need_folder(loaded: Loaded, key: str) -> Loaded:
    """`loaded`. Raises UsageError where `key` is a row's: it has no folder that could be called otherwise."""
    row, tenant = row_of(loaded, key), loaded.elsewhere.get(key)
    if row or tenant:
        where = row.where if row else f"a row of tenant {tenant}"
        raise UsageError(
            f"{key} is the key of {where}, and the key of a row does not change",
            "Change its name instead; with another key it is another assistant.",
        )
    return loaded


def need_free(loaded: Loaded, key: str) -> Loaded:
    """`loaded`. Raises UsageError where `key` is that of a row in another workspace: a key is one assistant's."""
    if tenant := loaded.elsewhere.get(key):
        raise UsageError(f"{key} is the key of a row of tenant {tenant}", "Choose another key.")
    return loaded


def left(
    loaded: Loaded, changes: Sequence[Change], assistants: Sequence[Assistant]
) -> Iterator[tuple[Change, Problem]]:
    """Each change of a row's assistant that takes back what was done at the platform, and what to do about it."""
    keys = {*loaded.rows.keys} if loaded.rows else set[str]()
    for change in changes:
        whose = owners([change.desired], assistants)
        mine = [key for key in whose if key in keys]
        if change.overwrites and mine and len(mine) == len(whose):
            said = (
                "was deleted" if change.vanished else f"was changed in {', '.join(one.path for one in change.foreign)}"
            )
            what = (
                f"{said} at the platform; write it into the row as agentctl plan shows it, or put the row's back with: "
                "agentctl sync --take-ours"
            )
            name = f"{change.desired.kind} {change.desired.key}"
            yield change, Problem(f"{change.desired.where}: {name}", narrowed(what, mine))
