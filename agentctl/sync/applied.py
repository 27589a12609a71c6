"""What became of a plan."""

from __future__ import annotations

from dataclasses import dataclass

from agentctl.sync.plan import Change, Failure, Plan


@dataclass(frozen=True)
class Applied:
    """What a run did: the changes that are done, those held back, and every failure.

    A change of which only a part was held back is in both. The plan's own failures are among the failures. `left`:
    what was to be deleted and stays, since somebody else uses it. `parts`: what it is the sum of, where there are
    several workspaces.
    """

    plan: Plan
    done: tuple[Change, ...]
    failures: tuple[Failure, ...]
    held: tuple[Change, ...] = ()
    left: tuple[Failure, ...] = ()
    parts: tuple[Applied, ...] = ()

    @property
    def ok(self) -> bool:
        """Nothing failed. What was held back is no failure, and no success either."""
        return not self.failures
