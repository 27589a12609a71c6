"""The German and English words in which people say dates."""

from __future__ import annotations

from collections.abc import Iterable


def _table(*rows: str, first: int = 1) -> dict[str, int]:
    """Word -> number; all words of a row mean the same."""
    return {word: number for number, row in enumerate(rows, first) for word in row.split()}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


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
_UNITS = _table(
    "ein eine einem einer einen eins one a an",
    *("zwei zwo two", "drei three", "vier four", "fünf five", "sechs six", "sieben seven", "acht eight", "neun nine"),
    *("zehn ten", "elf eleven", "zwölf twelve", "dreizehn thirteen", "vierzehn fourteen", "fünfzehn fifteen"),
    *("sechzehn sixteen", "siebzehn seventeen", "achtzehn eighteen", "neunzehn nineteen"),
)
_TENS = _table("zwanzig twenty", "dreissig thirty", "vierzig forty", "fünfzig fifty", first=2)
_LINKED = {
    made: unit + 10 * ten
    for tens, ten in _TENS.items()
    for word, unit in _UNITS.items()
    if unit < 10
    for made in (f"{word}und{tens}", f"{tens}-{word}", f"{tens} {word}")
}
# Casefolded, as all words here: "dreißig" has two s.
NUMBERS = {**_UNITS, **{word: 10 * ten for word, ten in _TENS.items()}, **_LINKED}


def amount(said: str) -> int:
    """What a number in figures, or in one of NUMBERS, comes to."""
    return int(said) if said.isdigit() else NUMBERS[said]


_GERMAN_ORDINALS = _table(
    *("erste", "zweite", "dritte", "vierte", "fünfte", "sechste", "siebte siebente", "achte", "neunte", "zehnte"),
    *("elfte", "zwölfte", "dreizehnte", "vierzehnte", "fünfzehnte", "sechzehnte", "siebzehnte", "achtzehnte"),
    *("neunzehnte", "zwanzigste", "einundzwanzigste", "zweiundzwanzigste", "dreiundzwanzigste"),
    *("vierundzwanzigste", "fünfundzwanzigste", "sechsundzwanzigste", "siebenundzwanzigste", "achtundzwanzigste"),
    *("neunundzwanzigste", "dreissigste", "einunddreissigste"),
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

# What leaves the date and the hour that others name as they are.
FILLERS = _words(
    """
    am im an in um bis zu zum zur auf für noch schon gleich direkt spätestens dann also ja bitte gern gerne
    und oder mal doch eben genau so etwa ungefähr circa ca gegen der die das den dem des diese diesen dieser
    dieses kommende kommenden kommender früh frühen morgens vormittag vormittags nachmittag nachmittags mittag
    mittags abend abends nacht nachts mitternacht uhr zeit wieder wenn möglich ich wir sie er es mich mir uns
    ihnen sich rufen ruft rufe anrufen zurückrufen zurück rückruf melden melde meldet geht passt wäre wird
    werden termin
    at on by the this coming of and or till until to latest around about approximately sharp please then again
    morning afternoon evening night midnight o clock time if possible i we you he she they it me us him her
    call calls back will ll would be is s let
    """
)
# What of time no form of words reads by itself: where it is left over, the date is another than what was read.
TIMELY = _words(
    """
    ab seit nicht kein keine letzte letzten letzter erst statt halb viertel dreiviertel minuten tag tage tagen woche
    wochen wochenende monat monate monaten monats jahr jahre jahren jahres stunde stunden quartal drauf darauf folgende
    folgenden danach davor später übernächste übernächsten übernächster nächste nächsten nächster nächstes
    ferien urlaub feiertag feiertage ostern pfingsten weihnachten silvester neujahr jeden jede jeder
    since not no last past half quarter minutes day days week weeks weekend month months year years hours hour except
    following fortnight later next every holiday holidays vacation christmas easter thanksgiving
    """
)
