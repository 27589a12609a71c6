"""Deadlines in the words of a call, on Wednesday, 18 November 2026."""

from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl.calls.due import Due, meanings, plausible, resolve

DAY = date(2026, 11, 18)


def on(month: int, day: int, year: int = 2026) -> date:
    return date(year, month, day)


@pytest.mark.parametrize(
    ("words", "first", "others"),
    [
        ("heute noch", on(11, 18), ()),
        ("tonight", on(11, 18), ()),
        ("tomorrow", on(11, 19), ()),
        ("Morgen früh", on(11, 19), ()),
        ("übermorgen", on(11, 20), ()),
        ("the day after tomorrow", on(11, 20), ()),
        ("bis Freitag", on(11, 20), ()),
        ("Freitag morgen", on(11, 20), ()),
        ("by Friday", on(11, 20), ()),
        ("am Mittwoch", on(11, 25), (on(11, 18),)),
        ("next Tuesday", on(11, 24), (on(12, 1),)),
        ("nächsten Freitag", on(11, 20), (on(11, 27),)),
        ("am übernächsten Montag", on(11, 30), ()),
        ("Tuesday next week", on(11, 24), ()),
        ("nächste Woche Dienstag", on(11, 24), ()),
        ("Dienstag in zwei Wochen", on(12, 1), ()),
        ("Montag oder Dienstag", on(11, 23), (on(11, 24),)),
        ("in zwei Wochen", on(12, 2), ()),
        ("in a week", on(11, 25), ()),
        ("within the next three days", on(11, 21), ()),
        ("in einem Monat", on(12, 18), ()),
        ("in acht Tagen", on(11, 26), (on(11, 25),)),
        ("am 3. Dezember um 14 Uhr", on(12, 3), ()),
        ("am dritten Dezember", on(12, 3), ()),
        ("December third", on(12, 3), ()),
        ("the 3rd of December, 2027", on(12, 3, 2027), ()),
        ("3.12.", on(12, 3), ()),
        ("3.12.27", on(12, 3, 2027), ()),
        ("on 2026-12-24", on(12, 24), ()),
        ("am 2. Januar", on(1, 2, 2027), ()),
        ("Ende der Woche", on(11, 20), (on(11, 21),)),
        ("next week", on(11, 27), (on(11, 23),)),
        ("am Wochenende", on(11, 21), (on(11, 22),)),
        ("bis Ende des Monats", on(11, 30), ()),
    ],
)
def test_words_of_a_known_form(words: str, first: date, others: tuple[date, ...]) -> None:
    found = meanings(words, DAY)
    assert found[0] == first
    assert set(others) <= set(found)
    assert others or len(found) == 1


@pytest.mark.parametrize(
    "words", ["sobald wie möglich", "morgens", "irgendwann", "am Morgen", "soon", "31. Februar", ""]
)
def test_words_of_no_date(words: str) -> None:
    assert meanings(words, DAY) == []


def test_months_have_the_days_that_they_have() -> None:
    assert meanings("in einem Monat", date(2027, 1, 31)) == [date(2027, 2, 28)]
    assert meanings("am 29. Februar", date(2027, 1, 31)) == [date(2028, 2, 29)]


@pytest.mark.parametrize(
    ("words", "proposed", "expected"),
    [
        ("next Tuesday", on(12, 1), Due(on(12, 1), None, "taken")),
        ("next Tuesday", on(12, 8), Due(on(11, 24), None, "corrected")),
        ("next Tuesday", None, Due(on(11, 24))),
        ("nach den Ferien", on(1, 11, 2027), Due(on(1, 11, 2027), None, "taken")),
        ("nach den Ferien", on(11, 17), Due(verdict="dropped")),
        ("am 20. November 2019", on(11, 20), Due(verdict="dropped")),
        ("in drei Jahren", on(11, 18, 2029), Due(verdict="dropped")),
        (None, on(11, 19), Due(verdict="dropped")),
        (None, None, Due()),
    ],
)
def test_what_a_model_makes_of_the_words_is_taken_if_they_can_mean_it(
    words: str | None, proposed: date | None, expected: Due
) -> None:
    assert resolve(words, DAY, proposed) == expected


@pytest.mark.parametrize(
    ("words", "proposed", "at"),
    [
        ("morgen um 14 Uhr", None, time(14)),
        ("morgen um zehn Uhr", None, time(10)),
        ("morgen um 9.30 Uhr", None, time(9, 30)),
        ("tomorrow at 2:15 pm", None, time(14, 15)),
        ("tomorrow, 12 a.m.", None, time(0)),
        ("morgen um drei Uhr", time(15), time(15)),
        ("morgen um drei Uhr", time(9), time(3)),
        ("morgen Nachmittag um drei Uhr", None, time(15)),
        ("morgen um zehn", time(10), time(10)),
        ("morgen zwischen 9 und 11 Uhr", time(9), time(9)),
        ("am 24.12.", None, None),
        ("morgen", None, None),
    ],
)
def test_the_time_of_day(words: str, proposed: time | None, at: time | None) -> None:
    assert resolve(words, DAY, None, proposed).at == at


def test_without_a_day_nothing_follows_from_words() -> None:
    assert resolve("morgen", None, on(11, 19)) == Due(verdict="dropped")


PIECES = (
    *("am", "bis", "in", "zwei", "999", "99", "0", "Wochen", "Monaten", "Tagen", "Freitag", "nächsten", "next", "week"),
    *("31.", "29.", "Februar", "2026", "0000", "12:61", "uhr", "3.13.", "2026-02-30", "9999-12-31", "pm", "ende"),
    *("dreißigsten", "übermorgen", "fortnight"),
)
WORDS = st.lists(st.sampled_from(PIECES) | st.text(max_size=8))


@given(WORDS, st.dates(date(1, 1, 1), date(9899, 12, 31)), st.none() | st.dates())
def test_no_words_are_fatal_and_no_date_is_implausible(words: list[str], day: date, proposed: date | None) -> None:
    found = resolve(" ".join(words), day, proposed)
    assert found.on is None or plausible(found.on, day)
