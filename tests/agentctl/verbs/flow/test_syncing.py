"""A product's row is edited, and the agent at ElevenLabs says the same a moment later; over both transports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from agentctl import worker
from agentctl.clients import retry
from agentctl.sandbox.harness import Sandbox, running
from agentctl.settings import Settings
from agentctl.sources.mapping import OnDelete
from agentctl.sources.source import SyncOutcome
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.flow import syncing
from agentctl.verbs.flow.legible import Legible
from agentctl.verbs.work import once
from agentctl.wiring import Control, connect
from agentctl.worker import Tally
from tests.rows import TABLE, WATCH, Rows

pytestmark = pytest.mark.anyio
NUMBER, OTHER = "+498999998100", "+498999998200"


class Shop:
    """A product with a table of assistants, and workers that have its project."""

    def __init__(self, root: Path, sandbox: Sandbox, dsn: str, settings: dict[str, Any]) -> None:
        self.root, self.sandbox, self._dsn = root, sandbox, dsn
        self._settings = {"elevenlabs_base_url": sandbox.url, "elevenlabs_api_key": sandbox.key, **settings}
        (root / "agentctl.toml").write_text('project = "shop"\n')
        self.product = psycopg.connect(dsn, autocommit=True)
        self.product.execute(TABLE.encode())
        self.product.execute(WATCH.encode())
        self._rows: Rows | None = None

    @property
    def rows(self) -> Rows:
        assert self._rows is not None
        return self._rows

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Control]:
        async with connect(self.root, settings=Settings(**self._settings)) as control:
            self._rows = self._rows or Rows(self._dsn, control.project)
            control.source = self._rows
            yield control

    @asynccontextmanager
    async def working(self, workers: int = 1) -> AsyncIterator[None]:
        """While workers are at work; what runs in the end is finished."""
        stop = asyncio.Event()
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            for _ in range(workers):
                control = await stack.enter_async_context(self.opened())
                group.create_task(syncing.work(control, stop=stop))
            yield
            stop.set()

    async def synced(self) -> Any:
        """All that has changed until now, by a worker that looks once."""
        async with self.opened() as control:
            return await syncing.once(control)

    def execute(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        found = self.product.execute(statement.encode(), values)
        return found.fetchall() if found.description else []

    async def caught(self) -> None:
        """Wait until a request has met the fault that was ordered."""
        async with asyncio.timeout(20):
            while not any(one["hits"] for one in await self.sandbox.faults()):  # noqa: ASYNC110  (another's state)
                await asyncio.sleep(0.01)

    async def agents(self) -> dict[str, Any]:
        """What each agent says, by its name."""
        agents = (await self.sandbox.state())["agents"].values()
        return {one["name"]: one for one in agents}

    async def prompt(self, name: str = "Empfang") -> str:
        return str((await self.agents())[name]["conversation_config"]["agent"]["prompt"]["prompt"])

    async def by_hand(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What somebody does in the dashboard."""
        async with httpx.AsyncClient(base_url=self.sandbox.url, headers={"xi-api-key": self.sandbox.key}) as client:
            answer = (await client.request(method, path, json=body)).raise_for_status()
            return answer.json() if answer.content else None


@pytest.fixture(params=["postgres", "supabase"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path, dsn: str) -> AsyncIterator[Shop]:
    settings: dict[str, Any] = {"database_url": dsn}
    if request.param == "supabase":
        api = request.getfixturevalue("supabase_api")
        settings = {"supabase_url": api.url, "supabase_service_role_key": api.service_key}
    async with running() as sandbox:
        yield Shop(tmp_path, sandbox, dsn, settings)


async def test_a_row_reaches_the_platform_by_itself_and_reads_nothing_else(shop: Shop) -> None:
    shop.execute(
        "insert into phone_assistants (slug, name, prompt) select 'a' || i, 'A' || i, 'x' from generate_series(1, 3) i"
    )
    async with shop.working():
        assert sorted([(await shop.rows.ended())[0] for _ in range(3)]) == ["a1", "a2", "a3"]
        await shop.sandbox.clear_log()
        shop.rows.looks.clear()
        # Twenty edits, the last one counts.
        for count in range(20):
            shop.execute(
                "update phone_assistants set prompt = %s, notes = 'Wir sind da.' where slug = 'a1'", f"Sag {count}"
            )
        runs = [await shop.rows.ended()]
        while await shop.prompt("A1") != "Sag 19":
            runs.append(await shop.rows.ended())
        assert len(runs) <= 2
        assert {key for key, _ in runs} == set(shop.rows.looks) == {"a1"}
        asked = [(one["path"], one["query"]) for one in await shop.sandbox.log() if one["method"] == "GET"]
        whose = {one["agent_id"]: name for name, one in (await shop.agents()).items()}
        assert {whose[i] for path, _ in asked if (i := path.rpartition("/")[2]) in whose} == {"A1"}
        lists = [query for path, query in asked if path in ("/v1/convai/agents", "/v1/convai/knowledge-base")]
        narrowed = (["agentctl:shop/production/a1"], ["agentctl/shop/production/a1/"])
        assert {(*query.get("tags", []), *query.get("search", [])) for query in lists} == {
            (one,) for (one,) in narrowed
        }
        # Our own words in the row are no change.
        [(error, at)] = shop.execute(
            "select elevenlabs_sync_error, elevenlabs_synced_at from phone_assistants where slug = 'a1'"
        )
        assert error is None
        assert at is not None
    assert await shop.synced() == syncing.Tally()


async def test_each_of_many_rows_is_synced_once_whatever_number_of_workers_there_is(shop: Shop) -> None:
    shop.execute(
        "insert into phone_assistants (slug, name, prompt) select 'a' || i, 'A' || i, 'x' from generate_series(1, 6) i"
    )
    async with shop.working(3):
        for _ in range(6):
            await shop.rows.ended()
    assert shop.rows.rest() == 0
    assert set(shop.rows.looks.values()) == {1}
    assert len(await shop.agents()) == len((await shop.sandbox.state())["agents"]) == 6


async def test_a_wrong_row_tells_its_error_and_is_not_tried_again_until_somebody_mends_it(shop: Shop) -> None:
    shop.execute("insert into phone_assistants (slug, prompt) values ('good', 'x'), ('wrong', '')")
    tally = await shop.synced()
    assert (tally.done, tally.failed) == (1, 1)
    [(said,)] = shop.execute("select elevenlabs_sync_error from phone_assistants where slug = 'wrong'")
    assert "phone_assistants wrong: String should have at least 1 character" in said
    assert shop.execute("select state, error is not null from agentctl.sync_jobs order by key") == [
        ("done", False),
        ("dead", True),
    ]
    shop.execute("update phone_assistants set prompt = 'y' where slug = 'wrong'")
    assert (await shop.synced()).done == 1
    assert shop.execute("select distinct state from agentctl.sync_jobs") == [("done",)]
    assert shop.execute("select distinct elevenlabs_sync_error from phone_assistants") == [(None,)]


async def test_a_failure_is_recorded_whatever_becomes_of_telling_the_row(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def untold(key: str, outcome: SyncOutcome) -> bool:
        raise ValueError

    async with shop.opened():
        monkeypatch.setattr(shop.rows, "told", untold)
    shop.execute("insert into phone_assistants (slug, prompt) values ('a', '')")
    assert (await shop.synced()).failed == 1
    assert shop.execute("select state from agentctl.sync_jobs") == [("dead",)]


async def test_what_was_edited_at_the_platform_is_left_alone_and_said(shop: Shop) -> None:
    shop.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")
    await shop.synced()
    [agent_id] = (await shop.sandbox.state())["agents"]
    edit = {"conversation_config": {"agent": {"prompt": {"prompt": "by hand"}}}}
    await shop.by_hand("PATCH", f"/v1/convai/agents/{agent_id}", edit)
    shop.execute("update phone_assistants set name = 'Zentrale'")
    assert (await shop.synced()).done == 1
    assert await shop.prompt("Zentrale") == "by hand"
    [(state, error)] = shop.execute("select state, error from agentctl.sync_jobs")
    assert state == "held"
    assert "prompt (changed at the platform)" in error
    assert "--take-ours --only a" in error


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_an_outage_of_the_platform_is_waited_for_and_then_all_is_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "_BACKOFF", lambda _: 0.0)
    shop.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")
    await shop.synced()
    await shop.sandbox.fault(path="/v1/convai/*", status=429, headers={"retry-after": "0"}, times=10_000)
    shop.execute("update phone_assistants set prompt = 'y'")
    assert (await shop.synced()).failed == 1
    [(state, failures, blameless, later)] = shop.execute(
        "select state, failures, blameless, due_at > now() from agentctl.sync_jobs"
    )
    assert (state, failures, blameless, later) == ("pending", 0, 1, True)
    await shop.sandbox.clear_faults()
    shop.execute("update agentctl.sync_jobs set due_at = now()")
    assert (await shop.synced()).done == 1
    assert await shop.prompt() == "y"


async def imported(shop: Shop, number: str) -> str:
    """Brought over to ElevenLabs, and assigned to nobody."""
    account = {"sid": shop.sandbox.account_sid, "token": shop.sandbox.auth_token, "provider": "twilio"}
    body = {**account, "phone_number": number, "label": number}
    return str((await shop.by_hand("POST", "/v1/convai/phone-numbers", body))["phone_number_id"])


async def rings(shop: Shop, number_id: str) -> str:
    """The name of the agent at which it rings."""
    state = await shop.sandbox.state()
    agent = state["agents"].get(state["numbers"][number_id]["agent_id"])
    return str(agent["name"]) if agent else ""


async def test_a_deleted_row_archives_its_agent_and_one_that_comes_back_gets_the_same_again(shop: Shop) -> None:
    await shop.sandbox.add_number(OTHER)
    number, other = await imported(shop, NUMBER), await imported(shop, OTHER)
    shop.execute("insert into phone_assistants (slug, prompt, numbers) values ('a', 'x', %s)", [NUMBER])
    shop.execute("insert into phone_assistants (slug, name, prompt, numbers) values ('ab', 'B', 'x', %s)", [OTHER])
    assert (await shop.synced()).done == 2
    before = await shop.agents()
    assert (await rings(shop, number), await rings(shop, other)) == ("Empfang", "B")
    [gone] = shop.execute("delete from phone_assistants where slug = 'a' returning slug, prompt, numbers")
    assert (await shop.synced()).done == 1
    after = await shop.agents()
    assert after["Empfang"]["platform_settings"]["archived"] is True
    assert after["B"] == before["B"]
    assert (await rings(shop, number), await rings(shop, other)) == ("", "B")
    assert shop.execute("select key from agentctl.assistants order by key") == [("a",), ("ab",)]
    shop.execute("insert into phone_assistants (slug, prompt, numbers) values (%s, %s || '!', %s)", *gone)
    assert (await shop.synced()).done == 1
    back = await shop.agents()
    assert back["Empfang"]["agent_id"] == before["Empfang"]["agent_id"]
    assert back["Empfang"]["platform_settings"]["archived"] is False
    assert await shop.prompt() == "x!"
    assert await rings(shop, number) == "Empfang"
    assert shop.execute("select distinct state, error from agentctl.sync_jobs") == [("done", None)]


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_a_deleted_row_deletes_all_that_is_its_own_or_nothing_where_it_is_configured_so(shop: Shop) -> None:
    number = await imported(shop, NUMBER)
    shop.execute("insert into phone_assistants (slug, name, prompt, notes) values ('ab', 'B', 'x', 'Ihre')")
    shop.execute(
        "insert into phone_assistants (slug, prompt, notes, numbers) values ('a', 'x', 'Unsere', %s)", [NUMBER]
    )
    await shop.synced()
    before = await shop.sandbox.state()
    shop.rows.then = "keep"
    [row] = shop.execute("delete from phone_assistants where slug = 'a' returning slug, prompt, notes, numbers")
    assert (await shop.synced()).done == 1
    assert await shop.sandbox.state() == before
    shop.execute("insert into phone_assistants (slug, prompt, notes, numbers) values (%s, %s, %s, %s)", *row)
    await shop.synced()
    shop.rows.then = "delete"
    copy = {"name": "Copy", "tags": ["agentctl:shop/production/a"], "conversation_config": {}}
    await shop.by_hand("POST", "/v1/convai/agents/create", copy)
    shop.execute("delete from phone_assistants where slug = 'a'")
    assert (await shop.synced()).done == 1
    assert sorted(await shop.agents()) == ["B", "Copy"]  # what only carries the tag may be anybody's
    assert [one["name"].rpartition("@")[0] for one in (await shop.sandbox.state())["documents"].values()] == [
        "agentctl/shop/production/ab/notes"
    ]
    assert await rings(shop, number) == ""
    # It has been deleted before, or was never there: nothing to do.
    shop.execute("select agentctl.request_sync('a'), agentctl.request_sync('never')")
    assert (await shop.synced()).done == 2


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_a_number_leaves_an_assistant_only_once_that_declares_it_no_more(shop: Shop) -> None:
    number = await imported(shop, NUMBER)
    shop.execute("insert into phone_assistants (slug, prompt, numbers) values ('a', 'x', %s)", [NUMBER])
    await shop.synced()
    shop.execute("insert into phone_assistants (slug, name, prompt, numbers) values ('b', 'B', 'x', %s)", [NUMBER])
    assert (await shop.synced()).failed == 1
    assert await rings(shop, number) == "Empfang"
    [(said,)] = shop.execute("select error from agentctl.sync_jobs where key = 'b'")
    way = f"agentctl import-number {NUMBER} --assistant b gives it to this one"
    assert said == f"phone_number {NUMBER}: phone.numbers: {NUMBER} is declared by a, too, which has it; {way}"
    shop.execute("update phone_assistants set numbers = '{}' where slug = 'a'")
    shop.execute("update phone_assistants set name = 'C' where slug = 'b'")
    await shop.synced()
    assert await rings(shop, number) == "C"
    # A number that somebody gave its agent by hand is nothing of a row's.
    agent = {"agent_id": (await shop.agents())["Empfang"]["agent_id"]}
    await shop.by_hand("PATCH", f"/v1/convai/phone-numbers/{number}", agent)
    shop.execute("delete from phone_assistants")
    await shop.synced()
    assert await rings(shop, number) == "Empfang"


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_no_agent_is_made_in_a_workspace_that_has_none_of_those_that_are_bound(shop: Shop) -> None:
    shop.execute("insert into phone_assistants (slug, prompt) values ('a', 'x'), ('b', 'x')")
    await shop.synced()
    await shop.sandbox.reset()
    shop.execute("insert into phone_assistants (slug, prompt) values ('c', 'x')")
    assert (await shop.synced()).failed == 1
    assert (await shop.sandbox.state())["agents"] == {}
    [(said,)] = shop.execute("select elevenlabs_sync_error from phone_assistants where slug = 'c'")
    assert "none of the newest agents that are bound" in said


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_a_change_during_a_run_has_a_run_of_its_own_and_none_while_another_sync_works(shop: Shop) -> None:
    shop.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")
    await shop.synced()
    await shop.rows.ended()
    await shop.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", delay_ms=700)
    shop.execute("update phone_assistants set prompt = 'y'")
    async with shop.working():
        await shop.caught()
        shop.execute("update phone_assistants set prompt = 'z'")
        assert [(await shop.rows.ended())[0] for _ in range(2)] == ["a", "a"]
    assert await shop.prompt() == "z"
    async with shop.opened() as control:
        async with exclusive(control):
            shop.execute("select agentctl.request_sync('a')")
            waiting = asyncio.create_task(shop.synced(), context=Context())  # another process holds nothing
            shop.rows.looks.clear()
            done, _ = await asyncio.wait({waiting}, timeout=0.3)
            assert not done
            assert shop.execute("select state from agentctl.sync_jobs") == [("running",)]
            assert not shop.rows.looks
        assert (await waiting).done == 1
    assert shop.rows.looks == {"a": 1}


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_a_worker_that_is_told_to_end_gives_back_what_it_cannot_finish(shop: Shop) -> None:
    await shop.sandbox.fault(method="POST", path="/v1/convai/agents/create", hang=True)
    shop.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")
    async with shop.opened() as control:
        syncs = await syncing.job(control)
        assert syncs is not None
        stop = asyncio.Event()
        working = asyncio.create_task(worker.run([replace(syncs, quiet_seconds=0, grace_seconds=0)], stop=stop))
        await shop.caught()
        stop.set()
        await working
    assert shop.execute("select state, failures, due_at <= now() from agentctl.sync_jobs") == [("pending", 0, True)]
    assert (await shop.synced()).done == 1
    assert list(await shop.agents()) == ["Empfang"]


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_a_worker_without_a_sound_project_takes_nothing_until_it_is_mended(shop: Shop) -> None:
    shop.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")
    (shop.root / "agentctl.toml").write_text("project = 3\n")
    async with shop.opened() as control:
        assert await syncing.once(control) == Tally()
        assert shop.execute("select 1 from agentctl.sync_jobs") == []
        drained = await once(control)
        assert (drained.is_stuck, drained.pending_syncs) == (True, 1)
        assert "agentctl.toml: project: " in drained.unread[0]
        (shop.root / "agentctl.toml").write_text('project = "shop"\n')
        assert (await syncing.once(control)).done == 1


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_that_it_is_not_sound_is_logged_and_mailed_once_until_it_changes(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    shop._settings["alert_mail_to"] = ("technik@example.org",)
    toml, mails = shop.root / "agentctl.toml", {"worker": "w", "limit": 9, "lease_seconds": 600}
    toml.write_text('project = "shop"\n[surce]\n')
    async with shop.opened() as control:  # by its exit code alone: it may run on another machine each time
        assert (await once(control)).unread
        assert shop.execute("select 1 from agentctl.notices where subject = 'project'") == []

    async def looked(text: str) -> list[str]:
        toml.write_text(text)
        for _ in range(2):  # two workers one after the other, and each looks again and again
            async with shop.opened() as control:
                legible = Legible(control)
                await legible.look()
                await legible.look()
                told = await (await control.store()).call("claim_mails", mails)
            subjects.extend(one["message"]["subject"].partition(": ")[2] for one in told)
        return [subjects.pop(0) for _ in range(len(subjects))]

    subjects: list[str] = []
    broken = "Changes are not synced: agentctl.toml cannot be read"
    assert await looked('project = "shop"\n') == []
    assert await looked('project = "shop"\n[surce]\n') == [broken]
    assert await looked('project = "shop\n') == [broken]
    assert await looked('project = "shop"\n') == ["agentctl.toml can be read again"]
    toml.write_text('project = "shop"\n[surce]\n')
    async with shop.working(), asyncio.timeout(20):
        while shop.execute("select 1 from agentctl.notices where subject = 'project' and digest = ''"):  # noqa: ASYNC110  (another's state)
            await asyncio.sleep(0.01)
    said = [one.getMessage() for one in caplog.records if one.name.endswith("legible")]
    assert len(said) == 5
    assert "surce" in said[0]


async def test_whoever_has_no_project_or_no_key_leaves_syncs_to_the_others(tmp_path: Path, dsn: str) -> None:
    async with connect(tmp_path, settings=Settings(database_url=SecretStr(dsn))) as control:
        await (await control.store()).call("request_sync", {"key": "a"})
        assert await syncing.once(control) == Tally()
        await syncing.work(control, stop=asyncio.Event())
        assert (await (await control.store()).call("sync_queue", {}))["syncs"]["pending"] == 1


@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_a_deleted_row_waits_while_the_key_opens_another_workspace_and_then_ends_its_agent(shop: Shop) -> None:
    shop.execute("insert into phone_assistants (slug, name, prompt) values ('a', 'A', 'x'), ('b', 'B', 'x')")
    await shop.synced()
    # Another workspace answers as the one in which nothing of ours is.
    gone = {"path": "/v1/convai/agents/*", "status": 404, "times": 10_000}
    await shop.sandbox.fault(**gone)
    shop.execute("delete from phone_assistants where slug = 'a'")
    assert (await shop.synced()).failed == 1
    [(state, said)] = shop.execute("select state, error from agentctl.sync_jobs where key = 'a'")
    assert state == "pending"
    assert "none of the 2 agents that are bound" in said
    assert "whether the agent of a is gone is not known" in said

    await shop.sandbox.clear_faults()
    shop.execute("update agentctl.sync_jobs set due_at = now()")
    assert (await shop.synced()).done == 1
    assert {name: one["platform_settings"]["archived"] for name, one in (await shop.agents()).items()} == {
        "A": True, "B": False,
    }  # fmt: skip
    # With another one there, what is not there is gone.
    shop.execute("insert into phone_assistants (slug, name, prompt) values ('c', 'C', 'x')")
    await shop.synced()
    await shop.by_hand("DELETE", f"/v1/convai/agents/{(await shop.agents())['C']['agent_id']}")
    shop.execute("delete from phone_assistants where slug = 'c'")
    assert (await shop.synced()).done == 1


@pytest.mark.parametrize("then", ["archive", "delete"])
@pytest.mark.parametrize("shop", ["postgres"], indirect=True)
async def test_an_agent_of_which_the_create_was_cut_off_is_put_away_with_its_row(shop: Shop, then: OnDelete) -> None:
    async with shop.opened() as control:
        shop.rows.then = then
    # The agent is made, and its id is never known.
    await shop.sandbox.fault(method="POST", path="/v1/convai/agents/create", apply=True, hang=True)
    shop.execute("insert into phone_assistants (slug, prompt) values ('a', 'x')")
    async with shop.opened() as control:
        syncs = asyncio.create_task(syncing.once(control))
        await shop.caught()
        syncs.cancel()
        await asyncio.gather(syncs, return_exceptions=True)
    await shop.sandbox.clear_faults()
    shop.execute("delete from phone_assistants where slug = 'a'")
    shop.execute("update agentctl.sync_jobs set due_at = now(), state = 'pending'")

    assert (await shop.synced()).done == 1
    assert (await shop.agents())["Empfang"]["platform_settings"]["archived"] is True
