"""agentctl.verbs.flow.job: why a sync failed is told to the people of a tenant without anything of another one's."""

from __future__ import annotations

import json
from uuid import uuid4

import psycopg
import pytest

from agentctl.verbs.flow import syncing
from tests.product import TABLE, Product, lender, world

__all__ = ["lender", "world"]

pytestmark = pytest.mark.anyio


def as_guest(world: Product, dsn: str) -> list[str]:
    """What an admin of the tenant reads of its queues and its assistants."""
    user = str(uuid4())
    world.sql("insert into agentctl.memberships (tenant, user_id, role) values ('guest', %s, 'admin')", user)
    with psycopg.connect(dsn) as connection:
        claims = json.dumps({"sub": user, "role": "authenticated"})
        connection.execute("select set_config('request.jwt.claims', %s, false)", [claims])
        connection.execute("set role authenticated")
        asked = ("agentctl_my_queue", "agentctl_my_assistants")
        found = [connection.execute(f"""select public.{one}('{{"tenant": "guest"}}')::text""") for one in asked]
        return [str(row) for one in found for row in one.fetchall()]


async def test_neither_anothers_name_nor_where_its_key_is(world: Product, dsn: str) -> None:
    world.insert(1, customer="guest")
    async with world.opened() as control:
        store = await control.store()
        await store.call("save_tenant", {"tenant": "landlord", "set": {"elevenlabs_key": "env:LANDLORD_XI"}})
        await store.call("save_tenant", {"tenant": "guest", "set": {"workspace_of": "landlord"}})
        await syncing.once(control)
    assert [one for (one,) in world.sql("select error from agentctl.sync_jobs") if "LANDLORD_XI" in one]
    for told in as_guest(world, dsn):
        assert "keeps it from being synced" in told
        assert "landlord" not in told.lower()


async def test_nor_what_is_held_back_with_the_command_that_would_take_it(world: Product, dsn: str) -> None:
    (world.root / ".env").write_text(f"LANDLORD_XI={world.settings.pop('elevenlabs_api_key')}\n")
    world.insert(1, customer="guest")
    async with world.opened() as control:
        store = await control.store()
        await store.call("save_tenant", {"tenant": "landlord", "set": {"elevenlabs_key": "env:LANDLORD_XI"}})
        await store.call("save_tenant", {"tenant": "guest", "set": {"workspace_of": "landlord"}})
        await syncing.once(control)
    ((agent_id,),) = world.sql(f"select elevenlabs_agent_id from {TABLE}")
    state = await world.sandbox.state()
    state["agents"][agent_id]["conversation_config"]["agent"]["prompt"]["prompt"] = "Edited there."
    await world.sandbox.reset(state)
    world.sql(f"update {TABLE} set behavior_prompt = 'Edited here.'")
    async with world.opened() as control:
        await syncing.once(control)
    assert [
        one for (one,) in world.sql("select error from agentctl.sync_jobs where state = 'held'") if "landlord" in one
    ]
    for told in as_guest(world, dsn):
        assert "keeps it from being synced" in told
        assert "tenant landlord" not in told
