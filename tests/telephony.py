"""A project with a synced assistant, a sandbox as ElevenLabs and Twilio, a real store, a door and the command line."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvicorn
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from agentctl.cli.app import run
from agentctl.resources.rag_index import BATCH
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options, TwilioNumber
from agentctl.sandbox.stoppable import Stoppable
from agentctl.settings import Settings
from agentctl.verbs.door import door
from agentctl.wiring import Control, connect
from tests.synced import After, Synced

NUMBER = "+498999998100"
OLD_FLOW = "https://phone.example.org/old-flow"
QUIET = "+498999998101"  # nobody uses it: it is set to Twilio's demo, as numbers are when they are bought
DEMO = "https://demo.twilio.com/welcome/voice/"
WRITES = ("POST", "PATCH", "PUT", "DELETE")

Result = TypeVar("Result")


@dataclass
class Bench:
    """One project at one sandbox."""

    root: Path
    sandbox: BlockingSandbox
    capsys: pytest.CaptureFixture[str]
    seen: int = 0

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command: exit code, stdout, stderr."""
        code = run(["-C", str(self.root), *arguments])
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command that has to end with `code`, and read its one document."""
        ended, out, err = self(*arguments, "--json")
        assert ended == code, err
        return json.loads(out)

    def control(self, use: Callable[[Control], Awaitable[Result]]) -> Result:
        """Use the library instead of the command line."""

        async def session() -> Result:
            async with connect(self.root) as control:
                return await use(control)

        return asyncio.run(session())

    def store(self, function: str, **args: Any) -> Any:
        """Ask the store."""

        async def ask(control: Control) -> Any:
            return await (await control.store()).call(function, args)

        return self.control(ask)

    @contextmanager
    def writes(self) -> Iterator[list[dict[str, Any]]]:
        """The requests that write something at a vendor while the block runs."""
        self._news()
        found: list[dict[str, Any]] = []
        yield found
        # A look at many indexes is a POST, and makes none.
        found += [entry for entry in self._news() if entry["method"] in WRITES and entry["path"] != BATCH]

    def _news(self) -> list[dict[str, Any]]:
        """The requests since the last look: to be told them all again takes as long as a small sync."""
        news = self.sandbox.log(self.seen)
        self.seen = max((entry["seq"] for entry in news), default=self.seen)
        return news

    @property
    def toml(self) -> Path:
        return self.root / "assistants" / "empfang" / "assistant.toml"

    def declare(self, key: str, extra: str = "") -> None:
        folder = self.root / "assistants" / key
        folder.mkdir(parents=True)
        (folder / "assistant.toml").write_text(f'name = "{key.title()}"\nlanguage = "de"\n{extra}')
        (folder / "prompt.md").write_text("Hilf freundlich weiter.\n")

    def agent(self, key: str = "empfang") -> dict[str, Any]:
        agents = self.sandbox.state()["agents"].values()
        (found,) = [agent for agent in agents if agent["name"] == key.title()]
        return dict(found)

    def twilio(self) -> Client:
        """Twilio's own client: what it reads was not built by us."""
        return Client(self.sandbox.account_sid, self.sandbox.auth_token, http_client=_Redirected(self.sandbox.url))

    def at_twilio(self, number: str = NUMBER) -> dict[str, Any]:
        """Every property of a number, as Twilio's own client reads it."""
        (found,) = self.twilio().incoming_phone_numbers.list(phone_number=number)
        names = [name for name in vars(found) if "url" in name or "method" in name or "sid" in name]
        names += ["status_callback", "voice_receive_mode", "friendly_name"]
        return {name: getattr(found, name) for name in names if not name.startswith("_")}

    def call(self, number: str = NUMBER) -> Any:
        return self.sandbox.call(to_number=number, deliver=False)


class _Redirected(TwilioHttpClient):
    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self._url), *args, **kwargs)


@contextmanager
def served(root: Path, settings: Settings, *, port: int = 0) -> Iterator[str]:
    """The project's door, answering on loopback until the block ends: its URL."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen()  # Whoever comes before the server is up waits for it.
    server: list[Stoppable] = []
    up = threading.Event()

    async def serve() -> None:
        async with connect(root, settings=settings) as control:
            config = uvicorn.Config(await door(control), log_level="error", lifespan="off")
            server.append(Stoppable(config))
            up.set()
            await server[0].serve(sockets=[listening])

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    try:
        assert up.wait(30)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/webhooks/elevenlabs"
    finally:
        server[0].stop()
        thread.join(10)
        listening.close()


def environment(monkeypatch: pytest.MonkeyPatch, sandbox: BlockingSandbox, dsn: str) -> None:
    """What a user would have in .env."""
    for name in ("TWILIO_API_KEY_SID", "TWILIO_API_KEY_SECRET", "ELEVENLABS_WEBHOOK_SECRET", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("ELEVENLABS_BASE_URL", sandbox.url)
    monkeypatch.setenv("ELEVENLABS_API_KEY", sandbox.key)
    monkeypatch.setenv("TWILIO_BASE_URL", sandbox.url)
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", sandbox.account_sid)
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", sandbox.auth_token)


@pytest.fixture
def staging(monkeypatch: pytest.MonkeyPatch) -> Iterator[BlockingSandbox]:
    """The platform of a second environment, whose key stands in STAGING_KEY."""
    with running_thread(Options(api_key="key-of-staging")) as sandbox:
        monkeypatch.setenv("STAGING_KEY", sandbox.key)
        yield sandbox


@pytest.fixture
def bench(
    synced: Synced,
    after: After,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Bench]:
    numbers = (
        TwilioNumber(
            NUMBER,
            voice_url=OLD_FLOW,
            sms_url="https://phone.example.org/sms",
            status_callback="https://phone.example.org/status",
            voice_fallback_url="https://phone.example.org/fallback",
        ),
        TwilioNumber(QUIET, voice_url=DEMO),
    )
    with synced.sandbox(Options(numbers=numbers)) as sandbox:
        environment(monkeypatch, sandbox, dsn)
        made = Bench(tmp_path, sandbox, capsys)

        def first() -> None:
            (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n')
            made.declare("empfang", "# Die Nummern stehen unten.\n")
            assert made("sync", "--yes")[0] == 0

        after(first)
        yield made
