"""One POST that proved to come from ElevenLabs. Pure: headers and bytes in, a Delivery or an error out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from pydantic import SecretStr

from agentctl.calls.inbox import Heading, peek
from webhooks.signature import verify


@dataclass(frozen=True)
class Delivery:
    """The raw bytes exactly as they were signed, their heading, and the secrets that signed them.

    Nothing else of the content is looked at here.
    """

    heading: Heading
    payload: bytes = field(repr=False)
    signed: tuple[SecretStr, ...] = ()

    @classmethod
    def from_http(
        cls, header: str | None, body: bytes, *, secrets: Sequence[SecretStr], now: float, tolerance: float
    ) -> Self:
        """Verify `body` against the signature `header`, then read its heading; see signature.verify for the rest.

        Raises BadSignature, and Malformed for what was signed but is no JSON object in UTF-8. An unknown type or a
        missing conversation_id is neither: such an event is kept.
        """
        signed = verify(header, body, secrets=secrets, now=now, tolerance=tolerance)
        return cls(peek(body), body, signed)
