"""load, plan, apply as a library: a project's files to the sandbox and a real store, and back to nothing to do."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

import agentctl
from agentctl.errors import Busy, ConfigurationError, SyncError, UsageError
from agentctl.sandbox.harness import Sandbox, running
from agentctl.settings import Settings
from agentctl.sync.kind import Ref
from agentctl.verbs.sync import select
from agentctl.wiring import Control

pytestmark = pytest.mark.anyio


class Project:
    """A project on disk and how to open it."""

    def __init__(self, root: Path, sandbox: Sandbox, dsn: str) -> None:
        self.root = root
        self.sandbox = sandbox
        self._settings: dict[str, Any] = {
            "elevenlabs_base_url": sandbox.url,
            "elevenlabs_api_key": sandbox.key,
            "database_url": dsn,
        }
        (root / "agentctl.toml").write_text('project = "probe"\n[mail]\nto = ["team@example.org"]\n')
        self.declare("empfang", 'language = "de"\n', knowledge="# Öffnungszeiten\n")

    def declare(self, key: str, extra: str = "", *, knowledge: str = "") -> Path:
        folder = self.root / "assistants" / key
        (folder / "knowledge").mkdir(parents=True, exist_ok=True)
        (folder / "assistant.toml").write_text(f'name = "{key.title()}"\n{extra}')
        (folder / "prompt.md").write_text("Hilf freundlich.\n")
        if knowledge:
            (folder / "knowledge" / "zeiten.md").write_text(knowledge)
        return folder

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Control]:
        settings = Settings(**self._settings)
        async with agentctl.connect(self.root, settings=settings) as control:
            yield control

    async def synced(self, *only: str) -> Any:
        async with self.opened() as control:
            applied = await agentctl.apply(control, await agentctl.plan(control, only))
            assert applied.ok, applied.failures
            return applied

    async def writes(self) -> list[tuple[str, str]]:
        return [(entry["method"], entry["path"]) for entry in await self.sandbox.log() if entry["method"] != "GET"]


@pytest.fixture
async def project(tmp_path: Path, dsn: str) -> AsyncIterator[Project]:
    async with running() as sandbox:
        yield Project(tmp_path, sandbox, dsn)


async def test_load_tells_every_problem(project: Project) -> None:
    async with project.opened() as control:
        loaded = await agentctl.load(control)
    assert [assistant.key for assistant in loaded.assistants] == ["empfang"]
    project.declare("empfang", "language = 3\n")
    (project.declare("notdienst") / "prompt.md").unlink()
    async with project.opened() as control:
        with pytest.raises(ConfigurationError) as caught:
            await agentctl.load(control)
    where = {problem.where.partition(":")[0] for problem in caught.value.problems}
    assert where == {"assistants/empfang/assistant.toml", "assistants/notdienst/prompt.md"}


async def test_a_plan_writes_nothing_and_an_apply_makes_it_true(project: Project) -> None:
    heard: list[tuple[str, str, object]] = []
    async with project.opened() as control:
        found = await agentctl.plan(control)
        assert found.counts() == {"create": 3, "update": 0, "delete": 0, "unchanged": 0}
        assert await project.writes() == []
        applied = await agentctl.apply(
            control,
            found,
            on_change=lambda change, error: heard.append((change.desired.kind, change.desired.key, error)),
        )
    assert applied.ok
    assert heard == [
        ("knowledge_document", "empfang/zeiten", None),
        ("agent", "empfang", None),
        ("post_call", "empfang", None),
    ]
    async with project.opened() as control:
        again = await agentctl.plan(control)
        assert again.empty
        assert again.unchanged == 3


async def test_the_store_knows_whose_calls_these_will_be(project: Project) -> None:
    await project.synced()
    (agent_id,) = (await project.sandbox.state())["agents"]
    async with project.opened() as control:
        scope = {"project": "probe", "environment": "production", "workspace": control.settings.workspace}
        (row,) = await (await control.store()).call("assistants", scope)
        assert (await control.bindings()).of("agent") == {"empfang": agent_id}
    assert row == {
        "tenant": "default",
        "key": "empfang",
        "name": "Empfang",
        "language": "de",
        "agent_id": agent_id,
        "post_call": {
            "mail_to": ["team@example.org"],
            "summary_language": "de",
            "action_items": True,
            "outcomes": [],
            "timezone": None,
        },
    }


async def test_what_an_earlier_version_saved_is_no_change_until_something_new_is_declared(project: Project) -> None:
    await project.synced()
    async with project.opened() as control:
        scope = {"project": "probe", "environment": "production", "workspace": control.settings.workspace}
        (row,) = await (await control.store()).call("assistants", scope)
        row["post_call"] = {key: row["post_call"][key] for key in ("mail_to", "summary_language", "action_items")}
        await (await control.store()).call("save_assistant", {**scope, **row})
        assert (await agentctl.plan(control)).empty
    declared = 'language = "de"\n[post_call]\ntimezone = "Europe/Berlin"\noutcomes = ["Termin", "Storno"]\n'
    project.declare("empfang", declared)
    await project.synced()
    async with project.opened() as control:
        (row,) = await (await control.store()).call("assistants", scope)
        assert (await agentctl.plan(control)).empty
    assert (row["post_call"]["timezone"], row["post_call"]["outcomes"]) == ("Europe/Berlin", ["Termin", "Storno"])


async def test_a_changed_recipient_is_a_change_of_the_store_alone(project: Project) -> None:
    await project.synced()
    before = await project.writes()
    project.declare(
        "empfang", 'language = "de"\n[post_call]\nmail_to = ["neu@example.org"]\n', knowledge="# Öffnungszeiten\n"
    )
    applied = await project.synced()
    ((change,)) = applied.done
    assert [(change.desired.kind, edit.path, edit.after) for edit in change.edits] == [
        ("post_call", "mail_to", ["neu@example.org"])
    ]
    assert await project.writes() == before


async def test_the_webhook_is_bound_once_it_is_registered(project: Project) -> None:
    await project.synced()
    async with project.opened() as control:
        body = {"settings": {"auth_type": "hmac", "name": "x", "webhook_url": "https://door.example.org/"}}
        made = await control.api.post("/v1/workspace/webhooks", json=body)
        await (await control.bindings()).bind(Ref("webhook", "post_call"), made["webhook_id"])
    applied = await project.synced()
    (change,) = applied.done
    assert change.desired.kind == "agent"
    (agent,) = (await project.sandbox.state())["agents"].values()
    bound = agent["platform_settings"]["workspace_overrides"]["webhooks"]
    assert bound["post_call_webhook_id"] == made["webhook_id"]
    assert set(bound["events"]) == {"transcript", "audio", "call_initiation_failure"}


async def test_only_globs_choose_assistants_and_hide_no_orphans(project: Project) -> None:
    project.declare("notdienst")
    project.declare("nachtdienst")
    await project.synced("n*dienst")
    names = {agent["name"] for agent in (await project.sandbox.state())["agents"].values()}
    assert names == {"Notdienst", "Nachtdienst"}
    async with project.opened() as control:
        found = await agentctl.plan(control, ["notdienst"])
        assert found.orphans == ()
        assert {one.where.split("/")[1] for one in found.notices if "/" in one.where} == {"notdienst"}
        assert len(found.notices) < len((await agentctl.plan(control)).notices)
        with pytest.raises(UsageError, match="Did you mean empfang"):
            await agentctl.plan(control, ["empfnag"])
        loaded = await agentctl.load(control)
    assert [one.key for one in select(loaded.assistants, ["*dienst", "empfang"])] == [
        "empfang",
        "nachtdienst",
        "notdienst",
    ]
    assert select(loaded.assistants, []) == loaded.assistants


async def test_what_is_no_longer_declared_is_told_and_left(project: Project) -> None:
    folder = project.declare("notdienst")
    await project.synced()
    for path in (folder / "assistant.toml", folder / "prompt.md"):
        path.unlink()
    for directory in (folder / "knowledge", folder):
        directory.rmdir()
    async with project.opened() as control:
        found = await agentctl.plan(control)
    assert Ref("agent", "notdienst") in found.orphans
    assert found.changes == ()


async def test_silence_and_slips_are_noticed(project: Project) -> None:
    project.declare("empfang", "[elevenlabs.conversation_config.agent.prompt]\ntemprature = 0.5\n")
    async with project.opened() as control:
        notices = {str(notice) for notice in (await agentctl.plan(control)).notices}
    assert any("record_voice" in notice for notice in notices)
    (slip,) = [notice for notice in notices if "temprature" in notice]
    assert slip.startswith("assistants/empfang/assistant.toml: elevenlabs.conversation_config.agent.prompt.temprature")
    assert slip.endswith("did you mean conversation_config.agent.prompt.temperature?")


async def test_without_its_bindings_everything_is_found_again(project: Project) -> None:
    await project.synced()
    before = await project.writes()
    async with project.opened() as control:
        bindings = await control.bindings()
        for kind in ("agent", "knowledge_document"):
            for key in bindings.of(kind):
                await bindings.unbind(Ref(kind, key))
        found = await agentctl.plan(control)
        assert found.changes == ()
        assert {settled.ref.kind for settled in found.settled} == {"agent", "knowledge_document"}
        assert (await agentctl.apply(control, found)).ok
        assert set((await control.bindings()).of("agent")) == {"empfang"}
    assert await project.writes() == before


async def test_two_of_the_same_are_not_guessed_between(project: Project) -> None:
    await project.synced()
    async with project.opened() as control:
        bindings = await control.bindings()
        agent = await control.api.get("/v1/convai/agents/{one}", one=bindings.of("agent")["empfang"])
        body = {"conversation_config": {}, "name": "copy", "tags": agent["tags"]}
        await control.api.post("/v1/convai/agents/create", json=body)
        found = await agentctl.plan(control)
        assert (found.changes, len(found.failures)) == ((), 1), "the copy is named, and neither is written to"
        await bindings.unbind(Ref("agent", "empfang"))
        found = await agentctl.plan(control)
    assert "2 remote objects claim to be it" in str(found.failures[0].error)
    assert not [change for change in found.changes if change.desired.kind == "agent"]


async def test_what_another_sync_made_since_the_plan_is_not_made_again(project: Project) -> None:
    async with project.opened() as control:
        stale = await agentctl.plan(control)
        await project.synced()
        applied = await agentctl.apply(control, stale)
        assert not applied.ok
        errors = [failure.error for failure in applied.failures]
        assert all(isinstance(error, SyncError) for error in errors)
        assert "was made by another sync" in str(errors[0])
        assert (await agentctl.plan(control)).empty
    assert len((await project.sandbox.state())["agents"]) == 1


async def test_a_create_that_was_cut_off_and_is_wanted_no_more_is_forgotten_some_time(
    project: Project, dsn: str
) -> None:
    await project.synced()
    gone = [Ref("agent", "gone"), Ref("knowledge_document", "gone/preise")]
    kept = [Ref("agent", "empfang"), Ref("phone_number", "+498999998777")]
    async with project.opened() as control:
        bindings = await control.bindings()
        await bindings.unbind(kept[0])
        for ref in (*gone, *kept):
            await bindings.intend(ref, {}, again=False)
        assert (await agentctl.plan(control)).abandoned == (), "the platform's lists may lag behind"
        await earlier(dsn)
        assert (await agentctl.plan(control, ["empfang"])).abandoned == (), "only a whole plan knows what is declared"
        found = await agentctl.plan(control)
        assert found.abandoned == (gone[1], gone[0])
        assert (await agentctl.apply(control, found)).ok
        left = await control.bindings()
        assert [ref for ref in (*gone, *kept) if left.intended(ref)] == [kept[1]], "whether it is there is not known"
        assert (await agentctl.plan(control)).abandoned == ()


async def earlier(dsn: str) -> None:
    """As if every interrupted create had been begun two hours before."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("update agentctl.intents set intended_at = intended_at - interval '2 hours'")


async def test_of_two_applies_at_once_one_works_and_the_other_is_told(project: Project) -> None:
    await project.sandbox.latency(20)
    async with project.opened() as one, project.opened() as other:
        plans = [await agentctl.plan(control) for control in (one, other)]
        results = await asyncio.gather(
            agentctl.apply(one, plans[0]), agentctl.apply(other, plans[1]), return_exceptions=True
        )
    (told,) = [result for result in results if isinstance(result, Busy)]
    assert f"another sync of this project is running: process {os.getpid()} on" in str(told)
    state = await project.sandbox.state()
    assert (len(state["agents"]), len(state["documents"])) == (1, 1)
