"""Who a number's calls belong to, and what an import may change of it."""

from __future__ import annotations

import pytest

from agentctl.resources.routing import (
    corrections,
    detours,
    in_use,
    is_elevenlabs,
    lost,
    overwritten_since,
    rings_at_elevenlabs,
)

OURS = "https://api.us.elevenlabs.io/twilio/inbound_call"
OLD = "https://phone.example.org/flow"


@pytest.mark.parametrize(
    ("routing", "used"),
    [
        ({"voice_url": ""}, []),
        ({"voice_url": "https://demo.twilio.com/welcome/voice/"}, []),
        ({"voice_url": "http://demo.twilio.com/docs/voice.xml"}, []),
        ({"voice_url": OURS}, []),
        ({"voice_url": OLD}, ["voice_url"]),
        ({"voice_url": "https://demo.twilio.com.evil.example/"}, ["voice_url"]),
        ({"voice_url": "not a url"}, ["voice_url"]),
        ({"voice_url": "http://[broken"}, ["voice_url"]),
        ({"voice_url": OURS, "trunk_sid": "TK1"}, ["trunk_sid"]),
        ({"voice_url": "", "voice_application_sid": "AP1"}, ["voice_application_sid"]),
        ({"voice_url": "", "sms_url": OLD}, []),
    ],
)
def test_a_number_is_in_use_when_its_calls_lead_somewhere_real(routing: dict[str, str], used: list[str]) -> None:
    assert list(in_use(routing)) == used


def test_messages_count_only_when_they_are_to_be_taken_over_too() -> None:
    routing = {"voice_url": "", "sms_url": OLD, "sms_application_sid": "AP1"}
    assert in_use(routing) == {}
    assert in_use(routing, sms=True) == {"sms_url": OLD, "sms_application_sid": "AP1"}


@pytest.mark.parametrize(
    ("url", "theirs"),
    [(OURS, True), ("https://api.eu.residency.elevenlabs.io/x", True), ("https://elevenlabs.io", True),
     ("https://elevenlabs.io.example.org/", False), ("https://notelevenlabs.io/", False), ("", False)],
)  # fmt: skip
def test_elevenlabs_addresses_are_known_by_host(url: str, theirs: bool) -> None:
    assert is_elevenlabs(url) is theirs


def test_a_trunk_or_an_application_keeps_calls_away_whatever_the_voice_url_says() -> None:
    assert rings_at_elevenlabs({"voice_url": OURS})
    assert not rings_at_elevenlabs({"voice_url": OURS, "trunk_sid": "TK1"})
    assert detours({"voice_url": OURS, "voice_application_sid": "AP1"}) == {"voice_application_sid": "AP1"}


def test_an_import_is_corrected_to_change_no_more_than_it_should() -> None:
    before = {"voice_url": OLD, "sms_url": OLD, "sms_method": "GET", "voice_fallback_url": OLD, "trunk_sid": "TK1"}
    after = {"voice_url": OURS, "sms_url": OURS, "sms_method": "POST", "voice_fallback_url": "", "trunk_sid": "TK1"}
    put_back = {"sms_url": OLD, "sms_method": "GET", "voice_fallback_url": OLD, "trunk_sid": ""}
    assert corrections(before, after, sms=False, fallback=None, fresh=True) == put_back
    assert corrections(before, after, sms=True, fallback="https://x.example", fresh=True) == {
        "trunk_sid": "",
        "voice_fallback_url": "https://x.example",
    }
    assert corrections(before, after, sms=False, fallback=None, fresh=False) == {"trunk_sid": ""}
    assert corrections(
        before, {"voice_url": OURS, "sms_application_sid": "AP1"}, sms=True, fallback=None, fresh=False
    ) == {"sms_application_sid": ""}


def test_what_an_import_left_is_no_change_by_somebody_else() -> None:
    assert not overwritten_since(None, {"voice_url": OLD})
    assert not overwritten_since({"voice_url": OLD}, {"voice_url": OLD})
    assert not overwritten_since({"voice_url": OLD}, {"voice_url": OURS})
    assert overwritten_since({"voice_url": OLD}, {"voice_url": "https://new.example.org"})


def test_what_was_not_kept_is_named_but_for_methods_that_never_were() -> None:
    assert lost({"voice_url": OLD, "voice_method": "", "sms_url": ""}, {"voice_url": "", "voice_method": "POST"}) == [
        "voice_url"
    ]
