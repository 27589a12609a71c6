"""What is delivered: events of made-up calls, each told by its number alone, so that a million of them need no memory.

Of a hundred calls 54 have a transcript and nothing else; 42 a recording beside it, as where a workspace sends both, two
never began, one is said not to have begun and has a transcript all the same, and of one a better transcript follows, of
another length.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from enum import IntEnum
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

SAMPLES = Path(__file__).parents[2] / "samples"
AGENT = "agent_7101k5zvyjhmfg983brhmhkd98n6"
MAIL_TO = "team@example.org"
REPEATED = 0.05
_BEGAN = 1_763_600_000
_LARGE = 300_000  # bytes of sound: more than the door holds in memory
_PLAIN = ("agent_id", "conversation_id", "status", "user_id", "transcript", "metadata", "analysis")


class Kind(IntEnum):
    """What an event tells of a call."""

    transcript = 0
    correction = 1
    failure = 2
    audio = 3


TYPES = {
    Kind.transcript: "post_call_transcription",
    Kind.correction: "post_call_transcription",
    Kind.failure: "call_initiation_failure",
    Kind.audio: "post_call_audio",
}


class Letter(NamedTuple):
    """One event, of the call with this number."""

    number: int
    kind: Kind

    @property
    def conversation_id(self) -> str:
        """Of which it tells."""
        return f"conv_chaos{self.number:08}"

    @property
    def timestamp(self) -> int:
        """Its event_timestamp, in Unix seconds: events of one call never have the same."""
        return _BEGAN + self.number % 500_000 * 60 + 20 * self.kind

    @property
    def turns(self) -> int:
        """How many turns its transcript has."""
        if self.kind not in (Kind.transcript, Kind.correction):
            return 0
        return (60 if self.number % 50 == 7 else 2 + self.number % 5) + self.kind

    @property
    def body(self) -> bytes:
        """The bytes that are signed."""
        data = {"agent_id": AGENT, "conversation_id": self.conversation_id, **_content(self)}
        return json.dumps({"type": TYPES[self.kind], "event_timestamp": self.timestamp, "data": data}).encode()


def number_of(conversation_id: str) -> int:
    """The call's number; 0, which none has, for what is no call's."""
    return int(conversation_id.removeprefix("conv_chaos")) if conversation_id.startswith("conv_chaos") else 0


def sound(number: int) -> bytes:
    """The recording of a call; one in sixty is large."""
    return b"ID3\x04" + number.to_bytes(4) * (_LARGE // 4 if number % 60 == 0 else 500)


def post(deliveries: int, luck: Random) -> list[Letter]:
    """So many deliveries in any order, 5 % of them repetitions: half of these at once, half at any time."""
    repetitions = int(deliveries * REPEATED)
    letters: list[Letter] = []
    for call in _calls(luck):
        letters += call
        if len(letters) >= deliveries - repetitions:
            break
    del letters[deliveries - repetitions :]
    late = luck.choices(letters, k=repetitions // 2)
    at_once = set(luck.sample(range(len(letters)), repetitions - len(late)))
    units = [[one] * 2 if place in at_once else [one] for place, one in enumerate(letters)] + [[one] for one in late]
    luck.shuffle(units)
    return [one for unit in units for one in unit]


def _calls(luck: Random) -> Iterator[Sequence[Letter]]:
    number = 0
    while True:
        number += 1
        (kinds,) = luck.choices(
            [(Kind.transcript,), (Kind.transcript, Kind.audio), (Kind.failure,),
             (Kind.failure, Kind.transcript), (Kind.transcript, Kind.correction)],
            [54, 42, 2, 1, 1],
        )  # fmt: skip
        yield [Letter(number, kind) for kind in kinds]


def _content(letter: Letter) -> dict[str, Any]:
    if letter.kind is Kind.audio:
        return {"full_audio": base64.b64encode(sound(letter.number)).decode()}
    if letter.kind is Kind.failure:
        data = _sample("call_initiation_failure_sip.json")
        return {name: data[name] for name in ("failure_reason", "metadata")}
    data = _sample("post_call_transcription.json")
    # Most are short, so that a million is possible; one in fifty has all that the platform sends.
    full = letter.number % 50 == 7
    said = data["transcript"]
    turns = [
        {**(said[place % len(said)] if full else _short(said[place % 2])), "time_in_call_secs": place * 3}
        for place in range(letter.turns)
    ]
    turns[0]["message"] = f"Guten Tag, dies ist Anruf {letter.number}, Fassung {letter.kind.value}."
    content = data if full else {name: data[name] for name in _PLAIN}
    analysis = {name: data["analysis"][name] for name in ("call_successful", "transcript_summary")}
    metadata = {name: data["metadata"][name] for name in ("start_time_unix_secs", "call_duration_secs", "phone_call")}
    return {
        **content,
        "conversation_id": letter.conversation_id,
        "transcript": turns,
        "metadata": data["metadata"] if full else metadata,
        "analysis": data["analysis"] if full else analysis,
    }


def _short(turn: dict[str, Any]) -> dict[str, Any]:
    return {name: turn[name] for name in ("role", "message")}


@cache
def _sample(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))["data"]
    return data
