from datetime import UTC, datetime

import pytest

from agentctl.calls.selection import Selection, numbered
from agentctl.errors import UsageError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("+49 89 9999-8100", {"number": "498999998100"}),
        ("+49 (0)89 / 9999 8100", {"number": "498999998100"}),
        (" +49.89.99998100", {"number": "498999998100"}),
        ("0049 (89) 99998100", {"number": "498999998100"}),
        ("089 99998100", {"number_ending": "8999998100"}),
        ("(089) 9999 8100", {"number_ending": "8999998100"}),
        ("9999-8100", {"number_ending": "99998100"}),
        ("8100", {"number_ending": "8100"}),
        ("000", {"number_ending": "000"}),
    ],
)
def test_numbers_as_people_write_them(written: str, meant: dict[str, str]) -> None:
    assert numbered(written) == meant


@pytest.mark.parametrize("written", ["", "unknown", "+", "(0)"])
def test_what_is_no_number_is_told(written: str) -> None:
    with pytest.raises(UsageError, match="is no telephone number"):
        numbered(written)


def test_only_what_is_asked_for_is_asked_for() -> None:
    assert set(Selection().record().values()) == {None}
    asked = Selection(since=datetime(2026, 11, 1, tzinfo=UTC), number="089 1", items="open").record()
    assert {name: value for name, value in asked.items() if value is not None} == {
        "since": "2026-11-01T00:00:00+00:00",
        "number_ending": "891",
        "items": "open",
    }
