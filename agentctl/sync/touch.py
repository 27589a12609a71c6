"""When a resource was changed last, where its body does not tell of each change. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from agentctl.errors import Problem
from agentctl.sync.kind import Observed, Ref

# Seconds after a write in which the platform's own work (reading, indexing) may be what touched a resource.
_OWN_WORK = 900


def is_news(before: int, observed: Observed, *, overwrites: bool = False) -> bool:
    """Whether it was touched since. `before`: as of our last write or look; 0: unknown.

    `overwrites`: what was done to it would be lost, so that it is told even if it may have been the platform's own.
    """
    return bool(before) and observed.touched > before + (0 if overwrites else _OWN_WORK)


def moment(seconds: int) -> str:
    """A time in words."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def edited(observed: Observed) -> str:
    """What a plan shows in the place of content that somebody has edited."""
    return f"edited there, last touched on {moment(observed.touched)}"


def notice(ref: Ref, observed: Observed) -> Problem:
    """That it was touched: it need not have been an edit."""
    what = f"was touched at the platform on {moment(observed.touched)}, which shows no more of it; look whether "
    return Problem(f"{ref.kind} {ref.key}", f"{what}somebody edited it")
