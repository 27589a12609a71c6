"""The sandbox's conversations, held by the vendor's own clients: the Python SDK and @elevenlabs/client.

No browser is here: the page's own microphone and worklets are tried where the console is.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from elevenlabs import ElevenLabs
from elevenlabs.conversational_ai.conversation import (
    AudioInterface,
    Conversation,
    ConversationInitiationData,
    DisconnectionDetails,
)

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from tests import npm
from tests.agentctl.sandbox.talk.client import END_CALL, EVENTS, SILENCE, SPEECH, said, settled

SCRIPT = Path(__file__).parent / "conversation" / "client.cjs"
# Long enough that whoever interrupts it is in time, on a busy machine too.
GREETING = "Hello Erika, this is the reception of a fine" + ", a truly fine" * 15 + " house. How can I help you?"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread(Options(ping_seconds=0.1)) as running:
        yield running


@pytest.fixture
def api(sandbox: BlockingSandbox) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandbox.url, headers={"xi-api-key": sandbox.key}, trust_env=False) as client:
        yield client


def agent(api: httpx.Client, *, text_only: bool = False, hangs_up: bool = True) -> str:
    """A private agent that greets by name and tells everything."""
    first = {
        "first_message": GREETING.replace("Erika", "{{name}}"),
        "prompt": {"built_in_tools": END_CALL if hangs_up else {}},
    }
    allowed = {"conversation_config_override": {"conversation": {"text_only": text_only}}}
    body = {
        "name": "Reception",
        "conversation_config": {"agent": first, "conversation": {"client_events": EVENTS}},
        "platform_settings": {"auth": {"enable_auth": True}, "overrides": allowed},
    }
    return str(api.post("/v1/convai/agents/create", json=body).json()["agent_id"])


class Microphone(AudioInterface):
    """The test's own ears and mouth."""

    def __init__(self) -> None:
        self.heard = b""
        self.hears = threading.Event()
        self.interrupted = threading.Event()
        self.stopped = False
        self.speak: Callable[[bytes], None] = lambda sound: None

    def start(self, input_callback: Callable[[bytes], None]) -> None:
        self.speak = input_callback

    def stop(self) -> None:
        self.stopped = True

    def output(self, audio: bytes) -> None:
        self.heard += audio
        self.hears.set()

    def interrupt(self) -> None:
        self.interrupted.set()


class Told:
    """What a conversation's callbacks were told, and when they last were."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        self.corrections: list[tuple[str, str]] = []
        self.timed = threading.Event()
        self.end: DisconnectionDetails | None = None
        self.answered = threading.Semaphore(0)
        self.ended = threading.Event()

    def callbacks(self) -> dict[str, Any]:
        return {
            "callback_agent_response": self._agent,
            "callback_user_transcript": lambda text: self.said.append(("user", text)),
            "callback_agent_response_correction": lambda whole, part: self.corrections.append((whole, part)),
            "callback_latency_measurement": lambda _milliseconds: self.timed.set(),
            "callback_disconnect": self._end,
        }

    def _agent(self, text: str) -> None:
        self.said.append(("agent", text))
        self.answered.release()

    def _end(self, details: DisconnectionDetails) -> None:
        self.end = details
        self.ended.set()


def talk(
    sandbox: BlockingSandbox, agent_id: str, told: Told, microphone: Microphone | None, **wish: Any
) -> Conversation:
    client = ElevenLabs(api_key=sandbox.key, base_url=sandbox.url)
    config = ConversationInitiationData(**{"dynamic_variables": {"name": "Erika"}, **wish})
    made = Conversation(
        client, agent_id, "user_7", requires_auth=True, audio_interface=microphone, config=config, **told.callbacks()
    )
    made.start_session()
    return made


def test_the_python_sdk_talks_listens_interrupts_and_is_hung_up_on(sandbox: BlockingSandbox, api: httpx.Client) -> None:
    told, microphone = Told(), Microphone()
    conversation = talk(sandbox, agent(api), told, microphone)
    assert microphone.hears.wait(10)
    for sound in (SPEECH, SPEECH, SILENCE, SILENCE, SILENCE):
        microphone.speak(sound)
    assert microphone.interrupted.wait(10)
    for _ in range(2):
        assert told.answered.acquire(timeout=10)
    conversation.send_contextual_update("The user looks at the price list.")
    conversation.register_user_activity()
    conversation.send_user_message("That was all, goodbye!")
    assert told.ended.wait(10)
    conversation_id = conversation.wait_for_session_end()

    assert told.said[0] == ("agent", GREETING)
    assert told.said[1] == ("user", "Hello, this is Erika Muster. When are you open?")
    assert told.said[3] == ("agent", "Thank you for calling. Goodbye!")
    assert told.corrections[0][0] == GREETING
    assert told.end == DisconnectionDetails("agent", 1000, "end_call tool was called.")
    assert microphone.stopped
    assert conversation_id is not None
    stored = settled(api, conversation_id)
    assert stored["user_id"] == "user_7"
    assert stored["metadata"]["conversation_initiation_source"] == "python_sdk"
    assert stored["metadata"]["authorization_method"] == "signed_url"
    assert [text for role, text in said(stored) if role == "user"] == [told.said[1][1], "That was all, goodbye!"]


def test_the_python_sdk_without_sound_measures_latency_and_hangs_up(
    sandbox: BlockingSandbox, api: httpx.Client
) -> None:
    told = Told()
    conversation = talk(sandbox, agent(api), told, None)
    assert told.answered.acquire(timeout=10)
    assert told.timed.wait(10)
    conversation.end_session()
    conversation_id = conversation.wait_for_session_end()
    assert told.end == DisconnectionDetails("user")
    assert conversation_id is not None
    assert settled(api, conversation_id)["metadata"]["termination_reason"].startswith("Client disconnected")


def test_the_python_sdk_is_told_why_a_wish_is_refused(sandbox: BlockingSandbox, api: httpx.Client) -> None:
    told = Told()
    talk(sandbox, agent(api), told, Microphone(), conversation_config_override={"tts": {"voice_id": "abc"}})
    assert told.ended.wait(10)
    assert told.end is not None
    reason = "Override for field 'voice_id' is not allowed by config."
    assert (told.end.reason, told.end.close_code, told.end.close_reason) == ("error", 1008, reason)


def javascript(api: httpx.Client, mode: str, agent_id: str) -> dict[str, Any]:
    """What @elevenlabs/client told after a conversation of its own."""
    url = api.get("/v1/convai/conversation/get-signed-url", params={"agent_id": agent_id}).json()["signed_url"]
    library = npm.program(npm.CLIENT)
    ran = subprocess.run(
        [*npm.node(), str(SCRIPT), str(library), mode, url], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return told


@pytest.mark.skipif(not npm.runs_here(), reason="the pinned Node is for this machine only on Linux x86-64")
def test_the_javascript_client_writes_and_is_hung_up_on(sandbox: BlockingSandbox, api: httpx.Client) -> None:
    told = javascript(api, "text", agent(api, text_only=True))
    assert told["end"]["reason"] == "agent"
    answers = [message for role, message in told["messages"] if role == "agent"]
    assert answers[-1] == "Thank you for calling. Goodbye!"
    assert answers[-1] in told["parts"]
    stored = settled(api, told["id"])
    assert said(stored)[:2] == [("agent", GREETING), ("user", "When are you open?")]
    assert stored["metadata"]["text_only"]
    assert stored["metadata"]["conversation_initiation_source"] == "js_sdk"
    assert stored["metadata"]["conversation_initiation_source_version"] == "1.25.0"
    assert stored["user_id"] == "user_7"


@pytest.mark.skipif(not npm.runs_here(), reason="the pinned Node is for this machine only on Linux x86-64")
def test_the_javascript_clients_connection_speaks_interrupts_and_hangs_up(
    sandbox: BlockingSandbox, api: httpx.Client
) -> None:
    told = javascript(api, "voice", agent(api, hangs_up=False))
    assert told["formats"] == [{"format": "pcm", "sampleRate": 16000}] * 2
    assert told["messages"][0] == ["user", "Hello, this is Erika Muster. When are you open?"]
    assert {"interruption", "agent_response_correction", "audio", "agent_response"} <= set(told["events"])
    assert told["bytes"] > 0
    # 1006 where the client drops the line before the sandbox has read its goodbye (RFC 6455, 7.1.5).
    assert re.fullmatch(r"Client disconnected: 100[06]", settled(api, told["id"])["metadata"]["termination_reason"])


@pytest.mark.skipif(not npm.runs_here(), reason="the pinned Node is for this machine only on Linux x86-64")
def test_the_javascript_client_is_told_why_a_wish_is_refused(sandbox: BlockingSandbox, api: httpx.Client) -> None:
    told = javascript(api, "text", agent(api))
    assert told["end"]["closeCode"] == 1008
    assert told["end"]["closeReason"] == "Override for field 'text_only' is not allowed by config."
