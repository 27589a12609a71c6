"""For how long a run looks again for what a write without an answer may have done."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from agentctl.sync.kind import Ref


async def rest(seconds: float) -> None:
    """Let that much time go by, for whoever has no clock of its own."""
    await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Patience:
    """How long to look for what an interrupted create may have left, since the platform's lists may lag behind, and
    for what an edit without an answer may have done.

    `pauses` in seconds between looks; `on_pause` hears of each with what is looked for, and why.
    """

    pauses: Sequence[float] = (0.5, 1.0, 2.0, 4.0)
    sleep: Callable[[float], Awaitable[None]] = field(default=lambda seconds: rest(seconds))
    on_pause: Callable[[Sequence[Ref], float, str], None] = lambda sought, seconds, why: None


def telling(tell: Callable[[str], None]) -> Patience:
    """The usual patience; `tell` hears of each pause what is looked for, for how long, and why."""

    def pausing(sought: Sequence[Ref], seconds: float, why: str) -> None:
        names = ", ".join(f"{ref.kind} {ref.key}" for ref in sought)
        tell(f"looking again in {seconds:g} s for {names}: {why}")

    return Patience(on_pause=pausing)
