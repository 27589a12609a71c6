"""What was said on the phone, without what tells who said it, as far as patterns go: German and English.

Each piece becomes a placeholder of its sort. Rather too much goes than too little: a name that somebody says of
themselves is taken out wherever it stands. What no pattern finds stays, so a person has to read the result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from agentctl.calls.due_words import WEEKDAYS, alternatives
from agentctl.calls.spoken_date import DATES

_WORD = r"[A-ZÄÖÜÉ][\w'’-]+"
_NAME = rf"({_WORD}(?:\s+(?:(?:von|van|de|der|den|zu)\s+)*{_WORD}){{0,3}})"
_TITLE = r"(?:Herrn?|Frau|Mr\.?|Mrs\.?|Ms\.?|Miss|Dr\.?|Doktor|Prof\.?|Professor)"
_STREET = r"(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer|chaussee)"
_ROAD = r"(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Boulevard|Blvd|Court|Square|Way)"
_DIGIT = (
    r"(?:null|eins|zwo|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zero|oh|one|two|three|four|five|six|seven|eight|nine"
    r"|doppel\w*|double)"
)
_DOT = r"(?:punkt|dot|minus|bindestrich|unterstrich|underscore)"

# In this order: what an earlier one has taken is not there for a later one.
_PATTERNS = (
    ("[mail]", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    (
        "[mail]",
        re.compile(
            rf"[\w.+-]+(?:\s+{_DOT}\s+[\w-]+){{0,8}}\s+(?:at|ät|klammeraffe)\s+[\w-]+(?:(?:\s+{_DOT}\s+|\.)[\w-]+)+",
            re.I,
        ),
    ),
    ("[IBAN]", re.compile(r"\b[A-Z]{2}\s?\d{2}(?:\s?[A-Z0-9]{2,4}){3,8}\b")),
    ("[address]", re.compile(rf"\b(?:{_WORD}\s+)?[A-ZÄÖÜ][\w-]*{_STREET}\s*(?:\d+(?:\s?[a-z]\b)?|\w+(?=[,.]))?")),
    ("[address]", re.compile(rf"\b{_WORD}\s+(?i:{_STREET})\s+\d+(?:\s?[a-z]\b)?")),
    ("[address]", re.compile(rf"\b\d{{1,5}}\s+(?:{_WORD}\s+){{1,3}}{_ROAD}\b\.?")),
    ("[address]", re.compile(rf"\b(?:D-)?\d{{5}}\s+{_WORD}")),
    *(("[date]", pattern) for pattern in DATES),
    ("[number]", re.compile(r"(?<!\w)\+?\(?\d(?:[\s()/.\-]{0,3}\d){4,}")),
    ("[number]", re.compile(rf"\b{_DIGIT}(?:[\s,-]+{_DIGIT}){{3,}}\b", re.I)),
    ("[name]", re.compile(r"\b(?:[A-ZÄÖÜ][\s.-]{1,2}){3,}[A-ZÄÖÜ]\b")),
)
_KIND_OF_NAME = r"(?:(?:vor|nach|familien|mädchen)name|(?:first|last|family|maiden|given)[ -]?name|surname)"
_NAMED = rf"(?:{_KIND_OF_NAME}|name)"
_KIN = (
    r"(?:ehe)?(?:mann|frau)|(?:schwieger)?(?:sohn|tochter|vater|mutter)|bruder|schwester|opa|oma|freund(?:in)?"
    r"|partner(?:in)?|kolleg(?:e|in)|husband|wife|son|daughter|father|mother|brother|sister|colleague|friend"
)
_PRESENTED = tuple(
    re.compile(rf"\b(?i:{words})\s*[,:]?\s+(?:(?:der|die|{_TITLE})\s+)*{_NAME}")
    for words in (
        r"ich bin(?:['’]?s)?|ich hei(?:ß|ss)e|hei(?:ß|ss)t|nennen sie mich|hier ist|hier spricht|am apparat(?: ist)?",
        rf"{_NAMED} (?:ist|lautet|war|is|was)|{_NAMED}['’]?s|(?:mein|my) {_NAMED}|{_NAMED}(?=\s*:)|{_KIND_OF_NAME}",
        r"hallo|guten (?:tag|morgen|abend)|grüß gott|servus|moin|hello|hi|good (?:morning|afternoon|evening)",
        r"this is|i am|i['’]m|it['’]s|it is|call me|speaking with",
        rf"(?:mein|unser|ihr|sein|my|our|his|her)(?:e|en|em|er)? (?:{_KIN})(?:,| namens| named| called| von| of)?",
        rf"(?:{_KIN}) (?:von|of)",
    )
)
# Nothing but a name: if a part of it is one, the rest is, too.
_ALONE = re.compile(rf"(?:^|[.!?,]\s+){_NAME}(?=\s*(?:[.!?,]|$))")
# The name comes first: "Peter Pan hier", "Müller mein Name".
_FIRST = (
    re.compile(
        rf"(?<![\w'’-]){_NAME},?\s+"
        r"(?i:am (?:apparat|telefon)|(?:ist |war )?mein name|(?:is |was )?my name|speaking)\b"
    ),
    re.compile(
        rf"(?:^|(?<=[.!?,;:–-]))\s*{_NAME},?\s+(?i:(?:noch\s?mal\s+|wieder\s+)?hier|here)"
        r"(?=\s*(?:$|[.!?,;:–-])|\s+(?i:noch|ich|aus|vo[nm]|i|from)\b)"
    ),
)
_TITLED = re.compile(rf"\b{_TITLE}\s+{_NAME}")
_NO_NAMES = re.compile(
    "Ich|Du|Er|Sie|Es|Wir|Ihr|Ihre|Ihren|Ihrem|Mein|Meine|Der|Die|Das|Den|Dem|Ein|Eine|Und|Oder|Aber|Ja|Nein|Danke"
    "|Bitte|Wann|Wie|Was|Wer|Wo|Warum|Kann|Können|Haben|Hallo|Guten|Tag|Morgen|Abend|Herr|Frau|Hier|Genau|Also|Name"
    "|Vorname|Nachname|Familienname|Grüß|Gott|Servus|Moin|Mittag|Heute|I|You|He|She|It|We|They|My|The|And|Or|But|Yes|No"
    "|Thanks|Please|When|How|What|Who|Where|Why|Can|Could|Do|Hello|Hi|Good|Afternoon|Evening|Here|This|Is"
    rf"|(?i:{alternatives(WEEKDAYS)})"
)
# Nobody says such a word, in no script. Each pattern would try every letter of it as a beginning.
_ENDLESS = re.compile(r"\S{2000,}")
_TEMPLATE = re.compile(r"(?<=\{)(?=\{)")


@dataclass(frozen=True)
class Spoken:
    """One contribution. Of callers' words alone it is believed that a greeting ends with a name."""

    message: str
    by_caller: bool


def redacted(spoken: Sequence[Spoken], names: Iterable[str] = ()) -> list[str]:
    """The messages with placeholders in place of names, numbers, mails, accounts and addresses.

    `names`: those that are known by other means. Braces that a platform would take for a variable are set apart.
    """
    spoken = [replace(one, message=_ENDLESS.sub("[unspeakable]", one.message)) for one in spoken]
    known = _parts([*names, *_presented(spoken)])
    said = (match[1] for one in spoken if one.by_caller for match in _ALONE.finditer(one.message))
    known = _parts([*known, *(name for name in said if set(re.split(r"[\s-]+", name)) & set(known))])
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, known))})(?:s|'s|’s)?(?!\w)") if known else None
    return [_redacted(one.message, pattern) for one in spoken]


def _redacted(text: str, names: re.Pattern[str] | None) -> str:
    for placeholder, pattern in _PATTERNS:
        text = pattern.sub(placeholder, text)
    if names is not None:
        text = names.sub("[name]", text)
        text = re.sub(r"\[name\](?:[\s-]+\[name\])+", "[name]", text)
    return _TEMPLATE.sub(" ", text)


def _presented(spoken: Sequence[Spoken]) -> Iterator[str]:
    for one in spoken:
        patterns = (_TITLED, *_PRESENTED, *_FIRST) if one.by_caller else (_TITLED,)
        for pattern in patterns:
            yield from (match[1] for match in pattern.finditer(one.message))


def _parts(names: Iterable[str]) -> list[str]:
    """The names and every word of them, the longest first; what also begins a sentence is none."""
    found: set[str] = set()
    for name in names:
        words = [word.strip("-'’.,") for word in name.split()]
        places = [at for at, word in enumerate(words) if word and not _NO_NAMES.fullmatch(word)]
        if places:  # "Hallo Peter Pan hier" is Peter Pan
            found |= {" ".join(words[places[0] : places[-1] + 1]), *(words[at] for at in places)}
    return sorted((one for one in found if len(one) > 1 and one[0].isupper()), key=len, reverse=True)
