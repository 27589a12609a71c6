"""How what is stored is written for people."""

from __future__ import annotations

import pytest

from agentctl.console.view import cost, parted, telephone
from agentctl.console.wording import words


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
