"""A world after its first sync, for one test of a module after another: what the sandbox and the store remember of it.

The first test syncs; to put the same back takes a tenth of that. The sandbox runs on, since a store knows a workspace
by its address, unless it still works at something when a test has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from tests.databases import Databases, Rows


class Synced:
    """One world."""

    def __init__(self) -> None:
        self._running = ExitStack()
        self._sandbox: BlockingSandbox | None = None
        self._known: tuple[dict[str, Any], Rows] | None = None

    @contextmanager
    def sandbox(self, options: Options) -> Iterator[BlockingSandbox]:
        """An empty one for a test, the same as for the last where that can be."""
        if self._sandbox is None:
            self._sandbox = self._running.enter_context(running_thread(options))
        yield self._sandbox
        if self._sandbox.reset():
            self.close()

    def keep(self, lender: Databases, dsn: str) -> None:
        """Remember what the sandbox and the database are now."""
        assert self._sandbox is not None
        self._known = self._sandbox.state(), lender.rows(dsn)
        self._sandbox.clear_log()

    def recall(self, lender: Databases, dsn: str) -> bool:
        """Put back what was kept, if something was, into both, which are empty."""
        if self._known is None or self._sandbox is None:
            return False
        state, rows = self._known
        self._sandbox.reset(state)
        lender.fill(dsn, rows)
        return True

    def close(self) -> None:
        """End the sandbox, and forget what was known of it."""
        self._sandbox = self._known = None
        self._running.close()


@pytest.fixture(scope="module")
def synced() -> Iterator[Synced]:
    """A world for the tests of one module."""
    world = Synced()
    yield world
    world.close()
