"""How what is stored is written for people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from agentctl.console.view import cost, overdue, parted, shown, telephone
from agentctl.console.wording import Words, words


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("+498999998100", "+49 89 99998100"),
        ("+4915100000001", "+49 1510 0000001"),
        ("+12025550143", "+1 202-555-0143"),
        ("+442079460018", "+44 20 7946 0018"),
        ("+49", "+49"),
        ("<b>+49 30 1</b>", "<b>+49 30 1</b>"),
        ("anonymous", "anonymous"),
        ("evil+4989998100", "evil+4989998100"),
        ("+1-800-FLOWERS", "+1-800-FLOWERS"),
        ("+49089998100", "+49089998100"),
        ("+4915100000001;isub=1", "+4915100000001;isub=1"),
        (None, ""),
    ],
)
def test_a_number_is_cut_where_people_cut_it_or_nowhere(number: str | None, written: str) -> None:
    assert telephone(number) == written


def test_what_calls_cost_stands_below_each_other() -> None:
    told = [cost({"cost_fiat": amount}, words("de")) for amount in (0.07, 0.14, 1.2)]
    assert told == ["0,070\N{NO-BREAK SPACE}$", "0,140\N{NO-BREAK SPACE}$", "1,200\N{NO-BREAK SPACE}$"]
    assert cost({"cost_fiat": 0.0705}, words("en")) == "$0.070"


def test_a_long_text_is_parted_behind_a_word_and_nothing_of_it_is_lost() -> None:
    first, rest = parted("viele Worte " * 100, 100)
    assert first.endswith(("viele", "Worte"))
    assert 50 <= len(first) <= 100
    assert f"{first} {rest}" == "viele Worte " * 100
    assert parted("A" * 1000, 100) == ("A" * 100, "A" * 900)
    assert parted("kurz " * 25, 100) == ("kurz " * 25, "")


@dataclass
class Reader:
    zone: ZoneInfo
    words: Words


def test_what_should_be_done_by_now_is_overdue_until_it_is_done() -> None:
    berlin = Reader(ZoneInfo("Europe/Berlin"), words("de"))
    now = datetime.now(berlin.zone)
    today, yesterday = (f"{now - timedelta(days=days):%Y-%m-%d}" for days in (0, 1))
    assert overdue({"done": False, "due_date": yesterday}, berlin)
    assert overdue({"done": False, "due_date": yesterday, "due_time": "23:59:00"}, berlin)
    assert overdue({"done": False, "due_date": today, "due_time": "00:00:00"}, berlin)
    assert not overdue({"done": True, "due_date": yesterday}, berlin)
    assert not overdue({"done": False, "due_date": today}, berlin), "there is time until midnight"
    assert not overdue({"done": False, "due": "morgen"}, berlin)


def test_a_mark_that_reorders_a_line_is_told_by_its_number() -> None:
    assert shown('{"said": "a\N{RIGHT-TO-LEFT OVERRIDE}b"}') == '{"said": "a\\u202eb"}'
