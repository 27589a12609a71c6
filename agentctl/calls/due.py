"""When something is due: the words of a call, German or English, as a date and a time of day.

Models count days badly. So what the words can mean is counted here where they are of a known form, and a date that a
model names is taken if it is among that; of other words it is taken if it is plausible.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal

from agentctl.calls.due_words import MONTHS, NUMBERS, ORDINALS, WEEKDAYS, alternatives

HORIZON = timedelta(days=2 * 366)  # what is further away was misheard, or misread

_ISO = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_FIGURES = re.compile(r"\b(\d{1,2})\.\s?(\d{1,2})\.(?:\s?(\d{4}|\d{2})\b)?")
_DAY = rf"(?:(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th)?|(?P<nth>{alternatives(ORDINALS)}))"
_MONTH = rf"(?P<month>{alternatives(MONTHS)})\b\.?"
_YEAR = r"(?:,?\s+(?P<year>\d{4})\b)?"
_NAMED = (re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}"), re.compile(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}\b{_YEAR}"))
_WEEKDAY = re.compile(
    rf"(?P<next>\b(?:nächste[nrsm]?|next)\s+)?(?P<later>\bübernächste[nrsm]?\s+)?\b(?P<day>{alternatives(WEEKDAYS)})s?\b"
)
_NEXT_WEEK = re.compile(r"\b(?:(?:nächste[rn]?|kommende[rn]?)\s+woche|next\s+week)\b")
_THIS_WEEK = re.compile(r"\b(?:end of (?:the |this )?week|ende (?:der|dieser|die) woche|diese[rn]? woche|this week)\b")
_AMOUNT = rf"(?P<amount>\d{{1,3}}|{alternatives(NUMBERS)})"
_UNIT = r"(?P<unit>stunden?|minuten?|tag(?:en?)?|wochen?|monat(?:en?)?|hours?|minutes?|days?|weeks?|fortnight|months?)"
_AHEAD = re.compile(rf"\b(?:in|innerhalb von|innerhalb|binnen|within)\s+(?:the next\s+)?{_AMOUNT}\s+{_UNIT}\b")
_AFTER_TOMORROW = re.compile(r"\b(?:übermorgen|(?:the )?day after tomorrow)\b")
_TODAY = re.compile(r"\b(?:heute|today|tonight|this (?:morning|afternoon|evening)|end of (?:the )?day)\b")
_TOMORROW = re.compile(r"(?<!am )(?<!jeden )(?<!guten )\bmorgen\b|\btomorrow\b")
_WEEKEND = re.compile(r"\b(?:wochenende|weekend)\b")
_MONTH_END = re.compile(r"\b(?:monatsende|ende (?:des|dieses) monats|end of (?:the|this) month)\b")
_CLOCKS = (
    re.compile(r"\b(?P<h>[01]?\d|2[0-4]):(?P<m>[0-5]\d)\s*(?P<half>[ap])?"),
    re.compile(r"\b(?P<h>[01]?\d|2[0-4])\.(?P<m>[0-5]\d)\s*(?:uhr|(?P<half>[ap])\.?m\b)"),
    re.compile(rf"\b(?P<h>[01]?\d|2[0-4]|{alternatives(NUMBERS)})\s*uhr\b(?:\s*(?P<m>[0-5]\d)\b)?(?P<half>\b)?"),
    re.compile(rf"\b(?P<h>1[0-2]|0?\d|{alternatives(NUMBERS)})\s*(?P<half>[ap])\.?\s?m\b(?P<m>\b)?"),
)
_SPAN = re.compile(r"\b(?:zwischen|between)\b")
_LATE = re.compile(r"\b(?:nachmittags?|abends?|afternoon|evening)\b")


@dataclass(frozen=True)
class Due:
    """`on`, `at`: None where nothing is certain. `verdict`: what became of the date that was proposed."""

    on: date | None = None
    at: time | None = None
    verdict: Literal["taken", "corrected", "dropped", ""] = ""


def resolve(words: str | None, day: date | None, proposed: date | None = None, at: time | None = None) -> Due:
    """What `words` mean on `day`, the date of the call where it was; `proposed` and `at`: what a model makes of them.

    Without words or a day there is no date.
    """
    if not words or day is None:
        return Due(verdict="dropped" if proposed else "")
    possible = [one for one in meanings(words, day) if plausible(one, day)]
    if possible:
        on = proposed if proposed in possible else possible[0]
        verdict: Literal["taken", "corrected", ""] = ("taken" if on == proposed else "corrected") if proposed else ""
        return Due(on, _clock(words, at), verdict)
    if proposed and plausible(proposed, day) and not _dated(words):
        return Due(proposed, _clock(words, at), "taken")
    return Due(verdict="dropped" if proposed else "")


def plausible(one: date, day: date) -> bool:
    """Whether something that was agreed on `day` can be due on `one`."""
    return day <= one <= day + HORIZON


def meanings(words: str, day: date) -> list[date]:
    """Every date that `words` can mean on `day`, the likeliest first; empty for words of no known form."""
    said = " ".join(words.casefold().split())
    for reading in (_explicit, _after_tomorrow, _weekdays, _ahead, _today, _tomorrow, _spans):
        if found := list(dict.fromkeys(reading(said, day))):
            return found
    return []


def _dated(words: str) -> bool:
    """Whether the words name a date of the calendar, which then is the only one that they can mean."""
    said = " ".join(words.casefold().split())
    return any(pattern.search(said) for pattern in (_ISO, _FIGURES, *_NAMED))


def _explicit(said: str, day: date) -> Iterator[date]:
    for year, month, number in _ISO.findall(said):
        yield from _date(int(number), int(month), int(year), day)
    for number, month, year in _FIGURES.findall(said):
        full = int(year) + (2000 if len(year) == 2 else 0) if year else None
        yield from _date(int(number), int(month), full, day)
    for pattern in _NAMED:
        for found in pattern.finditer(said):
            number = int(found["day"]) if found["day"] else ORDINALS[found["nth"]]
            yield from _date(number, MONTHS[found["month"]], int(found["year"]) if found["year"] else None, day)


def _date(number: int, month: int, year: int | None, day: date) -> Iterator[date]:
    """That date; without a year the next one."""
    for candidate in [year] if year else range(day.year, day.year + 5):
        try:
            found = date(candidate, month, number)
        except ValueError:
            continue  # the 29th of February comes in another year, the 31st of June in none
        if year or found >= day:
            yield found
            return


def _after_tomorrow(said: str, day: date) -> Iterator[date]:
    if _AFTER_TOMORROW.search(said):
        yield day + timedelta(2)


def _weekdays(said: str, day: date) -> Iterator[date]:
    weeks = _weeks(said)
    monday = day - timedelta(day.weekday())
    for found in _WEEKDAY.finditer(said):
        number = WEEKDAYS[found["day"]]
        coming = day + timedelta((number - day.weekday() - 1) % 7 + 1)
        if weeks:
            yield monday + timedelta(7 * weeks + number)
        elif found["later"]:
            yield coming + timedelta(7)
        else:
            yield coming
            if found["next"]:
                yield coming + timedelta(7)  # "next Friday" is this week's to some and the one after it to others
            elif number == day.weekday():
                yield day


def _weeks(said: str) -> int:
    """How many weeks ahead a weekday is said to be; 0: in none that is named."""
    ahead = _AHEAD.search(said)
    if ahead and ahead["unit"].startswith(("woche", "week", "fortnight")):
        return _amount(ahead["amount"]) * (2 if ahead["unit"] == "fortnight" else 1)
    return 1 if _NEXT_WEEK.search(said) else 0


def _ahead(said: str, day: date) -> Iterator[date]:
    for found in _AHEAD.finditer(said):
        amount, unit = _amount(found["amount"]), found["unit"]
        if unit.startswith(("tag", "day")):
            yield day + timedelta(amount)
            if amount == 8 and unit.startswith("tag"):
                yield day + timedelta(7)  # "in acht Tagen" is a week
        elif unit.startswith(("woche", "week", "fortnight")):
            yield day + timedelta(amount * (14 if unit == "fortnight" else 7))
        elif unit.startswith("mon"):
            yield _months(day, amount)
        else:
            yield from (day, day + timedelta(1))  # hours or minutes, perhaps past midnight


def _amount(said: str) -> int:
    return int(said) if said.isdigit() else NUMBERS[said]


def _months(day: date, amount: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + amount, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _today(said: str, day: date) -> Iterator[date]:
    if _TODAY.search(said):
        yield day


def _tomorrow(said: str, day: date) -> Iterator[date]:
    if _TOMORROW.search(said):
        yield day + timedelta(1)


def _spans(said: str, day: date) -> Iterator[date]:
    """A week, a weekend, the end of a month: its usual last working day first, then any day of it."""
    monday = day - timedelta(day.weekday())
    week = (4, 0, 1, 2, 3, 5, 6)
    if _WEEKEND.search(said):
        yield from (monday + timedelta(number) for number in (5, 6))
    elif _NEXT_WEEK.search(said):
        yield from (monday + timedelta(7 + number) for number in week)
    elif _THIS_WEEK.search(said):
        yield from (monday + timedelta(number) for number in week)
    elif _MONTH_END.search(said):
        yield day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _clock(words: str, proposed: time | None) -> time | None:
    """The time of day. A model may tell afternoon from morning, which words like "um drei Uhr" do not."""
    said = " ".join(words.casefold().split())
    found = {one for pattern in _CLOCKS for match in pattern.finditer(said) if (one := _time(match))}
    if not found or proposed in found or _SPAN.search(said):
        return proposed
    if len(found) > 1:
        return None
    (one,) = found
    later = one.replace(hour=one.hour + 12) if one.hour < 12 else one
    return later if proposed == later or _LATE.search(said) else one


def _time(match: re.Match[str]) -> time | None:
    hour, minute = _amount(match["h"]), int(match["m"] or 0)
    if match["half"]:
        hour = hour % 12 + (12 if match["half"] == "p" else 0)
    return time(hour % 24, minute) if hour <= 24 else None
