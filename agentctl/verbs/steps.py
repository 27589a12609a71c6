"""Several writes that belong together and cannot be one: done in order, and a failure tells how far they came."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from agentctl.errors import AgentctlError, SyncError

# What is true once the step is done, and the step. Each finds its own work done and then does nothing.
Step = tuple[str, Callable[[], Awaitable[None]]]


class Undone(Exception):
    """A step could not be done, and what was done before it was undone. `so` says in a sentence how things stand."""

    def __init__(self, error: AgentctlError, so: str) -> None:
        super().__init__(error.message)
        self.error, self.so = error, so


async def carry_out(steps: Sequence[Step]) -> None:
    """Do all steps.

    Raises the first step's own error as it is, and SyncError for a later one: with what is done and what is not, or
    with how things stand where a step has undone it all.
    """
    for at, (_, step) in enumerate(steps):
        try:
            await step()
        except Undone as undone:
            error, again = undone.error, "The same command begins anew."
            raise SyncError(f"{error.message}\n{undone.so}", f"{error.hint or ''} {again}".strip()) from error
        except AgentctlError as error:
            if at == 0:
                raise
            done = "; ".join(name for name, _ in steps[:at])
            left = "; ".join(name for name, _ in steps[at:])
            hint = " ".join(part for part in (error.hint, "The same command again continues here.") if part)
            raise SyncError(f"{error.message}\nDone: {done}.\nNot done: {left}.", hint) from error
