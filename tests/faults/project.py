"""A project with a fault ahead: its files, the sandbox in memory, a real store, the real command in this process."""

from __future__ import annotations

import asyncio
import pickle
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import SecretStr

from agentctl import wiring
from agentctl.cli.app import run
from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.clients.retry import Retry
from agentctl.clients.store.postgres import PostgresStore
from agentctl.errors import StoreError, StoreUnavailable
from agentctl.resources.rag_index import Pace
from agentctl.sync.patience import Patience
from tests.faults.world import NUMBER, no_time
from tests.memory import InMemory

STORE_FAULTS: Mapping[str, Callable[[], StoreError]] = {
    "store away": lambda: StoreUnavailable("the store is away", "Is it running?"),
    "store away, applied": lambda: StoreUnavailable("the store went away", "Is it running?"),
    "store refuses": lambda: StoreError("the store refused", "Look at its log."),
}
KEYS = ("empfang", "nacht")
OWN = "agentctl/beispiel/production/"
TABLES = ("bindings", "assistants", "intents")
CONNECT = wiring.connect
OPENING = "Wir haben von neun bis fünf offen. " * 20  # long enough to be indexed


class FaultyStore:
    """The real store, except that `fault` comes of the next call of `function`.

    It stays connected from one command to the next, in a thread of its own: a new connection of each of a thousand
    commands would read the catalogue and compile the functions anew.
    """

    def __init__(self, portal: BlockingPortal, dsn: str) -> None:
        self._portal = portal
        self._store = portal.call(PostgresStore.open, dsn)
        self.orders: dict[str, str] = {}

    async def call(self, function: str, args: Any, *, timeout: float = 10.0) -> Any:
        fault = self.orders.pop(function, "")
        if fault and "applied" not in fault:
            raise STORE_FAULTS[fault]()
        asked = partial(self._store.call, function, args, timeout=timeout)
        answer = await asyncio.wrap_future(self._portal.start_task_soon(asked))
        if fault:
            raise STORE_FAULTS[fault]()
        return answer

    def close(self) -> None:
        self._portal.call(self._store.close)


class Bench:
    """Two assistants: `empfang` has a number; `nacht` looks things up in its document. Both have folders."""

    def __init__(
        self, root: Path, database: psycopg.Connection, store: FaultyStore, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.root, self.platform = root, InMemory()
        self.way: httpx.AsyncBaseTransport = self.platform  # a test may put something in it
        self.store = store
        self.more = ""  # that `nacht` declares besides
        self._database, self._capsys = database, capsys
        self._rows: dict[str, bytes] = {}
        self.key = self.platform.world.options.api_key
        (root / "agentctl.toml").write_text('project = "beispiel"\n')
        self.write("Hilf.", at="empfang")

    def write(self, prompt: str, *, at: str, keys: tuple[str, ...] = KEYS) -> None:
        """The files of the assistants; the number rings `at` one of them."""
        for key in KEYS:
            home = self.root / "assistants" / key
            if key not in keys:
                shutil.rmtree(home)
                continue
            for part in ("knowledge", "tests"):
                (home / part).mkdir(parents=True, exist_ok=True)
            (home / "tests/zeiten.toml").write_text(f'user = "Wann?"\nsuccess_condition = "{prompt}"\n')
            parts = f'name = "{key.title()}"\n[post_call]\nmail_to = ["{len(prompt)}@example.org"]\n'
            parts += f'[phone]\nnumbers = ["{NUMBER}"]\n' if key == at else ""
            parts += "[knowledge_base]\nfolder = true\n"
            parts += "[rag]\nenabled = true\n" if key == "nacht" else ""
            (home / "assistant.toml").write_text(parts + (self.more if key == "nacht" else ""))
            (home / "prompt.md").write_text(prompt)
            (home / "knowledge/zeiten.md").write_text(f"{key}: {prompt} {OPENING}")

    @asynccontextmanager
    async def connect(self, directory: Path, *arguments: Any, **options: Any) -> AsyncIterator[wiring.Control]:
        """A control whose platform is in memory, where one request follows another and no time passes."""
        async with CONNECT(directory, *arguments, **options) as control:
            control.storehouse._store = self.store
            retry = Retry(sleep=no_time)
            control.api = ElevenLabs(
                "http://127.0.0.1", SecretStr(self.key), transport=self.way, retry=retry, concurrency=1
            )
            yield control

    def __call__(self, *arguments: str) -> tuple[int, str]:
        """Run a command: exit code and everything that it said."""
        code = run(["-C", str(self.root), *arguments])
        told = self._capsys.readouterr()
        return code, told.out + told.err

    def begin(self, verb: str) -> tuple[str, ...]:
        """Bring the world to where `verb` comes next; the command that uses it."""
        self.platform.world.state.numbers["phnum_1"] = number(self.platform)
        if verb not in ("list", "read", "create"):
            assert self("sync", "--yes")[0] == 0
        if verb in ("look", "update"):
            self.write("Hilf gern.", at="nacht")
        if verb in ("users", "delete"):
            self.write("Hilf.", at="empfang", keys=("empfang",))
        self.keep()
        return ("sync", "--yes", "--prune", "--force") if verb in ("users", "delete") else ("sync", "--yes")

    def keep(self) -> None:
        """Remember the world as it is."""
        self._state = pickle.dumps(self.platform.world.state)
        for table in TABLES:
            with self._database.cursor().copy(f"copy agentctl.{table} to stdout".encode()) as told:
                self._rows[table] = b"".join(told)

    def again(self) -> None:
        """The world as it was."""
        self.platform.world.state = pickle.loads(self._state)
        self.platform.world.faults.clear()
        self.store.orders.clear()
        # Without the new files that a truncate makes: a test may ask for it a hundred times.
        self._database.execute("; ".join(f"delete from agentctl.{table}" for table in TABLES).encode())
        for table, rows in self._rows.items():
            if rows:
                with self._database.cursor().copy(f"copy agentctl.{table} from stdin".encode()) as copy:
                    copy.write(rows)

    def ids(self) -> dict[str, str]:
        """Those of the folder and the document of `nacht`; none before they are made."""
        rows = self.platform.world.state.documents.items()
        names = {"folder": f"{OWN}nacht", "document": f"{OWN}nacht/zeiten"}
        return {name: next((i for i, row in rows if _bare(row) == bare), "") for name, bare in names.items()}

    def doubled(self) -> list[str]:
        """What is there twice, or not at all."""
        state = self.platform.world.state
        keys = sorted(home.name for home in (self.root / "assistants").iterdir())
        rows = state.documents.values()
        indexed = [row["name"].rpartition("@")[0] for row in rows for _ in row["rag"]]
        folders = [f"{OWN}{key}" for key in keys]
        return [
            f"{found} instead of {meant}"
            for found, meant in (
                (sorted(row["name"] for row in state.agents.values()), [key.title() for key in keys]),
                (sorted(map(_bare, rows)), sorted([*folders, *(f"{folder}/zeiten" for folder in folders)])),
                (sorted(map(_bare_test, state.tests.values())), [f"{folder}/zeiten" for folder in folders]),
                (indexed, [f"{OWN}nacht/zeiten"] * ("nacht" in keys)),
            )
            if found != meant
        ]


def _bare(row: Mapping[str, Any]) -> str:
    return str(row["name"]).rpartition("@")[0] if row["type"] != "folder" else str(row["name"])


def _bare_test(row: Mapping[str, Any]) -> str:
    return str(row["test"]["name"]).rpartition("@")[0]


def number(platform: InMemory) -> dict[str, Any]:
    """A number of the workspace that rings nowhere yet."""
    return {
        "phone_number_id": "phnum_1",
        "sequence": platform.world.state.next_sequence(),
        "phone_number": NUMBER,
        "label": "Haus",
        "agent_id": None,
        "environment": None,
        "branch_id": None,
        "checks_inbound": True,
    }


@pytest.fixture
def bench(
    tmp_path: Path, dsn: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Bench]:
    with start_blocking_portal() as portal, psycopg.connect(dsn, autocommit=True) as database:
        store = FaultyStore(portal, dsn)
        found = Bench(tmp_path, database, store, capsys)
        monkeypatch.setattr(wiring, "connect", found.connect)
        monkeypatch.setattr(wiring.Control, "patience", Patience(sleep=no_time))
        monkeypatch.setattr("agentctl.resources.rag_index.Pace", lambda: Pace(sleep=no_time))
        for name, value in {"DATABASE_URL": dsn, "ELEVENLABS_API_KEY": found.key}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ELEVENLABS_BASE_URL", "http://127.0.0.1")
        yield found
        store.close()
        found.platform.judged()
