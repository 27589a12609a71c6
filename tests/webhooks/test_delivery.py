import json

import pytest
from pydantic import SecretStr

from agentctl.errors import BadSignature, Malformed
from webhooks.delivery import Delivery
from webhooks.signature import sign

SECRET = SecretStr("wsec_first")
NOW = 1_763_600_000


def deliver(body: bytes, header: str | None = None) -> Delivery:
    header = header or sign(body, SECRET, NOW)
    return Delivery.from_http(header, body, secrets=[SECRET], now=NOW, tolerance=60)


def test_carries_the_heading_and_the_very_bytes() -> None:
    body = json.dumps(
        {
            "type": "post_call_transcription",
            "event_timestamp": NOW,
            "data": {"conversation_id": "conv_1", "agent_id": "agent_1", "note": "\u0000"},
        }
    ).encode()
    delivery = deliver(body)
    assert delivery.payload == body
    assert delivery.heading.type == "post_call_transcription"
    assert delivery.heading.conversation_id == "conv_1"
    assert delivery.heading.agent_id == "agent_1"
    assert delivery.heading.event_timestamp == NOW


def test_what_was_said_is_not_in_its_repr() -> None:
    assert "geheim" not in repr(deliver(b'{"type":"x","data":{"message":"geheim"}}'))


def test_a_bad_signature_is_found_before_the_content_is_looked_at() -> None:
    with pytest.raises(BadSignature):
        deliver(b"no json", sign(b"other", SECRET, NOW))


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000])
def test_signed_nonsense_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        deliver(body)
