"""A sync that is killed with SIGKILL at any request ends, in the next run, as if it had never been killed.

Whoever is killed after a request that only reads has left what they had left before it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.clients.trust import trusted
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from agentctl.settings import Settings
from agentctl.sync.patience import Patience
from agentctl.verbs import sync
from agentctl.wiring import connect
from tests.cluster import Cluster

Phase = Literal["before", "applied", "answered"]
KEYS = ("empfang", "zentrale", "nacht")
NUMBER = "+498999998100"
# The lease of the killed run stays: the next one must find out by itself that its holder is dead.
FORGET = "truncate agentctl.bindings, agentctl.intents, agentctl.assistants"


class Deadly(httpx.AsyncBaseTransport):
    """Passes requests on; the one numbered `fatal` kills this process before it is sent, once the platform has
    carried it out, or after its answer was read.
    """

    def __init__(self, fatal: int, phase: Phase) -> None:
        self._inner = httpx.AsyncHTTPTransport()
        self._fatal, self._phase, self._seen = fatal, phase, 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._seen += 1
        mine = self._seen == self._fatal
        if mine and self._phase == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = await self._inner.handle_async_request(request)
        if mine and self._phase == "applied":
            os.kill(os.getpid(), signal.SIGKILL)
        await answer.aread()
        if mine:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGKILL)
        return answer


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread(Options(log=True)) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n')
    for key in KEYS:
        home = tmp_path / "assistants" / key
        (home / "knowledge").mkdir(parents=True)
        numbers = f'[phone]\nnumbers = ["{NUMBER}"]\n' if key == "empfang" else ""
        (home / "assistant.toml").write_text(f'name = "{key.title()}"\n{numbers}')
        (home / "prompt.md").write_text("Hilf.")
        (home / "knowledge" / "zeiten.md").write_text(f"{key}: geöffnet von neun bis fünf.")
    return tmp_path


def run(project: Path, settings: Settings) -> int:
    """One sync in this process; its exit code. What it imports, the children that are killed need not."""
    return asyncio.run(one_sync(project, settings, 0, "before"))


def run_in_a_process(project: Path, settings: Settings, fatal: int, phase: Phase) -> int:
    """One sync in a child; the wait status (a killed one has signal 9)."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        code = asyncio.run(one_sync(project, settings, fatal, phase))
    finally:
        os._exit(code)


async def one_sync(project: Path, settings: Settings, fatal: int, phase: Phase) -> int:
    async with connect(project, settings=settings) as control:
        assert settings.elevenlabs_api_key is not None
        transport = Deadly(fatal, phase)
        client = ElevenLabs(
            str(settings.elevenlabs_base_url), settings.elevenlabs_api_key, transport=transport, concurrency=1
        )
        control.api = client
        async with client:
            control.patience = Patience(pauses=(0.01,))
            found = await sync.plan(control)
            applied = await sync.apply(control, found)
        return 0 if applied.ok and not applied.held else 3


def prepared(sandbox: BlockingSandbox) -> None:
    """An empty workspace that has the number already, unassigned."""
    sandbox.reset()
    number = {
        "provider": "twilio",
        "phone_number": NUMBER,
        "label": "Empfang",
        "sid": sandbox.account_sid,
        "token": sandbox.auth_token,
    }
    url, headers = f"{sandbox.url}/v1/convai/phone-numbers", {"xi-api-key": sandbox.key}
    answer = httpx.post(url, json=number, headers=headers, verify=trusted())
    assert answer.status_code == 200, answer.text
    sandbox.clear_log()


def outcome(sandbox: BlockingSandbox) -> Any:
    """What a person would find in the dashboard, without ids."""
    state = sandbox.state()
    documents = {i: row["name"] for i, row in state["documents"].items()}
    agents = {i: row["name"] for i, row in state["agents"].items()}
    attached = {
        row["name"]: [
            documents[entry["id"]] for entry in row["conversation_config"]["agent"]["prompt"]["knowledge_base"]
        ]
        for row in state["agents"].values()
    }
    ringing = {row["phone_number"]: agents.get(row["agent_id"]) for row in state["numbers"].values()}
    return sorted(documents.values()), sorted(agents.values()), attached, ringing


def changes(methods: Sequence[str]) -> list[int]:
    """The numbers, from 1, of all requests but the reads that follow a read: whoever dies there has left what they had
    left one request before.
    """
    before = ["", *methods]
    return [number for number, one in enumerate(methods, 1) if not one == before[number - 1] == "GET"]


def writes(sandbox: BlockingSandbox) -> int:
    return sum(entry["method"] != "GET" for entry in sandbox.log())


@pytest.mark.parametrize("phase", ["before", "applied", "answered"])
def test_killed_at_every_request_of_a_first_sync(
    phase: Phase, sandbox: BlockingSandbox, project: Path, cluster: Cluster, dsn: str
) -> None:
    settings = Settings(
        elevenlabs_api_key=SecretStr(sandbox.key),
        elevenlabs_base_url=sandbox.url,  # type: ignore[arg-type]
        database_url=SecretStr(dsn),
    )
    prepared(sandbox)
    assert run(project, settings) == 0
    undisturbed, methods = outcome(sandbox), [entry["method"] for entry in sandbox.log()]
    assert len(undisturbed[1]) == len(KEYS)
    fatals = [number for number in changes(methods) if phase == "before" or methods[number - 1] != "GET"]
    assert len(fatals) > 2 * len(KEYS)
    for fatal in fatals:
        prepared(sandbox)
        cluster.execute(FORGET, dsn.rpartition("/")[2])
        assert run_in_a_process(project, settings, fatal, phase) == signal.SIGKILL, f"request {fatal} was not reached"
        assert run(project, settings) == 0, f"killed at request {fatal}: the next run failed"
        assert outcome(sandbox) == undisturbed, f"killed at request {fatal}: another result"
        sandbox.clear_log()
        assert run(project, settings) == 0
        assert writes(sandbox) == 0, f"killed at request {fatal}: a third run still had something to write"
