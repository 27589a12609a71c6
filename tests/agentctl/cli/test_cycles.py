"""agentctl.cli.cycles: a command is not looked through, what runs for long is."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from agentctl.cli import cycles
from agentctl.cli.serve import stopping


class Ring:
    """Held by nobody but itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.mark.anyio
async def test_a_server_frees_what_only_holds_itself_and_a_command_leaves_it() -> None:
    cycles.rarely()
    assert not freed()
    with stopping():
        assert freed()


def freed() -> bool:
    """Whether a ring goes while the program makes and keeps a hundred thousand other objects."""
    gc.collect()
    ring = weakref.ref(Ring())
    kept = [[0] for _ in range(100_000)]
    return ring() is None and bool(kept)
