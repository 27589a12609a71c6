"""agentctl up: from files to the first call, guided; run as a user runs it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler

from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.settings import Settings
from agentctl.verbs.exclusive import exclusive
from agentctl.wiring import connect
from tests.answering import WEB_PAGE, answering
from tests.cluster import free_port
from tests.commands import PATIENCE_SECONDS, Command
from tests.example import NUMBER, Example


class Mailbox(Handler):
    """Keeps what arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Message] = []

    def handle_message(self, message: Message) -> None:
        self.mails.append(message)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, f"smtp://127.0.0.1:{port}"
    controller.stop()


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread() as running:
        yield running


@contextmanager
def going_up(project: Example, *arguments: str, **settings: str) -> Iterator[Up]:
    """`agentctl up`, read up to where it says whom to call."""
    with project.started("up", "--yes", "--poll", "0.2", *arguments, **settings) as process:
        yield Up(process)


class Up:
    def __init__(self, process: Command) -> None:
        self.process = process
        self.said = ""
        # Both pipes are read, so that neither fills up.
        self.reader = threading.Thread(target=self._read_messages, daemon=True)
        self.messages: list[str] = []
        self.reader.start()
        for line in process.stdout:
            self.said += line
            if line.startswith(("Call ", "Talk ")):
                return
        pytest.fail(f"it ended before anybody could call: {''.join(self.messages)}")

    def _read_messages(self) -> None:
        self.messages.extend(self.process.stderr)

    def rest(self) -> str:
        rest = self.process.stdout.read()
        assert self.process.wait(PATIENCE_SECONDS) == 0, "".join(self.messages)
        self.reader.join(5)
        return rest

    def until(self, word: str) -> str:
        shown = ""
        for line in self.process.stdout:
            shown += line
            if word in line:
                return shown
        pytest.fail(f"it never said {word!r}: {shown}")


@pytest.fixture
def project(tmp_path: Path, sandbox: BlockingSandbox, dsn: str) -> Example:
    return Example(tmp_path / "Büro Süd", sandbox, dsn)


def test_from_files_to_one_call_and_one_mail(project: Example, mailbox: tuple[Mailbox, str]) -> None:
    box, smtp = mailbox
    mail = {"SMTP_URL": smtp, "MAIL_FROM": "telefon@example.org"}
    with going_up(project, "--once", **mail) as up:
        assert up.said.endswith(f"Call {NUMBER} now.\n")
        call = project.sandbox.call(to_number=NUMBER, deliver=False)
        assert call["reached"], call
        shown = up.rest()
    assert call["conversation_id"] in shown
    assert "[ ] Rückruf zum Angebot (Erika Muster, morgen 10 Uhr = " in shown
    assert "user    Guten Tag, hier ist Erika Muster." in shown
    assert "\nsent  team@example.org" in shown
    guide = "".join(up.messages)
    assert [guide.index(step) for step in ("1. The key", "2. The plan", "3. The numbers", "4. The call")]
    assert "in use at Twilio: voice_url is https://phone.example.org/old-flow" in guide
    assert f"{NUMBER} rings at empfang." in guide
    assert [mail["To"] for mail in box.mails] == ["team@example.org"]
    (listed,) = json.loads(project("calls", "list", "--json"))
    assert listed["conversation_id"] == call["conversation_id"]


def test_a_second_run_writes_nothing_and_shows_no_old_call(project: Example) -> None:
    with going_up(project, "--once") as up:
        first = project.sandbox.call(to_number=NUMBER, deliver=False)["conversation_id"]
        assert first in up.rest()
    before = len([entry for entry in project.sandbox.log() if entry["method"] != "GET"])
    with going_up(project, "--once") as up:
        assert "Nothing to do" in up.said
        second = project.sandbox.call(to_number=NUMBER, deliver=False)["conversation_id"]
        shown = up.rest()
    assert second in shown
    assert first not in shown
    written = [entry for entry in project.sandbox.log() if entry["method"] != "GET"][before:]
    # The key's scopes are tried on objects that do not exist.
    assert {entry["status"] for entry in written} == {404}


def test_ctrl_c_ends_it_with_0(project: Example) -> None:
    with going_up(project) as up:
        project.sandbox.call(to_number=NUMBER, deliver=False)
        up.until("post_call_transcription")
        project.sandbox.call(to_number=NUMBER, deliver=False)
        up.until("post_call_transcription")
        up.process.send_signal(signal.SIGINT)
        up.rest()
    assert "Traceback" not in "".join(up.messages)
    assert len(json.loads(project("calls", "list", "--json"))) == 2


def test_on_the_embedded_store(tmp_path: Path, sandbox: BlockingSandbox) -> None:
    project = Example(tmp_path / "beispiel", sandbox, None)
    try:
        with going_up(project, "--once") as up:
            call = sandbox.call(to_number=NUMBER, deliver=False)
            assert call["conversation_id"] in up.rest()
        assert "mails wait in the outbox" in "".join(up.messages)
    finally:
        project("db", "stop")


def test_without_twilio_credentials_it_says_what_to_do_and_goes_on(project: Example) -> None:
    with going_up(project, "--once", TWILIO_ACCOUNT_SID="", TWILIO_AUTH_TOKEN="") as up:
        assert up.said.endswith("Talk to your agent in ElevenLabs' dashboard now.\n")
        (agent_id,) = project.sandbox.state()["agents"]
        call = project.sandbox.call(agent_id=agent_id, deliver=False)
        assert call["conversation_id"] in up.rest()
    guide = "".join(up.messages)
    assert "TWILIO_ACCOUNT_SID: is not set" in guide
    assert f"agentctl import-number {NUMBER} --assistant empfang" in guide


def test_a_number_that_the_account_does_not_have_is_told(project: Example) -> None:
    toml = project.root / "assistants/empfang/assistant.toml"
    toml.write_text(toml.read_text().replace(NUMBER, "+498999998110"))
    with going_up(project) as up:
        assert "Talk to your agent" in up.said
        up.process.send_signal(signal.SIGTERM)
        up.rest()
    assert "has no number +498999998110" in "".join(up.messages)


def test_a_public_url_that_leads_here_is_served(project: Example, mailbox: tuple[Mailbox, str]) -> None:
    box, smtp = mailbox
    port = free_port()
    public = f"http://127.0.0.1:{port}"
    project("sync", "--yes")
    project("webhook", "register", f"{public}/webhooks/elevenlabs", "--write-env", "--yes")
    settings = {"PUBLIC_URL": public, "SMTP_URL": smtp, "MAIL_FROM": "telefon@example.org"}
    with going_up(project, "--port", str(port), **settings) as up:
        call = project.sandbox.call(to_number=NUMBER)
        assert {delivery["status"] for delivery in call["deliveries"]} == {200}
        assert call["conversation_id"] in up.until("Mails")
        project.sandbox.deliver(call["conversation_id"])
        up.process.send_signal(signal.SIGINT)
        assert call["conversation_id"] not in up.rest()
    assert f"A door answers at {public}/" in "".join(up.messages)
    assert len(box.mails) == 1
    assert len(json.loads(project("calls", "list", "--json"))) == 1


def test_a_public_url_that_leads_elsewhere_is_told_and_asked_around(project: Example) -> None:
    with (
        answering(otherwise=WEB_PAGE) as elsewhere,
        going_up(project, "--once", "--port", "0", PUBLIC_URL=elsewhere) as up,
    ):
        call = project.sandbox.call(to_number=NUMBER, deliver=False)
        assert call["conversation_id"] in up.rest()
    assert "does not lead to the door here" in "".join(up.messages)


@pytest.mark.parametrize(
    ("settings", "code", "said"),
    [
        ({"ELEVENLABS_API_KEY": "sk_wrong_one"}, 1, "Check ELEVENLABS_API_KEY"),
        ({"ELEVENLABS_API_KEY": ""}, 2, "ELEVENLABS_API_KEY: is not set"),
        ({"ELEVENLABS_API_KEY": "sandbox-read-only"}, 1, "the key may not write agents (convai_write)"),
        ({"ELEVENLABS_BASE_URL": "http://api.example.org"}, 1, "in the clear"),
        ({"PUBLIC_URL": "nowhere"}, 2, "PUBLIC_URL"),
    ],
)
def test_what_keeps_it_from_beginning(project: Example, settings: dict[str, str], code: int, said: str) -> None:
    ended = project.ended("up", "--yes", **settings)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "sk_wrong_one" not in ended.stdout + ended.stderr
    assert project.sandbox.state()["agents"] == {}


def test_without_a_yes_nothing_is_written(project: Example) -> None:
    ended = project.ended("up")
    assert ended.returncode == 2
    assert "--yes" in ended.stderr
    assert project.sandbox.state()["agents"] == {}


def drift(project: Example) -> None:
    """Somebody gives the agent another first message in the dashboard."""
    (agent_id,) = project.sandbox.state()["agents"]
    url, key = f"{project.sandbox.url}/v1/convai/agents/{agent_id}", {"xi-api-key": project.sandbox.key}
    body = {"conversation_config": {"agent": {"first_message": "Hallo!"}}}
    httpx.patch(url, json=body, headers=key, trust_env=False).raise_for_status()


def first_message(project: Example) -> str:
    (agent,) = project.sandbox.state()["agents"].values()
    return str(agent["conversation_config"]["agent"]["first_message"])


def test_drift_is_left_where_nobody_is_asked_and_the_way_goes_on(project: Example) -> None:
    project("sync", "--yes")
    drift(project)
    with going_up(project) as up:
        assert "held back: agent empfang: conversation_config.agent.first_message" in up.said
        up.process.send_signal(signal.SIGTERM)
        up.rest()
    assert first_message(project) == "Hallo!"


def test_who_agrees_to_overwrite_drift_has_it_overwritten(project: Example) -> None:
    project("sync", "--yes")
    drift(project)
    typed = {"Apply this, overwriting what was changed at the platform": "y\n", " over?": "y\n", "Call +49": "\x03"}
    code, shown = project.on_terminal("up", typed=typed)
    assert code == 0, shown
    assert first_message(project).startswith("Guten Tag")


@pytest.mark.parametrize("asked", [True, False])
def test_a_number_that_was_removed_there_is_brought_back(project: Example, *, asked: bool) -> None:
    project("sync", "--yes")
    project("import-number", NUMBER, "--assistant", "empfang", "--yes")
    (number_id,) = project.sandbox.state()["numbers"]
    url, key = f"{project.sandbox.url}/v1/convai/phone-numbers/{number_id}", {"xi-api-key": project.sandbox.key}
    httpx.delete(url, headers=key, trust_env=False).raise_for_status()
    if asked:
        code, shown = project.on_terminal("up", typed={"Apply this": "y\n", " over?": "y\n", "Call +49": "\x03"})
        assert code == 0, shown
    else:
        with going_up(project) as up:
            up.process.send_signal(signal.SIGTERM)
            up.rest()
    assert len(project.sandbox.state()["numbers"]) == 1


@pytest.mark.parametrize("imported", [True, False])
def test_beside_a_folder_that_was_renamed_by_hand_it_names_only_what_helps(project: Example, *, imported: bool) -> None:
    project("sync", "--yes")
    if imported:
        project("import-number", NUMBER, "--assistant", "empfang", "--yes")
    (project.root / "assistants" / "empfang").rename(project.root / "assistants" / "zentrale")
    with going_up(project) as up:
        up.process.send_signal(signal.SIGTERM)
        up.rest()
    messages = "".join(up.messages)
    assert f"{NUMBER} waits for zentrale, which is held back: see above." in messages
    assert "FAIL" not in messages
    command = up.said.partition("Keep the agent and numbers of empfang, which had its ")[2].partition(": agentctl ")[2]
    project(*command.partition(";")[0].split(), "--yes")
    with going_up(project) as up:
        assert f"Call {NUMBER} now." in up.said
        up.process.send_signal(signal.SIGTERM)
        up.rest()
    assert len(project.sandbox.state()["agents"]) == 1


def test_beside_a_sync_it_asks_nobody(project: Example) -> None:
    settings = Settings(
        elevenlabs_base_url=project.sandbox.url,
        elevenlabs_api_key=project.sandbox.key,
        database_url=project.env["DATABASE_URL"],
    )

    async def beside() -> subprocess.CompletedProcess[str]:
        async with connect(project.root, settings=settings) as control, exclusive(control):
            return await asyncio.to_thread(project.ended, "up", "--yes")

    ended = asyncio.run(beside())
    assert ended.returncode == 1
    assert "another sync of this project is running" in ended.stderr
    assert ended.stdout == "", "no plan that might be another one by the time of the answer"


def test_a_port_that_is_taken(project: Example) -> None:
    with answering(otherwise=WEB_PAGE) as taken:
        port = taken.rpartition(":")[2]
        ended = project.ended("up", "--yes", "--port", port, PUBLIC_URL="http://127.0.0.1:9")
    assert ended.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_broken_project_is_told_first(project: Example) -> None:
    (project.root / "assistants/empfang/prompt.md").unlink()
    ended = project.ended("up", "--yes")
    assert ended.returncode == 2
    assert "assistants/empfang/prompt.md" in ended.stderr
    assert project.sandbox.log() == []
