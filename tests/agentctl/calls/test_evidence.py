import pytest

from agentctl.calls.call import Turn
from agentctl.calls.evidence import Spoken, same

SPOKEN = Spoken.of(
    (
        Turn(0, "agent", "Guten Tag, was kann ich für Sie tun?"),
        Turn(1, "user", 'Ja, hier ist Jörg O’Neill – schicken Sie mir   "das Angebot"\nbis Freitag, bitte.'),
        Turn(2, "agent", None),
        Turn(3, "agent", "Ich schicke es Ihnen bis Freitag. Der rufende Herr wartet."),
        Turn(4, "user", "Meine Nummer: null eins sieben eins, 555 01-23."),
        Turn(5, "user", "予約は明日の十時でお願いします。"),
    )
)


@pytest.mark.parametrize(
    ("quote", "claimed", "turn"),
    [
        ("schicken Sie mir das Angebot", 1, 1),
        ("SCHICKEN SIE MIR „DAS ANGEBOT“ BIS FREITAG", 1, 1),
        ("\"schicken Sie mir 'das Angebot'\"", 3, 1),
        ("Jörg O'Neill", None, 1),
        ("Ｇuten Tag", 0, 0),
        ("bis Freitag", 3, 3),
        ("bis Freitag", 0, 1),
        ("schicken Sie … bis Freitag", 1, 1),
        ("Ich schicke es Ihnen [...] wartet", 3, 3),
        ("明日の十時でお願い", 5, 5),
    ],
)
def test_what_was_said(quote: str, claimed: int | None, turn: int) -> None:
    assert SPOKEN.turn_of(quote, claimed) == turn


@pytest.mark.parametrize(
    "quote",
    [
        None,
        "",
        "…",
        "Ja",
        "schicken Sie mir zwei Angebote",
        "bis Freitag … schicken Sie",  # another order
        "was kann ich … schicken Sie mir",  # of two turns
        "tun? Ja, hier ist",  # across two turns
        "er rufende Herr",  # within a word
        "das Angebot bis Donnerstag",
    ],
)
def test_what_was_not(quote: str | None) -> None:
    assert SPOKEN.turn_of(quote, 1) is None


def test_names_and_numbers() -> None:
    assert SPOKEN.names("jörg o’neill")
    assert not SPOKEN.names("Neil")
    assert not SPOKEN.names(" ")
    assert SPOKEN.numbers("+49 171 5550123")
    assert SPOKEN.numbers("0171/5550123")
    assert not SPOKEN.numbers("+49 171 5550124")
    assert not SPOKEN.numbers("0123")
    assert not SPOKEN.numbers(None)


def test_the_same_words() -> None:
    assert same("Frau Muster zurückrufen.", "frau muster   ZURÜCKRUFEN")
    assert not same("Frau Muster zurückrufen", "Herrn Muster zurückrufen")
