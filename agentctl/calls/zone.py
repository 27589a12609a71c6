"""Moments as the clock on the wall showed them where a call was."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_END_OF_TIME = 9900  # dates are counted on from a call's, and Python's end with the year 9999


def local(moment: datetime, timezone: str | None) -> datetime:
    """`moment` in the time zone of that IANA name; in UTC where none is given, or none that this machine knows."""
    try:
        return moment.astimezone(ZoneInfo(timezone or "UTC"))
    except (KeyError, ValueError, OSError, OverflowError):
        # ZoneInfo: unknown name, unsafe name, a directory; some machines have no time zone database at all.
        return moment.astimezone(UTC)


def day_of(moment: datetime | None, timezone: str | None) -> date | None:
    """The date that it was there; None for no moment, and for one of a clock so wrong that no date follows from it."""
    day = local(moment, timezone).date() if moment else None
    return day if day and day.year < _END_OF_TIME else None
