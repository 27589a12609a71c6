"""What the scripted caller and the scripted agent say, in German and in English, and how their intents are heard."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentctl.sandbox.shape import names


@dataclass(frozen=True)
class Phrases:
    """One language. Braces are filled by `str.format`."""

    code: str
    caller_lines: tuple[str, ...]
    mission: str
    known: str
    unknown: str
    callback: str
    noted: str
    goodbye: str
    question: re.Pattern[str]
    wants_callback: re.Pattern[str]
    farewell: re.Pattern[str]
    name: re.Pattern[str]
    when: re.Pattern[str]
    topic: re.Pattern[str]
    hours: tuple[tuple[str, str], ...]
    callback_item: str
    somebody: str
    stop_words: frozenset[str]
    summary: str
    summary_answer: str
    summary_callback: str
    summary_nothing: str
    title: str
    title_callback: str


GERMAN = Phrases(
    code="de",
    caller_lines=(
        "Guten Tag, hier ist Erika Muster. Wann haben Sie denn geöffnet?",
        "Danke. Ich hätte gern morgen um zehn Uhr einen Rückruf zu meinem Angebot.",
        "Nein, das war alles. Vielen Dank und auf Wiederhören!",
    ),
    mission="Gern. Ich bin „{name}“ („{mission}“).",
    known="Dazu weiß ich: {answer}",
    unknown="Dazu liegt mir leider nichts vor; ich gebe Ihre Frage weiter.",
    callback="Gern, ich notiere: {what}, {who}, {when}.",
    noted="Das habe ich notiert.",
    goodbye="Vielen Dank für Ihren Anruf. Auf Wiederhören!",
    question=re.compile(r"\?|\b(wann|wo|wie|was|wer|welche\w*|warum|wieviel)\b", re.IGNORECASE),
    wants_callback=re.compile(
        r"rückruf|zurückruf|zurückzurufen|rufen sie \w+ (\w+ ){0,9}zurück|anzurufen", re.IGNORECASE
    ),
    farewell=re.compile(r"wiederhör|tschüss|wiederseh|das war alles|schönen tag", re.IGNORECASE),
    name=re.compile(
        r"(?:hier ist|mein name ist|ich bin|ich heiße) ((?:Frau |Herr )?[A-ZÄÖÜ][\wäöüß-]+(?: [A-ZÄÖÜ][\wäöüß-]+)*)"
    ),
    when=re.compile(
        r"\b((?:heute|morgen|übermorgen|(?:am )?(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag))"
        r"(?: (?:früh|vormittag|nachmittag|abend))?(?: (?:um|gegen|ab) (?:\w+|\d{1,2}(?:[:.]\d\d)?)(?: uhr)?)?)",
        re.IGNORECASE,
    ),
    topic=re.compile(
        r"\b(zu[mr]?|wegen|bezüglich) ((?:(?:de[rnms]|die|das|mein\w*|ihre?\w*|unser\w*|eine?[rmns]?) )*)"
        r"([A-ZÄÖÜ][\wäöüß-]+)"
    ),
    hours=tuple(
        (word, str(hour))
        for hour, word in enumerate(names("null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf"))
    ),
    callback_item="Rückruf",
    somebody="die anrufende Person",
    stop_words=frozenset(
        names(
            "haben habe denn hier guten sind ihre ihren meine meinem einen eine oder aber auch gern gerne "
            "bitte danke sie ich und der die das den dem ist wann wie was wer nicht noch mal können kann "
            "hätte"
        )
    ),
    summary="{who} rief an ({turns} Wortmeldungen).",
    summary_answer="Auf die Frage „{question}“ lautete die Auskunft: „{answer}“",
    summary_callback="Vereinbart wurde: {what}, {when}.",
    summary_nothing="Es bleibt nichts zu tun.",
    title="Anruf von {who}",
    title_callback="Rückrufbitte von {who}",
)

ENGLISH = Phrases(
    code="en",
    caller_lines=(
        "Hello, this is Erika Muster. When are you open?",
        "Thank you. I would like a callback tomorrow at ten about my offer.",
        "No, that was all. Thanks a lot and goodbye!",
    ),
    mission='Certainly. I am "{name}" ("{mission}").',
    known="Here is what I know: {answer}",
    unknown="I have nothing on that, I am afraid; I will pass your question on.",
    callback="Certainly, I have noted: {what}, {who}, {when}.",
    noted="I have noted that.",
    goodbye="Thank you for calling. Goodbye!",
    question=re.compile(r"\?|^(when|where|how|what|who|which|why)\b", re.IGNORECASE),
    wants_callback=re.compile(r"call ?back|call (me|us) back|return (my|our) call", re.IGNORECASE),
    farewell=re.compile(r"good ?bye|\bbye\b|that was all|that is all|that's all", re.IGNORECASE),
    name=re.compile(r"(?:[Tt]his is|[Mm]y name is|I am|I'm) ((?:Mrs?\.? |Ms\.? )?[A-Z][\w-]+(?: [A-Z][\w-]+)*)"),
    when=re.compile(
        r"\b((?:today|tomorrow|(?:on )?(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday))"
        r"(?: (?:morning|afternoon|evening))?(?: (?:at|after|around) (?:\w+|\d{1,2}(?:[:.]\d\d)?)"
        r"(?: ?(?:o'clock|am|pm))?)?)",
        re.IGNORECASE,
    ),
    topic=re.compile(r"\b(about|regarding|concerning) ((?:(?:my|the|your|our|an?) )*)([\w-]+)"),
    hours=tuple(
        (word, str(hour))
        for hour, word in enumerate(names("zero one two three four five six seven eight nine ten eleven twelve"))
    ),
    callback_item="Callback",
    somebody="the caller",
    stop_words=frozenset(
        names(
            "have this that with your you are when what how who the and for hello please thanks thank "
            "would like can could not about from here name"
        )
    ),
    summary="{who} called ({turns} turns).",
    summary_answer='To the question "{question}" the answer was: "{answer}"',
    summary_callback="Agreed: {what}, {when}.",
    summary_nothing="Nothing is left to do.",
    title="Call from {who}",
    title_callback="Callback request from {who}",
)


def phrases(language: str | None) -> Phrases:
    """German for `de…`, English for everything else."""
    return GERMAN if (language or "").lower().startswith("de") else ENGLISH
