"""What the console says, in German and English; anything else gets English. What callers say is never translated."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

LANGUAGES = ("en", "de")
_UNITS = (("days", 86_400), ("hours", 3600), ("minutes", 60))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Words:
    """The words of one language: `words("calls.title")`; `count` chooses between `one` and `many`."""

    language: str
    table: Mapping[str, Any]

    def __call__(self, name: str, /, count: int | None = None, **values: object) -> str:
        """Raises KeyError for a name that has no words."""
        found: Any = self.table
        for part in name.split("."):
            found = found[part]
        if not isinstance(found, str):
            found = found["one" if count == 1 else "many"]
        return str(found).format(count=count, **values) if values or count is not None else str(found)

    def number(self, value: float, digits: int = 0) -> str:
        """With the separators that this language has."""
        written = f"{value:,.{digits}f}"
        return written.translate(str.maketrans(",.", ".,")) if self.language == "de" else written

    def day(self, moment: date) -> str:
        """A date, as it is written there."""
        return f"{moment:%d.%m.%Y}" if self.language == "de" else f"{self.day_of_year(moment)} {moment:%Y}"

    def day_of_year(self, moment: date) -> str:
        """The same without its year."""
        return f"{moment:%d.%m.}" if self.language == "de" else f"{moment.day} {_MONTHS[moment.month - 1]}"

    def weekday(self, moment: date) -> str:
        """The same with the day of the week."""
        return f"{self.table['weekdays'][moment.weekday()]}, {self.day_of_year(moment)}"


def length(seconds: float | None, words: Words) -> str:
    """5 minutes; nothing for nothing."""
    if seconds is None:
        return "–"
    for unit, size in _UNITS:
        if seconds >= 2 * size:
            return words(f"health.lengths.{unit}", count=round(seconds / size))
    return words("health.lengths.seconds", count=max(0, round(seconds)))


@cache
def words(language: str) -> Words:
    """Those of `language`, one of LANGUAGES."""
    text = files("agentctl.console").joinpath("words", f"{language}.toml").read_text(encoding="utf-8")
    return Words(language, tomllib.loads(text))


def chosen(accepted: str, wanted: str | None = None) -> Words:
    """Those that somebody `wanted`, else the first of an Accept-Language header that there are (RFC 9110, 12.5.4)."""
    if wanted in LANGUAGES:
        return words(wanted)
    ranked = sorted((_weighed(part) for part in accepted.split(",")), key=lambda one: -one[1])
    return words(next((name for name, weight in ranked if weight > 0 and name in LANGUAGES), "en"))


def _weighed(part: str) -> tuple[str, float]:
    name, _, rest = part.strip().partition(";")
    try:
        weight = float(rest.strip().removeprefix("q=")) if rest else 1.0
    except ValueError:
        weight = 0.0
    return name.split("-")[0].lower(), weight
