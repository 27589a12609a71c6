"""Two environments over one source table: that of the one that most rows are of, and the other is told so."""

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
from agentctl.verbs.examination import own_side
from agentctl.verbs.flow import syncing
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
    """What a sync of it and `doctor` say."""
    settings = Settings(**product.settings)
    async with agentctl.connect(product.root, settings=settings, environment=environment) as control:
        found: list[Any] = [one async for one in own_side.project(control)]
    async with agentctl.connect(product.root, settings=settings, environment=environment) as control:
        with pytest.raises(ConfigurationError) as caught:
            await agentctl.plan(control)
    (problem,) = caught.value.problems
    assert [one.what for one in found] == [str(problem)]
    return str(problem)


async def test_a_table_is_the_source_of_one_environment(product: Product) -> None:
    product.insert(1)
    assert (await product.sync()).ok
    product.sql("delete from agentctl.sync_changes")
    before, agents = product.rows(*ROW), await product.agents()
    assert await refusal(product, "staging") == (
        f"agentctl.toml: source.table.table: table {TABLE} is the source of environment production, which has agent "
        f"{before[1][0]} of its row 1: have environment staging read its own, in a database of its own "
        "(database_url_env, or supabase_url_env, under [environments.staging]); or, to have this one, end the other "
        "and empty elevenlabs_agent_id in every row"
    )
    # Whoever looks first takes what a watch notes that names no environment.
    product.sql(f"select agentctl.unwatch('{TABLE}', 'probe', 'production')")
    product.sql(f"select agentctl.watch('{TABLE}', 'id', array['title'])")
    product.sql(f"update {TABLE} set title = 'Neu' where id = 1")
    product.insert(2)
    assert (await work(product, "staging")).failed == 2
    assert (product.rows(*ROW)[1], await product.agents()) == (before[1], agents), "and nothing of it is told to a row"
    assert (await work(product, "production")).done == 2
    after = product.rows(*ROW)
    assert [(agent_id in await product.agents(), error) for agent_id, _, error in after.values()] == [(True, None)] * 2
    assert (after[1][0], after[1][1] > before[1][1]) == (before[1][0], True)
    product.sql(f"delete from {TABLE} where id = 2")
    assert (await work(product, "staging")).failed == 1
    assert (await work(product, "production")).done == 1
    assert (await product.sandbox.state())["agents"][after[2][0]]["platform_settings"]["archived"] is True

    product.insert(3)
    assert (await work(product, "production")).done == 1
    # Another's agents in a row or two take nobody else's rows away, however old they are there; none is adopted.
    product.sql(
        "insert into agentctl.bindings (project, environment, workspace, kind, key, remote_id, bound_at) "
        "select project, 'staging', workspace, kind, key, 'agent_staging', now() - interval '1 day' "
        "from agentctl.bindings where (kind, key) = ('agent', '1')"
    )
    product.sql(f"update {TABLE} set elevenlabs_agent_id = 'agent_staging' where id = 1")
    product.insert(4)
    assert "is the source of environment production, which has agent" in await refusal(product, "staging")
    assert (await work(product, "production")).done == 1
    assert product.rows(*ROW)[4][0] in await product.agents()
    product.insert(5)
    product.sql(f"update {TABLE} set elevenlabs_agent_id = 'agent_staging' where id = 5")
    (failure,) = (await product.sync()).failures
    assert "agent_staging is named by another assistant too" in str(failure.error)
    product.sql(f"delete from {TABLE} where id in (4, 5)")
    assert product.rows(*ROW)[1][0] == before[1][0]
    # Who empties them all gives it to who comes next.
    product.sql(f"update {TABLE} set elevenlabs_agent_id = null; delete from agentctl.sync_changes")
    product.sql("delete from agentctl.bindings where environment = 'staging'")
    product.sql("select agentctl.request_sync('1', 'probe', 'staging')")
    assert (await work(product, "staging")).done == 1
    assert product.rows(*ROW)[1][0] not in (None, before[1][0])
    assert "is the source of environment staging" in await refusal(product, "production")
