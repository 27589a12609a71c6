"""Two environments over one source table: it is that of the one that was synced first, and the other is told so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import agentctl
from agentctl.errors import ConfigurationError
from agentctl.sandbox.harness import running
from agentctl.settings import Settings
from agentctl.sync.applied import Applied
from agentctl.verbs.examination import own_side
from agentctl.verbs.flow import syncing
from agentctl.verbs.rows import adopt
from agentctl.verbs.upkeep import changes
from tests.product import TABLE, Product, lender

__all__ = ["lender"]

pytestmark = pytest.mark.anyio
ROW = ("elevenlabs_agent_id", "elevenlabs_synced_at", "elevenlabs_sync_error")


@pytest.fixture
async def product(tmp_path: Path, dsn: str) -> AsyncIterator[Product]:
    async with running() as sandbox:
        with closing(Product(tmp_path, dsn, sandbox)) as made:
            with (tmp_path / "agentctl.toml").open("a") as file:
                file.write('[environments.staging.vars]\na = "b"\n')
            yield made


async def work(product: Product, environment: str) -> syncing.Tally:
    async with agentctl.connect(
        product.root, settings=Settings(**product.settings), environment=environment
    ) as control:
        return await syncing.once(control)


async def refusal(product: Product, environment: str) -> str:
    """What a sync of it, `doctor` and `db adopt` say."""
    settings = Settings(**product.settings)
    async with agentctl.connect(product.root, settings=settings, environment=environment) as control:
        found: list[Any] = [one async for one in own_side.project(control)]
    async with agentctl.connect(product.root, settings=settings, environment=environment) as control:
        with pytest.raises(ConfigurationError) as caught:
            await agentctl.plan(control)
    (problem,) = caught.value.problems
    assert str(problem) in [one.what for one in found]
    async with agentctl.connect(product.root, settings=settings, environment=environment) as control:
        with pytest.raises(ConfigurationError) as caught:
            await adopt.look(control, TABLE)
    assert caught.value.problems == (problem,)
    return str(problem)


async def test_a_table_is_the_source_of_one_environment(product: Product) -> None:
    product.insert(1)
    assert (await product.sync()).ok
    product.sql("delete from agentctl.sync_changes")
    before, agents = product.rows(*ROW), await product.agents()
    ((since,),) = product.sql("select since::date from agentctl.sources")
    assert await refusal(product, "staging") == (
        f"agentctl.toml: source.table.table: table {TABLE} is the source of environment production since {since}: have "
        "environment staging leave it (table = false under [environments.staging]), or read its own, in a database of "
        "its own (database_url_env, or supabase_url_env, under [environments.staging]); or, to have this one, end the "
        "other (table = false there, and sync --prune), empty elevenlabs_agent_id in every row, and run in its "
        f"database: select agentctl.release_source('{TABLE}')"
    )
    # What a watch notes that names no environment is for the one that has the table.
    product.sql(f"select agentctl.unwatch('{TABLE}', 'probe', 'production')")
    product.sql(f"select agentctl.watch('{TABLE}', 'id', array['title'])")
    product.sql(f"update {TABLE} set title = 'Neu' where id = 1")
    product.insert(2)
    assert await work(product, "staging") == syncing.Tally()
    product.sql("select agentctl.request_sync('1', 'probe', 'staging')")
    assert (await work(product, "staging")).failed == 1
    product.sql("update agentctl.sync_jobs set due_at = now()")
    assert await work(product, "staging") == syncing.Tally(), "or it would have the other sync the row again and again"
    assert (product.rows(*ROW)[1], await product.agents()) == (before[1], agents), "and nothing of it is told to a row"
    assert (await work(product, "production")).done == 2
    after = product.rows(*ROW)
    assert [(agent_id in await product.agents(), error) for agent_id, _, error in after.values()] == [(True, None)] * 2
    assert (after[1][0], after[1][1] > before[1][1]) == (before[1][0], True)
    product.sql(f"delete from {TABLE} where id = 2")
    assert (await work(product, "production")).done == 1
    assert (await product.sandbox.state())["agents"][after[2][0]]["platform_settings"]["archived"] is True


async def test_what_its_rows_name_takes_it_from_nobody(product: Product) -> None:
    product.insert(1)
    assert (await product.sync()).ok
    mine = product.rows(*ROW)[1][0]
    product.sql(
        "insert into agentctl.bindings (project, environment, workspace, kind, key, remote_id, bound_at) "
        "select project, 'staging', workspace, kind, key, 'agent_staging', now() - interval '1 day' "
        "from agentctl.bindings where (kind, key) = ('agent', '1')"
    )
    product.sql(f"update {TABLE} set elevenlabs_agent_id = 'agent_staging'; delete from agentctl.sync_changes")
    assert "is the source of environment production since" in await refusal(product, "staging")
    product.insert(2)
    assert (await work(product, "production")).done == 1, "though every row names an agent of staging's"
    assert product.rows(*ROW)[2][0] in await product.agents()
    assert (await product.sync()).ok
    assert product.rows(*ROW)[1][0] == mine, "and a row that has an agent is put right"
    product.insert(3)
    product.sql(f"update {TABLE} set elevenlabs_agent_id = 'agent_staging' where id = 3")
    (failure,) = (await product.sync()).failures
    assert "agent_staging is named by another assistant too" in str(failure.error)


async def test_one_that_is_released_is_that_of_who_comes_next(product: Product) -> None:
    product.insert(1)
    assert (await product.sync()).ok
    first = product.rows(*ROW)[1][0]
    assert product.sql(f"select agentctl.release_source('public.{TABLE}'), agentctl.release_source('{TABLE}')") == [
        (True, False)
    ]
    async with agentctl.connect(product.root, settings=Settings(**product.settings), environment="staging") as control:
        assert (await agentctl.plan(control)).failures, "its row names production's agent"
    assert product.sql("select * from agentctl.sources") == [], "and a plan takes none"
    product.sql(f"update {TABLE} set elevenlabs_agent_id = null; delete from agentctl.sync_changes")
    product.sql("select agentctl.request_sync('1', 'probe', 'staging')")
    assert (await work(product, "staging")).done == 1
    assert product.rows(*ROW)[1][0] not in (None, first)
    assert "is the source of environment staging" in await refusal(product, "production")


async def test_one_that_was_renamed_is_that_of_whoever_had_it(product: Product) -> None:
    product.insert(1)
    assert (await product.sync()).ok
    file = product.root / "agentctl.toml"
    file.write_text(file.read_text().replace(f'table = "{TABLE}"', 'table = "renamed"'))
    product.sql(f"alter table {TABLE} rename to renamed")
    settings = Settings(**product.settings)
    async with agentctl.connect(product.root, settings=settings, environment="staging") as control:
        with pytest.raises(ConfigurationError, match="table renamed is the source of environment production since"):
            await agentctl.plan(control)
    assert (await product.plan()).empty
    async with product.opened() as control:
        await changes.watch(control, [])  # nor is its watch missed


async def test_of_two_that_were_planned_before_either_was_synced_one_is(product: Product) -> None:
    product.insert(1)
    settings = Settings(**product.settings)
    async with agentctl.connect(product.root, settings=settings, environment="staging") as staging:
        plan = await agentctl.plan(staging)
        assert (await product.sync()).ok
        agents, rows = await product.agents(), product.rows(*ROW)
        with pytest.raises(ConfigurationError, match="is the source of environment production since"):
            await agentctl.apply(staging, plan)
    assert (await product.agents(), product.rows(*ROW)) == (agents, rows)


async def test_an_environment_that_leaves_it_has_the_files_alone(product: Product) -> None:
    folder = product.root / "assistants" / "datei"
    folder.mkdir(parents=True)
    (folder / "assistant.toml").write_text('name = "Aus einer Datei"\n')
    (folder / "prompt.md").write_text("Hilf.")
    product.insert(1)
    assert (await synced(product, "staging", prune=True)).ok, "it had the table at first"
    theirs = product.rows(*ROW)[1][0]
    with (product.root / "agentctl.toml").open("a") as file:
        file.write('[environments.staging]\ntable = false\nassistants.datei.name = "Probe"\n')
        file.write('[environments.production.assistants.1]\nname = "Eins"\n')
    assert "is the source of environment staging since" in await refusal(product, "production")
    product.sql(f"select agentctl.release_source('{TABLE}'); update {TABLE} set elevenlabs_agent_id = null")
    assert (await product.sync()).ok
    rows = product.rows(*ROW)
    assert (await synced(product, "staging", prune=True)).ok
    names = {agent["name"] for agent in (await product.agents()).values()}
    assert (names, theirs in await product.agents()) == ({"Eins", "Aus einer Datei", "Probe"}, False)

    product.sql(f"select agentctl.unwatch('{TABLE}', 'probe', 'production'); delete from agentctl.sync_changes")
    product.sql(f"select agentctl.watch('{TABLE}', 'id', array['title'])")
    product.sql(f"update {TABLE} set title = 'Neu' where id = 1")
    product.sql("select agentctl.request_sync('1', 'probe', 'staging')")
    assert (await work(product, "staging")).done == 1, "it hands on what it is asked for"
    assert product.rows(*ROW) == rows
    assert (await work(product, "production")).done == 1
    assert product.rows(*ROW)[1][1] > rows[1][1]


async def synced(product: Product, environment: str, *, prune: bool) -> Applied:
    async with agentctl.connect(
        product.root, settings=Settings(**product.settings), environment=environment
    ) as control:
        return await agentctl.apply(control, await agentctl.plan(control, prune=prune))
