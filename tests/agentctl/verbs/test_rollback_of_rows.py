"""agentctl.verbs.rollback: what a row was before, of which another tenant gets neither number nor words."""

from __future__ import annotations

import pytest

from agentctl.errors import SyncError
from agentctl.verbs import rollback
from agentctl.verbs.flow import syncing
from agentctl.verbs.revisions.history import history
from agentctl.verbs.status import status
from tests.product import TABLE, Product, lender, world

__all__ = ["lender", "world"]

pytestmark = pytest.mark.anyio
NUMBER = "+498999998100"


async def rings(world: Product) -> str | None:
    (number,) = (await world.sandbox.state())["numbers"].values()
    agent: str | None = number["agent_id"]
    return agent


async def test_a_number_that_another_tenant_has_by_now_stays_there(world: Product) -> None:
    await world.sandbox.add_number(NUMBER)
    world.insert(1, phone=NUMBER)
    world.insert(2, customer="other")
    await world.sync()
    await world.bring(NUMBER, "1")
    await world.sync()
    for change in ("phone = null where id = 1", f"phone = '{NUMBER}' where id = 2"):
        world.sql(f"update {TABLE} set {change}")
        await world.sync()
    await world.bring(NUMBER, "2")
    async with world.opened() as control:
        said = str((await rollback.look(control, "1", 1)).plan.notices)
    assert f"{NUMBER} stays where it is: it is declared by another tenant's assistant now" in said
    world.sql(f"update {TABLE} set phone = null where id = 2")
    await world.sync()
    theirs = world.rows("elevenlabs_agent_id")[2]
    assert await rings(world) == theirs

    async with world.opened() as control:
        found = await rollback.look(control, "1", 1)
        assert ["another tenant's" in str(one.error) for one in found.plan.failures] == [True]
        await rollback.rollback(control, found)
    assert await rings(world) == theirs


async def test_the_words_of_whoever_had_the_key_before_are_nobody_elses(world: Product) -> None:
    settings = world.root / "agentctl.toml"
    settings.write_text(
        settings.read_text().replace('tenant = "customer"', 'tenant = "customer"\non_delete = "delete"')
    )
    world.insert(1, behavior_prompt="Secret of the first")
    world.insert(2, customer="other")
    await world.sync()
    world.sql(f"delete from {TABLE} where id = 1")
    async with world.opened() as control:
        await syncing.once(control)
    world.insert(1, customer="other", behavior_prompt="Mine")
    async with world.opened() as control:
        await syncing.once(control)
        with pytest.raises(SyncError, match="another tenant"):
            await rollback.look(control, "1", 1)


@pytest.mark.parametrize("cut_off", [False, True])
async def test_a_hold_ends_where_the_row_passes_to_another_tenant_who_is_told_nothing_of_it(
    world: Product, cut_off: bool
) -> None:
    world.insert(1, behavior_prompt="Secret of the first")
    await world.sync()
    world.sql(f"update {TABLE} set behavior_prompt = 'Second' where id = 1")
    await world.sync()
    async with world.opened() as control:
        await rollback.rollback(control, await rollback.look(control, "1"))
    async with world.opened() as control:
        (found,) = await history(control, "1")
        assert found.hold is not None
    if cut_off:  # by a command that wrote files: nothing that they say would end it
        world.sql("update agentctl.holds set digest = 'open:' || digest")
    world.sql(f"update {TABLE} set customer = 'other' where id = 1")

    async with world.opened() as control:
        assert [one.hold for one in await history(control, "1")] == [None]
        (standing,) = await status(control)
        assert standing.state == "changed here"
    plan = await world.plan()
    told = [str(one).partition(": ")[2] for one in plan.notices if "held" in str(one)]
    assert told == [
        "was held for another tenant, whose it was; the hold ends with this sync; what is declared goes live"
    ]
    assert (await world.sync()).ok
    assert world.sql("select 1 from agentctl.holds") == []
    (agent,) = (await world.agents()).values()
    assert agent["conversation_config"]["agent"]["prompt"]["prompt"] == "Second"


async def test_no_revision_leads_callers_to_what_is_another_tenants_by_now(world: Product) -> None:
    settings = world.root / "agentctl.toml"
    mapped = 'tenant = "customer"\nbuilt_in_tools = "documentation.tools"'
    settings.write_text(settings.read_text().replace('tenant = "customer"', mapped))
    transfers = {"transfer_to_agent": {"transfers": [{"assistant": "3", "condition": "immer"}]}}
    world.insert(1, documentation={"tools": transfers})
    world.insert(3)
    assert (await world.sync()).ok
    for one in (1, 3):
        world.sql(f"update {TABLE} set title = 'New', documentation = '{{}}' where id = {one}")
        assert (await world.sync()).ok
    async with world.opened() as control:
        await rollback.rollback(control, await rollback.look(control, "1", 1))
    world.sql(f"update {TABLE} set customer = 'other' where id = 3")
    assert (await world.sync("3")).ok
    async with world.opened() as control:
        with pytest.raises(SyncError, match="transfers to 3, which is no assistant of its tenant by now"):
            await rollback.look(control, "1", 1)
    # As little by a sync of one that is held there.
    assert "transfers to 3, which is no assistant" in str((await world.plan()).notices)
    world.sql("select agentctl.request_sync('1')")
    async with world.opened() as control:
        assert (await syncing.once(control)).failed == 0
