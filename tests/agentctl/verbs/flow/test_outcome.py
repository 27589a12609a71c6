"""What a sync comes to, for the job that asked for it."""

from __future__ import annotations

import pytest

from agentctl.errors import StoreUnavailable
from agentctl.resources.post_call import PostCallSettings
from agentctl.verbs.flow import syncing
from tests.product import Product, lender, world

__all__ = ["lender", "world"]

pytestmark = pytest.mark.anyio
NUMBER = "+498999998100"


async def test_what_waits_for_an_outage_counts_as_no_failure_of_its_own(
    world: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*args: object) -> str:
        raise StoreUnavailable("the store does not answer", "")

    await world.sandbox.add_number("+498999998100")
    there = await world.sandbox.state()
    own = {"phone_number_id": "phnum_1", "sequence": 1000, "phone_number": NUMBER, "label": "", "agent_id": None}
    there["numbers"]["phnum_1"] = {**own, "environment": None, "branch_id": None, "checks_inbound": True}
    await world.sandbox.reset(there)
    world.insert(1, phone=NUMBER)
    monkeypatch.setattr(PostCallSettings, "create", away)
    async with world.opened() as control:
        assert (await syncing.once(control)).failed == 1
    [job] = world.sql("select state, failures, blameless, error from agentctl.sync_jobs")
    assert job[:3] == ("pending", 0, 1)
    assert "was not written, because post_call 1 was not" in job[3]
