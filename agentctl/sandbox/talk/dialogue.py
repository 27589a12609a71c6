"""A conversation as it happens: what the client says goes in, what the agent says to that comes out.

No socket and no clock are in here: each step is told the moment, in seconds of any clock that never goes back.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from agentctl.sandbox.options import Options
from agentctl.sandbox.script import Line, Script, Speaker, farewell
from agentctl.sandbox.state import Row
from agentctl.sandbox.talk import messages
from agentctl.sandbox.talk.sound import Ear, tone
from agentctl.sandbox.talk.wishes import Denied

# What a second of the agent's speech would be is a tone of a fifth of that: who tries things out does not wait.
_MS_PER_WORD = 80
_SHORTEST_MS, _LONGEST_MS, _PIECE_MS = 400, 3000, 500


@dataclass(frozen=True)
class Ending:
    """How the conversation ended: the socket's close code and reason, and what the platform notes of it."""

    code: int
    reason: str
    noted: str


@dataclass(frozen=True)
class _Speech:
    """What the agent is saying: line `at` of the transcript, as `event_id`, between two moments."""

    at: int
    event_id: int
    begin: float
    end: float
    holds: bool  # whatever the user says


class Dialogue:
    """One conversation with the scripted agent."""

    def __init__(self, conversation_id: str, agent: Row, speaker: Speaker, options: Options, now: float) -> None:
        self.lines: list[Line] = []
        self.ended: Ending | None = None
        self._id = conversation_id
        self._config = agent["conversation_config"]
        self._events = messages.ALWAYS | set(self._config["conversation"]["client_events"])
        self._text_only = bool(self._config["conversation"]["text_only"])
        self._speaker = speaker
        self._options = options
        self._ear = Ear(self._config["asr"]["user_input_audio_format"], 1000 * options.turn_seconds)
        self._said: list[str] = []
        self._event_id = 0
        self._begin = self._active = self._turn = now
        self._speech: _Speech | None = None
        self._hangs_up = False
        self._next_ping = now
        self._pings: dict[int, float] = {}
        self._ping_ms: int | None = None

    def begin(self, now: float) -> list[Row]:
        """The first messages: formats, a ping, the agent's greeting."""
        output = self._config["tts"]["agent_output_audio_format"]
        told = messages.metadata(self._id, output, self._config["asr"]["user_input_audio_format"])
        greeting = self._speaker.greeting
        first = self._config["agent"]["disable_first_message_interruptions"]
        return self._told([told, *self._ping(now), *(self._say(greeting, now, holds=first) if greeting else ())])

    def hear(self, message: Row, now: float) -> list[Row]:
        """What follows from a client's message. Raises Denied for one that is not of the documented form."""
        self._settle(now)
        kind = message.get("type")
        if kind == "pong":
            sent = self._pings.pop(message.get("event_id", 0), None)
            self._ping_ms = self._ping_ms if sent is None else max(1, round(1000 * (now - sent)))
            return []
        self._active = now
        if "user_audio_chunk" in message:
            return self._told(self._listen(_decoded(message["user_audio_chunk"]), now))
        if kind == "user_message" and message.get("text"):
            return self._told([*self._interrupt(now), *self._answer(_text(message["text"]), now, written=True)])
        if kind == "user_activity":
            self._turn = now
        # Context, feedback and results of tools that were not called change nothing that the script says.
        return []

    def tick(self, now: float) -> list[Row]:
        """What is due without a word of the client's."""
        self._settle(now)
        if self._hangs_up and self._speech is None:
            return self._told(self._hang_up(now))
        for seconds, since, kind, noted in self._limits():
            if now - since >= seconds:
                self.ended = Ending(1000, noted, noted)
                return [messages.error(1000, kind, noted)] if kind else []
        return self._ping(now) if now >= self._next_ping else []

    def due(self) -> float:
        """The moment of the next tick."""
        moments = [since + seconds for seconds, since, _kind, _noted in self._limits()]
        if self._speech:
            moments.append(self._speech.end)
        elif self._hangs_up:
            moments.append(self._begin)
        return min(self._next_ping, *moments)

    def left(self, code: int) -> Ending:
        """The client is gone; where it heard the agent hang up, that was the end all the same."""
        if self.ended is None:
            self.ended = Ending(code, "", f"Client disconnected: {code}")
        return self.ended

    def script(self, now: float) -> Script:
        """What was said so far."""
        return self._speaker.script(self.lines, round(now - self._begin))

    def _limits(self) -> Iterator[tuple[float, float, str, str]]:
        """Seconds, since when, kind of error, and the words for what ends a conversation by itself."""
        longest = self._config["conversation"]["max_duration_seconds"]
        yield longest, self._begin, "max_duration_exceeded", "Conversation exceeded its maximum duration."
        yield self._options.idle_seconds, self._active, "transport_receive_timeout", "The client has said nothing."
        silence = self._config["turn"]["silence_end_call_timeout"]
        if silence > 0 and self._speech is None:
            yield silence, self._turn, "", "Call ended after a period of silence."

    def _told(self, rows: Any) -> list[Row]:
        """Without what the agent's settings do not let clients hear of."""
        return [row for row in rows if row["type"] in self._events]

    def _number(self) -> int:
        self._event_id += 1
        return self._event_id

    def _at(self, now: float) -> int:
        return int(now - self._begin)

    def _settle(self, now: float) -> None:
        """The agent has stopped speaking: what was heard meanwhile was no turn."""
        if self._speech and now >= self._speech.end:
            self._turn = self._speech.end
            self._speech = None
            self._ear.forget()

    def _ping(self, now: float) -> list[Row]:
        number = self._number()
        self._pings = {number: now}  # who answers late is not timed
        self._next_ping = now + self._options.ping_seconds
        return [messages.ping(number, self._ping_ms)]

    def _listen(self, sound: bytes, now: float) -> Iterator[Row]:
        self._ear.hear(sound)
        if self._speech:
            if not self._ear.barges_in:
                return
            yield from self._interrupt(now)
        if self._speech is None and self._ear.has_turn:
            self._ear.forget()
            lines = self._speaker.words.caller_lines
            yield from self._answer(lines[len(self._said) % len(lines)], now)

    def _answer(self, text: str, now: float, *, written: bool = False) -> Iterator[Row]:
        """The user said this. What was typed comes back as no transcript [assumed]: nothing had to be heard."""
        self._turn = now
        self._said.append(text)
        self.lines.append(Line("user", text, self._at(now), written=written))
        if not written:
            yield messages.user_transcript(text, self._number())
        reply, found = self._speaker.reply(self._said, len(self._said) - 1)
        yield from self._say(reply, now)
        self.lines[-1] = replace(self.lines[-1], found=found)
        ends = self._config["agent"]["prompt"]["built_in_tools"]["end_call"]
        self._hangs_up = bool(ends) and self._speaker.bids_farewell(text)

    def _say(self, text: str, now: float, *, holds: bool = False) -> Iterator[Row]:
        number = self._number()
        self.lines.append(Line("agent", text, self._at(now)))
        if self._text_only:
            parts = (("start", ""), ("delta", text), ("stop", ""))
            yield from (messages.response_part(kind, part, number) for kind, part in parts)
            yield messages.agent_response(text, number)
            return
        yield messages.agent_response(text, number)
        left = length = min(max(_MS_PER_WORD * len(text.split()), _SHORTEST_MS), _LONGEST_MS)
        self._speech = _Speech(len(self.lines) - 1, number, now, now + length / 1000, holds)
        while left > 0:
            yield messages.audio(tone(self._config["tts"]["agent_output_audio_format"], min(left, _PIECE_MS)), number)
            left -= _PIECE_MS

    def _interrupt(self, now: float) -> Iterator[Row]:
        """The user speaks over the agent, who falls silent; not where its settings leave interruptions out."""
        speech = self._speech
        if speech is None or speech.holds or "interruption" not in self._events:
            return
        self._speech, self._hangs_up = None, False
        whole = self.lines[speech.at].message or ""
        words = whole.split(" ")
        spoken = 1 + int(len(words) * (now - speech.begin) / (speech.end - speech.begin))
        said = " ".join(words[:spoken]) + "..."
        self.lines[speech.at] = replace(self.lines[speech.at], message=said, whole=whole)
        yield messages.interruption(speech.event_id)
        yield messages.correction(whole, said, speech.event_id)

    def _hang_up(self, now: float) -> Iterator[Row]:
        self.lines += farewell(self._at(now))
        noted = "end_call tool was called."
        self.ended = Ending(1000, noted, noted)
        yield messages.hangs_up(f"end_call_{self._id[-8:]}", self._number())


def _decoded(chunk: Any) -> bytes:
    try:
        return base64.b64decode(_text(chunk), validate=True)
    except (binascii.Error, ValueError):
        raise Denied(1008, "invalid_message", "user_audio_chunk is not base64") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Denied(1008, "invalid_message", "a text was expected")
    return value
