"""Each kind, each verb, each fault: the exit code, what is said, what is done all the same, and the run after it.

A new kind is a row of TABLE. The platform is the sandbox in memory, the store a real one, the command the real one.
"""

from __future__ import annotations

import pickle
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from agentctl import wiring
from agentctl.cli.app import run
from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.clients.retry import Retry
from agentctl.errors import StoreError, StoreUnavailable
from agentctl.resources import KINDS
from agentctl.sync.planning import Patience
from tests.faults.world import AT_PLATFORM, NUMBER, no_time
from tests.memory import InMemory

VERBS = ("list", "read", "create", "update", "delete")
KNOWLEDGE, AGENTS, NUMBERS = "/v1/convai/knowledge-base", "/v1/convai/agents", "/v1/convai/phone-numbers"


@dataclass(frozen=True)
class Row:
    """How a kind speaks: per verb the method and path of its request, or the function of the store.

    `ignorable`: a key of its bodies that a platform may drop. `never`: verbs that a sync does not use, and why.
    """

    requests: Mapping[str, tuple[str, str]]
    ignorable: str = ""
    never: Mapping[str, str] = field(default_factory=dict)


TABLE: Mapping[str, Row] = {
    "knowledge_document": Row(
        {
            "list": ("GET", KNOWLEDGE),
            "read": ("GET", f"{KNOWLEDGE}/*"),
            "create": ("POST", f"{KNOWLEDGE}/*"),
            "update": ("PATCH", f"{KNOWLEDGE}/*"),
            "delete": ("DELETE", f"{KNOWLEDGE}/*"),
        },
        ignorable="name",
    ),
    "agent": Row(
        {
            "list": ("GET", AGENTS),
            "read": ("GET", f"{AGENTS}/*"),
            "create": ("POST", f"{AGENTS}/create"),
            "update": ("PATCH", f"{AGENTS}/*"),
            "delete": ("DELETE", f"{AGENTS}/*"),
        },
        ignorable="conversation_config.agent.prompt.prompt",
    ),
    "phone_number": Row(
        {"list": ("GET", NUMBERS), "update": ("PATCH", f"{NUMBERS}/*")},
        ignorable="agent_id",
        never={
            "read": "the list has it all, and the answer of the PATCH",
            "create": "import-number's",
            "delete": "release-number's",
        },
    ),
    "post_call": Row(
        {
            "list": ("store", "assistants"),
            "create": ("store", "save_assistant"),
            "update": ("store", "save_assistant"),
            "delete": ("store", "remove_assistant"),
        },
        never={"read": "the same function as the list"},
    ),
}
STORE_FAULTS: Mapping[str, Callable[[], StoreError]] = {
    "store away": lambda: StoreUnavailable("the store is away", "Is it running?"),
    "store away, applied": lambda: StoreUnavailable("the store went away", "Is it running?"),
    "store refuses": lambda: StoreError("the store refused", "Look at its log."),
}
PASSING = frozenset({"429 once", "429 once, Retry-After", "500 once", "reset, applied"})
PLATFORM_FAULTS = (
    "429 once, Retry-After", "429 for ever", "500 for ever", "503 for ever, applied", "hang for ever", "reset for ever",
    "reset for ever, applied", "404", "422", "garbage, applied", "key ignored",
)  # fmt: skip
ROWS = [(kind, verb) for kind, row in TABLE.items() for verb in VERBS if verb in row.requests]


def test_every_kind_has_its_row_and_every_verb_a_request_or_a_reason() -> None:
    assert {kind.name for kind in KINDS} == set(TABLE), "a kind without a row is a kind without a promise"
    for kind, row in TABLE.items():
        assert {*row.requests, *row.never} == set(VERBS), kind


def expected(method: str, verb: str, fault: str) -> int:
    """The exit code. What is over after a second attempt is none; what a create did not take is written after it."""
    if method == "store":
        return 1
    if fault in PASSING:
        return 1 if verb == "create" and not fault.startswith("429") else 0
    if fault == "key ignored":
        return 0 if verb == "create" else 1
    # Gone is what a delete wants, and no answer to it is read.
    return 0 if verb == "delete" and fault in ("404", "garbage, applied") else 1


class FaultyStore:
    """The real store, except that `fault` comes of the next call of `function`."""

    def __init__(self, store: Any, orders: dict[str, str]) -> None:
        self._store, self._orders = store, orders

    async def call(self, function: str, args: Any, *, timeout: float = 10.0) -> Any:
        fault = self._orders.pop(function, "")
        if fault and "applied" not in fault:
            raise STORE_FAULTS[fault]()
        answer = await self._store.call(function, args, timeout=timeout)
        if fault:
            raise STORE_FAULTS[fault]()
        return answer


class Bench:
    """A project, a platform and a store, driven by the command line in this process."""

    def __init__(self, root: Path, dsn: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.platform = root, InMemory()
        self.store_orders: dict[str, str] = {}
        self._dsn, self._capsys = dsn, capsys
        options = self.platform.world.options
        self.key, self.account = options.api_key, {"sid": options.account_sid, "token": options.auth_token}
        (root / "agentctl.toml").write_text('project = "beispiel"\n')
        self.write("Hilf.", at="empfang")

    def write(self, prompt: str, *, at: str, keys: tuple[str, ...] = ("empfang", "nacht")) -> None:
        """The files of the assistants; the number rings `at` one of them."""
        for key in ("empfang", "nacht"):
            home = self.root / "assistants" / key
            if key not in keys:
                for file in ("assistant.toml", "prompt.md", "knowledge/zeiten.md"):
                    (home / file).unlink()
                (home / "knowledge").rmdir()
                home.rmdir()
                continue
            (home / "knowledge").mkdir(parents=True, exist_ok=True)
            numbers = f'[phone]\nnumbers = ["{NUMBER}"]\n' if key == at else ""
            mail = f'[post_call]\nmail_to = ["{len(prompt)}@example.org"]\n'
            (home / "assistant.toml").write_text(f'name = "{key.title()}"\n{numbers}{mail}')
            (home / "prompt.md").write_text(prompt)
            (home / "knowledge/zeiten.md").write_text(f"{key}: {prompt}")

    @asynccontextmanager
    async def connect(self, directory: Path) -> AsyncIterator[wiring.Control]:
        """A control whose platform is in memory, where one request follows another and no time passes."""
        async with CONNECT(directory) as control:
            faulty = FaultyStore(await control.store(), self.store_orders)
            control._store = faulty
            retry = Retry(sleep=no_time)
            control.api = ElevenLabs(
                "http://127.0.0.1", SecretStr(self.key), transport=self.platform, retry=retry, concurrency=1
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
        if verb in ("update", "delete"):
            assert self("sync", "--yes")[0] == 0
        if verb == "update":
            self.write("Hilf gern.", at="nacht")
        if verb == "delete":
            self.write("Hilf.", at="empfang", keys=("empfang",))
        self.keep()
        return ("sync", "--yes", "--prune") if verb == "delete" else ("sync", "--yes")

    def keep(self) -> None:
        """Remember the world as it is."""
        self._state = pickle.dumps(self.platform.world.state)
        with psycopg.connect(self._dsn) as connection:
            for table in TABLES:
                connection.execute(f"create table kept_{table} as table agentctl.{table}")

    def again(self) -> None:
        """The world as it was."""
        self.platform.world.state = pickle.loads(self._state)
        self.platform.world.faults.clear()
        self.store_orders.clear()
        with psycopg.connect(self._dsn) as connection:
            connection.execute(f"truncate {', '.join(f'agentctl.{table}' for table in TABLES)}")
            for table in TABLES:
                connection.execute(f"insert into agentctl.{table} select * from kept_{table}")

    def order(self, kind: str, verb: str, fault: str) -> None:
        """Let the fault come of the verb's first request."""
        method, path = TABLE[kind].requests[verb]
        if method == "store":
            self.store_orders[path] = fault
            return
        order: dict[str, Any] = {"method": method, "path": path, **AT_PLATFORM[fault]}
        if method == "POST" and order.get("status") != 429:
            order["times"] = 1
        if "ignore" in order:
            order["ignore"] = TABLE[kind].ignorable
        self.platform.world.faults.add(order)

    def doubled(self) -> list[str]:
        """What is there twice, or not at all."""
        state = self.platform.world.state
        keys = sorted(home.name for home in (self.root / "assistants").iterdir())
        agents = sorted(row["name"] for row in state.agents.values())
        documents = sorted(row["name"].rpartition("@")[0] for row in state.documents.values())
        wanted = [f"agentctl/beispiel/production/{key}/zeiten" for key in keys]
        return [
            f"{found} instead of {meant}"
            for found, meant in ((agents, [key.title() for key in keys]), (documents, wanted))
            if found != meant
        ]


TABLES = ("bindings", "assistants", "intents")
CONNECT = wiring.connect


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
    found = Bench(tmp_path, dsn, capsys)
    monkeypatch.setattr(wiring, "connect", found.connect)
    monkeypatch.setattr("agentctl.cli.sync.patience", lambda: Patience(sleep=no_time))
    for name, value in {"DATABASE_URL": dsn, "ELEVENLABS_API_KEY": found.key}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ELEVENLABS_BASE_URL", "http://127.0.0.1")
    yield found
    found.platform.judged()


@pytest.mark.parametrize(("kind", "verb"), ROWS)
def test_a_fault(bench: Bench, kind: str, verb: str) -> None:
    method, _ = TABLE[kind].requests[verb]
    command, wrongs = bench.begin(verb), []
    for fault in STORE_FAULTS if method == "store" else PLATFORM_FAULTS:
        if fault == "key ignored" and verb not in ("create", "update"):
            continue
        bench.again()
        bench.order(kind, verb, fault)
        wrongs += [f"{fault}: {wrong}" for wrong in tried(bench, kind, verb, fault, command)]
    assert not wrongs, "\n".join(wrongs)


def tried(bench: Bench, kind: str, verb: str, fault: str, command: tuple[str, ...]) -> Iterator[str]:
    """Run into the fault, and once more without it; what is not as it should be."""
    method, path = TABLE[kind].requests[verb]
    code, told = bench(*command)
    hits = [one["hits"] for one in bench.platform.world.faults.as_json()]
    if bench.store_orders or hits == [0]:
        yield "it was not met"
    if (verb, fault) == ("delete", "404"):
        yield from converged(bench, command)  # The platform says "gone" of what is there: the next run finds it out.
        return
    if code != expected(method, verb, fault):
        yield f"exit code {code}\n{told}"
    if code and verb == "list":
        if method != "store" and f"{method} {path}" not in told:
            yield f"the request is not named\n{told}"
    elif code and f"failed: {kind} " not in told:
        yield f"the resource is not named\n{told}"
    if code and not any(line.startswith("  ") and line[2:3].isupper() for line in told.splitlines()):
        yield f"no remedy\n{told}"
    failed = {line.split()[1] for line in told.splitlines() if line.startswith("failed:")}
    done = frozenset(TABLE) - failed if code and verb != "list" else frozenset()
    yield from converged(bench, command, done)


def converged(bench: Bench, command: tuple[str, ...], done: frozenset[str] = frozenset()) -> Iterator[str]:
    """Once more without the fault: it works, all is there once, and what was `done` before has nothing left to do."""
    bench.platform.world.faults.clear()
    again, told = bench(*command)
    if again:
        yield f"the run after it ends with {again}\n{told}"
    late = {line.split()[1] for line in told.splitlines() if line.startswith(("  + ", "  ~ ", "  - "))} & done
    if late:
        yield f"others were not done: {', '.join(late)}\n{told}"
    yield from bench.doubled()
