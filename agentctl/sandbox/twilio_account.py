"""What the Twilio stand-in's account knows: its credentials and its numbers."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from agentctl.sandbox.options import Options
from agentctl.sandbox.state import Row, State


def knows(options: Options, sid: str, token: str) -> bool:
    """Whether account SID and auth token, or API key SID and secret, belong together."""
    pairs = {options.account_sid: options.auth_token, options.api_key_sid: options.api_key_secret}
    return sid in pairs and secrets.compare_digest(pairs[sid].encode(), token.encode())


def by_number(state: State, phone_number: str) -> Row | None:
    """The IncomingPhoneNumber with this E.164 number."""
    return next((row for row in state.twilio_numbers.values() if row["phone_number"] == phone_number), None)


def unreached(state: State, phone_number: str) -> str:
    """Why a call to this number does not arrive at an agent; empty if it does.

    Twilio asks a trunk first, then an application, then the voice URL (API 2010-04-01, IncomingPhoneNumber).
    """
    row = by_number(state, phone_number)
    if row is None:
        return f"{phone_number} is not in the Twilio account"
    if row["trunk_sid"]:
        return f"{phone_number} is routed to the trunk {row['trunk_sid']}; Twilio ignores its voice_url"
    if row["voice_application_sid"]:
        sid = row["voice_application_sid"]
        return f"{phone_number} is routed to the application {sid}; Twilio ignores its voice_url"
    url = urlsplit(row["voice_url"])
    if not (url.hostname or "").endswith(".elevenlabs.io"):
        return f"Twilio asks {row['voice_url'] or 'nobody (no voice_url)'} what to do with a call to {phone_number}"
    number = next((item for item in state.numbers.values() if item["phone_number"] == phone_number), None)
    if number is None:
        return f"the call reached ElevenLabs, where {phone_number} is not imported"
    if not number["checks_inbound"]:
        return f"{phone_number} was imported with an API key and no account_auth_token: inbound requests are refused"
    if not number["agent_id"]:
        return f"the call reached ElevenLabs, where {phone_number} has no agent"
    return ""
