"""agentctl.console.wording: both languages say everything that a page says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from agentctl.console import wording
from agentctl.console.wording import chosen, words

CONSOLE = Path(wording.__file__).parent
USED = re.compile(r"""words\(\s*["']([\w.]+)["']\s*[,)]|Refused\(\d+, "([\w.]+)"\)|refusal\([^"]*"([\w.]+)"\)""")


def leaves(table: Mapping[str, Any], at: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*at, name))
        else:
            yield ".".join((*at, name)), str(value)


def values(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_words_with_the_same_values() -> None:
    english, german = (dict(leaves(words(one).table)) for one in ("en", "de"))
    assert english.keys() == german.keys()
    assert {name for name in english if values(english[name]) != values(german[name])} == set()


def test_every_word_that_a_page_says_is_there() -> None:
    texts = [path.read_text() for path in CONSOLE.rglob("*") if path.suffix in (".py", ".j2")]
    used = {next(filter(None, found)) for text in texts for found in USED.findall(text)}
    assert len(used) > 50, "a rule that looks at nothing would hold"
    for name in used:
        found: Any = words("en").table
        for part in name.split("."):
            found = found[part]


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("de", "de"),
        ("de-CH,en;q=0.9", "de"),
        ("en;q=0.3, de;q=0.7", "de"),
        ("fr, it", "en"),
        ("", "en"),
        ("de;q=x", "en"),
    ],
)
def test_the_browsers_first_language_that_there_is_counts(accepted: str, language: str) -> None:
    assert chosen(accepted).language == language
    assert chosen(accepted, "de").language == "de"


def test_dates_are_written_as_each_language_writes_them() -> None:
    day = date(2026, 11, 3)
    english, german = words("en"), words("de")
    assert (english.day(day), english.day_of_year(day), english.weekday(day)) == ("3 Nov 2026", "3 Nov", "Tue, 3 Nov")
    assert (german.day(day), german.day_of_year(day), german.weekday(day)) == ("03.11.2026", "03.11.", "Di, 03.11.")


def test_one_is_not_many() -> None:
    assert words("en")("plan.sync", count=1) == "Apply this change"
    assert words("en")("plan.sync", count=3) == "Apply these 3 changes"
