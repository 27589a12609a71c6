"""What the agent sounds like, and when the user has said something."""

from __future__ import annotations

import pytest

from agentctl.sandbox.talk.sound import Ear, tone


@pytest.mark.parametrize(("form", "size"), [("pcm_16000", 2), ("pcm_44100", 2), ("ulaw_8000", 1)])
def test_a_tone_lasts_as_long_as_ordered_and_is_quiet_but_heard(form: str, size: int) -> None:
    rate = int(form.partition("_")[2])
    sound = tone(form, 500)
    assert len(sound) == rate * size // 2
    ear = Ear(form)
    ear.hear(sound)
    assert not ear.has_turn
    assert sound[:size] in (b"\x00\x00", b"\xff")  # begins without a click
    assert len(set(sound)) > 10


@pytest.mark.parametrize("form", ["pcm_16000", "ulaw_8000"])
def test_a_turn_is_speech_and_then_a_pause(form: str) -> None:
    loud, quiet = (b"\x00\x20", b"\x00\x00") if form.startswith("pcm") else (b"\x8f", b"\xff")
    tenth = 1600 if form.startswith("pcm") else 800
    ear = Ear(form)
    for _ in range(20):
        ear.hear(quiet * tenth)
    assert not ear.has_turn
    ear.hear(loud * tenth)
    for _ in range(6):
        ear.hear(quiet * tenth)
        assert not ear.has_turn
    ear.hear(quiet * tenth)
    assert ear.has_turn
    assert not ear.barges_in
    ear.forget()
    assert not ear.has_turn


def test_a_microphone_that_beeps_all_the_time_has_turns_and_interrupts_nobody() -> None:
    ear, beep, rest = Ear("pcm_16000"), b"\x00\x20" * 1600, bytes(3200)
    for _ in range(6):
        ear.hear(beep)
        for _ in range(4):
            assert not ear.barges_in
            ear.hear(rest)
    assert ear.has_turn
    impatient = Ear("pcm_16000", longest_ms=500)
    impatient.hear(beep)
    for _ in range(4):
        assert not impatient.has_turn
        impatient.hear(rest)
    assert impatient.has_turn


def test_speech_without_a_gap_interrupts() -> None:
    ear = Ear("pcm_16000")
    for _ in range(3):
        assert not ear.barges_in
        ear.hear(b"\x00\x20" * 1600)
    assert ear.barges_in
    ear.hear(b"")
    assert not ear.has_turn
