"""What the agent says and when, without a socket and without waiting."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from agentctl.sandbox.conversation_shape import CONVERSATION_CONFIG
from agentctl.sandbox.options import Options
from agentctl.sandbox.script import Speaker
from agentctl.sandbox.shape import settled
from agentctl.sandbox.state import State
from agentctl.sandbox.talk.dialogue import Dialogue
from agentctl.sandbox.talk.wishes import Denied
from tests.agentctl.sandbox.talk.client import END_CALL, EVENTS, SILENCE, SPEECH

TURN = [SPEECH, SPEECH, SILENCE, SILENCE, SILENCE]
GREETING = "Hello, this is the reception of a fine house, how can I help you?"


class Talk:
    """A dialogue and its clock."""

    def __init__(
        self, options: Options | None = None, *, events: Any = EVENTS, tools: Any = None, **config: Any
    ) -> None:
        first = {"first_message": GREETING, "prompt": {"built_in_tools": tools or {}}} | config.pop("agent", {})
        config["conversation"] = {"client_events": events} | config.get("conversation", {})
        found, problems = settled(CONVERSATION_CONFIG, {**config, "agent": first})
        assert not problems
        agent = {"agent_id": "agent_1", "name": "Empfang", "conversation_config": found}
        self.now = 0.0
        self.dialogue = Dialogue("conv_1", agent, Speaker(State(), agent, {}), options or Options(), self.now)
        self.begun = self.dialogue.begin(self.now)

    def hear(self, kind: str = "user_message", **fields: Any) -> list[dict[str, Any]]:
        return self.dialogue.hear({"type": kind, **fields}, self.now)

    def speak(self, *sounds: bytes) -> list[dict[str, Any]]:
        """Sound as it comes from a microphone, in real time."""
        out = []
        for sound in sounds:
            self.now += len(sound) / 32_000
            out += self.dialogue.hear({"user_audio_chunk": base64.b64encode(sound).decode()}, self.now)
        return out

    def wait(self, seconds: float) -> list[dict[str, Any]]:
        """Let time pass as the socket does: whenever something is due."""
        until, out = self.now + seconds, []
        while self.dialogue.ended is None and (due := self.dialogue.due()) <= until:
            self.now = max(self.now, due)
            out += self.dialogue.tick(self.now)
        self.now = until
        return out


def kinds(rows: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["type"] for row in rows))


def test_it_begins_with_formats_a_ping_and_the_greeting() -> None:
    talk = Talk(tts={"agent_output_audio_format": "pcm_24000"})
    assert kinds(talk.begun) == ["conversation_initiation_metadata", "ping", "agent_response", "audio"]
    assert talk.begun[0]["conversation_initiation_metadata_event"] == {
        "conversation_id": "conv_1",
        "agent_output_audio_format": "pcm_24000",
        "user_input_audio_format": "pcm_16000",
    }
    assert talk.begun[2]["agent_response_event"]["agent_response"] == GREETING
    sound = b"".join(base64.b64decode(row["audio_event"]["audio_base_64"]) for row in talk.begun[3:])
    assert 0.4 * 48000 <= len(sound) <= 3 * 48000


def test_a_turn_of_sound_is_heard_as_the_next_line_of_the_script_and_answered() -> None:
    talk = Talk()
    talk.wait(3)
    first = talk.speak(*TURN)
    talk.wait(3)
    second = talk.speak(*TURN)
    assert kinds(first) == ["user_transcript", "agent_response", "audio"]
    assert first[0]["user_transcription_event"]["user_transcript"].startswith("Hello, this is Erika Muster")
    assert second[0]["user_transcription_event"]["user_transcript"].startswith("Thank you. I would like a callback")
    ids = [row["agent_response_event"]["event_id"] for row in first + second if row["type"] == "agent_response"]
    assert ids == sorted(set(ids))


def test_what_is_typed_is_answered_without_a_transcript() -> None:
    talk = Talk()
    talk.wait(3)
    assert kinds(talk.hear(text="I would like a callback about my offer.")) == ["agent_response", "audio"]
    line = talk.dialogue.lines[-2]
    assert (line.role, line.message, line.written) == ("user", "I would like a callback about my offer.", True)


def test_speech_over_the_agent_interrupts_it_and_corrects_what_it_said() -> None:
    talk = Talk()
    out = talk.speak(SPEECH, SPEECH)
    assert kinds(out) == ["interruption", "agent_response_correction"]
    greeting_id = talk.begun[2]["agent_response_event"]["event_id"]
    assert out[0]["interruption_event"]["event_id"] == greeting_id
    correction = out[1]["agent_response_correction_event"]
    assert correction["original_agent_response"] == GREETING
    assert GREETING.startswith(correction["corrected_agent_response"].removesuffix("..."))
    assert len(correction["corrected_agent_response"]) < len(GREETING)
    assert (talk.dialogue.lines[0].message, talk.dialogue.lines[0].whole) == (
        correction["corrected_agent_response"],
        GREETING,
    )
    assert kinds(talk.speak(SILENCE, SILENCE, SILENCE)) == ["user_transcript", "agent_response", "audio"]


def test_a_short_noise_interrupts_nobody_and_is_no_turn_once_the_agent_has_finished() -> None:
    talk = Talk()
    assert talk.speak(SPEECH, SILENCE) == []
    talk.wait(1)
    assert talk.speak(SILENCE, SILENCE, SILENCE, SILENCE) == []


@pytest.mark.parametrize(
    "fixed",
    [
        {"events": [one for one in EVENTS if one != "interruption"]},
        {"agent": {"disable_first_message_interruptions": True}},
    ],
)
def test_an_agent_may_be_set_to_finish_its_sentence(fixed: dict[str, Any]) -> None:
    talk = Talk(**fixed)
    assert talk.speak(SPEECH, SPEECH) == []
    assert talk.dialogue.lines[0].message == GREETING


def test_events_that_the_agent_does_not_list_are_not_sent() -> None:
    talk = Talk(events=["audio", "interruption"])  # the platform's default: no transcripts
    talk.wait(3)
    assert kinds(talk.begun) == ["conversation_initiation_metadata", "ping", "audio"]
    assert kinds(talk.speak(*TURN)) == ["audio"]
    assert len(talk.dialogue.lines) == 3


def test_a_text_only_agent_writes_and_makes_no_sound() -> None:
    talk = Talk(conversation={"text_only": True})
    assert kinds(talk.begun)[2:] == ["agent_chat_response_part", "agent_response"]
    assert [row["text_response_part"]["type"] for row in talk.begun[2:5]] == ["start", "delta", "stop"]
    assert kinds(talk.hear(text="When are you open?")) == ["agent_chat_response_part", "agent_response"]


def test_pings_come_by_themselves_and_tell_how_long_the_last_answer_took() -> None:
    talk = Talk()
    ping = talk.begun[1]["ping_event"]
    assert ping["ping_ms"] is None
    talk.now = 0.04
    assert talk.hear("pong", event_id=ping["event_id"]) == []
    (second,) = [row for row in talk.wait(2) if row["type"] == "ping"]
    assert second["ping_event"]["ping_ms"] == 40
    assert talk.hear("pong", event_id=ping["event_id"]) == []  # late, and not timed


def test_the_agent_hangs_up_after_a_farewell_where_it_has_the_tool_and_has_finished_speaking() -> None:
    talk = Talk(tools=END_CALL)
    talk.hear(text="That was all, goodbye!")
    assert talk.wait(0.1) == []
    assert kinds(talk.wait(3)) == ["agent_tool_response"]
    ended = talk.dialogue.ended
    assert ended is not None
    assert (ended.code, ended.noted) == (1000, "end_call tool was called.")
    assert [line.tool for line in talk.dialogue.script(talk.now).lines][-2:] == ["end_call", "end_call"]


def test_an_agent_that_is_interrupted_in_its_goodbye_stays() -> None:
    talk = Talk(tools=END_CALL)
    talk.hear(text="That was all, goodbye!")
    assert kinds(talk.speak(*[SPEECH[:4000]] * 3))[0] == "interruption"
    talk.wait(5)
    assert talk.dialogue.ended is None


def test_an_agent_without_the_tool_waits_for_the_user_to_hang_up() -> None:
    talk = Talk()
    talk.hear(text="That was all, goodbye!")
    talk.wait(30)
    assert talk.dialogue.ended is None
    ended = talk.dialogue.left(1001)
    assert (ended.code, ended.noted) == (1001, "Client disconnected: 1001")


@pytest.mark.parametrize(
    ("config", "seconds", "kind"),
    [
        ({"conversation": {"max_duration_seconds": 20}}, 20, "max_duration_exceeded"),
        ({}, 30, "transport_receive_timeout"),
        ({"turn": {"silence_end_call_timeout": 10}}, 13, ""),
    ],
)
def test_it_ends_by_itself(config: dict[str, Any], seconds: float, kind: str) -> None:
    talk = Talk(Options(idle_seconds=30), **config)
    talk.wait(seconds - 3)
    assert talk.dialogue.ended is None
    told = talk.wait(4)
    assert talk.dialogue.ended is not None
    assert talk.dialogue.ended.code == 1000
    assert [row["error_event"]["error_type"] for row in told if row["type"] == "error"] == ([kind] if kind else [])


def test_activity_context_and_feedback_keep_it_open_and_say_nothing() -> None:
    talk = Talk(Options(idle_seconds=30))
    for kind in ("user_activity", "contextual_update", "feedback", "client_tool_result", "something_new"):
        talk.wait(25)
        assert talk.hear(kind, text="The user looks at prices.") == []
    assert talk.dialogue.ended is None
    assert len(talk.dialogue.lines) == 1


@pytest.mark.parametrize(
    "message", [{"user_audio_chunk": "§"}, {"user_audio_chunk": 5}, {"type": "user_message", "text": [1]}]
)
def test_a_message_of_another_form_ends_it(message: dict[str, Any]) -> None:
    with pytest.raises(Denied) as denied:
        Talk().dialogue.hear(message, 0.0)
    assert (denied.value.code, denied.value.kind) == (1008, "invalid_message")
