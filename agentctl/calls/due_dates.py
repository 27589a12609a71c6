"""Dates in the words of a call, German and English.

A phrase names a date by parts: some say which days it can be ("nächste Woche", "am 3. Dezember"), some only what such a
day is like ("Freitag", "der 27."). What all parts allow is what the phrase means.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from agentctl.calls.due_phrase import READ, Pattern, Phrase
from agentctl.calls.due_words import MONTHS, NUMBERS, ORDINALS, WEEKDAYS, alternatives, amount

_Match = re.Match[str]

_ISO = Pattern(r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b")
_FIGURES = Pattern(r"\b(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?:\s?(?P<year>\d{4}|\d{2})\b)?")
_NTH = alternatives(ORDINALS)
_DAY = rf"(?:(?P<day>\d{{1,2}})(?:\.|st|nd|rd|th)?|(?P<nth>{_NTH}))"
_MONTH = rf"(?P<month>{alternatives(MONTHS)})\b\.?"
_YEAR = r"(?:,?\s+(?P<year>\d{4})\b)?"
_CALENDAR = (
    _ISO,
    _FIGURES,
    Pattern(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}{_YEAR}"),
    Pattern(rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}\b{_YEAR}"),
)
_OF_MONTH = Pattern(
    rf"(?:\b(?P<day>\d{{1,2}})(?:\.(?!\s?\d)|(?:st|nd|rd|th)\b)|\b(?:am|den|der|dem|zum|the)\s+(?P<nth>{_NTH})\b)"
    r"(?:\s+(?:des|dieses)\s+monats\b|\s+of\s+(?:the|this)\s+month\b)?"
)
_WEEKDAY = Pattern(
    rf"(?P<next>\b(?:nächste[nrsm]?|next)\s+)?(?P<later>\bübernächste[nrsm]?\s+)?\b(?P<day>{alternatives(WEEKDAYS)})"
    r"(?:s\b|\b|(?=morgen|früh|vor|mit|nach|abend))"  # Freitags, Freitagmorgen
    r"(?:\s?morgen\b|(?:früh|vormittag|mittag|nachmittag|abend)\b)?"
)
_SEVERAL = Pattern(
    rf"\b(?:{alternatives(WEEKDAYS)})\s*(?:-|–|bis|to|through|until|till)\s*(?:{alternatives(WEEKDAYS)})\b"
)
_NEXT_WEEK = Pattern(r"\b(?:(?:nächste[rn]?|kommende[rn]?)\s+woche|next\s+week)\b")
_LATER_WEEK = Pattern(r"\b(?:übernächste[rn]?\s+woche|(?:the\s+)?week\s+after\s+next)\b")
_THIS_WEEK = Pattern(r"\b(?:end of (?:the |this )?week|ende (?:der|dieser|die) woche|diese[rn]? woche|this week)\b")
_WEEKEND = Pattern(r"\b(?:wochenende|weekend)\b")
_MONTH_END = Pattern(r"\b(?:monatsende|ende (?:des|dieses) monats|end of (?:the|this) month)\b")
_SPAN = rf"(?P<amount>\d{{1,3}}|{alternatives(NUMBERS)})\s+"
_SPAN += (
    r"(?P<unit>stunden?|minuten?|tag(?:en?)?|wochen?|monat(?:en?)?|hours?|minutes?|days?|weeks?|fortnight|months?)\b"
)
_AHEAD = (
    Pattern(rf"\b(?:in|innerhalb von|innerhalb|binnen|within)\s+(?:the next\s+)?{_SPAN}"),
    Pattern(rf"\b{_SPAN}\s+(?:from (?:now|today)|ab (?:heute|jetzt))\b"),
)
_FROM = Pattern(rf"\b{_SPAN}\s+(?:from|after|ab|nach)\b")
_RELATIVE = (
    (Pattern(r"\b(?:übermorgen|(?:the )?day after tomorrow)\b"), 2),
    (Pattern(r"\b(?:heute(?: morgen\b)?|today|tonight|this (?:morning|afternoon|evening))\b"), 0),
    (Pattern(r"(?<!am )(?<!jeden )(?<!guten )\bmorgen\b|\b(?:first thing )?tomorrow\b"), 1),
)
_DAY_END = Pattern(r"\bend of (?:the )?day\b")
_BOUND = Pattern(rf"\b(?:vor|nach|ab|before|after|from)\s+(?:(?:dem|der|den|the)\s+)?{READ}")
_WEEK = (4, 0, 1, 2, 3, 5, 6)  # its usual last working day first, then any day of it
_REACH = 62  # days: a weekday and a day of the month that meet later do not belong together


def dates(phrase: Phrase, day: date) -> list[date]:
    """Every date that the phrase can mean on `day`, the likeliest first; empty for words of no known form.

    Parts that no day fits together make the phrase a clash; then it is what one of them says.
    """
    phrase.clash |= _SEVERAL.among(phrase.left)
    sets = [_explicit(phrase, day)]
    spans, begun = phrase.take(*_AHEAD), phrase.take(_FROM)
    sets.append(_week(phrase, day))
    weekdays = [_Weekday.of(found, day) for found in phrase.take(_WEEKDAY)]
    relative = [day + timedelta(ahead) for pattern, ahead in _RELATIVE if phrase.take(pattern)]
    phrase.firm |= bool(relative)
    numbers = {_number(found) for found in phrase.take(_OF_MONTH)}
    if begun or (spans and (weekdays or relative)):
        sets.append(list(_shifted(begun or spans, weekdays, relative, day, counted=bool(begun))))
        phrase.clash |= not sets[-1]
        weekdays = []
    else:
        sets += [list(_ahead(spans, day)), *([one, one + timedelta(1)] if phrase.night else [one] for one in relative)]
        if any(one.qualified for one in weekdays):
            sets.append([on for one in weekdays for on in one.alone()])
    sets.append(_ending(phrase, day))
    if phrase.take(_DAY_END) and not any(sets) and not weekdays:
        sets.append([day])
    phrase.clash |= bool(phrase.take(_BOUND))
    return _meeting(phrase, [one for one in sets if one], weekdays, numbers, day)


@dataclass(frozen=True)
class _Weekday:
    number: int
    day: date
    next: bool
    later: bool

    @classmethod
    def of(cls, found: _Match, day: date) -> _Weekday:
        return cls(WEEKDAYS[found["day"]], day, bool(found["next"]), bool(found["later"]))

    @property
    def qualified(self) -> bool:
        return self.next or self.later

    @property
    def coming(self) -> date:
        return self.day + timedelta((self.number - self.day.weekday() - 1) % 7 + 1)

    def alone(self) -> list[date]:
        """What it means where nothing else says more."""
        week = timedelta(7)
        this_week = self.number > self.day.weekday()
        if self.later:
            return [self.coming + week, *([self.coming + 2 * week] if this_week else [])]
        if self.next:  # "next Friday" is this week's to some and the one after it to others
            return [self.coming, self.coming + week]
        return [self.coming, *([self.day] if self.number == self.day.weekday() else [])]


def _meeting(
    phrase: Phrase, sets: Sequence[Sequence[date]], weekdays: Sequence[_Weekday], numbers: set[int], day: date
) -> list[date]:
    """The days that all parts allow, and where there are none those of each; without a set, the next such day."""
    alone = dict.fromkeys(on for one in weekdays for on in one.alone())
    if not sets and not numbers:
        return list(alone)
    tests: list[Callable[[date], bool]] = [one.__contains__ for one in sets[1:]]
    if weekdays:
        tests.append(lambda on: on.weekday() in {one.number for one in weekdays})
    if numbers:
        tests.append(lambda on: on.day in numbers)
    first = sets[0] if sets else [day + timedelta(ahead) for ahead in range(_REACH)]
    found = [on for on in dict.fromkeys(first) if all(test(on) for test in tests)]
    if not found:
        phrase.clash = True
        return list(dict.fromkeys([*(on for one in sets for on in one), *alone]))
    return found if sets else found[: len(numbers)]


def _number(found: _Match) -> int:
    return int(found["day"]) if found["day"] else ORDINALS[found["nth"]]


def _explicit(phrase: Phrase, day: date) -> list[date]:
    taken = phrase.take(*_CALENDAR)
    if taken:
        phrase.dated = phrase.firm = True
    return [on for found in taken for on in _date(_number(found), _month(found), _year(found), day)]


def _month(found: _Match) -> int:
    return int(found["month"]) if found["month"].isdigit() else MONTHS[found["month"]]


def _year(found: _Match) -> int | None:
    said = found["year"]
    return int(said) + (2000 if len(said) == 2 else 0) if said else None


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


def _week(phrase: Phrase, day: date) -> list[date]:
    monday = day - timedelta(day.weekday())
    for pattern, weeks in ((_LATER_WEEK, 2), (_NEXT_WEEK, 1), (_THIS_WEEK, 0)):
        if phrase.take(pattern):
            return [monday + timedelta(7 * weeks + number) for number in _WEEK]
    return []


def _days(found: _Match) -> list[int]:
    """How many days a span is; none for hours and months."""
    many, unit = amount(found["amount"]), found["unit"]
    if unit.startswith(("woche", "week", "fortnight")):
        return [many * (14 if unit == "fortnight" else 7)]
    if unit.startswith("tag") and many == 8:
        return [8, 7]  # "in acht Tagen" is a week
    return [many] if unit.startswith(("tag", "day")) else []


def _shifted(
    spans: Sequence[_Match], weekdays: Sequence[_Weekday], relative: Sequence[date], day: date, *, counted: bool
) -> Iterator[date]:
    """A span from another day: "morgen in einer Woche", or `counted` from it: "a week from Monday"."""
    monday = day - timedelta(day.weekday())
    for days in (days for found in spans for days in _days(found)):
        ahead = timedelta(days)
        yield from (on + ahead for on in relative)
        for one in weekdays:
            if counted:
                yield one.coming + ahead
            elif days % 7 == 0:
                yield monday + ahead + timedelta(one.number)
                yield one.coming + ahead


def _ahead(spans: Sequence[_Match], day: date) -> Iterator[date]:
    for found in spans:
        many, unit = amount(found["amount"]), found["unit"]
        if days := _days(found):
            yield from (day + timedelta(one) for one in days)
        elif unit.startswith("mon"):
            yield _months(day, many)
        else:
            yield from (day, day + timedelta(1))  # hours or minutes, perhaps past midnight


def _months(day: date, many: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + many, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _ending(phrase: Phrase, day: date) -> list[date]:
    """A weekend, the end of a month."""
    if phrase.take(_WEEKEND):
        return [day - timedelta(day.weekday() - number) for number in (5, 6)]
    if phrase.take(_MONTH_END):
        return [day.replace(day=calendar.monthrange(day.year, day.month)[1])]
    return []
