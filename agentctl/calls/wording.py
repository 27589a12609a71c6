"""The words of our mails, German and English; anything else gets English. What callers say is never translated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from agentctl.calls import zone

_GERMAN = {
    "call_from": "Anruf von {number}",
    "call_to": "Anruf an {number}",
    "call": "Anruf",
    "call_failed": "Anruf fehlgeschlagen",
    "unknown_number": "unbekannter Nummer",
    "assistant": "Assistent",
    "caller": "Anrufer",
    "called": "Angerufen",
    "our_number": "Unsere Nummer",
    "time": "Zeit",
    "duration": "Dauer",
    "reason": "Grund",
    "summary": "Zusammenfassung",
    "action_items": "Zu tun",
    "no_action_items": "Nichts zu tun.",
    "who": "Wer",
    "due": "Bis",
    "quote": "Beleg (Beitrag {turn})",
    "no_quotes": "Aus der Analyse von ElevenLabs, die keine Belege nennt.",
    "dropped_one": "Eine Aufgabe ohne Beleg im Gespräch wurde weggelassen.",
    "dropped": "{count} Aufgaben ohne Beleg im Gespräch wurden weggelassen.",
    "left_out": "Nicht aufgeführt: {count} weitere Aufgaben.",
    "outcome": "Ergebnis",
    "caller_name": "Name",
    "caller_number": "Rückrufnummer",
    "transcript": "Gespräch",
    "no_transcript": "Kein Gesprächstext.",
    "cut": "{count} weitere Beiträge stehen nicht in dieser E-Mail. Alles zeigt: agentctl calls show {id}",
    "tool": "Werkzeug {name} aufgerufen",
    "tool_result": "Antwort von {name}",
    "tool_failed": "Fehler von {name}",
    "interrupted": "unterbrochen",
    "role_agent": "Assistent",
    "role_user": "Anrufer",
    "role_called": "Gegenüber",
    "role_other": "System",
    "open": "Bei ElevenLabs öffnen",
    "engine_elevenlabs": "Zusammengefasst von der Analyse von ElevenLabs.",
    "engine_llm": "Zusammengefasst vom Sprachmodell {model}.",
    "engine_extract": "Automatischer Auszug ohne Sprachmodell.",
    "engine_other": "Zusammengefasst von {model}.",
    "fallback": "Das eingestellte Sprachmodell war nicht verfügbar.",
    "too_long": "Das Gespräch ist zu lang für das eingestellte Sprachmodell.",
    "earlier_transcript": "Sie ist von einer früheren Fassung des Gesprächs; eine neue macht: agentctl calls digest",
    "over_budget": "Das Tagesbudget des Sprachmodells war aufgebraucht.",
    "failed_intro": "Dieser Anruf kam nicht zustande.",
    "conversation": "Gesprächs-ID",
    "minutes": "Min.",
    "seconds": "Sek.",
}
_ENGLISH = {
    "call_from": "Call from {number}",
    "call_to": "Call to {number}",
    "call": "Call",
    "call_failed": "Call failed",
    "unknown_number": "unknown number",
    "assistant": "Assistant",
    "caller": "Caller",
    "called": "Called",
    "our_number": "Our number",
    "time": "Time",
    "duration": "Duration",
    "reason": "Reason",
    "summary": "Summary",
    "action_items": "To do",
    "no_action_items": "Nothing to do.",
    "who": "Who",
    "due": "By",
    "quote": "Evidence (turn {turn})",
    "no_quotes": "From ElevenLabs' analysis, which names no evidence.",
    "dropped_one": "One item without evidence in the conversation was left out.",
    "dropped": "{count} items without evidence in the conversation were left out.",
    "left_out": "Not listed: {count} more items.",
    "outcome": "Outcome",
    "caller_name": "Name",
    "caller_number": "Number for a callback",
    "transcript": "Conversation",
    "no_transcript": "No transcript.",
    "cut": "{count} more contributions are not in this e-mail. To see all: agentctl calls show {id}",
    "tool": "Tool {name} called",
    "tool_result": "Answer of {name}",
    "tool_failed": "Error of {name}",
    "interrupted": "interrupted",
    "role_agent": "Assistant",
    "role_user": "Caller",
    "role_called": "Other party",
    "role_other": "System",
    "open": "Open at ElevenLabs",
    "engine_elevenlabs": "Summarised by ElevenLabs' analysis.",
    "engine_llm": "Summarised by the language model {model}.",
    "engine_extract": "Automatic extract without a language model.",
    "engine_other": "Summarised by {model}.",
    "fallback": "The configured language model was not available.",
    "too_long": "The conversation is too long for the configured language model.",
    "earlier_transcript": "It is of an earlier transcript of this call; agentctl calls digest makes a new one.",
    "over_budget": "The language model's daily budget was used up.",
    "failed_intro": "This call did not come about.",
    "conversation": "Conversation id",
    "minutes": "min",
    "seconds": "s",
}
# The documented reasons of call_initiation_failure are busy, no-answer and unknown; the rest are Twilio's statuses.
_REASONS = {
    "de": {
        "busy": "besetzt",
        "no-answer": "keine Antwort",
        "unknown": "unbekannter Grund",
        "failed": "nicht verbunden",
        "canceled": "abgebrochen",
        "rejected": "abgelehnt",
    },
    "en": {"no-answer": "no answer", "unknown": "unknown reason", "failed": "not connected", "canceled": "cancelled"},
}
# Our own list; one that an assistant declares is in the words of its team already.
_OUTCOMES = {
    "de": {
        "resolved": "erledigt",
        "callback": "Rückruf erbeten",
        "appointment": "Termin",
        "complaint": "Beschwerde",
        "wrong_number": "falsch verbunden",
        "abandoned": "abgebrochen",
        "other": "Sonstiges",
    },
    "en": {"callback": "callback wanted", "wrong_number": "wrong number"},
}
_DAYS = ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag")
_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni"),
    *("Juli", "August", "September", "Oktober", "November", "Dezember"),
)
_ENGLISH_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ENGLISH_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def words(language: str) -> Mapping[str, str]:
    """All fixed words in `language`, or in English."""
    return _GERMAN if language == "de" else _ENGLISH


def reason(code: str, language: str) -> str:
    """Why a call failed, in words where the code is a known one, else as the vendor wrote it."""
    return _REASONS.get(language, _REASONS["en"]).get(code, code)


def outcome(name: str, language: str) -> str:
    """What a call came to, in words where it is one of our own list, else as the assistant declares it."""
    return _OUTCOMES.get(language, _OUTCOMES["en"]).get(name, name)


def digest_note(engine: str, model: str | None, detail: Mapping[str, Any], language: str) -> str:
    """Who wrote a digest, why nobody better did, and of what where that is old; `detail` is the digest's."""
    said = words(language)
    written = said.get(f"engine_{engine}", said["engine_other"]).format(model=model or engine)
    known = [reason for reason in ("over_budget", "too_long", "earlier_transcript") if detail.get(reason)]
    reasons = known or (["fallback"] if detail.get("fallback_from") else [])
    return " ".join((written, *(said[reason] for reason in reasons)))


def dropped(detail: Mapping[str, Any], language: str) -> str:
    """How many items rested on nothing that was said, and how many were more than are kept; empty for none."""
    said = words(language)
    count, more = (detail.get("dropped") or {}).get("count", 0), detail.get("left_out", 0)
    notes = [said["dropped_one" if count == 1 else "dropped"].format(count=count)] if count else []
    return " ".join([*notes, said["left_out"].format(count=more)] if more else notes)


def due(said: str | None, on: date | None, at: time | None, language: str) -> str:
    """A deadline as it was said, with what it meant: "morgen um zehn (Freitag, 21. November 2025, 10:00 Uhr)"."""
    meant = ""
    if on:
        oclock = (f", {at:%H:%M} Uhr" if language == "de" else f", {at:%H:%M}") if at else ""
        meant = _date(on, language) + oclock
    return f"{said} ({meant})" if said and meant else said or meant


def duration(seconds: int, language: str) -> str:
    """23 -> "23 Sek.", 125 -> "2 Min. 5 Sek."."""
    said = words(language)
    minutes, rest = divmod(seconds, 60)
    return (f"{minutes} {said['minutes']} " if minutes else "") + f"{rest} {said['seconds']}"


def local_time(moment: datetime, timezone: str | None, language: str) -> str:
    """A time as people of the call's time zone read it, with its distance from UTC stated; UTC where none is known."""
    local = zone.local(moment, timezone)
    name = str(local.tzinfo)
    offset = local.strftime("%z")
    named = f"{name}, UTC{offset[:3]}:{offset[3:5]}" if name != "UTC" else "UTC"
    clock = f"{local:%H:%M} Uhr" if language == "de" else f"{local:%H:%M}"
    return f"{_date(local, language)}, {clock} ({named})"


def _date(day: date, language: str) -> str:
    if language == "de":
        return f"{_DAYS[day.weekday()]}, {day.day}. {_MONTHS[day.month - 1]} {day.year}"
    return f"{_ENGLISH_DAYS[day.weekday()]}, {day.day} {_ENGLISH_MONTHS[day.month - 1]} {day.year}"
