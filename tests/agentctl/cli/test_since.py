from datetime import UTC, datetime, timedelta

import pytest

from agentctl.cli.since import end, moment, past, stretch
from agentctl.errors import UsageError

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "ago"),
    [("7d", timedelta(7)), ("24h", timedelta(1)), ("90m", timedelta(minutes=90)), (" 2W ", timedelta(14))],
)
def test_how_long_ago(said: str, ago: timedelta) -> None:
    assert moment(said, now=NOW) == NOW - ago


def test_how_long() -> None:
    assert stretch(" 90M ") == timedelta(minutes=90)
    for said in ("", "1", "-1h", "2026-11-01", "1y"):
        with pytest.raises(UsageError, match="length of time"):
            stretch(said)


def test_days_and_times() -> None:
    assert moment("2026-11-01T09:30+01:00") == datetime(2026, 11, 1, 8, 30, tzinfo=UTC)
    assert moment("2026-11-01") == datetime(2026, 11, 1).astimezone()
    assert moment("2026-11-01 09:30").tzinfo is not None
    assert abs(moment("0m") - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("said", ["", "yesterday", "7", "-7d", "7 years", "2026-13-01", "999999w", "1e3d"])
def test_anything_else_is_told(said: str) -> None:
    with pytest.raises(UsageError, match="is no time"):
        moment(said, now=NOW)


@pytest.mark.parametrize(
    ("said", "why"),
    [("2026-11-22T10:01+00:00", "yet to come"), ("99999d", "before 2000"), ("1999-12-31", "before 2000")],
)
def test_a_time_at_which_nothing_can_have_been_is_refused(said: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        past(said, now=NOW)


def test_any_other_is_a_moment() -> None:
    assert past("0m", now=NOW) == NOW
    assert past("104w", now=NOW) == moment("104w", now=NOW)


def test_the_end_of_a_stretch_has_its_last_day_in_it() -> None:
    assert end("2026-11-01") == moment("2026-11-02")
    assert end("2026-11-01T09:30+01:00") == moment("2026-11-01T09:30+01:00")
    assert end("7d", now=NOW) == moment("7d", now=NOW)
    with pytest.raises(UsageError, match="is no time"):
        end("9999-12-31")
