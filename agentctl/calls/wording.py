"""The words of our mails, German and English; anything else gets English. What callers say is never translated."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

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


def duration(seconds: int, language: str) -> str:
    """23 -> "23 Sek.", 125 -> "2 Min. 5 Sek."."""
    said = words(language)
    minutes, rest = divmod(seconds, 60)
    return (f"{minutes} {said['minutes']} " if minutes else "") + f"{rest} {said['seconds']}"


def local_time(moment: datetime, timezone: str | None, language: str) -> str:
    """A time as people of the call's time zone read it, with its distance from UTC stated; UTC where none is known."""
    try:
        local = moment.astimezone(ZoneInfo(timezone or "UTC"))
        zone = timezone or "UTC"
    except (KeyError, ValueError, OSError, OverflowError):
        # ZoneInfo: unknown name, unsafe name, a directory; some machines have no time zone database at all.
        local, zone = moment.astimezone(UTC), "UTC"
    offset = local.strftime("%z")
    named = f"{zone}, UTC{offset[:3]}:{offset[3:5]}" if zone != "UTC" else "UTC"
    clock = f"{local:%H:%M}"
    if language == "de":
        return f"{_DAYS[local.weekday()]}, {local.day}. {_MONTHS[local.month - 1]} {local.year}, {clock} Uhr ({named})"
    day, month = _ENGLISH_DAYS[local.weekday()], _ENGLISH_MONTHS[local.month - 1]
    return f"{day}, {local.day} {month} {local.year}, {clock} ({named})"
