"""`ElevenLabs-Signature`: made and checked. Pure: bytes, secrets and the time in, who signed or an error out.

The header is `t=<unix seconds>,v0=<hex>`, and v0 is HMAC-SHA256(secret, "<t>." + raw body)
(https://elevenlabs.io/docs/agents-platform/workflows/post-call-webhooks). The SDK's `construct_event` is not used:
it compares with `!=`, accepts any time in the future, breaks on bytes and knows one secret only.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence

from pydantic import SecretStr

from agentctl.errors import BadSignature

HEADER = "ElevenLabs-Signature"

# 4 KiB hold about 60 signatures; more can only be meant to keep us busy.
_LONGEST_HEADER = 4096
# int() also takes underscores, signs, spaces and the digits of other scripts: none of them is a timestamp.
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_HINT = "If ElevenLabs sent it: does ELEVENLABS_WEBHOOK_SECRET hold this webhook's secret, and is the clock right?"


def sign(body: bytes, secret: SecretStr, timestamp: int) -> str:
    """The header's value for `body`, as ElevenLabs would send it at `timestamp` (unix seconds)."""
    mac = _mac(secret, str(timestamp))
    mac.update(body)  # and not one joined message: a large body is not copied
    return f"t={timestamp},v0={mac.hexdigest()}"


def verify(
    header: str | None, body: bytes, *, secrets: Sequence[SecretStr], now: float, tolerance: float
) -> tuple[SecretStr, ...]:
    """Those of `secrets` with which one of the header's signatures was made of `body`. Raises BadSignature without any.

    `now` is unix time, `tolerance` the seconds that the timestamp may lie before or after it. Several secrets are
    valid at once while a webhook is rotated; an empty one is never valid.
    """
    verifier = Verifier(header, secrets=secrets, now=now, tolerance=tolerance)
    verifier.update(body)
    return verifier.finish()


class Verifier:
    """As `verify`, for a body that comes in pieces; what can be told without it is told at once, by BadSignature."""

    def __init__(self, header: str | None, *, secrets: Sequence[SecretStr], now: float, tolerance: float) -> None:
        timestamp, signatures = precheck(header, now=now, tolerance=tolerance)
        self._given = [signature.lower().encode("utf-8", "replace") for signature in signatures]
        self._macs = [(secret, _mac(secret, timestamp)) for secret in secrets if secret.get_secret_value()]

    def update(self, piece: bytes) -> None:
        """Read on."""
        for _, mac in self._macs:
            mac.update(piece)

    def finish(self) -> tuple[SecretStr, ...]:
        """The secrets that all that was read was signed with. Raises BadSignature where there is none."""
        matched = []
        for secret, mac in self._macs:
            expected = mac.hexdigest().encode()
            # No early end: how long it takes says nothing about which one matched.
            if sum([hmac.compare_digest(expected, signature) for signature in self._given]):
                matched.append(secret)
        if not matched:
            raise BadSignature("the signature was not made of this body with a secret that is known here", _HINT)
        return tuple(matched)


def precheck(header: str | None, *, now: float, tolerance: float) -> tuple[str, list[str]]:
    """The header's timestamp and signatures, checked as far as possible without the body.

    Lets the door refuse before it reads a body. Raises BadSignature.
    """
    if not header or not header.strip():
        raise BadSignature(f"the header {HEADER} is missing", _HINT)
    if len(header) > _LONGEST_HEADER:
        raise BadSignature(f"the header {HEADER} is longer than {_LONGEST_HEADER} characters", _HINT)
    timestamps, signatures = _parts(header)
    if len(timestamps) != 1:
        raise BadSignature(f"the header {HEADER} has {len(timestamps) or 'no'} timestamps (t=), not one", _HINT)
    timestamp = timestamps.pop()
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature(f"the timestamp (t=) in {HEADER} is not a number of seconds", _HINT)
    if not signatures:
        raise BadSignature(f"the header {HEADER} has no signature (v0=)", _HINT)
    off = now - int(timestamp)
    if not abs(off) <= tolerance:
        side = "old" if off > 0 else "in the future"
        raise BadSignature(f"the timestamp is {abs(off):.0f} s {side}; {tolerance:.0f} s are tolerated", _HINT)
    return timestamp, signatures


def _parts(header: str) -> tuple[set[str], list[str]]:
    # Unknown parts are skipped: a later scheme (v1=) may be sent beside v0.
    timestamps: set[str] = set()
    signatures: list[str] = []
    for part in header.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "t":
            timestamps.add(value.strip())
        elif name.strip() == "v0":
            signatures.append(value.strip())
    return timestamps, signatures


def _mac(secret: SecretStr, timestamp: str) -> hmac.HMAC:
    return hmac.new(secret.get_secret_value().encode(), timestamp.encode() + b".", hashlib.sha256)
