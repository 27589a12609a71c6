"""When something is due: the words of a call, German or English, as a date and a time of day.

Models count days badly. So what the words can mean is counted here where they are of a known form. What a model makes
of them is replaced only where the whole phrase was read, since any word that is left over may change what it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Literal

from agentctl.calls.due_clock import clocks
from agentctl.calls.due_dates import dates
from agentctl.calls.due_phrase import Phrase

HORIZON = timedelta(days=2 * 366)  # what is further away was misheard, or misread

Verdict = Literal["taken", "corrected", "dropped", ""]


@dataclass(frozen=True)
class Due:
    """`on`, `at`: None where nothing is certain. `verdict`, `at_verdict`: what became of the date and the time that
    were proposed; empty where none was, or a time has no date.
    """

    on: date | None = None
    at: time | None = None
    verdict: Verdict = ""
    at_verdict: Verdict = ""


def resolve(words: str | None, day: date | None, proposed: date | None = None, at: time | None = None) -> Due:
    """What `words` mean on `day`, the date of the call where it was; `proposed` and `at`: what a model makes of them.

    Without words or a day there is no date, and without a date no time.
    """
    if not words or day is None:
        return Due(verdict="dropped" if proposed else "")
    phrase = Phrase.of(words)
    named = clocks(phrase)
    possible = [one for one in dates(phrase, day) if plausible(one, day)]
    on = _on(phrase, possible, proposed if proposed and plausible(proposed, day) else None)
    if on is None:
        return Due(verdict=_verdict(proposed, None))
    hour = _at(phrase, named, at)
    return Due(on, hour, _verdict(proposed, on), _verdict(at, hour))


def plausible(one: date, day: date) -> bool:
    """Whether something that was agreed on `day` can be due on `one`."""
    return day <= one <= day + HORIZON


def meanings(words: str, day: date) -> list[date]:
    """Every date that `words` can mean on `day`, the likeliest first; empty for words of no known form."""
    phrase = Phrase.of(words)
    clocks(phrase)
    return dates(phrase, day)


def _on(phrase: Phrase, possible: Sequence[date], proposed: date | None) -> date | None:
    if proposed in possible:
        return proposed
    if proposed and not phrase.sure and (possible or not phrase.dated):
        return proposed
    return possible[0] if possible and not phrase.misread else None


def _at(phrase: Phrase, named: Sequence[Sequence[time]], proposed: time | None) -> time | None:
    """A model may tell afternoon from morning, which words like "um drei Uhr" do not."""
    possible = [one for times in named for one in times]
    if proposed and phrase.part and phrase.sure and not phrase.part[0] <= proposed.hour < phrase.part[1]:
        return None
    if not possible or phrase.bounded or proposed in possible or (proposed and not phrase.sure):
        return proposed
    if len(named) > 1:
        between = proposed and min(possible) < proposed < max(possible)
        return proposed if between else None
    return None if phrase.misread else possible[0]


def _verdict(proposed: date | time | None, found: date | time | None) -> Verdict:
    if proposed is None:
        return ""
    return "taken" if found == proposed else "corrected" if found else "dropped"
