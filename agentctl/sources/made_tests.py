"""The files of tests that were made of calls, found by the digest of the call that stands in them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from agentctl.errors import ConfigurationError, Problem
from agentctl.sources.agent_tests import FOLDER
from agentctl.sources.toml import Unreadable, inside

# Not parsed: also a file that is broken may have what a caller said.
_CALL = re.compile(rb"""^\s*call\s*=\s*["']([0-9a-f]{64})["']""", re.MULTILINE)


def made_of(root: Path, digests: Collection[str]) -> dict[Path, str]:
    """The files of the project at `root` that were made of these calls, each with the call's digest.

    Raises ConfigurationError for a file that cannot be read: it may be one of them.
    """
    found: dict[Path, str] = {}
    problems = []
    for path in sorted((root / "assistants").glob(f"*/{FOLDER}/*.toml")):
        where = str(path.relative_to(root))
        try:
            call = _CALL.search(inside(path, where, root).read_bytes())
        except Unreadable:
            continue  # outside of the project: no sync takes it either
        except (OSError, RuntimeError) as error:
            problems.append(Problem(where, f"cannot be read: {getattr(error, 'strerror', None) or 'a link to itself'}"))
        else:
            if call and call[1].decode() in digests:
                found[path] = call[1].decode()
    if problems:
        raise ConfigurationError(problems)
    return found


def remove(root: Path, paths: Iterable[Path]) -> None:
    """Delete these files. Raises ConfigurationError with those that cannot be."""
    problems = []
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            problems.append(Problem(str(path.relative_to(root)), f"cannot be deleted: {error.strerror}"))
    if problems:
        raise ConfigurationError(problems, "Make their folders writable, and run it again.")
