"""A tone to say and an ear, in the platform's formats: `pcm_<rate>` (16 bit, mono, little endian) and `ulaw_8000`."""

from __future__ import annotations

import math
import sys
from array import array
from dataclasses import dataclass
from functools import cache

_TONE_HZ = 330
_QUIET = 600  # of 32767: to be heard in a quiet room, and no more
_LOUD = 500  # mean of what a microphone hears; a room hums at a tenth of it
_PAUSE_MS = 700.0
_BARGES_IN_MS = 300.0


@cache
def tone(form: str, milliseconds: int) -> bytes:
    """A quiet tone, faded in and out, where the platform would speak."""
    kind, _, rate_text = form.partition("_")
    rate = int(rate_text)
    count = rate * milliseconds // 1000
    samples = array("h", (round(_QUIET * _fade(at, count) * _wave(at, rate)) for at in range(count)))
    if kind == "ulaw":
        return bytes(_compressed(sample) for sample in samples)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


@dataclass
class Ear:
    """Listens for a turn of the user's: speech and then a pause, or speech that takes long enough.

    A microphone that beeps all the time, as a browser's fake one does, has its turns by their length, and is no
    interruption: that takes speech without a gap.
    """

    form: str
    longest_ms: float = 3000.0
    spoken_ms: float = 0.0  # since the first speech
    pause_ms: float = 0.0  # since the last
    run_ms: float = 0.0  # of speech without a gap

    def hear(self, sound: bytes) -> None:
        """A chunk from the microphone."""
        rate = int(self.form.partition("_")[2])
        ulaw = self.form.startswith("ulaw")
        length = 1000 * len(sound) / (rate if ulaw else 2 * rate)
        speech = (_mean_ulaw(sound) if ulaw else _mean_pcm(sound)) > _LOUD
        if speech or self.spoken_ms:
            self.spoken_ms += length
        self.pause_ms = 0.0 if speech else self.pause_ms + length
        self.run_ms = self.run_ms + length if speech else 0.0

    @property
    def barges_in(self) -> bool:
        """Whether it was speech long enough to interrupt."""
        return self.run_ms >= _BARGES_IN_MS

    @property
    def has_turn(self) -> bool:
        """Whether the user has said something and now waits for an answer."""
        return self.spoken_ms > 0 and (self.pause_ms >= _PAUSE_MS or self.spoken_ms >= self.longest_ms)

    def forget(self) -> None:
        """Listen anew."""
        self.spoken_ms = self.pause_ms = self.run_ms = 0.0


def _wave(at: int, rate: int) -> float:
    return math.sin(2 * math.pi * _TONE_HZ * at / rate)


def _fade(at: int, count: int) -> float:
    edge = max(1, count // 10)
    return min(1.0, at / edge, (count - at) / edge)


def _mean_pcm(sound: bytes) -> float:
    samples = array("h", sound[: len(sound) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return sum(map(abs, samples)) / len(samples) if samples else 0.0


def _mean_ulaw(sound: bytes) -> float:
    return sum(map(_expanded, sound)) / len(sound) if sound else 0.0


def _expanded(byte: int) -> int:
    """The size of a G.711 μ-law sample, of 32767."""
    bits = ~byte & 0x7F
    return ((((bits & 0x0F) << 3) + 0x84) << (bits >> 4)) - 0x84


def _compressed(sample: int) -> int:
    """A sample as G.711 μ-law."""
    size = min(abs(sample), 32635) + 0x84
    exponent = max(0, size.bit_length() - 8)
    return ~((0x80 if sample < 0 else 0) | exponent << 4 | (size >> (exponent + 3)) & 0x0F) & 0xFF
