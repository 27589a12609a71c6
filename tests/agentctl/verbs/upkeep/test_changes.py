"""agentctl.verbs.upkeep.changes: a table whose triggers are gone is told of once, and one that nobody watches never."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from agentctl.errors import SyncError
from agentctl.sandbox.harness import running
from agentctl.verbs.rows import adopt
from agentctl.verbs.upkeep import changes
from agentctl.verbs.work import once
from tests.product import TABLE, Product, lender

__all__ = ["lender"]

pytestmark = pytest.mark.anyio
TEAM = ("technik@example.org",)
ANEW = f"""
create table public.anew (like public.{TABLE} including all);
insert into public.anew select * from public.{TABLE}; drop table public.{TABLE};
alter table public.anew rename to {TABLE}
"""


@pytest.fixture
async def product(tmp_path: Path, dsn: str) -> AsyncIterator[Product]:
    async with running() as sandbox:
        with closing(Product(tmp_path, dsn, sandbox)) as made:
            yield made


async def test_a_table_that_was_made_anew_is_missed(product: Product) -> None:
    product.insert(1)

    async def told() -> list[str]:
        mails = await store.call("claim_mails", {"worker": "w", "limit": 9, "lease_seconds": 600})
        return [one["message"]["subject"] for one in mails]

    async with product.opened() as control:
        store = await control.store()
        await changes.watch(control, TEAM)
        assert (await product.sync()).ok
        await changes.watch(control, TEAM)
        assert await told() == [], "as long as it is watched"

        product.sql(ANEW)
        for _ in range(2):
            with pytest.raises(SyncError, match=f"^changes of table {TABLE} are noticed no longer: triggers"):
                await changes.watch(control, TEAM)
        assert await told() == ["probe/production: Changes of rows are not synced"]
        product.sql("update agentctl.duties set due_at = now()")
        assert (await once(control)).duties_failed == 1, "and the exit code of whoever runs it says so"

        await adopt.adopt(control, await adopt.look(control, TABLE))
        await changes.watch(control, TEAM)
        assert await told() == ["probe/production: No changes of rows are missed any more"]
        product.sql(f"select agentctl.unwatch('{TABLE}', 'probe', 'production')")
        await changes.watch(control, TEAM)
        assert await told() == [], "on purpose"


async def test_of_a_view_each_table_that_was_watched_is_missed(product: Product) -> None:
    product.insert(1)
    product.sql(
        f"create table second (id bigint primary key); create view shown as select t.* from {TABLE} t left join second "
        "using (id); select agentctl.watch('second', 'id', array['id'])"
    )
    file = product.root / "agentctl.toml"
    file.write_text(file.read_text().replace(f'table = "{TABLE}"', 'table = "shown"'))
    assert (await product.sync()).ok
    async with product.opened() as control:
        await changes.watch(control, TEAM)
        product.sql(f"alter table {TABLE} disable trigger all")
        with pytest.raises(SyncError, match="changes of table shown are noticed no longer"):
            await changes.watch(control, TEAM)
        product.sql(f"select agentctl.unwatch('{TABLE}', 'probe', 'production')")
        await changes.watch(control, TEAM)
        product.sql("select agentctl.unwatch('second')")
        await changes.watch(control, TEAM)
