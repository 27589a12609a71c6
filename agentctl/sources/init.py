"""Write the example project, completely or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from agentctl.errors import ConfigurationError, Problem, UsageError
from agentctl.resources.assistant import KEY
from agentctl.sources.knowledge import slug

# Tools that build and read packages treat names with a dot specially, so the templates have none.
_RENAMED = {"gitignore": ".gitignore", "env.example": ".env.example"}
_NAME_IN_TEMPLATE = 'project = "beispiel"'
_FALLBACK_NAME = "beispiel"


def write(directory: Path, *, project: str | None = None) -> list[Path]:
    """Write the example into `directory` (made if missing) and return the written files.

    `project` is the project's name; the default is made of the directory's name. A `.gitignore` that is there stays
    as it is; any other file in the way raises ConfigurationError with all such files, and nothing is written.
    """
    if project is not None and not KEY.fullmatch(project):
        raise UsageError(f"{project!r} cannot be a project's name", hint="Use at most 63 of a-z, 0-9, - and _.")
    directory = directory.absolute()
    contents = _contents(project or _name_of(directory))
    if os.path.lexists(directory / ".gitignore"):
        del contents[".gitignore"]
    problems = dict.fromkeys(problem for name in contents if (problem := _in_the_way(directory, name)))
    if problems:
        raise ConfigurationError(
            list(problems), hint="Nothing was written. Choose another directory, or move these away."
        )
    made = [path for path in (directory, *directory.parents) if not path.exists()]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return _put(directory, contents)
    except OSError as error:
        for path in made:
            _remove_if_empty(path)
        reason = f"cannot be written: {error.strerror or type(error).__name__}"
        raise ConfigurationError([Problem(str(directory), reason)], hint="Nothing was written.") from None


def _put(directory: Path, contents: dict[str, bytes]) -> list[Path]:
    """Write all files aside, then link each into place; a link never replaces a file that appeared meanwhile."""
    written: list[Path] = []
    made: list[Path] = []
    aside = Path(tempfile.mkdtemp(prefix=".agentctl-init-", dir=directory))
    try:
        for name, content in contents.items():
            (aside / name.replace("/", "%")).write_bytes(content)
        for name in contents:
            target = directory / name
            made += [parent for parent in reversed(target.parents) if not parent.exists()]
            target.parent.mkdir(parents=True, exist_ok=True)
            _place(aside / name.replace("/", "%"), target)
            written.append(target)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        for path in reversed(made):
            _remove_if_empty(path)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return written


def _place(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with target.open("xb") as stream:
            stream.write(source.read_bytes())


def _contents(project: str) -> dict[str, bytes]:
    root = files("agentctl") / "templates" / "project"
    contents = dict(_walk(root, ""))
    named = contents["agentctl.toml"].replace(_NAME_IN_TEMPLATE.encode(), f'project = "{project}"'.encode(), 1)
    return contents | {"agentctl.toml": named}


def _walk(directory: Traversable, prefix: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(directory.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            found += _walk(entry, f"{prefix}{entry.name}/")
        else:
            found.append((prefix + _RENAMED.get(entry.name, entry.name), entry.read_bytes()))
    return found


def _in_the_way(directory: Path, name: str) -> Problem | None:
    path = directory / name
    if os.path.lexists(path):
        return Problem(str(path), "exists already")
    for parent in path.parents:
        if os.path.lexists(parent):
            return None if parent.is_dir() else Problem(str(parent), "is in the way: it is not a directory")
    return None


def _name_of(directory: Path) -> str:
    name = slug(directory.name)[:63] if directory.name else _FALLBACK_NAME
    return name if KEY.fullmatch(name) else _FALLBACK_NAME


def _remove_if_empty(directory: Path) -> None:
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
