"""In whose turn a worker takes work: one tenant after another, so that no backlog holds up another's single call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Owned(Protocol):
    """A piece of work that came of somebody's call."""

    @property
    def tenant(self) -> str: ...


@dataclass
class Turns:
    """Whose turn it was last with this worker; the store knows who comes next."""

    last: str = ""

    def terms(self) -> dict[str, str]:
        """As a claim takes it."""
        return {"after": self.last} if self.last else {}

    def passed(self, claimed: Sequence[Owned]) -> None:
        """These were claimed, in the order in which the store has handed them out."""
        if claimed:
            self.last = claimed[-1].tenant
