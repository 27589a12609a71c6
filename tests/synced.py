"""A world after steps that several tests begin with: what sandbox, store and files came to is put back.

The first test of a module takes the steps; to put the same back takes a tenth of that. The sandbox runs on, since a
store knows a workspace by its address, unless it still works at something when a test has ended.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from tests.databases import Databases, Rows


@dataclass(frozen=True)
class Place:
    """Where a test has its world: a directory and a lent database."""

    root: Path
    lender: Databases
    dsn: str


class Synced:
    """One world, and what it was after some steps."""

    def __init__(self, folder: Path) -> None:
        """`folder`: an empty one, for files to remember."""
        self._folder = folder
        self._running = ExitStack()
        self._sandbox: BlockingSandbox | None = None
        self._known: dict[str, tuple[dict[str, Any], Rows]] = {}

    @contextmanager
    def sandbox(self, options: Options) -> Iterator[BlockingSandbox]:
        """An empty one for a test, the same as for the last where that can be."""
        if self._sandbox is None:
            self._sandbox = self._running.enter_context(running_thread(options))
        yield self._sandbox
        if self._sandbox.reset():
            self.close()

    def after(self, steps: Callable[[], object], at: Place) -> None:
        """Take the steps, or put back what they came to when the same were taken before.

        They are the same where they are written at the same place: they must not depend on anything but the world.
        Nobody sees the requests that they made.
        """
        assert self._sandbox is not None
        name = f"{steps.__module__}.{steps.__qualname__}"
        files = self._folder / name
        if name in self._known:
            state, rows = self._known[name]
            self._sandbox.reset(state)
            at.lender.fill(at.dsn, rows)
            _replace(at.root, files)
            return
        steps()
        self._known[name] = self._sandbox.state(), at.lender.rows(at.dsn)
        _replace(files, at.root)
        self._sandbox.clear_log()

    def close(self) -> None:
        """End the sandbox, and forget what was known of it."""
        self._sandbox = None
        self._known.clear()
        self._running.close()


def _replace(folder: Path, source: Path) -> None:
    """Make all that is in `folder` a copy of what is in `source`."""
    if folder.is_dir():
        for one in folder.iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()
    shutil.copytree(source, folder, symlinks=True, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """A world for the tests of one module, and for no longer: what was written a quarter of an hour ago is old."""
    world = Synced(tmp_path_factory.mktemp("synced"))
    yield world
    world.close()


After = Callable[[Callable[[], object]], None]


@pytest.fixture
def after(synced: Synced, lender: Databases, dsn: str, tmp_path: Path) -> After:
    """`Synced.after` for a test whose project is in its `tmp_path`."""
    place = Place(tmp_path, lender, dsn)
    return lambda steps: synced.after(steps, place)
