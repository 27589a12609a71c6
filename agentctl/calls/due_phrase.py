"""A phrase that is read piece by piece: what each form of words took, and what is left that nobody read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from agentctl.calls.due_words import FILLERS, MONTHS, NUMBERS, ORDINALS, TIMELY, WEEKDAYS

READ = "¦"  # stands where words were taken
_WORD = re.compile(rf"[^\W_]+|{READ}")
_OF_TIME = {*WEEKDAYS, *MONTHS, *ORDINALS, *TIMELY, *NUMBERS} - {word for word, many in NUMBERS.items() if many == 1}


class Pattern:
    """A regular expression that is compiled when it is first looked for.

    With every number, month and weekday in two languages those of all dates and times of day are a quarter of what a
    worker or a door would load before it starts, and few processes ever read a deadline.
    """

    def __init__(self, expression: str) -> None:
        self._expression = expression

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self._expression)

    def among(self, words: str) -> bool:
        """Whether it is anywhere among them."""
        return self.compiled.search(words) is not None


@dataclass
class Phrase:
    """The words that are `left` to be read, casefolded, and what the readers found of them.

    dated: they name a date of the calendar, which then is the only one that they can mean. firm: such a date, or one
    that is counted from the day of the call, which no circumstance moves. clash: what was read contradicts itself, or
    is only what the date is before or after. bounded: the time is before or after one, or among several. night: the
    day may be the one that it ends in. part: the hours of the part of the day that is named instead of a time.
    """

    left: str
    dated: bool = False
    firm: bool = False
    clash: bool = False
    bounded: bool = False
    night: bool = False
    part: tuple[int, int] | None = None

    @classmethod
    def of(cls, words: str) -> Phrase:
        """`words`, whatever their case and space."""
        return cls(" ".join(words.replace(READ, " ").casefold().split()))

    def take(self, *patterns: Pattern) -> list[re.Match[str]]:
        """Every place of each pattern, in their order. What one has taken the next one no longer sees."""
        taken: list[re.Match[str]] = []
        for pattern in patterns:
            taken += pattern.compiled.finditer(self.left)
            self.left = pattern.compiled.sub(f" {READ} ", self.left)
        return taken

    @property
    def sure(self) -> bool:
        """Whether the words can mean nothing else than what was read of them."""
        return not self.misread and (self.firm or {READ, *FILLERS}.issuperset(_WORD.findall(self.left)))

    @property
    def misread(self) -> bool:
        """Whether words of time are left over, so that what was read is probably not what is meant."""
        left = _WORD.findall(self.left)
        return self.clash or any(_timely(word, after) for word, after in zip(left, [*left[1:], READ], strict=False))


def _timely(word: str, after: str) -> bool:
    if word.isdecimal() or NUMBERS.get(word, 1) > 1:
        return after == READ or after in FILLERS or after in _OF_TIME  # else it counts what is no time: "zwei Personen"
    return word in _OF_TIME
