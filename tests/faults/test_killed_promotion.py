"""A promotion that is killed with SIGKILL at any request ends, in the next one, as if it had never been killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentctl.clients.elevenlabs import ElevenLabs
from agentctl.sandbox.harness import BlockingSandbox, running_thread
from agentctl.sandbox.options import Options
from agentctl.settings import Settings
from agentctl.sync.patience import Patience
from agentctl.verbs import promote, sync
from agentctl.verbs.revisions import history
from agentctl.wiring import connect
from tests.cluster import Cluster
from tests.faults.test_killed_sync import Deadly, outcome, writes

FORGET = "delete from agentctl.{} where environment = 'production'"
TABLES = ("bindings", "intents", "assistants", "revisions")


@pytest.fixture
def sandbox() -> Iterator[BlockingSandbox]:
    with running_thread(Options(log=True)) as found:
        yield found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "agentctl.toml").write_text('project = "beispiel"\n[environments.staging]\n')
    home = tmp_path / "assistants" / "empfang"
    (home / "knowledge").mkdir(parents=True)
    (home / "assistant.toml").write_text('name = "Empfang"\n')
    (home / "prompt.md").write_text("Hilf.")
    (home / "knowledge" / "zeiten.md").write_text("Geöffnet von neun bis fünf.")
    return tmp_path


def in_a_process(work: Coroutine[Any, Any, bool]) -> int:
    """The wait status; a killed process has signal 9."""
    child = os.fork()
    if child:
        work.close()
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        code = 0 if asyncio.run(work) else 3
    finally:
        os._exit(code)


async def staged(project: Path, settings: Settings) -> bool:
    async with connect(project, settings=settings, environment="staging") as control:
        return (await sync.apply(control, await sync.plan(control))).ok


async def promoted(project: Path, settings: Settings, fatal: int = 0) -> bool:
    async with (
        connect(project, settings=settings, environment="staging") as source,
        connect(project, settings=settings, environment="production") as to,
    ):
        assert settings.elevenlabs_api_key is not None
        url, transport = str(settings.elevenlabs_base_url), Deadly(fatal, "applied")
        async with ElevenLabs(url, settings.elevenlabs_api_key, transport=transport, concurrency=1) as client:
            to.api = client
            to.patience = Patience(pauses=(0.01,))
            found = await promote.look(source, to)
            return (await promote.promote(to, found)).ok


async def revisions(project: Path, settings: Settings) -> list[str | None]:
    async with connect(project, settings=settings) as control:
        return [one.note for one in await history.revisions(control, "empfang")]


def test_killed_at_every_request_of_a_promotion(
    sandbox: BlockingSandbox, project: Path, cluster: Cluster, dsn: str
) -> None:
    settings = Settings(
        elevenlabs_api_key=sandbox.key,  # type: ignore[arg-type]
        elevenlabs_base_url=sandbox.url,  # type: ignore[arg-type]
        database_url=dsn,  # type: ignore[arg-type]
    )

    def start() -> None:
        sandbox.reset()
        for table in TABLES:
            cluster.execute(FORGET.format(table), dsn.rpartition("/")[2])
        # What staging has goes with the workspace; its revisions stay.
        cluster.execute("truncate agentctl.bindings, agentctl.intents", dsn.rpartition("/")[2])

    assert in_a_process(staged(project, settings)) == 0
    start()
    assert in_a_process(promoted(project, settings)) == 0
    undisturbed, requests = outcome(sandbox), len(sandbox.log())
    assert (len(undisturbed[0]), len(undisturbed[1])) == (1, 1)
    for fatal in range(1, requests + 1):
        start()
        killed = in_a_process(promoted(project, settings, fatal))
        assert killed == signal.SIGKILL, f"request {fatal} was not reached"
        assert in_a_process(promoted(project, settings)) == 0, f"killed at request {fatal}: the next one failed"
        assert outcome(sandbox) == undisturbed, f"killed at request {fatal}: another result"
        assert asyncio.run(revisions(project, settings)) == ["promoted from staging"]
        sandbox.clear_log()
        assert in_a_process(promoted(project, settings)) == 0
        assert writes(sandbox) == 0, f"killed at request {fatal}: a third one still had something to write"
