"""agentctl.verbs.numbers.disputed: whose a number of rows is, by a worker's sync of each row and by a sync of all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from itertools import product
from pathlib import Path

import pytest

from agentctl.errors import UsageError
from agentctl.sandbox.harness import running
from agentctl.verbs.flow import syncing
from tests.databases import Databases
from tests.product import TABLE, Product, adopted

pytestmark = pytest.mark.anyio

HOLDER, CLAIMANT = "holder", "claimant"
FOREIGN, TAKEN, NEITHER = "is another tenant's", "too, which has it", "and neither gets it"
# What becomes of the row that has the number, or of another one that names it where nobody has; and then, for a claimant
# of the same tenant and one of another: at whom it rings, and what the claimant is told.
STATES = {
    "named": ("select", (HOLDER, TAKEN), (HOLDER, FOREIGN)),
    "left out": ("update {} set phone = null where id = {}", (CLAIMANT, None), (HOLDER, FOREIGN)),
    "disabled": ("update {} set active = false where id = {}", (CLAIMANT, None), (None, FOREIGN)),
    "emptied": ("update {} set active = false, phone = null where id = {}", (CLAIMANT, None), (None, FOREIGN)),
    "deleted": ("delete from {} where id = {}", (CLAIMANT, None), (None, FOREIGN)),
    "wrong": ("update {} set behavior_prompt = '' where id = {}", (HOLDER, TAKEN), (HOLDER, FOREIGN)),
    "nobody's": ("delete from {} where id = {}", (CLAIMANT, None), (CLAIMANT, None)),
    "two name it": ("update {} set phone = '{}' where id = {}", (None, NEITHER), (None, NEITHER)),
}
# A disabled claimant changes nothing, whosever it is: at whom it rings then.
BESIDE = {"named": HOLDER, "left out": HOLDER, "wrong": HOLDER, "two name it": HOLDER}
CASES = [(i, *case) for i, case in enumerate(product(STATES, (True, False), (True, False)), 1)]


class World(Product):
    """For each case a number, the row that has it, and one that comes to claim it."""

    @staticmethod
    def number(case: int) -> str:
        return f"+4989999981{case:02}"

    async def populate(self) -> dict[str, str]:
        """By its id, whose agent each is; numbers ring at their holders, and those that nobody has are there."""
        for case, state, enabled, same in CASES:
            unheld = state in ("nobody's", "two name it")
            self.insert(case, phone=None if unheld else self.number(case))
            self.insert(100 + case, active=True, customer="acme" if same else "other")
        assert (await self.sync()).ok
        state = await self.sandbox.state()
        state["numbers"] = {
            f"phnum_{case}": {
                "phone_number_id": f"phnum_{case}", "phone_number": self.number(case), "label": "", "provider": "twilio",
                "agent_id": None,
            }
            for case, *_ in CASES
        }  # fmt: skip
        await self.sandbox.reset(state)
        assert (await self.sync(take_ours=True)).ok
        self.sql("delete from agentctl.sync_changes")
        ids = {agent_id: key for key, agent_id in self.rows("elevenlabs_agent_id").items()}
        return {agent_id: HOLDER if key < 100 else CLAIMANT for agent_id, key in ids.items()}

    def edit(self) -> None:
        """What people do in the settings page."""
        for case, state, enabled, _ in CASES:
            statement, *_ = STATES[state]
            values = (TABLE, self.number(case), case) if state == "two name it" else (TABLE, case)
            self.sql(statement.format(*values))
            self.sql(
                f"update {TABLE} set phone = %s, active = %s where id = %s", self.number(case), enabled, 100 + case
            )


@pytest.fixture
def lender(lender: Databases) -> Databases:
    return lender.after(adopted)


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
        rings = {one["phone_number"]: one["agent_id"] for one in (await world.sandbox.state())["numbers"].values()}
        told = world.rows("elevenlabs_sync_error")
        found, wanted = {}, {}
        for case, state, enabled, same in CASES:
            name = (state, "enabled" if enabled else "disabled", "same" if same else "foreign")
            said = told[100 + case]
            found[name] = whose.get(rings[world.number(case)]), said and said.removeprefix("phone.numbers: ")
            at, why = STATES[state][1 if same else 2] if enabled else (BESIDE.get(state), None)
            wanted[name] = at, said.removeprefix("phone.numbers: ") if why and said and why in said else why
        assert found == wanted
        assert not [said for said in told.values() if said and FOREIGN in said and "acme" in said]
