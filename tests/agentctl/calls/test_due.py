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
        ("Freitagmorgen", on(11, 20), ()),
        ("am Freitagnachmittag", on(11, 20), ()),
        ("by Friday", on(11, 20), ()),
        ("am Mittwoch", on(11, 25), (on(11, 18),)),
        ("next Tuesday", on(11, 24), (on(12, 1),)),
        ("nächsten Freitag", on(11, 20), (on(11, 27),)),
        ("am übernächsten Montag", on(11, 30), ()),
        ("Tuesday next week", on(11, 24), ()),
        ("nächste Woche Dienstag", on(11, 24), ()),
        ("Dienstag in zwei Wochen", on(12, 1), (on(12, 8),)),
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
        ("tomorrow 5pm", None, time(17)),
        ("morgen um 19 Uhr für vier Personen", None, time(19)),
        ("morgen um drei Uhr", time(15), time(15)),
        ("morgen um drei Uhr", time(9), time(3)),
        ("morgen Nachmittag um drei Uhr", None, time(15)),
        ("Freitagnachmittag um drei Uhr", None, time(15)),
        ("morgen um zehn", time(10), time(10)),
        ("morgen zwischen 9 und 11 Uhr", time(9), time(9)),
        ("heute Abend um acht", time(8), time(20)),
        ("am Sonnabend um zehn", time(10), time(10)),
        ("Sonnabend um 9 Uhr", time(9), time(9)),
        ("am Sonnabendabend um acht", time(8), time(20)),
        ("morgen bis Feierabend", time(16), time(16)),
        ("bis morgen Vormittag", time(12), time(12)),
        ("tomorrow at seven thirty", None, time(7, 30)),
        ("tomorrow at seven thirty", time(19, 30), time(19, 30)),
        ("tomorrow at seven thirty in the evening", time(7, 30), time(19, 30)),
        ("at 7 forty-five tomorrow morning", None, time(7, 45)),
        ("tomorrow at seven, twenty people", time(19), time(19)),
        ("tomorrow at seven twenty people", time(19), time(19)),
        ("tomorrow at a quarter past three", time(15, 15), time(15, 15)),
        ("tomorrow at a quarter to eight", time(10), time(7, 45)),
        ("morgen um halb acht", time(19, 30), time(19, 30)),
        ("morgen um halb acht", time(8, 30), time(7, 30)),
        ("morgen um Viertel nach drei", time(15, 15), time(15, 15)),
        ("morgen um fünf vor halb acht", None, time(7, 25)),
        ("morgen Abend um fünf nach halb acht", time(7, 35), time(19, 35)),
        ("tonight at eight", time(8), time(20)),
        ("tonight at eight", None, time(20)),
        ("morgen früh um acht", time(20), time(8)),
        ("morgen Mittag um eins", time(1), time(13)),
        ("tomorrow noon", time(0), time(12)),
        ("tomorrow at 12 noon", time(0), time(12)),
        ("tomorrow at 12 o'clock noon", None, time(12)),
        ("heute Nachmittag", time(3, 3), None),
        ("heute Nachmittag", time(15, 30), time(15, 30)),
        ("by tomorrow evening", time(9), None),
        ("tonight at three", time(3), time(3)),
        ("tomorrow night at 8 o'clock", time(8), time(20)),
        ("tomorrow night at 8 o'clock", None, time(20)),
        ("Saturday night at ten", time(10), time(22)),
        ("tomorrow night at three", time(3), time(3)),
        ("morgen um 12 Uhr nachts", time(12), time(0)),
        ("heute Nacht um drei Uhr", None, time(3)),
        ("Samstagmorgen um acht", time(20), time(8)),
        ("am Sonnabendmorgen um acht", time(20), time(8)),
        ("tomorrow lunchtime at one", time(1), time(13)),
        ("heute Abend um zwölf", time(0), time(0)),
        ("heute Abend ab acht", time(19), time(19)),
        ("morgen nach dem Mittag", time(17), time(17)),
        ("morgen vormittags oder abends", time(18), time(18)),
        ("so früh wie möglich, morgen", time(14), time(14)),
        ("am 24.12.", None, None),
        ("morgen", None, None),
    ],
)
def test_the_time_of_day(words: str, proposed: time | None, at: time | None) -> None:
    assert resolve(words, DAY, None, proposed).at == at


SAID_ON = date(2026, 11, 19)  # a Thursday


def around(day: str | None, at: str | None = None) -> tuple[date | None, time | None]:
    return (date.fromisoformat(day) if day else None, time.fromisoformat(at) if at else None)


@pytest.mark.parametrize(
    ("words", "day", "at"),
    [
        ("Freitag, den 27.", "2026-11-27", None),
        ("Saturday the 28th", "2026-11-28", None),
        ("Montag übernächster Woche", "2026-11-30", None),
        ("übernächste Woche Mittwoch", "2026-12-02", None),
        ("a week from Monday", "2026-11-30", None),
        ("Freitag in acht Tagen", "2026-11-27", None),
        ("morgen in einer Woche", "2026-11-27", None),
        ("morgen um zehn Uhr dreißig", "2026-11-20", "10:30"),
        ("morgen um vierzehn Uhr dreißig", "2026-11-20", "14:30"),
        ("morgen um drei Uhr fünfzehn", "2026-11-20", "15:15"),
        ("morgen um halb drei Uhr", "2026-11-20", "14:30"),
        ("tomorrow at half past three pm", "2026-11-20", "15:30"),
        ("am Freitag um neun oder zehn Uhr", "2026-11-20", "09:00"),
        ("am 27.", "2026-11-27", None),
        ("on the twenty-seventh", "2026-11-27", None),
        ("Montag nach den Ferien", "2027-01-11", None),
        ("vor Freitag", "2026-11-19", None),
        ("nach dem 3. Dezember", "2026-12-04", None),
        ("ersten Montag im Dezember", "2026-12-07", None),
        ("the second Tuesday of December", "2026-12-08", None),
        ("Freitag in drei Wochen", "2026-12-11", None),
        ("Monday week", "2026-11-30", None),
        ("Mittwoch drauf", "2026-12-02", None),
        ("two weeks from tomorrow", "2026-12-04", None),
        ("heute in vierzehn Tagen", "2026-12-03", None),
        ("zwischen Montag und Freitag", "2026-11-25", None),
        ("Montag bis Mittwoch", "2026-11-24", None),
        ("vom 3. bis 5. Dezember", "2026-12-03", None),
        ("heute oder morgen", "2026-11-20", None),
        ("nächstes Wochenende", "2026-11-28", None),
        ("Freitag der Woche darauf", "2026-12-04", None),
        ("next Friday, the 27th", "2026-11-27", None),
        ("Freitag oder spätestens Montag nach Feierabend", "2026-11-23", None),
        ("morgen um Viertel nach acht", "2026-11-20", "20:15"),
        ("morgen um drei viertel vier", "2026-11-20", "15:45"),
        ("morgen um dreiviertel vier", "2026-11-20", "15:45"),
        ("morgen um fünf vor halb drei", "2026-11-20", "14:25"),
        ("tomorrow at quarter to four", "2026-11-20", "15:45"),
        ("tomorrow at ten past two", "2026-11-20", "14:10"),
        ("tomorrow at two thirty pm", "2026-11-20", "14:30"),
        ("tomorrow at two o'clock", "2026-11-20", "14:00"),
        ("morgen vor zehn Uhr", "2026-11-20", "09:00"),
        ("morgen von 14 bis 16 Uhr", "2026-11-20", "14:00"),
        ("morgen 14:00 bis 16:00 Uhr", "2026-11-20", "15:00"),
        ("heute Nacht um ein Uhr", "2026-11-20", "01:00"),
        ("heute um 24 Uhr", "2026-11-20", "00:00"),
        ("KW 50, Dienstag", "2026-12-08", None),
        ("in ein bis zwei Tagen", "2026-11-21", None),
        ("Friday after next", "2026-12-04", None),
        ("am zweiten Weihnachtsfeiertag", "2026-12-26", None),
        ("tomorrow 2-4pm", "2026-11-20", "14:00"),
        ("frühestens Montag", "2026-11-24", None),
        ("20. November nächstes Jahr", "2027-11-20", None),
        ("morgen um zwölf Uhr nachts", "2026-11-20", "00:00"),
        ("morgen abend um acht", "2026-11-20", "20:00"),
        ("morgen um zwölf Uhr mittags", "2026-11-20", "12:00"),
        ("morgen um ein Uhr mittags", "2026-11-20", "13:00"),
        ("morgen um zehn Uhr oder um elf", "2026-11-20", "11:00"),
        ("morgen abend um zwölf Uhr", "2026-11-20", "00:00"),
    ],
)
def test_a_right_answer_of_the_model_stands(words: str, day: str, at: str | None) -> None:
    proposed, hour = around(day, at)
    assert resolve(words, SAID_ON, proposed, hour) == Due(proposed, hour, "taken", "taken" if hour else "")


@pytest.mark.parametrize(
    ("words", "said", "meant"),
    [
        ("übermorgen", ("2026-11-22", None), ("2026-11-21", None)),
        ("morgen, wegen der Heizung", ("2026-11-21", None), ("2026-11-20", None)),
        ("bis nächsten Dienstag bitte", ("2026-11-25", None), ("2026-11-24", None)),
        ("am 3. Dezember beim Amt", ("2027-12-03", None), ("2026-12-03", None)),
        ("Freitag, den 27.", ("2026-11-28", None), ("2026-11-27", None)),
        ("übernächste Woche Mittwoch", ("2026-11-25", None), ("2026-12-02", None)),
        ("a week from Monday", ("2026-11-23", None), ("2026-11-30", None)),
        ("heute in zwei Wochen", ("2026-12-04", None), ("2026-12-03", None)),
        ("in drei Tagen", ("2026-11-23", None), ("2026-11-22", None)),
        ("Mittwoch, 2. Dezember", ("2026-12-03", None), ("2026-12-02", None)),
        ("morgen um 14 Uhr", ("2026-11-20", "15:00"), ("2026-11-20", "14:00")),
        ("morgen um zehn Uhr dreißig", ("2026-11-20", "10:00"), ("2026-11-20", "10:30")),
        ("morgen früh um acht Uhr", ("2026-11-20", "20:00"), ("2026-11-20", "08:00")),
        ("tomorrow at half past three pm", ("2026-11-20", "15:00"), ("2026-11-20", "15:30")),
        ("morgen um zwölf Uhr mittags", ("2026-11-20", "00:00"), ("2026-11-20", "12:00")),
        ("übermorgen um halb drei nachmittags", ("2026-11-20", "15:30"), ("2026-11-21", "14:30")),
    ],
)
def test_what_the_words_cannot_mean_is_replaced(
    words: str, said: tuple[str, str | None], meant: tuple[str, str | None]
) -> None:
    found = resolve(words, SAID_ON, *around(*said))
    assert (found.on, found.at) == around(*meant)
    assert found.verdict == ("taken" if said[0] == meant[0] else "corrected")
    assert found.at_verdict == ("corrected" if said[1] else "")


@pytest.mark.parametrize("words", ["vor Freitag", "Montag nach den Ferien", "jeden Freitag", "vom 3. bis 5. Dezember"])
def test_words_of_which_a_part_is_not_understood_name_no_date_by_themselves(words: str) -> None:
    assert resolve(words, SAID_ON) == Due()
    assert resolve(words, SAID_ON, on(11, 18)) == Due(verdict="dropped")


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
