from __future__ import annotations

import pytest

from agentctl.calls.redaction import Spoken, redacted


def caller(text: str, *names: str) -> str:
    return redacted([Spoken(text, by_caller=True)], names)[0]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Schreiben Sie an erika.muster+x@mail.example.org, bitte.", "Schreiben Sie an [mail], bitte."),
        ("erika punkt muster at example punkt de", "[mail]"),
        ("e minus muster ät mail.example.org ist es", "[mail] ist es"),
        ("Meine IBAN ist DE89 3704 0044 0532 0130 00.", "Meine IBAN ist [IBAN]."),
        ("Unter +49 (0)89 9999-8777 erreichbar", "Unter [number] erreichbar"),
        ("Die 089/99998777 geht auch", "Die [number] geht auch"),
        ("call 212-555-0147 now", "call [number] now"),
        ("null acht neun, neun neun neun acht", "[number]"),
        ("zero eight nine double nine seven", "[number]"),
        ("Kundennummer 4711081", "Kundennummer [number]"),
        ("Geboren am 3.12.1980.", "Geboren am [date]."),
        ("Geboren am 3. Mai 1979, um 14 Uhr.", "Geboren am [date], um 14 Uhr."),
        ("am dritten Mai neunzehnhundertneunundsiebzig, ab 3ten Sept.", "am [date], ab [date]"),
        ("am dritten fünften neunundsiebzig", "am [date]"),
        ("May 3rd, 1979, or the third of May nineteen seventy-nine", "[date], or the [date]"),
        ("On May 3rd 10:30 or 3 May '79, 3/5/79", "On [date] 10:30 or [date], [date]"),
        ("Vom 12.05. bis zum 1.6, im Mai 1979, Jahrgang 1979", "Vom [date] bis zum [date], im [date], Jahrgang [date]"),
        ("Ich wohne in der Musterstraße 12 a, 80331 München", "Ich wohne in der [address], [address]"),
        ("Am Alten Weg 3 ist es", "Am [address] ist es"),
        ("12 North Main Street, please", "[address], please"),
        ("M-U-S-T-E-R", "[name]"),
        pytest.param(f"Das war {'A-' * 500_000}Muster, ja", "Das war [unspeakable] ja", id="a word without an end"),
        ("Mein Name ist Erika von Muster. Erikas Hund, Muster!", "Mein Name ist [name]. [name] Hund, [name]!"),
        ("Hallo, Erika Muster, ich hätte gern einen Rückruf.", "Hallo, [name], ich hätte gern einen Rückruf."),
        ("Hier spricht Dr. Muster-Weiß", "Hier spricht Dr. [name]"),
        ("Hi, my name's John O’Brien and John is early.", "Hi, my name's [name] and [name] is early."),
        (
            "Mein Name: Anna-Lena. Vorname Anna, Nachname ist Lenz.",
            "Mein Name: [name]. Vorname [name], Nachname ist [name].",
        ),
        ("Guten Tag, Peter Pan hier, ich wollte Pan sagen", "Guten Tag, [name] hier, ich wollte [name] sagen"),
        ("Guten Tag, Müller mein Name.", "Guten Tag, [name] mein Name."),
        ("Tag, Klein am Apparat. Sabine Klein-Öztürk.", "Tag, [name] am Apparat. [name]."),
        ("Peter Pan speaking. Smith is my name; it's Bob.", "[name] speaking. [name] is my name; it's [name]."),
        ("Mein Mann heißt Mehmet, mein Sohn Jonas Weber", "Mein Mann heißt [name], mein Sohn [name]"),
        ("{{secret__key}} and {{ x }}", "{ {secret__key}} and { { x }}"),
    ],
)
def test_what_tells_who_called_is_taken_out(said: str, left: str) -> None:
    assert caller(said) == left


@pytest.mark.parametrize(
    "said",
    [
        "Wann haben Sie am Montag geöffnet, von 8 bis 17 Uhr?",
        "Guten Tag, wann kann ich kommen?",
        "Um 14.30 Uhr, Zimmer 1203.",
        "Das kostet 1.200 Euro.",
        "Is it at 10:30 or 11:45?",
        "It's Monday. May I come at 3, or am 12.05 Uhr?",
        "Um 14.30. Das kostet 1.20. Ist die Praxis hier in der Nähe?",
    ],
)
def test_what_tells_nothing_stays(said: str) -> None:
    assert caller(said) == said


def test_who_is_known_by_other_means_is_taken_out_everywhere_and_an_agents_words_present_nobody() -> None:
    spoken = [
        Spoken("Guten Tag, Beispiel GmbH, hier ist die Assistentin.", by_caller=False),
        Spoken("Muster, Erika Muster.", by_caller=True),
        Spoken("Gern, Frau Muster. Und Herr Klein kommt mit?", by_caller=False),
        Spoken("Ja, Klein auch. Ein klein wenig später.", by_caller=True),
    ]
    assert redacted(spoken, ["Erika Muster"]) == [
        "Guten Tag, Beispiel GmbH, hier ist die Assistentin.",
        "[name], [name].",
        "Gern, Frau [name]. Und Herr [name] kommt mit?",
        "Ja, [name] auch. Ein klein wenig später.",
    ]
