"""Where a number's calls lead at Twilio: whose they are now, what an import takes over, what a release puts back. Pure.

A routing is a mapping of the 13 fields that Twilio keeps per number (snake_case, empty text = unset). Twilio asks a
trunk first, then an application, then the voice URL
(https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

Routing = Mapping[str, str]

_TWILIO_DEMO = "demo.twilio.com"  # what a number that was just bought is set to
_ELEVENLABS = "elevenlabs.io"
# With one of these set, Twilio ignores the voice URL that ElevenLabs' import writes.
_BEFORE_VOICE_URL = ("trunk_sid", "voice_application_sid")
_SMS = ("sms_application_sid", "sms_url", "sms_method", "sms_fallback_url", "sms_fallback_method")
_FALLBACK = ("voice_fallback_url", "voice_fallback_method")


def is_elevenlabs(url: str) -> bool:
    """Whether `url` is an address of ElevenLabs', such as https://api.us.elevenlabs.io/twilio/inbound_call."""
    host = _host(url)
    return host == _ELEVENLABS or host.endswith(f".{_ELEVENLABS}")


def in_use(routing: Routing, *, sms: bool = False) -> dict[str, str]:
    """The fields by which calls (with `sms`, messages too) lead somewhere real that an import would cut off."""
    names = [*_BEFORE_VOICE_URL, "voice_url", *(("sms_application_sid", "sms_url") if sms else ())]
    return {name: routing[name] for name in names if _leads_somewhere(name, routing.get(name, ""))}


def detours(routing: Routing) -> dict[str, str]:
    """The trunk or application that Twilio asks instead of the voice URL."""
    return {name: routing[name] for name in _BEFORE_VOICE_URL if routing.get(name)}


def rings_at_elevenlabs(routing: Routing) -> bool:
    """Whether Twilio hands a call to ElevenLabs."""
    return not detours(routing) and is_elevenlabs(routing.get("voice_url", ""))


def overwritten_since(saved: Routing | None, now: Routing) -> bool:
    """Whether `now` was set by somebody after `saved` was written down, and not by an import.

    An import always leaves the voice URL at ElevenLabs.
    """
    return saved is not None and not is_elevenlabs(now.get("voice_url", "")) and dict(saved) != dict(now)


def corrections(before: Routing, now: Routing, *, sms: bool, fallback: str | None, fresh: bool) -> dict[str, str]:
    """What to write at Twilio after an import so that calls ring at ElevenLabs and nothing else has changed.

    `fresh`: the import happened just now, so that what differs from `before` is its doing. `fallback`: the voice
    fallback URL that was asked for.
    """
    wanted = dict.fromkeys(detours(now), "")
    if sms and now.get("sms_application_sid"):
        wanted["sms_application_sid"] = ""
    if fresh:
        kept = (*(() if sms else _SMS), *(_FALLBACK if fallback is None else ()))
        wanted |= {name: before[name] for name in kept if before.get(name, "") != now.get(name, "")}
    if fallback is not None and now.get("voice_fallback_url", "") != fallback:
        wanted["voice_fallback_url"] = fallback
    return wanted


def lost(wanted: Routing, now: Routing) -> list[str]:
    """The fields of `wanted` that are something else in `now`; a method that never was cannot be put back."""
    return [
        name
        for name, value in wanted.items()
        if now.get(name, "") != value and not (name.endswith("_method") and not value)
    ]


def _leads_somewhere(name: str, value: str) -> bool:
    if not name.endswith("_url"):
        return bool(value)
    return bool(value) and _host(value) != _TWILIO_DEMO and not is_elevenlabs(value)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""
