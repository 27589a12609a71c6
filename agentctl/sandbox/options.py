"""What a sandbox starts with: keys, voices, Twilio numbers, and its answers where the platform's are unknown."""

from __future__ import annotations

from dataclasses import dataclass, field

# Names and ids of premade voices as the vendor lists them publicly.
VOICES: tuple[tuple[str, str], ...] = (
    ("cjVigY5qzO86Huf0OWal", "Eric"),
    ("21m00Tcm4TlvDq8ikWAM", "Rachel"),
    ("EXAVITQu4vr4xnSDxMaL", "Sarah"),
    ("JBFqnCBsd6RMkjVDRZzb", "George"),
    ("onwK4e9ZLuTAKqWW03F9", "Daniel"),
    ("pNInz6obpgDQGcFmaJgB", "Adam"),
    ("XB0fDUnXU5powFXDhCwA", "Charlotte"),
    ("Xb7hH8MSUJpSbSDYk0k2", "Alice"),
    ("nPczCjzI2devNBz1zQrb", "Brian"),
)


@dataclass(frozen=True)
class TwilioNumber:
    """A number of the Twilio account; `voice_url` is the old call flow that an import would overwrite."""

    phone_number: str = "+498999998100"
    voice_url: str = "https://phone.example.org/old-flow"
    sms_url: str = ""
    status_callback: str = ""
    voice_fallback_url: str = ""
    friendly_name: str = ""
    trunk_sid: str = ""


@dataclass(frozen=True)
class Options:
    """How a sandbox behaves. Secrets are invented ones and kept out of the repr all the same."""

    api_key: str = field(default="sandbox-key", repr=False)
    read_only_key: str = field(default="sandbox-read-only", repr=False)
    account_sid: str = "AC" + "0" * 31 + "1"
    auth_token: str = field(default="sandbox-token", repr=False)
    api_key_sid: str = "SK" + "0" * 31 + "1"
    api_key_secret: str = field(default="sandbox-api-secret", repr=False)
    numbers: tuple[TwilioNumber, ...] = (TwilioNumber(),)
    voices: tuple[tuple[str, str], ...] = VOICES
    # Factor on the documented retry schedule of 0 s, 30 s, 2 min, 8 min, 30 min; 1.0 is the platform's own pace.
    retry_scale: float = 0.0002
    # Seconds that a webhook receiver may take before the attempt counts as timed out.
    delivery_timeout: float = 10.0
    # Whether a request log is kept for /_sandbox/log, and how many entries at most.
    log: bool = True
    log_limit: int = 20_000
    # Unknown of the platform: does a PATCH that leaves a key out of an open map (data_collection) remove it?
    replace_maps: bool = True
    # Retrieval: looks until an index is ready, and the room for all indexes of the workspace (the plan's limit).
    rag_looks: int = 1
    rag_bytes: int = 1_000_000_000
    # Talking to an agent over a socket: how many may be open, seconds after which speech is a turn without a pause,
    # seconds between two pings, seconds without a word of the client's after which its socket is closed, and seconds
    # that the platform then takes for transcript and analysis.
    sockets: int = 20
    turn_seconds: float = 3.0
    ping_seconds: float = 2.0
    idle_seconds: float = 120.0
    processing_seconds: float = 0.2
