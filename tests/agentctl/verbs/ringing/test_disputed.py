"""agentctl.verbs.ringing.disputed: whose a number of rows is, by a worker's sync of each row and by a sync of all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest

from agentctl.errors import StoreError
from agentctl.resources.post_call import PostCallSettings
from agentctl.sandbox.harness import running
from agentctl.verbs.flow import syncing
from tests.product import TABLE, Product, lender

__all__ = ["lender"]

pytestmark = pytest.mark.anyio

HOLDER, CLAIMANT = "holder", "claimant"
FOREIGN, TAKEN, NEITHER = "is another tenant's", "too, which has it", "and neither gets it"
# What becomes of the row that has the number, or of another one where nobody has it; and then, for a claimant of the
# same tenant and one of another: at whom it rings, and what the claimant is told.
STATES: dict[str, tuple[str, tuple[str | None, str | None], tuple[str | None, str | None]]] = {
    "named": ("select", (HOLDER, TAKEN), (HOLDER, FOREIGN)),
    "left out": ("update {} set phone = null where id = {}", (CLAIMANT, None), (HOLDER, FOREIGN)),
    "disabled": ("update {} set active = false where id = {}", (CLAIMANT, None), (None, FOREIGN)),
    "emptied": ("update {} set active = false, phone = null where id = {}", (CLAIMANT, None), (None, FOREIGN)),
    "deleted": ("delete from {} where id = {}", (CLAIMANT, None), (None, FOREIGN)),
    "wrong": ("update {} set behavior_prompt = '' where id = {}", (HOLDER, TAKEN), (HOLDER, FOREIGN)),
    "nobody's": ("delete from {} where id = {}", (CLAIMANT, None), (CLAIMANT, None)),
    "two name it": ("update {} set phone = '{}' where id = {}", (None, NEITHER), (None, NEITHER)),
}
# A disabled claimant changes nothing: at whom it rings then.
BESIDE = {"named": HOLDER, "left out": HOLDER, "wrong": HOLDER, "two name it": HOLDER}
CLAIMANTS = ((True, True), (True, False), (False, False))  # whether it is enabled, and of the same tenant
CASES = [(i, state, *claimant) for i, (state, claimant) in enumerate(product(STATES, CLAIMANTS), 1)]


class World(Product):
    """For each case a number, the row that has it, and one that comes to claim it."""

    @staticmethod
    def number(case: int) -> str:
        return f"+4989999981{case:02}"

    async def carried_out(self, statement: str, *, by_worker: bool) -> str | None:
        """The agent at which the only number rings once that is done, and a worker or a sync has been at work."""
        self.sql(statement)
        if by_worker:
            async with self.opened() as control:
                await syncing.once(control)
        else:
            await self.sync()
        [one] = (await self.sandbox.state())["numbers"].values()
        return str(one["agent_id"]) if one["agent_id"] else None

    async def unheard(self, *cases: int) -> None:
        """Have the numbers of these cases in the workspace, at nobody."""
        there = await self.sandbox.state()
        empty = {"label": "", "agent_id": None, "environment": None, "branch_id": None, "checks_inbound": True}
        for case in cases:
            number_id = f"phnum_{case}"
            own = {"phone_number_id": number_id, "sequence": 1000 + case, "phone_number": self.number(case)}
            there["numbers"][number_id] = {**empty, **own}
        await self.sandbox.reset(there)

    async def populate(self) -> dict[str, str]:
        """By its id, whose agent each is; numbers ring at their holders, and those that nobody has are there."""
        for case, state, _, same in CASES:
            unheld = state in ("nobody's", "two name it")
            self.insert(case, phone=None if unheld else self.number(case))
            self.insert(100 + case, active=True, customer="acme" if same else "other")
        assert (await self.sync()).ok
        await self.unheard(*(case for case, *_ in CASES))
        assert (await self.sync(take_ours=True)).ok
        self.sql("delete from agentctl.sync_changes")
        ids = {agent_id: key for key, agent_id in self.rows("elevenlabs_agent_id").items()}
        return {agent_id: HOLDER if key < 100 else CLAIMANT for agent_id, key in ids.items()}

    def edit(self) -> None:
        """What people do in the settings page."""
        for case, state, enabled, _ in CASES:
            statement = STATES[state][0]
            values = (TABLE, self.number(case), case) if state == "two name it" else (TABLE, case)
            self.sql(statement.format(*values))
            self.sql(
                f"update {TABLE} set phone = %s, active = %s where id = %s", self.number(case), enabled, 100 + case
            )


@pytest.fixture
async def world(tmp_path: Path, dsn: str) -> AsyncIterator[World]:
    async with running() as sandbox:
        with closing(World(tmp_path, dsn, sandbox, database_url=dsn)) as made:
            yield made


@pytest.mark.parametrize("by_worker", [True, False])
async def test_worker_and_sync_of_all_agree_whose_each_number_is(world: World, by_worker: bool) -> None:
    whose = await world.populate()
    world.edit()
    for _ in range(2):  # nothing is different the second time
        if by_worker:
            async with world.opened() as control:
                await syncing.once(control)
        else:
            await world.sync(prune=True, force=True)
        there = await world.sandbox.state()
        agents = {number["phone_number"]: number["agent_id"] for number in there["numbers"].values()}
        rings = {number: whose[agent_id] for number, agent_id in agents.items() if agent_id in there["agents"]}
        told = world.rows("elevenlabs_sync_error")
        found, wanted = {}, {}
        for case, state, enabled, same in CASES:
            name = (state, "enabled" if enabled else "disabled", "same" if same else "foreign")
            said = told[100 + case]
            found[name] = rings.get(world.number(case)), said and said.removeprefix("phone.numbers: ")
            _, ours, theirs = STATES[state]
            at, why = (ours if same else theirs) if enabled else (BESIDE.get(state), None)
            wanted[name] = at, said.removeprefix("phone.numbers: ") if why and said and why in said else why
        assert found == wanted


@pytest.mark.parametrize("by_worker", [True, False])
async def test_a_silent_number_stays_its_tenants_whatever_others_have_named_meanwhile(
    world: World, by_worker: bool
) -> None:
    number = world.number(0)
    await world.sandbox.add_number(number)
    world.insert(1, phone=number)
    world.insert(2, customer="other")
    await world.sync()
    await world.bring(number, "1")
    off, on = (f"update {TABLE} set active = {active}, phone = '{number}' where id = 2" for active in ("false", "true"))
    emptied = f"update {TABLE} set active = false, phone = null where id = 1"
    assert [await world.carried_out(one, by_worker=by_worker) for one in (emptied, off, on)] == [None] * 3
    assert FOREIGN in world.rows("elevenlabs_sync_error")[2]
    # Not even under its key, once its agent is no more and another tenant's row has come to that.
    world.sql(f"delete from {TABLE}")
    await world.sync(prune=True, force=True)
    world.insert(1, customer="other", elevenlabs_agent_id=None)
    assert await world.carried_out("select", by_worker=False) is None
    named = f"update {TABLE} set phone = '{number}' where id = 1"
    assert await world.carried_out(named, by_worker=by_worker) is None
    [said] = world.rows("elevenlabs_sync_error").values()
    assert said
    await world.bring(number, "1")
    assert await world.carried_out("select", by_worker=by_worker) == world.rows("elevenlabs_agent_id")[1]


async def test_a_number_of_which_nobody_knows_whose_it_is_goes_to_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*args: object) -> str:
        raise StoreError("the store does not answer", "")

    await world.unheard(0)
    world.insert(1, phone=world.number(0))
    with monkeypatch.context() as broken:
        broken.setattr(PostCallSettings, "create", lost)
        failed = {one.ref.kind: str(one.error) for one in (await world.sync()).failures}
    assert "was not written, because post_call 1 was not" in failed["phone_number"]
    state = await world.sandbox.state()
    (number,), (agent_id,) = state["numbers"].values(), state["agents"]
    assert number["agent_id"] is None
    number["agent_id"] = agent_id  # by hand
    await world.sandbox.reset(state)
    world.sql(f"delete from {TABLE}")
    world.insert(2, phone=world.number(0), customer="other")
    assert await world.carried_out("select", by_worker=True) not in world.rows("elevenlabs_agent_id").values()
    assert "may be another tenant's" in world.rows("elevenlabs_sync_error")[2]


async def test_an_import_gives_a_number_to_whom_it_says_whatever_other_rows_name(world: World) -> None:
    number = world.number(0)
    await world.sandbox.add_number(number)
    world.insert(1, phone=number)
    world.insert(2, phone=number, customer="other")
    world.insert(3, phone=number, active=False, customer="third")
    assert (await world.sync()).ok
    assert [(one.ref.key, one.where) for one in (await world.plan()).waiting] == [
        (number, f"table {TABLE}, row 1"),
        (number, f"table {TABLE}, row 2"),
    ]
    await world.bring(number, "1")
    first, second, _ = world.rows("elevenlabs_agent_id").values()
    assert await world.carried_out("select", by_worker=False) == first
    told = world.rows("elevenlabs_sync_error")
    way = f"agentctl import-number {number} --assistant 2 gives it to this one"
    assert told == {1: None, 2: f"phone.numbers: {number} is another tenant's; {way}", 3: None}
    await world.bring(number, "2")
    assert await world.carried_out("select", by_worker=False) == second
    assert [bool(one) for one in world.rows("elevenlabs_sync_error").values()] == [True, False, False]
