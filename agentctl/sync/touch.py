"""When a resource was changed last, where its body does not tell of each change. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from agentctl.errors import Problem
from agentctl.sync.kind import Observed, Ref

# Seconds after a write in which the platform's own work (reading, indexing) may be what touched a resource.
_OWN_WORK = 900


def is_news(before: int, observed: Observed) -> bool:
    """Whether it was touched since. `before`: as of our last write or look; 0: unknown."""
    return bool(before) and observed.touched > before + _OWN_WORK


def moment(seconds: int) -> str:
    """A time in words."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


def notice(ref: Ref, observed: Observed) -> Problem:
    """That it was touched: it need not have been an edit."""
    what = f"was touched at the platform on {moment(observed.touched)}, which shows no more of it; look whether "
    return Problem(f"{ref.kind} {ref.key}", f"{what}somebody edited it")
