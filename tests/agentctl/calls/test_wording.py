from datetime import UTC, datetime
from string import Formatter

import pytest

from agentctl.calls import wording

SUMMER = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)


def test_both_languages_have_the_same_words_with_the_same_gaps() -> None:
    german, english = wording.words("de"), wording.words("en")
    assert german.keys() == english.keys()
    for key in german:
        gaps = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (german[key], english[key])]
        assert gaps[0] == gaps[1], key


@pytest.mark.parametrize(
    ("zone", "language", "expected"),
    [
        ("Europe/Berlin", "de", "Donnerstag, 2. Juli 2026, 00:30 Uhr (Europe/Berlin, UTC+02:00)"),
        ("America/New_York", "en", "Wednesday, 1 July 2026, 18:30 (America/New_York, UTC-04:00)"),
        (None, "en", "Wednesday, 1 July 2026, 22:30 (UTC)"),
        ("Nowhere/Land", "de", "Mittwoch, 1. Juli 2026, 22:30 Uhr (UTC)"),
        ("../../etc/passwd", "de", "Mittwoch, 1. Juli 2026, 22:30 Uhr (UTC)"),
        ("Europe", "de", "Mittwoch, 1. Juli 2026, 22:30 Uhr (UTC)"),
    ],
)
def test_local_time_states_its_distance_from_utc(zone: str | None, language: str, expected: str) -> None:
    assert wording.local_time(SUMMER, zone, language) == expected


def test_a_time_at_the_end_of_the_calendar_is_no_crash() -> None:
    assert "9999" in wording.local_time(datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "Europe/Berlin", "de")


@pytest.mark.parametrize(
    ("seconds", "language", "expected"),
    [(0, "de", "0 Sek."), (23, "de", "23 Sek."), (125, "de", "2 Min. 5 Sek."), (125, "en", "2 min 5 s")],
)
def test_duration(seconds: int, language: str, expected: str) -> None:
    assert wording.duration(seconds, language) == expected


def test_reasons_of_known_codes_are_words_and_others_stay() -> None:
    assert wording.reason("busy", "de") == "besetzt"
    assert wording.reason("no-answer", "fr") == "no answer"
    assert wording.reason("sip 999", "de") == "sip 999"


@pytest.mark.parametrize(
    ("detail", "note"),
    [
        ({}, ""),
        ({"fallback_from": "llm"}, " The configured language model was not available."),
        ({"fallback_from": "llm", "over_budget": True}, " The language model's daily budget was used up."),
        (
            {"fallback_from": "llm", "too_long": True},
            " The conversation is too long for the configured language model.",
        ),
        (
            {"earlier_transcript": True},
            " It is of an earlier transcript of this call; agentctl calls digest makes a new one.",
        ),
    ],
)
def test_who_wrote_a_digest_and_why_nobody_better_did(detail: dict[str, object], note: str) -> None:
    said = wording.digest_note("elevenlabs", None, detail, "en")
    assert said == f"Summarised by ElevenLabs' analysis.{note}"


def test_items_that_are_not_there_are_counted() -> None:
    assert wording.dropped({}, "de") == ""
    assert wording.dropped({"left_out": 150}, "de") == "Nicht aufgeführt: 150 weitere Aufgaben."
    both = wording.dropped({"dropped": {"count": 1}, "left_out": 2}, "en")
    assert both == "One item without evidence in the conversation was left out. Not listed: 2 more items."
