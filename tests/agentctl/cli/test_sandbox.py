"""agentctl sandbox, and the call that a running one holds."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from agentctl.cli.app import run
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from tests.cluster import free_port

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(["sandbox", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread() as running:
        yield running


def test_it_says_what_to_export_and_takes_its_key(tmp_path: Path) -> None:
    options = ("--port", "0", "--key", "a key", "--state", "state.json")
    process = subprocess.Popen(
        [sys.executable, "-m", "agentctl", "sandbox", *options], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(8)]
        assert lines[0].startswith("Sandbox on http://127.0.0.1:")
        assert "+498999998100" in lines[1]
        exports = dict(shlex.split(line)[1].split("=", 1) for line in lines if line.startswith("export "))
        assert exports["ELEVENLABS_API_KEY"] == "a key"
        assert {"TWILIO_BASE_URL", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"} < exports.keys()
        agents = f"{exports['ELEVENLABS_BASE_URL']}/v1/convai/agents"
        assert httpx.get(agents, headers={"xi-api-key": "a key"}).status_code == 200
        assert httpx.get(agents, headers={"xi-api-key": "sandbox-key"}).status_code == 401
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def test_a_port_in_use_is_1(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, err = cli("--port", str(taken.getsockname()[1]))
    assert (code, out) == (1, "")
    assert "Address already in use\n" in err


def test_a_foreign_state_file_is_2(cli: Cli, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("[]", encoding="utf-8")
    code, out, err = cli("--port", "0", "--state", str(state))
    assert (code, out) == (2, "")
    assert str(state) in err
    assert state.read_text(encoding="utf-8") == "[]"


def test_a_call_that_is_held(cli: Cli, sandbox: BlockingSandbox) -> None:
    key = {"xi-api-key": sandbox.key}
    agent = httpx.post(
        f"{sandbox.url}/v1/convai/agents/create",
        headers=key,
        json={"name": "Empfang", "conversation_config": {"agent": {"first_message": "Guten Tag, hier ist die KI."}}},
    ).json()["agent_id"]
    number = {
        "provider": "twilio",
        "phone_number": "+498999998100",
        "label": "Empfang",
        "sid": sandbox.account_sid,
        "token": sandbox.auth_token,
        "enable_sms": False,
    }
    phone = httpx.post(f"{sandbox.url}/v1/convai/phone-numbers", headers=key, json=number).json()["phone_number_id"]
    httpx.patch(f"{sandbox.url}/v1/convai/phone-numbers/{phone}", headers=key, json={"agent_id": agent})

    code, out, _ = cli(
        "call", "+498999998100", "--url", sandbox.url, "--say", "Guten Tag.", "--say", "Danke.", "--json"
    )
    assert code == 0
    held = json.loads(out)
    assert held["reached"]
    turns = httpx.get(f"{sandbox.url}/v1/convai/conversations/{held['conversation_id']}", headers=key).json()[
        "transcript"
    ]
    said = [turn["message"] for turn in turns]
    assert said[0] == "Guten Tag, hier ist die KI."
    assert {"Guten Tag.", "Danke."} <= set(said)
    code, out, _ = cli("call", "--url", sandbox.url)
    assert code == 0
    assert out.startswith("Held: conv_")
    assert "no webhook is bound. agentctl webhook register URL" in out
    settings = {"auth_type": "hmac", "name": "door", "webhook_url": "https://door.example.org/"}
    made = httpx.post(f"{sandbox.url}/v1/workspace/webhooks", headers=key, json={"settings": settings}).json()
    bound = {"webhooks": {"post_call_webhook_id": made["webhook_id"], "events": ["transcript"]}}
    change = {"platform_settings": {"workspace_overrides": bound}}
    httpx.patch(f"{sandbox.url}/v1/convai/agents/{agent}", headers=key, json=change)
    sandbox.ail(made["webhook_id"], is_auto_disabled=True)
    assert "switched off. agentctl webhook enable" in cli("call", "--url", sandbox.url)[1]


def test_a_number_that_nobody_answers_is_1(cli: Cli, sandbox: BlockingSandbox) -> None:
    code, out, _ = cli("call", "--url", sandbox.url)
    assert code == 1
    assert "Nobody was reached: Twilio asks https://phone.example.org/old-flow" in out


def test_no_sandbox_there(cli: Cli) -> None:
    code, out, err = cli("call", "--url", f"http://127.0.0.1:{free_port()}")
    assert (code, out) == (1, "")
    assert "Start one: agentctl sandbox" in err
