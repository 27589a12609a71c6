"""The settings page of a product: a row is edited, and a worker brings it to ElevenLabs; over both transports."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from agentctl.sandbox.harness import running
from agentctl.verbs import work
from agentctl.verbs.flow import syncing
from agentctl.verbs.numbers.release import look as look_at_release
from agentctl.verbs.numbers.release import release
from agentctl.verbs.rows.adopt import adopt
from agentctl.verbs.rows.adopt import look as look_at
from agentctl.verbs.work import Drained
from tests.product import TABLE, Product, lender

__all__ = ["lender"]

pytestmark = pytest.mark.anyio
NUMBER = "+498999998100"


class Page(Product):
    """The product's settings page: it writes rows and looks at them; and a worker of its project."""

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        stop = asyncio.Event()
        async with self.opened() as control, asyncio.TaskGroup() as group:
            group.create_task(syncing.work(control, stop=stop))
            try:
                yield
            finally:
                stop.set()

    async def due(self) -> Any:
        """All that has changed until now, by a worker that looks once."""
        async with self.opened() as control:
            return await syncing.once(control)

    def row(self, number: int) -> tuple[Any, ...]:
        """Agent, number, time and error, as the page shows them."""
        [found] = self.sql(
            "select elevenlabs_agent_id, elevenlabs_phone_number_id, elevenlabs_synced_at, elevenlabs_sync_error "
            f"from {TABLE} where id = {number}"
        )
        return found

    async def shows(self, number: int, was: tuple[Any, ...]) -> tuple[Any, ...]:
        """The row once it shows anything else."""
        async with asyncio.timeout(20):
            while (row := self.row(number)) == was:  # noqa: ASYNC110  (another's state)
                await asyncio.sleep(0.02)
        return row

    def jobs(self) -> list[tuple[Any, ...]]:
        return self.sql("select key, state from agentctl.sync_jobs order by key")

    def reads(self) -> int:
        """How many rows of the table were ever read. What a connection read is told for certain once it has ended."""
        ending = "pg_terminate_backend(pid, 20000) from pg_stat_activity"
        self.sql(f"select {ending} where datname = current_database() and application_name = 'kept'")
        self.sql("select pg_stat_force_next_flush()")
        read = "seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables"
        [(rows,)] = self.sql(f"select {read} where relname = '{TABLE}'")
        return int(rows)

    async def agent(self, agent_id: str) -> Mapping[str, Any]:
        return (await self.agents())[agent_id]


@pytest.fixture(params=["postgres", "supabase"])
async def page(tmp_path: Path, dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Page]:
    store: dict[str, Any] = {}
    if request.param == "supabase":
        api = request.getfixturevalue("supabase_api")
        store = {"supabase_url": api.url, "supabase_service_role_key": api.service_key}
    async with running() as sandbox:
        with closing(Page(tmp_path, dsn, sandbox, **store)) as made:
            yield made


async def test_a_row_that_is_written_is_an_agent_a_moment_later_and_is_told_so(page: Page) -> None:
    none = (None, None, None, None)
    async with page.working():
        page.insert(1)
        page.insert(2, behavior_prompt="")
        agent_id, _, first, error = await page.shows(1, none)
        assert (agent_id in await page.agents(), error) == (True, None)
        assert (await page.shows(2, none)) == (None, None, None, "prompt (column behavior_prompt): is missing")
        page.sql(f"update {TABLE} set behavior_prompt = 'Neu.' where id = 1")
        again = await page.shows(1, (agent_id, None, first, None))
        assert (again[0], again[3], again[2] > first) == (agent_id, None, True)
        told = (await page.agent(agent_id))["conversation_config"]["agent"]["prompt"]["prompt"]
        assert told == "Neu."
        page.sql(f"update {TABLE} set behavior_prompt = 'Auch.' where id = 2")
        assert (await page.shows(2, (None, None, None, "prompt (column behavior_prompt): is missing")))[3] is None
        assert len(await page.agents()) == 2
        # A button's press is answered, though there is nothing to do, and once.
        page.sql("select agentctl.request_sync('1'), agentctl.request_sync('1')")
        pressed = await page.shows(1, again)
        assert (pressed[0], pressed[3], pressed[2] > again[2]) == (agent_id, None, True)
    assert await page.due() == syncing.Tally(), "what agentctl writes into a row wakes nobody"
    assert page.jobs() == [("1", "done"), ("2", "done")]


async def test_a_worker_adopts_nothing_and_takes_no_row_for_deleted_that_it_may_not_see(page: Page) -> None:
    page.insert(1, title="By hand")
    await page.sync()
    made = await page.sandbox.state()
    (theirs,) = made["agents"]
    made["agents"][theirs]["tags"] = []
    await page.sandbox.reset(made)
    page.sql(f"delete from agentctl.bindings; delete from {TABLE}; delete from agentctl.sync_changes")
    page.insert(1, elevenlabs_agent_id=theirs)
    assert (await page.due()).failed == 1
    assert page.row(1)[3].endswith("a sync that somebody has seen the plan of: agentctl sync --only 1")
    assert [one["name"] for one in (await page.agents()).values()] == ["By hand"]
    assert (await page.sync()).ok
    assert page.row(1)[3] is None
    assert page.jobs() == [("1", "done")]

    page.sql(f"alter table {TABLE} enable row level security")
    page.sql("drop role if exists reads")
    page.sql(f"create role reads in role service_role; update {TABLE} set title = 'New'")
    if "database_url" in page.settings:
        page.settings["database_url"] = f"{page.dsn}?options=-crole%3Dreads"
        assert (await page.due()).failed == 1
        assert (await page.agent(theirs))["platform_settings"].get("archived") is not True
        [(said,)] = page.sql("select error from agentctl.sync_jobs")
        assert "as an administrator: alter role reads bypassrls" in said
        page.sql("alter role reads bypassrls; select public.agentctl_retry_sync_jobs('{}')")
        assert (await page.due()).done == 1
        page.settings["database_url"] = page.dsn
    page.sql("drop owned by reads; drop role reads")


async def test_an_agent_passes_to_another_tenant_with_its_row_alone(page: Page) -> None:
    page.insert(1, customer="beta", title="Of beta")
    assert (await page.due()).done == 1
    (agent_id,) = await page.agents()
    page.sql(f"delete from {TABLE}")
    page.insert(1, customer="acme", title="Of acme")
    assert (await page.due()).failed == 1
    (failed,) = (await page.sync()).failures
    assert "id: the agent of this key was made for another tenant, and stays as it is" in failed.error.message
    assert agent_id not in failed.error.message, "acme is told nothing by which it could be had"
    error = page.row(1)[3]
    way = "has passed to this tenant, write the id of that agent, which has the tag agentctl:probe/production/1 in the "
    assert error.endswith(f"{way}dashboard, into elevenlabs_agent_id")
    assert {one["name"] for one in (await page.agents()).values()} == {"Of beta"}
    page.sql(f"update {TABLE} set elevenlabs_agent_id = '{agent_id}'")
    assert (await page.sync()).ok
    page.sql(f"update {TABLE} set customer = 'gamma', title = 'Of gamma'")
    assert (await page.due()).done == 1
    assert {key: one["name"] for key, one in (await page.agents()).items()} == {agent_id: "Of gamma"}
    assert page.row(1)[3] is None


async def test_a_number_that_rings_elsewhere_is_neither_given_nor_said_to_be_given(page: Page) -> None:
    await page.sandbox.add_number(NUMBER)
    page.insert(1, phone=NUMBER)
    page.insert(2)
    assert (await page.due()).done == 2
    await page.bring(NUMBER, "1")
    number_id = page.row(1)[1]
    assert number_id in (await page.sandbox.state())["numbers"]
    page.sql(f"update {TABLE} set phone = '{NUMBER}' where id = 2")
    assert (await page.due()).failed == 1
    taken = "phone.numbers: {} is declared by {}, too, which has it"
    way = "agentctl import-number {} --assistant {} gives"
    assert f"{taken.format(NUMBER, 1)}; {way.format(NUMBER, 2)}" in str(page.row(2)[3])
    assert page.row(2)[1] is None
    # An import is told to whoever has it by then, and to whoever has it no more.
    await page.bring(NUMBER, "2")
    assert (await page.due()).failed == 1
    assert (page.row(2)[1], page.row(2)[3]) == (number_id, None)
    assert page.row(1)[1] is None
    assert f"{taken.format(NUMBER, 2)}; {way.format(NUMBER, 1)}" in str(page.row(1)[3])
    agent_id = page.row(2)[0]
    page.insert(3, phone=NUMBER, customer="other")
    page.sql(f"update {TABLE} set phone = null where id = 1; update {TABLE} set active = false where id = 2")
    assert (await page.due()).failed == 1  # paused is not given up: not to another tenant
    assert f"{NUMBER} is another tenant's" in page.row(3)[3]
    assert not (await page.sync()).ok
    assert [one["agent_id"] for one in (await page.sandbox.state())["numbers"].values()] == [None]
    assert (page.row(2)[3], page.row(3)[1]) == (None, None)
    page.sql(f"update {TABLE} set active = true where id = 2; update {TABLE} set phone = '{NUMBER}' where id = 1")
    await page.due()
    assert not (await page.sync()).ok
    assert [one["agent_id"] for one in (await page.sandbox.state())["numbers"].values()] == [agent_id]
    assert page.row(2)[3] is None
    async with page.opened() as control:
        await release(control, await look_at_release(control, NUMBER))
    assert (await page.due()).failed == 0
    assert [page.row(number)[1::2] for number in (1, 2, 3)] == [(None, None)] * 3


@pytest.mark.parametrize("by_worker", [True, False])
@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_no_number_goes_to_another_tenants_row_though_its_own_has_it_no_more(page: Page, by_worker: bool) -> None:
    await page.sandbox.add_number(NUMBER)
    page.insert(1, phone=NUMBER)
    page.insert(2, customer="other")
    assert (await page.due()).done == 2
    await page.bring(NUMBER, "1")
    agent_id = page.row(1)[0]

    async def refused(statement: str) -> str | None:
        """What the row of the other tenant says once that is carried out; the number rings where it did."""
        page.sql(statement)
        await page.due() if by_worker else await page.sync()
        assert [one["agent_id"] for one in (await page.sandbox.state())["numbers"].values()] == [agent_id]
        return page.row(2)[3]

    page.sql(f"update {TABLE} set phone = null where id = 1")
    taken = f"update {TABLE} set phone = '{NUMBER}' where id = 2"
    assert f"{NUMBER} is another tenant's; agentctl import-number" in str(await refused(taken))
    # Nor does one that is disabled silence it.
    assert await refused(f"update {TABLE} set active = false where id = 2") is None
    page.sql(f"update {TABLE} set active = true where id = 2")
    await page.bring(NUMBER, "2")
    assert (await page.sync()).ok


@pytest.mark.parametrize("by_worker", [True, False])
@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_a_number_is_silent_once_its_row_is_disabled_and_goes_to_whose_row_declares_it(
    page: Page, by_worker: bool
) -> None:
    await page.sandbox.add_number(NUMBER)
    page.insert(1, phone=NUMBER)
    page.insert(2)
    assert (await page.due()).done == 2
    await page.bring(NUMBER, "1")
    (agent_id, number_id, _, _), (other, _, _, _) = page.row(1), page.row(2)
    assert number_id

    async def rings(statement: str = "select") -> str | None:
        """At which agent it rings once that is carried out."""
        page.sql(statement)
        assert (await page.due()).failed == 0 if by_worker else (await page.sync()).ok
        [one] = (await page.sandbox.state())["numbers"].values()
        return str(one["agent_id"]) if one["agent_id"] else None

    page.sql(f"update {TABLE} set phone = null, active = false where id = 1")
    [change] = [one for one in (await page.plan("1")).changes if one.desired.key == NUMBER]
    assert [(one.path, one.before, one.after) for one in change.edits] == [("agent_id", agent_id, None)]
    assert await rings() is None
    assert page.row(1)[:2] == (agent_id, None)
    plan = await page.plan()
    assert (plan.changes, [one for one in plan.notices if NUMBER in str(one)]) == ((), [])
    assert await rings(f"update {TABLE} set phone = '{NUMBER}', active = true where id = 1") == agent_id
    # A wrong digit or an empty field in a settings page silences no line that people call.
    assert await rings(f"update {TABLE} set phone = '+498999998222' where id = 1") == agent_id
    assert await rings(f"update {TABLE} set phone = null where id = 1") == agent_id
    told = f"phone_number {NUMBER}: rings on at 1, which declares it no more; declare it there again, or agentctl "
    assert f"{told}release-number {NUMBER}" in [str(one) for one in (await page.plan()).notices]

    # One that another row waits for goes there, and is silent at no time.
    assert await rings(f"update {TABLE} set phone = '{NUMBER}' where id = 1") == agent_id
    page.sql(f"update {TABLE} set phone = '{NUMBER}' where id = 2")
    assert (await page.due()).failed == 1
    page.sql("update agentctl.sync_jobs set state = 'dead' where state = 'pending'")
    await page.sandbox.clear_log()
    assert await rings(f"update {TABLE} set phone = null where id = 1") == other
    assert [path for method, path in await page.writes() if method == "PATCH"] == [
        f"/v1/convai/phone-numbers/{number_id}"
    ]
    # What somebody made ring elsewhere is nothing of the row's.
    state = await page.sandbox.state()
    state["numbers"][number_id]["agent_id"] = agent_id
    await page.sandbox.reset(state)
    assert await rings(f"update {TABLE} set phone = null where id = 2") == agent_id


@pytest.mark.parametrize("by_worker", [True, False])
@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_a_mapping_that_reads_no_numbers_gives_none_up_but_for_disabled_rows(page: Page, by_worker: bool) -> None:
    await page.sandbox.add_number(NUMBER)
    page.insert(1, phone=NUMBER)
    assert (await page.due()).done == 1
    await page.bring(NUMBER, "1")
    file = page.root / "agentctl.toml"
    file.write_text(file.read_text().replace('numbers = "phone"\n', ""))

    async def rings(statement: str) -> str | None:
        page.sql(f"update {TABLE} set {statement}")
        assert (await page.due()).failed == 0 if by_worker else (await page.sync()).ok
        [one] = (await page.sandbox.state())["numbers"].values()
        return str(one["agent_id"]) if one["agent_id"] else None

    assert await rings("title = 'Edited'") == page.row(1)[0]
    assert await rings("active = false") is None


@pytest.mark.parametrize("then", ["archive", "delete"])
@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_a_deleted_row_leaves_its_number_to_whose_row_declares_it_wherever_it_is_cut_off(
    page: Page, then: str
) -> None:
    await page.sandbox.add_number(NUMBER)
    page.insert(1, phone=NUMBER)
    page.insert(2)
    assert (await page.due()).done == 2
    await page.bring(NUMBER, "1")
    page.sql(f"update {TABLE} set phone = '{NUMBER}' where id = 2")
    assert (await page.due()).failed == 1, "the other one has it"
    page.sql("update agentctl.sync_jobs set state = 'dead' where state = 'pending'")
    file = page.root / "agentctl.toml"
    file.write_text(file.read_text().replace("[source.table]\n", f'[source.table]\non_delete = "{then}"\n'))
    # What silences it, or puts its agent away, is done, and the answer never comes.
    silencing = {"method": "PATCH", "path": "/v1/convai/phone-numbers/*"}
    archiving = {"method": "PATCH", "path": "/v1/convai/agents/*"}
    await page.sandbox.clear_log()
    await page.sandbox.fault(**(silencing if then == "delete" else archiving), apply=True, hang=True)
    page.sql(f"delete from {TABLE} where id = 1")
    work = asyncio.create_task(page.due())
    async with asyncio.timeout(20):
        while not any(one["hits"] for one in await page.sandbox.faults()):  # noqa: ASYNC110  (another's state)
            await asyncio.sleep(0.02)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    await page.sandbox.clear_faults()
    page.sql("update agentctl.sync_jobs set state = 'pending', due_at = now() where key = '1'")

    assert (await page.due()).failed == 0
    [one] = (await page.sandbox.state())["numbers"].values()
    assert one["agent_id"] == page.row(2)[0]
    assert page.jobs() == [("1", "done"), ("2", "done")]
    changes = [path for method, path in await page.writes() if method == "PATCH" and "phone-numbers" in path]
    assert len(changes) == (1 if then == "archive" else 2), "at an archived agent it rings on until then"


@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_a_row_that_is_deleted_softly_is_switched_off_by_the_column_that_adoption_proposes(page: Page) -> None:
    await page.sandbox.add_number(NUMBER)
    page.insert(1, phone=NUMBER)
    assert (await page.due()).done == 1
    await page.bring(NUMBER, "1")
    page.sql(f"alter table {TABLE} add column deleted_at timestamptz")
    async with page.opened() as control:
        [said] = [one.what for one in (await look_at(control, TABLE)).notes if "may switch a row off" in one.what]
    page.sql(f"alter table {said.partition('alter table ')[2].partition(';')[0]}")
    file = page.root / "agentctl.toml"
    file.write_text(re.sub(r"(?m)^enabled = .*$", 'enabled = "elevenlabs_enabled"', file.read_text()))
    async with page.opened() as control:
        await adopt(control, found := await look_at(control, TABLE))
        assert not [one for one in found.notes if "may switch a row off" in one.what]

    async def rings(deleted_at: str) -> bool:
        page.sql(f"update {TABLE} set deleted_at = {deleted_at}")
        assert (await page.due()).done == 1
        [one] = (await page.sandbox.state())["numbers"].values()
        return one["agent_id"] is not None

    assert [await rings(at) for at in ("now()", "null")] == [False, True]


async def test_a_deleted_row_archives_its_agent_unless_it_is_configured_otherwise(page: Page) -> None:
    await page.sandbox.add_number(NUMBER)
    page.insert(1, phone=NUMBER)
    page.insert(2)
    assert (await page.due()).done == 2
    await page.bring(NUMBER, "1")
    page.sql("select agentctl.request_sync('1')")
    assert (await page.due()).done == 1
    agent_id, number_id, _, error = page.row(1)
    assert (number_id in (await page.sandbox.state())["numbers"], error) == (True, None)
    page.sql(f"delete from {TABLE} where id = 1")
    assert (await page.due()).done == 1
    assert (await page.agent(agent_id))["platform_settings"]["archived"] is True
    assert [one["agent_id"] for one in (await page.sandbox.state())["numbers"].values()] == [None]

    page.insert(1, phone=NUMBER)
    assert (await page.due()).done == 1
    assert page.row(1)[:2] == (agent_id, number_id)
    assert (await page.agent(agent_id))["platform_settings"]["archived"] is False

    text = (page.root / "agentctl.toml").read_text()
    for then, left in (("keep", 2), ("delete", 1)):
        changed = text.replace("[source.table]\n", f'[source.table]\non_delete = "{then}"\n')
        (page.root / "agentctl.toml").write_text(changed)
        page.sql(f"delete from {TABLE} where id = 1")
        assert (await page.due()).done == 1
        assert len(await page.agents()) == left
        page.insert(1, phone=NUMBER) if then == "keep" else None
        await page.due()


@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_the_sync_of_a_row_reads_no_other_row_and_asks_for_no_other_agent(page: Page) -> None:
    page.sql(
        f"insert into {TABLE} (id, customer, title, behavior_prompt, first_message, locale, active) "
        "select i, 'acme', 'A' || i, 'Help.', 'Hallo.', 'de', true from generate_series(1, 500) i"
    )
    page.sql("delete from agentctl.sync_changes")
    page.sql("select agentctl.request_sync(key) from unnest(array['7', '8', 'empfang']) key")
    assert (await page.due()).done == 3
    (mine, other) = (page.row(number)[0] for number in (7, 8))
    page.sql(f"vacuum analyze {TABLE}")
    before = page.reads()
    await page.sandbox.clear_log()
    page.sql(f"update {TABLE} set behavior_prompt = 'Neu.' where id = 7")
    assert (await page.due()).done == 1
    assert 0 < page.reads() - before < 20
    paths = [one["path"] for one in await page.sandbox.log()]
    assert f"/v1/convai/agents/{mine}" in paths
    assert not [path for path in paths if other in path]
    asked = [one["query"] for one in await page.sandbox.log() if one["path"] == "/v1/convai/agents"]
    assert [query["tags"] for query in asked] == [["agentctl:probe/production/7"]] * len(asked)


@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_a_row_with_another_key_leaves_its_agent_at_work_until_it_has_the_old_one_again(page: Page) -> None:
    await page.sandbox.add_number(NUMBER)
    page.insert(1, phone=NUMBER)
    assert (await page.due()).done == 1
    await page.bring(NUMBER, "1")
    before = await page.sandbox.state()
    page.sql(f"update {TABLE} set id = 2")
    assert (await page.due()).done == 1
    assert page.row(2)[3].endswith("a key must not change: give the row that one back")
    assert await page.sandbox.state() == before
    page.sql(f"update {TABLE} set id = 1")
    await page.due()
    assert (page.row(1)[0] in before["agents"], page.row(1)[3]) == (True, None)
    assert await page.sandbox.state() == before


@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_what_is_wrong_for_all_rows_is_waited_for(page: Page) -> None:
    page.insert(1)
    await page.due()
    agent_id, text = page.row(1)[0], (page.root / "agentctl.toml").read_text()
    standing = "select state, failures, blameless from agentctl.sync_jobs where key = '1'"

    async def mended() -> None:
        page.sql("update agentctl.sync_jobs set due_at = now() where state = 'pending'")
        assert (await page.due()).done == 1
        assert (page.row(1)[0], page.row(1)[3]) == (agent_id, None)

    key, page.settings["elevenlabs_api_key"] = page.settings["elevenlabs_api_key"], "sk_another"
    page.sql(f"update {TABLE} set title = 'Key'")
    assert (await page.due()).failed == 1
    assert page.sql(standing) == [("pending", 0, 1)]
    assert "401 invalid_api_key" in page.row(1)[3]
    page.settings["elevenlabs_api_key"] = key
    await mended()

    # The mapping is another one by the time that the job runs, and names a column that is not there, then one that is.
    page.sql(f"update {TABLE} set first_message = 'Hallo.'")
    (page.root / "agentctl.toml").write_text(text.replace('"title"', '"titel"'))
    assert (await page.due()).failed == 1
    assert page.sql(standing) == [("pending", 0, 1)]
    (page.root / "agentctl.toml").write_text(text.replace('"title"', '"customer"'))
    await mended()
    assert (await page.agent(agent_id))["name"] == "acme"
    (page.root / "agentctl.toml").write_text(text)

    page.sql(f"alter table {TABLE} rename to away")
    page.sql("update away set title = 'Away'")
    assert (await page.due()).failed == 1
    assert page.sql(standing) == [("pending", 0, 1)]
    page.sql(f"alter table away rename to {TABLE}")
    await mended()
    assert (await page.agent(agent_id))["name"] == "Away"

    page.sql(f"alter table {TABLE} drop column locale")
    page.sql(f"update {TABLE} set title = 'Nobody knows'")
    await page.due()
    [(error,)] = page.sql("select error from agentctl.sync_jobs where key = ''")
    assert "cannot tell what changed (42703: column t.locale does not exist)" in error
    page.sql(f"drop table {TABLE}")
    assert (await page.agent(agent_id))["platform_settings"]["archived"] is False


@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_a_thousand_edits_are_a_few_syncs_and_a_row_that_is_deleted_meanwhile_is_archived(page: Page) -> None:
    page.insert(1)
    await page.due()
    agent_id = page.row(1)[0]
    await page.sandbox.clear_log()
    async with page.working():
        edit = f"update {TABLE} set behavior_prompt = 'Say ' || i; commit;"
        await asyncio.to_thread(page.sql, f"do $$ begin for i in 1..1000 loop {edit} end loop; end $$")
        async with asyncio.timeout(20):
            while "Say 1000" not in str(await page.agent(agent_id)):  # noqa: ASYNC110  (another's state)
                await asyncio.sleep(0.02)
    writes = [path for method, path in await page.writes() if method == "PATCH"]
    assert set(writes) == {f"/v1/convai/agents/{agent_id}"}
    assert len(writes) <= 5
    await page.due()
    assert page.jobs() == [("1", "done")]

    await page.sandbox.fault(method="PATCH", path="/v1/convai/agents/*", delay_ms=600)
    page.sql(f"update {TABLE} set behavior_prompt = 'Gone.'")
    syncing_now = asyncio.create_task(page.due())
    async with asyncio.timeout(20):
        while not any(one["hits"] for one in await page.sandbox.faults()):  # noqa: ASYNC110  (another's state)
            await asyncio.sleep(0.01)
    page.sql(f"delete from {TABLE}")
    assert (await syncing_now).done == 2
    assert (await page.agent(agent_id))["platform_settings"]["archived"] is True
    assert page.jobs() == [("1", "done")]


async def test_a_disabled_row_that_has_no_agent_gets_none_and_loses_its_error(page: Page) -> None:
    page.insert(1, behavior_prompt="")
    assert (await page.due()).failed == 1
    page.sql(f"update {TABLE} set active = false")
    assert (await page.due()).done == 1
    assert (page.row(1), await page.agents()) == ((None, None, None, None), {})


async def test_drift_and_what_is_out_are_told_to_the_row_and_a_sync_by_hand_ends_the_job(page: Page) -> None:
    page.insert(1)
    await page.due()
    agent_id, _, at, _ = page.row(1)
    state = await page.sandbox.state()
    state["agents"][agent_id]["conversation_config"]["agent"]["first_message"] = "Hallo?"
    await page.sandbox.reset(state)
    page.sql(f"update {TABLE} set title = 'Zentrale'")
    assert (await page.due()).done == 1
    assert (page.row(1)[2], page.jobs()) == (at, [("1", "held")])
    assert page.row(1)[3].startswith(
        "held back: agent 1: conversation_config.agent.first_message (changed at the platform)"
    )
    assert (await page.sync(take_ours=True)).ok
    assert (page.row(1)[3], page.jobs()) == (None, [("1", "done")])

    await page.sandbox.fault(path="/v1/convai/*", status=429, headers={"retry-after": "0"}, times=10_000)
    page.sql(f"update {TABLE} set title = 'Empfang'")
    assert (await page.due()).failed == 1
    assert page.row(1)[3]
    await page.sandbox.clear_faults()
    page.sql("update agentctl.sync_jobs set due_at = now()")
    assert (await page.due()).done == 1
    assert page.row(1)[3] is None


@pytest.mark.parametrize("page", ["postgres"], indirect=True)
async def test_a_scheduled_run_fails_for_who_runs_it_and_not_for_a_row_that_is_wrong(page: Page) -> None:
    async def once() -> Drained:
        async with page.opened() as control:
            return await work.once(control)

    page.insert(1)
    page.insert(2, behavior_prompt="")
    drained = await once()
    assert (drained.synced, drained.syncs_failed, drained.wrong_rows, drained.dead_syncs) == (1, 1, 1, 1)
    assert not drained.is_stuck, "the row says it"
    page.sql(f"update {TABLE} set behavior_prompt = ' ', elevenlabs_sync_error = null where id = 2")
    page.sql(f"alter table {TABLE} add constraint mum check (elevenlabs_sync_error is null)")
    drained = await once()
    assert (drained.wrong_rows, drained.dead_syncs, drained.is_stuck) == (0, 1, True), "the row could not be told"
    page.sql(f"alter table {TABLE} drop constraint mum")
    page.sql(f"update {TABLE} set title = 'Neu' where id = 1")
    await page.sandbox.fault(path="/v1/convai/agents/*", status=401)
    drained = await once()
    assert (drained.held_up_syncs, drained.wrong_rows, drained.dead, drained.is_stuck) == (1, 0, 0, True)
    await page.sandbox.clear_faults()
    page.sql("update agentctl.sync_jobs set due_at = now() where state = 'pending'")
    page.sql("select agentctl.request_sync('nobody')")
    page.sql(f"alter table {TABLE} drop column behavior_prompt cascade")
    drained = await once()
    assert drained.is_stuck, "of a mapping that does not fit no row says anything"


async def test_an_assistant_of_the_files_stays_theirs(page: Page) -> None:
    folder = page.root / "assistants" / "empfang"
    folder.mkdir(parents=True)
    (folder / "assistant.toml").write_text('name = "Empfang"\n')
    (folder / "prompt.md").write_text("Aus der Datei.\n")
    page.insert(1)
    page.sql("select agentctl.request_sync('empfang')")
    assert (await page.due()).done == 2
    before = await page.agents()
    assert sorted(one["name"] for one in before.values()) == ["Assistant 1", "Empfang"]
    # As in a checkout that does not have it yet.
    folder.rename(page.root / "empfang")
    page.sql("select agentctl.request_sync('empfang')")
    assert (await page.due()).failed == 1
    assert await page.agents() == before


async def test_a_row_in_the_place_of_a_deleted_one_is_another_assistant(page: Page) -> None:
    page.insert(1, title="Empfang", behavior_prompt="Sei freundlich.")
    page.insert(2)
    assert (await page.sync()).ok
    page.sql(f"delete from {TABLE} where id = 1")
    page.insert(3, title="Empfang", behavior_prompt="Sei freundlich.")
    plan = await page.plan()
    assert [(one.action, one.desired.key, one.doubt) for one in plan.changes if one.desired.kind == "agent"] == [
        ("create", "3", "")
    ]
    assert not [str(one) for one in plan.notices if "rename" in str(one)]
    assert (await page.sync()).ok
    assert page.row(3)[0] in await page.agents()
