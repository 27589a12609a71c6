"""A test of an assistant that no file declares yet, written beside the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from agentctl.errors import ConfigurationError, UsageError
from agentctl.resources.assistant import KEY
from agentctl.resources.declared_test import TestFile
from agentctl.settings import nearest
from agentctl.sources.agent_tests import FOLDER
from agentctl.sources.toml import Unreadable, inside


@dataclass(frozen=True)
class NewTest:
    """A test in the form of its file. `comments`: what stands above each field; above all of them: that of ""."""

    name: str
    fields: Mapping[str, Any]
    comments: Mapping[str, Sequence[str]]

    def text(self) -> str:
        """The file. Raises ValueError for what a sync could not use."""
        TestFile.model_validate(dict(self.fields))
        document = tomlkit.document()
        for line in self._comments(""):
            document.add(tomlkit.comment(line))
        for name, value in sorted(self.fields.items(), key=lambda field: isinstance(field[1], list | tuple | dict)):
            for line in self._comments(name):
                document.add(tomlkit.comment(line))
            document.add(name, _item(value))
        return tomlkit.dumps(document)

    def _comments(self, name: str) -> Iterator[str]:
        yield from self.comments.get(name, ())


def write(root: Path, key: str, test: NewTest) -> Path:
    """Write the file; what is there is never overwritten.

    Raises UsageError for an assistant that is not declared, a name that no test can have, or one that is taken, and
    ConfigurationError where the folder leads out of the project.
    """
    home = root / "assistants"
    keys = sorted(path.name for path in home.glob("*/") if (path / "assistant.toml").exists())
    if key not in keys:
        raise UsageError(f"no assistant {key!r} has a folder here", _way(key, keys))
    if not KEY.fullmatch(test.name):
        raise UsageError(f"{test.name!r} cannot be the name of a test", "Use at most 63 of a-z, 0-9, - and _.")
    folder, where = home / key / FOLDER, f"assistants/{key}/{FOLDER}"
    folder.mkdir(exist_ok=True)
    try:
        path = inside(folder, where, root, "folder") / f"{test.name}.toml"
    except Unreadable as error:
        raise ConfigurationError([error.problem]) from None
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(test.text())
    except FileExistsError:
        raise UsageError(f"{where}/{path.name} is there already", "Give another name with --name.") from None
    return path


def _way(key: str, keys: list[str]) -> str:
    if guess := nearest(key, keys):
        return f"Did you mean {guess}? Name it with --assistant KEY."
    what = "Tests are files of an assistant's folder; one that a row declares has none."
    if keys:
        return f"{what} There are: {', '.join(keys)}. Name the one to be tested with --assistant KEY."
    return f"{what} Declare one that says the same (assistants/KEY/assistant.toml), and name it with --assistant KEY."


def _item(value: Any) -> Any:
    if not (isinstance(value, list | tuple) and value and isinstance(value[0], Mapping)):
        return tomlkit.item(value)
    tables = tomlkit.aot()
    for one in value:
        table = tomlkit.table()
        table.update(one)
        tables.append(table)
    return tables
