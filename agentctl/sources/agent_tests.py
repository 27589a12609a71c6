"""The tests of an assistant: every `.toml` file in its folder `tests/`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from agentctl.errors import Problem
from agentctl.resources.assistant import KEY
from agentctl.resources.declared_test import DeclaredTest, TestFile
from agentctl.sources.knowledge import entries_in, slug
from agentctl.sources.problems import problems_of
from agentctl.sources.toml import Unreadable, read_toml

FOLDER = "tests"


def agent_tests(folder: Path, root: Path, problems: list[Problem]) -> tuple[DeclaredTest, ...]:
    """The tests of the assistant in `folder`, by name. What cannot be used goes to the problems."""
    base = f"assistants/{folder.name}/{FOLDER}"
    found = [_test(path, f"{base}/{path.name}", root, problems) for path in _files(folder, base, root, problems)]
    return tuple(test for test in found if test is not None)


def digests(tests: Sequence[DeclaredTest]) -> dict[str, str]:
    """The file of each test, and a digest of what it says."""
    return {f"{FOLDER}/{test.name}.toml": test.digest for test in tests}


def _files(folder: Path, base: str, root: Path, problems: list[Problem]) -> list[Path]:
    files = []
    for path in entries_in(folder / FOLDER, base, root, problems):
        if path.suffix != ".toml" or not KEY.fullmatch(path.stem):
            name = f"{slug(path.stem)[:63]}.toml"
            what = f"cannot be a test: its name must be at most 63 of a-z, 0-9, - and _, and .toml, like {name!r}"
            problems.append(Problem(f"{base}/{path.name}", what))
        else:
            files.append(path)
    return files


def _test(path: Path, where: str, root: Path, problems: list[Problem]) -> DeclaredTest | None:
    try:
        table = read_toml(path, where, root)
        declared = TestFile.model_validate(table)
    except Unreadable as error:
        problems.append(error.problem)
    except ValidationError as error:
        problems += problems_of(error, where, TestFile)
    else:
        return DeclaredTest(name=path.stem, **dict(declared))
    return None
