"""Dates as people say them, German and English, in figures and in words: to be taken out, not to be understood.

Rather too much is taken for a date than too little; what due.py understands is among it.
"""

from __future__ import annotations

import re

from agentctl.calls.due_words import MONTHS, ORDINALS, alternatives

_UNITS = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_ZEHNER = "zwanzig|dreißig|dreissig|vierzig|fünfzig|sechzig|siebzig|achtzig|neunzig"
_SMALL = rf"(?:(?:{_TENS})(?:[\s-](?:{_UNITS}))?|{_TEENS}|(?:oh|o)[\s-](?:{_UNITS})|{_UNITS})"
_SAID_YEAR = (
    rf"(?:(?:neunzehn|zwanzig)hundert\w*|zweitausend\w*|\w+und(?:{_ZEHNER})|{_ZEHNER}"
    rf"|(?:nineteen|twenty)[\s-](?:hundred(?:\s+and)?[\s-])?{_SMALL}|two\s+thousand(?:\s+and)?(?:[\s-]{_SMALL})?)"
)
_YEAR = rf"(?:\d{{4}}|{_SAID_YEAR})\b"
# 3. Mai 14 Uhr, May 3rd 10:30: no year of two figures
_SHORT_YEAR = r"['’]?\d\d\b(?!\s*(?::|Uhr\b|[ap]\.?m\b))"
_THEN = rf"(?:(?:\s*,)?\s+(?:{_YEAR}|{_SHORT_YEAR}))?"
_NTH = rf"(?:{alternatives(ORDINALS)})"
_NTH_MONTH = rf"(?:{alternatives(word for word, number in ORDINALS.items() if number <= 12)})"
_DAY = rf"(?:\d{{1,2}}(?:\.|s?te[nr]?|st|nd|rd|th)?|{_NTH})"
_MONTH = rf"(?:{alternatives(MONTHS)})\b\.?"

DATES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b\d{4}-\d\d-\d\d\b|\b\d{1,2}([./-])\s?\d{1,2}\1\s?(?:\d{4}|\d\d)\b",
        r"(?<![\d.])(?:[0-2]?\d|3[01])\.\s?(?:0?\d|1[0-2])\.(?!\d)",  # 3.5. and 12.05., but no 14.30 and no 1.200
        r"(?:(?<=\bam\s)|(?<=\bvom\s)|(?<=\bzum\s)|(?<=\bden\s))(?:[0-2]?\d|3[01])\.\s?(?:0?\d|1[0-2])\b(?!\s*Uhr)",
        rf"\b{_DAY}\s+(?:(?:of|day\s+of)\s+)?{_MONTH}{_THEN}",
        rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}(?!\w|:\d){_THEN}",
        rf"\b{_NTH}\s+{_NTH_MONTH}\b{_THEN}",
        rf"\b{_MONTH}(?:\s+of)?\s+{_YEAR}",
        rf"(?:(?<=\bjahrgang\s)|(?<=\bgeboren\s)|(?<=\bborn\s)|(?<=\bborn\sin\s)){_YEAR}",
    )
)
