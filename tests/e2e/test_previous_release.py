"""Migrations run before the new code does: the previous release's door, worker and commands on the newest schema.

Its own files are taken out of this repository's history and run as processes, with the libraries that are here.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.cluster import free_port
from tests.e2e.test_scale_out import SAMPLE, SECRET, address, ask, body, ended
from webhooks.signature import HEADER, sign

ROOT = Path(__file__).parents[2]
# Until there is a tag, the last commit before tenants, rights and tables as a source.
BEFORE_THE_FIRST_TAG = "f0a4946"
PATIENCE_SECONDS = 60


def git(*arguments: str) -> bytes:
    ran = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True)
    assert ran.returncode == 0, f"{ran.stderr.decode()}\nOf a clone without its history: git fetch --unshallow --tags"
    return ran.stdout


def previous() -> str:
    """The newest release that this is not."""
    tags = git("tag", "--list", "v*", "--merged", "HEAD", "--no-contains", "HEAD", "--sort=-version:refname")
    return next(iter(tags.decode().split()), BEFORE_THE_FIRST_TAG)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files."""
    if git("rev-parse", "--is-shallow-repository").strip() == b"true":
        pytest.skip("this clone has no earlier version in it: git fetch --unshallow --tags")
    folder = tmp_path_factory.mktemp("older")
    packed = git("archive", previous(), "agentctl", "webhooks", "supabase/migrations")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Mailbox:
    """A mail server's one box."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(envelope)
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[tuple[Mailbox, str]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, f"smtp://127.0.0.1:{port}"
    finally:
        controller.stop()


class Older:
    """The previous release's program in a directory of its own."""

    def __init__(self, files: Path, place: Path, **settings: str) -> None:
        self.place = place
        self.command = (sys.executable, "-m", "agentctl")
        self.environment = {"PATH": "/usr/bin:/bin", "HOME": str(place), "PYTHONPATH": str(files), **settings}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([*self.command, *arguments], cwd=self.place, env=self.environment, text=True, **streams)

    def answer(self, *arguments: str) -> Any:
        with self.start(*arguments, "--json") as process:
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, err
        return json.loads(out)


def test_its_door_worker_and_commands_go_on(older: Path, dsn: str, tmp_path: Path) -> None:
    saved = {"project": "p", "environment": "production", "workspace": "w", "key": "empfang", "name": "Empfang"}
    post_call = {"mail_to": ["team@example.org"]}
    ask(dsn, "save_assistant", **saved, language="de", agent_id=SAMPLE["data"]["agent_id"], post_call=post_call)
    with mail_server() as (box, smtp_url):
        secret = SECRET.get_secret_value()
        mail = {"SMTP_URL": smtp_url, "MAIL_FROM": "telefon@example.org"}
        program = Older(older, tmp_path, DATABASE_URL=dsn, ELEVENLABS_WEBHOOK_SECRET=secret, **mail)
        with program.start("serve", "--port", "0") as served:
            try:
                url = address(served)
                for content in (body(1), body(2), body(1)):
                    headers = {HEADER: sign(content, SECRET, int(time.time()))}
                    assert httpx.post(url, content=content, headers=headers, timeout=30).status_code == 200
                assert httpx.get(url.replace("/webhooks/elevenlabs", "/readyz")).status_code == 200
                until(lambda: len(box.mails) == 2)
                assert "Traceback" not in ended(served)
            finally:
                served.kill()
        assert program.answer("db", "status")["pending"] == []
        listed = program.answer("calls", "list")
        assert {call["conversation_id"] for call in listed} == {"conv_1", "conv_2"}
        shown = program.answer("calls", "show", "conv_1")
        assert (shown["assistant"], len(shown["turns"])) == ("empfang", len(SAMPLE["data"]["transcript"]))
    assert {event["state"] for event in ask(dsn, "list_events", states=None, limit=9)} == {"done"}
    assert ask(dsn, "queue")["mails"] == {"pending": 0, "running": 0, "dead": 0}


def test_it_is_the_older_one_that_ran(older: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import agentctl, webhooks; print(agentctl.__file__, webhooks.__file__)"],
        cwd=older.parent, env={"PYTHONPATH": str(older)}, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert found == [str(older / name / "__init__.py") for name in ("agentctl", "webhooks")]


def until(fulfilled: Any) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not fulfilled():
        assert time.monotonic() < end
        time.sleep(0.05)
