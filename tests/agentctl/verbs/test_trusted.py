"""--trust-store: one request where nothing changed, the full path at the least doubt; counts of requests besides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

import agentctl
from agentctl.errors import StoreUnavailable
from agentctl.sandbox.harness import Sandbox, running
from agentctl.settings import Settings
from agentctl.sync.kind import Ref
from agentctl.verbs import sync, trusted
from agentctl.verbs.revisions.history import ProjectPlan
from agentctl.verbs.revisions.hold import hold
from agentctl.verbs.status import status
from agentctl.wiring import Control

pytestmark = pytest.mark.anyio
LIST, GET = "/v1/convai/agents", "/v1/convai/agents/"


class Project:
    """Two assistants, synced twice: once with changes, once without."""

    def __init__(self, root: Path, sandbox: Sandbox, dsn: str) -> None:
        self.root, self.sandbox = root, sandbox
        self._settings: dict[str, Any] = {
            "elevenlabs_base_url": sandbox.url,
            "elevenlabs_api_key": sandbox.key,
            "database_url": dsn,
        }
        (root / "agentctl.toml").write_text('project = "probe"\n')
        for key in ("empfang", "zentrale"):
            folder = root / "assistants" / key
            folder.mkdir(parents=True)
            (folder / "assistant.toml").write_text(f'name = "{key}"\n')
            (folder / "prompt.md").write_text("Hilf freundlich.\n")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Control]:
        async with agentctl.connect(self.root, settings=Settings(**self._settings)) as control:
            yield control

    async def sync(self, **options: Any) -> tuple[ProjectPlan, list[str]]:
        """One sync with --trust-store; its plan, and the requests that it made."""
        await self.sandbox.clear_log()
        async with self.opened() as control:
            plan = await trusted.plan(control, trust=True, **options)
            applied = await sync.apply(control, plan)
            await trusted.remember(control, plan, applied)
        log = await self.sandbox.log()
        return plan, [f"{entry['method']} {entry['path']}" for entry in log]

    async def trusts(self) -> bool:
        plan, requests = await self.sync()
        assert (trusted.NOTICE in plan.notices) is (requests == [f"GET {LIST}"])
        return trusted.NOTICE in plan.notices

    async def edited(self, **body: Any) -> str:
        agents = (await self.sandbox.state())["agents"]
        agent_id = next(iter(agents))
        async with httpx.AsyncClient(headers={"xi-api-key": self.sandbox.key}) as client:
            (await client.patch(f"{self.sandbox.url}{GET}{agent_id}", json=body)).raise_for_status()
        return agent_id


@pytest.fixture
async def project(tmp_path: Path, dsn: str) -> AsyncIterator[Project]:
    async with running() as sandbox:
        made = Project(tmp_path, sandbox, dsn)
        plan, _ = await made.sync()
        assert plan.counts()["create"] == 4
        assert not await made.trusts(), "what a sync has just written was not seen by a list of before"
        yield made


async def test_one_request_where_nothing_changed_and_the_plan_says_what_it_did_not_look_at(project: Project) -> None:
    plan, requests = await project.sync()
    assert requests == [f"GET {LIST}"]
    assert plan.empty
    assert plan.unchanged == 4
    assert any("drift" in notice.what and "not looked for" in notice.what for notice in plan.notices)
    async with project.opened() as control:
        assert [one.state for one in await status(control, trust_store=True)] == ["in sync", "in sync"]


async def test_a_changed_source_is_looked_at_in_full(project: Project) -> None:
    (project.root / "assistants/empfang/prompt.md").write_text("Hilf sehr freundlich.\n")
    plan, requests = await project.sync()
    assert plan.counts()["update"] == 1
    assert sum(request.startswith(f"GET {GET}agent") for request in requests) >= 2
    assert not await project.trusts()
    assert await project.trusts()


@pytest.mark.parametrize("body", [{"name": "Von Hand"}, {"tags": ["managed-by:agentctl"]}], ids=["name", "tags"])
async def test_what_the_list_shows_changed_is_looked_at_in_full(project: Project, body: dict[str, Any]) -> None:
    assert await project.trusts()
    await project.edited(**body)
    plan, _ = await project.sync()
    assert len(plan.foreign) == 1


async def test_a_newer_time_in_the_list_is_enough(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentctl.sandbox.agents.now", lambda: 2_000_000_000)
    await project.edited(conversation_config={"agent": {"first_message": "Von Hand"}})
    assert not await project.trusts()


async def test_a_deleted_agent_is_missed(project: Project) -> None:
    agent_id = next(iter((await project.sandbox.state())["agents"]))
    async with httpx.AsyncClient(headers={"xi-api-key": project.sandbox.key}) as client:
        await client.delete(f"{project.sandbox.url}{GET}{agent_id}")
    plan, _ = await project.sync()
    assert [change.vanished for change in plan.changes].count(True) == 1


async def test_a_hold_and_an_interrupted_create_end_the_trust(project: Project) -> None:
    assert await project.trusts()
    async with project.opened() as control:
        await hold(control, "empfang", 1, "a digest")
    assert not await project.trusts()
    async with project.opened() as control:
        await (await control.bindings()).intend(Ref("agent", "empfang"), {}, again=False)
    assert not await project.trusts()


async def test_what_cannot_be_remembered_takes_no_outcome_away(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with project.opened() as control:
        plan = replace(await sync.plan(control), seen=trusted.Seen("", {}))
        store = await control.store()
        real = store.call

        async def call(function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
            if function == "save_clean_sync":
                raise StoreUnavailable("the store is away")
            return await real(function, args, timeout=timeout)

        monkeypatch.setattr(store, "call", call)
        assert (await trusted.apply(control, plan)).ok


async def test_another_version_looks_for_itself(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await project.trusts()
    monkeypatch.setattr("agentctl.verbs.trusted.version", lambda name: "0.0.0")
    assert not await project.trusts()


async def test_a_part_of_the_project_is_never_taken_on_trust(project: Project) -> None:
    async with project.opened() as control:
        plan = await trusted.plan(control, ["empfang"], trust=True)
    assert trusted.NOTICE not in plan.notices


async def test_an_ordinary_sync_makes_one_list_request_and_one_for_each_agent(project: Project) -> None:
    await project.sandbox.clear_log()
    async with project.opened() as control:
        assert (await sync.apply(control, await sync.plan(control))).ok
    requests = sorted(f"{entry['method']} {entry['path']}" for entry in await project.sandbox.log())
    agents = sorted((await project.sandbox.state())["agents"])
    assert requests == [f"GET {LIST}", *(f"GET {GET}{agent_id}" for agent_id in agents)]


async def test_documents_folders_and_indexes_cost_one_list_each_at_most(project: Project) -> None:
    for key in ("empfang", "zentrale"):
        knowledge = project.root / "assistants" / key / "knowledge"
        knowledge.mkdir()
        for name in ("hours", "prices"):
            (knowledge / f"{name}.md").write_text(f"{name} of {key}: " + "as they are. " * 60)
        (knowledge.parent / "assistant.toml").write_text(
            f'name = "{key}"\n[knowledge_base]\nfolder = true\n[rag]\nenabled = true\n'
        )
    async with project.opened() as control:
        assert (await sync.apply(control, await sync.plan(control))).ok
    await project.sandbox.clear_log()
    async with project.opened() as control:
        found = await sync.plan(control)
        assert found.empty
        assert (await sync.apply(control, found)).ok
    requests = sorted(f"{entry['method']} {entry['path']}" for entry in await project.sandbox.log())
    agents = sorted((await project.sandbox.state())["agents"])
    documents = "GET /v1/convai/knowledge-base"  # one for the documents, one for the folders
    indexes = "POST /v1/convai/knowledge-base/rag-index"  # which makes nothing
    assert requests == [f"GET {LIST}", *(f"GET {GET}{agent_id}" for agent_id in agents), documents, documents, indexes]


async def test_the_list_comes_first_and_a_wrong_file_before_all(project: Project) -> None:
    await project.sandbox.clear_log()
    (project.root / "assistants/empfang/assistant.toml").write_text("nonsense")
    with pytest.raises(agentctl.AgentctlError, match="assistants/empfang"):
        async with project.opened() as control:
            await sync.plan(control)
    (project.root / "assistants/empfang/assistant.toml").write_text('name = "empfang"\n')
    await project.sandbox.clear_log()
    async with project.opened() as control:
        assert (await sync.plan(control)).empty
    arrivals = [entry["path"] for entry in await project.sandbox.log()]
    assert arrivals[0] == LIST, "its pages follow one another"
    assert sorted(path.startswith(f"{GET}agent") for path in arrivals) == [False, True, True]


async def test_only_what_is_asked_for_is_read_ahead(project: Project) -> None:
    await project.sandbox.clear_log()
    async with project.opened() as control:
        await sync.plan(control, ["empfang"])
    assert sum(entry["path"].startswith(f"{GET}agent") for entry in await project.sandbox.log()) == 1
