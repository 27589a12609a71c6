"""A gated sync that is killed with SIGKILL around any of its writes never leaves callers with what was
not tested, and the next run ends as if it had never been killed.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.resources.test_run import Pace
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from agentctl.settings import Settings
from agentctl.sync.patience import Patience
from agentctl.verbs import sync
from agentctl.wiring import connect
from tests.cluster import Cluster
from tests.faults.test_killed_sync import FORGET, NUMBER, Deadly, changes, prepared

OLD, GOOD, BAD = "Open from nine to five.", "Always open from nine to five.", "Never open."


@pytest.fixture(scope="module")
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread(Options(log=True)) as found:
        yield found


def write(project: Path, hours: str) -> None:
    home = project / "assistants" / "desk"
    (home / "knowledge").mkdir(parents=True, exist_ok=True)
    (home / "tests").mkdir(exist_ok=True)
    (project / "agentctl.toml").write_text('project = "beispiel"\n')
    (home / "assistant.toml").write_text(f'name = "Desk"\n[phone]\nnumbers = ["{NUMBER}"]\n')
    (home / "prompt.md").write_text("Help.")
    (home / "knowledge" / "hours.md").write_text(hours)
    condition = 'user = "When are you open?"\nsuccess_condition = \'Says "nine to five".\'\n'
    (home / "tests" / "hours.toml").write_text(condition)


def run(project: Path, settings: Settings, fatal: int = 0, *, prune: bool = False) -> int:
    """One gated sync in a child that dies once request `fatal` was carried out: the wait status."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        code = asyncio.run(gated(project, settings, fatal, prune))
    finally:
        os._exit(code)


async def gated(project: Path, settings: Settings, fatal: int, prune: bool) -> int:
    async with connect(project, settings=settings) as control:
        assert settings.elevenlabs_api_key is not None
        client = ElevenLabs(
            str(settings.elevenlabs_base_url),
            settings.elevenlabs_api_key,
            transport=Deadly(fatal, "applied"),
            concurrency=1,
        )
        control.api = client
        async with client:
            control.patience = Patience(pauses=(0.01,))
            found = await sync.plan(control, gated=True, prune=prune)
            applied = await sync.apply(control, found, pace=Pace(first=0.01))
        return 0 if applied.ok and not applied.held else 3


def heard(sandbox: BlockingSandbox) -> list[str]:
    """What a caller is told, and whether the number rings."""
    state = sandbox.state()
    texts = [
        state["documents"][entry["id"]]["text"]
        for agent in state["agents"].values()
        for entry in agent["conversation_config"]["agent"]["prompt"]["knowledge_base"]
    ]
    return [*texts, *(str(row["agent_id"] in state["agents"]) for row in state["numbers"].values())]


def left(sandbox: BlockingSandbox) -> Any:
    """How much there is of everything."""
    state = sandbox.state()
    return {name: len(state[name]) for name in ("agents", "documents", "tests", "numbers")}


@pytest.mark.parametrize("passes", [True, False])
def test_killed_around_every_write(
    passes: bool, sandbox: BlockingSandbox, tmp_path: Path, cluster: Cluster, dsn: str
) -> None:
    settings = Settings(
        elevenlabs_api_key=SecretStr(sandbox.key),
        elevenlabs_base_url=sandbox.url,  # type: ignore[arg-type]
        database_url=SecretStr(dsn),
    )

    def begin() -> None:
        prepared(sandbox)
        cluster.execute(FORGET, dsn.rpartition("/")[2])
        write(tmp_path, OLD)
        assert run(tmp_path, settings) == 0
        write(tmp_path, GOOD if passes else BAD)
        sandbox.clear_log()

    begin()
    before = left(sandbox)
    assert os.waitstatus_to_exitcode(run(tmp_path, settings)) == (0 if passes else 3)
    methods = [one["method"] for one in sandbox.log()]
    first = next(place for place, method in enumerate(methods, 1) if method != "GET")
    assert heard(sandbox) == [GOOD if passes else OLD, "True"]
    for fatal in (number for number in changes(methods) if number >= first):
        begin()
        assert run(tmp_path, settings, fatal) == signal.SIGKILL, f"request {fatal} was not reached"
        assert heard(sandbox) in ([OLD, "True"], [GOOD, "True"])
        write(tmp_path, GOOD)
        assert run(tmp_path, settings) == 0, f"killed at request {fatal}: the next run failed"
        assert heard(sandbox) == [GOOD, "True"]
        if passes:
            assert left(sandbox) == before, f"killed at request {fatal}: something was left behind"
        sandbox.clear_log()
        assert run(tmp_path, settings, prune=True) == 0
        assert {one["method"] for one in sandbox.log()} <= {"GET", "DELETE"}
        assert left(sandbox) == before, f"killed at request {fatal}: something was left behind"
