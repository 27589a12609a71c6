"""The German and English words in which people say dates."""

from __future__ import annotations

from collections.abc import Iterable


def _table(*rows: str, first: int = 1) -> dict[str, int]:
    """Word -> number; all words of a row mean the same."""
    return {word: number for number, row in enumerate(rows, first) for word in row.split()}


def alternatives(words: Iterable[str]) -> str:
    """As a part of a regular expression; a longer word is tried before one that it begins with."""
    return "|".join(sorted(words, key=lambda word: (-len(word), word)))


WEEKDAYS = _table(
    "montag monday mon",
    "dienstag tuesday tue tues",
    "mittwoch wednesday wed",
    "donnerstag thursday thu thurs",
    "freitag friday fri",
    "samstag sonnabend saturday sat",
    "sonntag sunday",
    first=0,
)
# "mai" and "may" stand in dates alone: what comes beside them has to be a day.
MONTHS = _table(
    "januar jänner january jan",
    "februar feber february feb",
    "märz maerz march mär mar",
    "april apr",
    "mai may",
    "juni juno june jun",
    "juli julei july jul",
    "august aug",
    "september sept sep",
    "oktober october okt oct",
    "november nov",
    "dezember december dez dec",
)
NUMBERS = _table(
    "ein eine einem einer einen eins one a an",
    "zwei zwo two",
    "drei three",
    "vier four",
    "fünf five",
    "sechs six",
    "sieben seven",
    "acht eight",
    "neun nine",
    "zehn ten",
    "elf eleven",
    "zwölf twelve",
    "dreizehn thirteen",
    "vierzehn fourteen",
    "fünfzehn fifteen",
    "sechzehn sixteen",
    "siebzehn seventeen",
    "achtzehn eighteen",
    "neunzehn nineteen",
    "zwanzig twenty",
    "einundzwanzig",
    "zweiundzwanzig",
    "dreiundzwanzig",
    "vierundzwanzig",
)
_GERMAN_ORDINALS = _table(
    *("erste", "zweite", "dritte", "vierte", "fünfte", "sechste", "siebte siebente", "achte", "neunte", "zehnte"),
    *("elfte", "zwölfte", "dreizehnte", "vierzehnte", "fünfzehnte", "sechzehnte", "siebzehnte", "achtzehnte"),
    *("neunzehnte", "zwanzigste", "einundzwanzigste", "zweiundzwanzigste", "dreiundzwanzigste"),
    *("vierundzwanzigste", "fünfundzwanzigste", "sechsundzwanzigste", "siebenundzwanzigste", "achtundzwanzigste"),
    *("neunundzwanzigste", "dreißigste dreissigste", "einunddreißigste einunddreissigste"),
)
_ENGLISH_ORDINALS = _table(
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh"),
    *("twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth"),
    *("twentieth", "twenty-first", "twenty-second", "twenty-third", "twenty-fourth", "twenty-fifth", "twenty-sixth"),
    *("twenty-seventh", "twenty-eighth", "twenty-ninth", "thirtieth", "thirty-first"),
)
ORDINALS = {
    **{word + ending: number for word, number in _GERMAN_ORDINALS.items() for ending in ("", "n", "r")},
    **_ENGLISH_ORDINALS,
}
