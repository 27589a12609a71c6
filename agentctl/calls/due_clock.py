"""Times of day in the words of a call, German and English."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import time

from agentctl.calls.due_phrase import READ, Pattern, Phrase
from agentctl.calls.due_words import MONTHS, NUMBERS, alternatives, amount

_Match = re.Match[str]

_NUMBER = alternatives(NUMBERS)
_HOUR = rf"(?P<h>(?:[01]?\d|2[0-4])(?!\d)|(?:{_NUMBER})\b)"
# "zehn Uhr vier Personen" are no four minutes: in words only what people round to.
_ROUND = alternatives(word for word, number in NUMBERS.items() if number % 5 == 0)
_MINUTES = rf"(?P<m>[0-5]?\d|{_ROUND})\b(?!\.)(?:\s+(?:minuten?|minutes?)\b)?"
# "at seven thirty", and no "at seven five"; "at seven twenty people" counts these.
_TENS = rf"(?P<m>[1-5]\d|{alternatives(word for word, many in NUMBERS.items() if 10 <= many < 60 and many % 5 == 0)})\b"
_COUNTED = r"(?!\s+(?:people|persons|guests|of\s+us)\b)"
_HALF = r"\s*(?P<half>[ap])(?:\.\s?)?m\b"
_SAID = rf"(?:\s*uhr\b|\s*o['’ ]?clock\b)?(?:{_HALF})?"
# How many minutes each form of words adds to the hour that it names. Longer forms first, since each takes its words.
_FORMS: tuple[tuple[Pattern, Callable[[_Match], int]], ...] = (
    (Pattern(rf"\b(?P<h>[01]?\d|2[0-4]):(?P<m>[0-5]\d)\b{_SAID}"), lambda found: int(found["m"])),
    (
        Pattern(rf"\b(?P<h>[01]?\d|2[0-4])\.(?P<m>[0-5]\d)(?=\s*(?:uhr|[ap]\.?\s?m)\b){_SAID}"),
        lambda found: int(found["m"]),
    ),
    (Pattern(rf"\b(?:viertel\s+nach|(?:a\s+)?quarter\s+past)\s+{_HOUR}{_SAID}"), lambda _: 15),
    (Pattern(rf"\b(?:viertel\s+vor|(?:a\s+)?quarter\s+to|drei\s?viertel)\s+{_HOUR}{_SAID}"), lambda _: -15),
    (Pattern(rf"\bviertel\s+{_HOUR}{_SAID}"), lambda _: -45),
    (Pattern(rf"\bhalf\s+past\s+{_HOUR}{_SAID}"), lambda _: 30),
    (Pattern(rf"\b{_MINUTES}\s+vor\s+halb\s+{_HOUR}{_SAID}"), lambda found: -30 - amount(found["m"])),
    (Pattern(rf"\b{_MINUTES}\s+nach\s+halb\s+{_HOUR}{_SAID}"), lambda found: amount(found["m"]) - 30),
    (Pattern(rf"(?<!vor )(?<!nach )\bhalb\s+{_HOUR}{_SAID}"), lambda _: -30),
    (Pattern(rf"\b{_MINUTES}\s+(?:nach|past)\s+{_HOUR}{_SAID}"), lambda found: amount(found["m"])),
    (Pattern(rf"\b{_MINUTES}\s+vor\s+{_HOUR}{_SAID}"), lambda found: -amount(found["m"])),
    (
        Pattern(rf"\b{_HOUR}\s*uhr\s+(?:und\s+)?{_MINUTES}(?!\s*(?:uhr|vor|nach)\b){_SAID}"),
        lambda found: amount(found["m"]),
    ),
    (Pattern(rf"\b{_HOUR}\s+{_MINUTES}(?=\s*[ap]\.?\s?m\b){_SAID}"), lambda found: amount(found["m"])),
    (Pattern(rf"\b(?:at|around)\s+{_HOUR}\s+{_TENS}{_COUNTED}"), lambda found: amount(found["m"])),
    (Pattern(rf"\b{_HOUR}(?=\s*(?:uhr\b|o['’ ]?clock\b|[ap]\.?\s?m\b)){_SAID}"), lambda _: 0),
)
_TWELVE = Pattern(r"\b(?:(?:12|twelve)\s+)?(?:noon|midday)\b")
# "um zehn": an hour, but which half of the day only a part of it tells; else that is left to the model.
_BARE = Pattern(
    rf"\b(?P<by>um|gegen|ab|vor|nach|at|around|before|after)\s+{_HOUR}"
    rf"(?!\s*(?:[.:\d]|st\b|nd\b|rd\b|th\b|tag|woche|monat|day|week|month|{alternatives(MONTHS)}))"
)
_RANGE = Pattern(rf"\b{_HOUR}(?::[0-5]\d)?(?:\s*uhr)?\s*(?:und|oder|bis|and|or|to|until|-|–)\s*{READ}")
_BOUND = Pattern(rf"\b(?:vor|nach|ab|von|zwischen|before|after|from|between)\s+{READ}|{READ}\s+(?:oder|or)\s+{READ}")
# "Montagabend" is one; "Sonnabend" is Saturday, and nobody says at which hour work ends.
_EVENING = r"(?<!sonn)(?<!feier)(?<!heilig)abends?|evening|tonight"
_LATE = Pattern(rf"(?:nachmittags?|afternoon|{_EVENING})\b")
_DAY_MORNING = r"(?:tag|mittwoch|sonnabend)morgens?"
_EARLY = Pattern(rf"\b(?:früh|morgens|vormittags?|morning)\b|{_DAY_MORNING}\b")
_NIGHT = Pattern(r"\b(?:nachts?|mitternacht|night|midnight)\b|\b(?:24|vierundzwanzig)(?::00)?\s*uhr\b|\b24:00\b")
_NOON = Pattern(r"\b(?:mittags?|noon|midday|lunch\s?time)\b")
# Parts of the day, and the hours from the first up to the last that they can mean.
_PARTS = (
    (Pattern(rf"(?:\bmorgens|{_DAY_MORNING}|vormittags?|morning)\b|(?<!so )(?<!möglichst )\bfrüh\b"), (4, 13)),
    (_NOON, (10, 16)),
    (Pattern(r"(?:nachmittags?|afternoon)\b"), (12, 19)),
    (Pattern(rf"(?:{_EVENING})\b"), (17, 24)),
)
_LATE_AT_NIGHT = (19, 24)
_OTHER = Pattern(r"\b(?:oder|und|ab|vor|nach|or|and|before|after|from)\b")  # than that part alone


def clocks(phrase: Phrase) -> list[list[time]]:
    """For each time of day that is named, what it can mean, the likeliest first: "drei Uhr" is 03:00 or 15:00."""
    late, early, noon = (part.among(phrase.left) for part in (_LATE, _EARLY, _NOON))
    phrase.night = _NIGHT.among(phrase.left)
    named = []
    for pattern, minutes in _FORMS:
        for found in phrase.take(pattern):
            hour = amount(found["h"])
            if hour > 24:
                continue
            times = _times(hour, minutes(found), found.groupdict().get("half"), sure=found["h"].startswith("0"))
            if noon:
                times = [one for one in times if 10 <= one.hour < 16] or times
            elif phrase.night:
                times = [one for one in times if _nightly(one)] or times
            elif late != early and hour < 12:
                times = [one for one in times if (one.hour >= 12) == late] or times
            named.append(times)
    if phrase.take(_TWELVE) and not named:
        named.append([time(12)])
    bounds, bare = phrase.take(_RANGE, _BOUND), phrase.take(_BARE)
    phrase.bounded = bool(bounds or (named and bare))
    part = None if phrase.bounded or phrase.night else _part(phrase.left)
    if len(bare) == 1 and bare[0]["by"] in ("um", "gegen", "at", "around") and (part or _before_midnight(phrase)):
        low, high = part or _LATE_AT_NIGHT
        hour = amount(bare[0]["h"])
        meant = [one for one in _times(hour, 0, None, sure=bare[0]["h"].startswith("0")) if low <= one.hour < high]
        return [meant] if len(meant) == 1 else []
    phrase.part = None if named or bare else part
    return named


def _nightly(one: time) -> bool:
    return one.hour >= _LATE_AT_NIGHT[0] or one.hour < 6


def _before_midnight(phrase: Phrase) -> bool:
    """Whether it is the night of a day alone, whose hours before midnight are of that very day."""
    return phrase.night and not phrase.bounded and not _OTHER.among(phrase.left)


def _part(words: str) -> tuple[int, int] | None:
    """The hours of the one part of the day that is meant, if it is one."""
    found = [hours for pattern, hours in _PARTS if pattern.among(words)]
    return found[0] if len(found) == 1 and not _OTHER.among(words) else None


def _times(hour: int, minutes: int, half: str | None, *, sure: bool) -> list[time]:
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    of_day = (hour * 60 + minutes) % (24 * 60)
    several = [of_day] if half or sure or hour > 12 else [of_day, (of_day + 12 * 60) % (24 * 60)]
    return [time(*divmod(one, 60)) for one in several]
