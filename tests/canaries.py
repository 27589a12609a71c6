"""Whatever a test makes agentctl log is looked through: no caller's word, name or number may be in it.

The canaries are what callers are called, from where they call and what they say throughout the tests and their samples.
A test of something else that sends a call with one of them through the house thereby tests this, too. Commands in
processes of their own (tests/commands.py) are heard as well: all that they write to standard error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentctl.telemetry.fields import at_hand
from tests.commands import overheard

CANARIES = (
    "Erika",
    "Muster",
    "8999998777",
    "8999998778",
    "8999998999",  # the sandbox's caller, unless a call is ordered with another
    "15100000001",
    "einen Rückruf",
    "Wann haben Sie",
    "wiederhören",
)
OURS = ("agentctl", "webhooks")


class Collector(logging.Handler):
    """Keeps each record as it would be written, tracebacks and the ids at hand included, in which there is a canary."""

    def __init__(self, canaries: tuple[str, ...] = CANARIES) -> None:
        super().__init__(logging.DEBUG)
        self.seen = 0
        self.caught: list[str] = []
        self._canaries = [canary.casefold() for canary in canaries]
        self._writer = logging.Formatter("%(name)s %(filename)s:%(lineno)d: %(message)s")

    def emit(self, record: logging.LogRecord) -> None:
        """Look through one record and all that came with it."""
        self.seen += 1
        written = f"{self._writer.format(record)} {dict(at_hand())} {getattr(record, 'fields', '')}"
        if any(canary in written.casefold() for canary in self._canaries):
            self.caught.append(written)


@pytest.fixture(scope="session")
def log_collector() -> Iterator[Collector]:
    """Hears all loggers, and those of ours down to debug."""
    collector = Collector()
    before = {name: logging.getLogger(name).level for name in OURS}
    for name in OURS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    logging.getLogger().addHandler(collector)
    yield collector
    logging.getLogger().removeHandler(collector)
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture(scope="session")
def ear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a command in a process of its own puts what it said and should not have."""
    overheard.file = tmp_path_factory.mktemp("ear") / "caught"
    overheard.words = tuple(canary.casefold() for canary in CANARIES)
    return overheard.file


@pytest.fixture(autouse=True)
def no_caller_in_the_logs(log_collector: Collector, ear: Path) -> Iterator[None]:
    """A test that had something of a caller logged fails, whatever else it asserts."""
    # A command line that configures logging anew takes handlers away, sets levels, and takes tracebacks off records.
    root = logging.getLogger()
    root.handlers = [log_collector, *(one for one in root.handlers if one is not log_collector)]
    for name in OURS:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield
    caught = list(log_collector.caught)
    log_collector.caught.clear()
    if ear.exists():
        caught.append(ear.read_text())
        ear.unlink()
    assert not caught, "\n".join(caught)
