"""From a signed delivery to a mail in somebody's mailbox, with the real programs and nothing of ours in between."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from agentctl.wiring import connect
from tests.canaries import CANARIES
from tests.cluster import free_port
from webhooks.signature import HEADER, sign

COMMAND = (sys.executable, "-m", "agentctl")
SAMPLES = Path(__file__).parents[1] / "samples"
SECRET = "wsec_only_for_tests"
AGENT = "agent_7101k5zvyjhmfg983brhmhkd98n6"
CONVERSATION = "conv_7401k5m9x2p8ec3rqv6dtnhb0fzw"
PATIENCE_SECONDS = 60


class Mailbox:
    """What arrived, and an event for the first mail of a subject."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.arrived = threading.Event()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append(mail)
        if "Erika Muster" in mail.get_body(("plain",)).get_content():  # type: ignore[union-attr]
            self.arrived.set()
        return "250 OK"


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, port
    controller.stop()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n', encoding="utf-8")
    assistant = tmp_path / "assistants" / "empfang"
    assistant.mkdir(parents=True)
    (assistant / "assistant.toml").write_text('name = "Empfang"\nlanguage = "de"\n', encoding="utf-8")
    (assistant / "prompt.md").write_text("Du bist der Empfang.\n", encoding="utf-8")
    asyncio.run(_remember_agent(tmp_path))
    yield tmp_path
    assert agentctl(tmp_path, "db", "stop").returncode == 0


async def _remember_agent(directory: Path) -> None:
    """What a sync leaves in the store."""
    async with connect(directory) as control:
        scope = control.scope
        await (await control.store()).call(
            "save_assistant",
            {
                "project": scope.project,
                "environment": scope.environment,
                "workspace": scope.workspace,
                "key": "empfang",
                "name": "Empfang",
                "language": "de",
                "agent_id": AGENT,
                "post_call": {"mail_to": ["buero@example.org"], "summary_language": "de", "action_items": True},
            },
        )


def environment(directory: Path, **settings: str) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "HOME": str(directory), **settings}


def agentctl(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=directory,
        env=environment(directory, **settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


@contextmanager
def serving(directory: Path, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`agentctl serve` on a free port, and the URL that it prints."""
    with (directory / "serve.log").open("w") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0"],
            cwd=directory,
            env=environment(directory, **settings),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("Listening on http://127.0.0.1:"), (directory / "serve.log").read_text()
        yield process, said.split()[-1]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    said = (directory / "serve.log").read_text()
    assert not [canary for canary in CANARIES if canary in said], said


def deliver(url: str, body: bytes) -> httpx.Response:
    headers = {HEADER: sign(body, SecretStr(SECRET), int(time.time())), "content-type": "application/json"}
    return httpx.post(url, content=body, headers=headers, timeout=30)


def test_a_delivery_becomes_a_call_and_one_mail(project: Path, mailbox: tuple[Mailbox, int]) -> None:
    box, port = mailbox
    mail = {"SMTP_URL": f"smtp://127.0.0.1:{port}?tls=off", "MAIL_FROM": "anrufe@example.org"}
    body = (SAMPLES / "post_call_transcription.json").read_bytes()
    with serving(project, ELEVENLABS_WEBHOOK_SECRET=SECRET, **mail) as (process, url):
        base = url.removesuffix("/webhooks/elevenlabs")
        assert httpx.get(f"{base}/healthz").status_code == 200
        assert httpx.get(f"{base}/readyz").status_code == 200
        others = [path.read_bytes() for path in SAMPLES.glob("*.json") if path.name != "post_call_transcription.json"]
        unheard_of = json.dumps({"type": "post_call_horoscope", "event_timestamp": 1, "data": {}}).encode()
        for other in (*others, unheard_of):
            assert deliver(url, other).status_code == 200
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda _: deliver(url, body), range(5)))
        assert [answer.status_code for answer in answers] == [200] * 5
        assert sum(answer.json()["new"] for answer in answers) == 1
        forged = httpx.post(url, content=body, headers={HEADER: f"t={int(time.time())},v0={'0' * 64}"})
        assert forged.status_code == 401
        assert box.arrived.wait(PATIENCE_SECONDS), (project / "serve.log").read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0, (project / "serve.log").read_text()
    assert "Traceback" not in (project / "serve.log").read_text()
    rest = agentctl(project, "work", "--once", "--json", **mail)
    assert rest.returncode == 0, rest.stderr
    assert json.loads(rest.stdout)["pending_mails"] == 0

    shown = agentctl(project, "calls", "show", CONVERSATION, "--json")
    assert shown.returncode == 0, shown.stderr
    call = json.loads(shown.stdout)
    assert call["assistant"] == "empfang"
    assert call["status"] == "done"
    assert call["duration_secs"] == 23
    assert call["started_at"].startswith("2025-11-20T")
    assert "Rückruf" in call["summary"]
    assert call["digest"]["engine"] == "elevenlabs"
    assert call["turns"][1] | {"role": "user", "at_secs": 4} == call["turns"][1]
    assert call["turns"][1]["message"].startswith("Hallo, Erika Muster")
    assert [(sent["to"], sent["status"]) for sent in call["mails"]] == [("buero@example.org", "sent")]
    assert Path(call["recording"]["location"].removeprefix("file://")).is_file()
    about_the_call = [one for one in box.mails if "Erika Muster" in one.get_body(("plain",)).get_content()]  # type: ignore[union-attr]
    assert len(about_the_call) == 1
    assert about_the_call[0]["To"] == "buero@example.org"

    listed = json.loads(agentctl(project, "calls", "list", "--json").stdout)
    assert {row["conversation_id"]: row["status"] for row in listed} == {
        CONVERSATION: "done",
        "conv_0001failsip": "failed",
        "conv_0001failtwilio": "failed",
    }
    kept = json.loads(agentctl(project, "calls", "events", "--json").stdout)
    assert [(event["type"], event["state"]) for event in kept] == [("post_call_horoscope", "kept")]
