"""Moments as people write them on a command line: how long ago, a day, or a time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from agentctl.errors import UsageError

FORMS = "7d, 24h, 90m, 2w, 2026-11-01 or 2026-11-01T09:30+01:00"
_AGO = re.compile(r"(\d{1,6})\s*([mhdw])")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)  # who means everything may write a round date
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(said: str, *, now: datetime | None = None) -> datetime:
    """What `said` means, with its time zone. A day begins, and a time without a zone is, where this machine is.

    Raises UsageError, also for what is beyond the calendar.
    """
    return _read(said, now, timedelta(0))


def past(said: str, *, now: datetime | None = None) -> datetime:
    """As `moment`, of a time at which there can have been conversations. Raises UsageError for any other."""
    found, present = moment(said, now=now), now or datetime.now(UTC)
    if found > present:
        raise UsageError(f"{said!r} is yet to come", f"Write a time that is past, like {FORMS}.")
    if found < _FIRST:
        raise UsageError(f"{said!r} is before {_FIRST.year}, when there were no conversations yet", "7d is a week ago.")
    return found


def end(said: str, *, now: datetime | None = None) -> datetime:
    """As `moment`, but that a day is meant as a whole: its end, so that the last day is part of a stretch of time."""
    return _read(said, now, timedelta(days=1) if _DAY.fullmatch(said.strip()) else timedelta(0))


def stretch(said: str) -> timedelta:
    """How long `said` is, like 90m, 1h or 7d. Raises UsageError."""
    found = _AGO.fullmatch(said.strip().lower())
    if found is None:
        raise UsageError(f"{said!r} is no length of time", "Write it like 90m, 1h or 7d.")
    return _length(found)


def _length(found: re.Match[str]) -> timedelta:
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _read(said: str, now: datetime | None, more: timedelta) -> datetime:
    text = said.strip()
    try:
        if ago := _AGO.fullmatch(text.lower()):
            return (now or datetime.now(UTC)) - _length(ago)
        # Before the zone is added: a day can have 23 or 25 hours.
        found = datetime.fromisoformat(text) + more
        return found.astimezone() if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"{said!r} is no time", f"Write it like {FORMS}.") from None
