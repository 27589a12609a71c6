"""agentctl.verbs.ringing.confined: what a tenant's editor agrees to takes no number from an agent of somebody else, and
wherever its people read why, whose that is they are not told.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from agentctl.console.checks import Checks
from agentctl.sandbox.harness import running
from agentctl.verbs import agreed, sync
from agentctl.verbs.agreed import Agreement
from agentctl.verbs.examination.lines import Known, lines
from agentctl.verbs.flow import syncing
from agentctl.verbs.pulling.pull import pull
from agentctl.verbs.revisions.history import digest, revisions
from agentctl.verbs.revisions.hold import hold
from tests.agentctl.verbs.ringing.test_disputed import World
from tests.product import TABLE, lender

__all__ = ["lender"]

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(tmp_path: Path, dsn: str) -> AsyncIterator[World]:
    async with running() as sandbox:
        with closing(World(tmp_path, dsn, sandbox, database_url=dsn)) as made:
            yield made


@pytest.mark.parametrize("tags", [["agentctl:strange/live/reception"], []])
async def test_no_word_of_a_tenants_editor_takes_a_number_from_an_agent_of_somebody_else(
    world: World, tags: list[str]
) -> None:
    await world.unheard(0, 1)
    world.insert(1, customer="evil", phone=world.number(1))
    world.insert(2, customer="evil")
    await world.sync(take_ours=True)
    async with httpx.AsyncClient(base_url=world.sandbox.url, headers={"xi-api-key": world.sandbox.key}) as client:
        made = await client.post(
            "/v1/convai/agents/create", json={"name": "R", "tags": tags, "conversation_config": {}}
        )
        theirs = made.json()["agent_id"]
        (await client.patch("/v1/convai/phone-numbers/phnum_0", json={"agent_id": theirs})).raise_for_status()
    world.sql(f"update {TABLE} set phone = null where id = 1")
    world.sql(f"update {TABLE} set phone = %s where id = 2", world.number(0))

    async def agree(tenant: str | None) -> str:
        """To all that is said, and how the plan reads."""
        async with world.opened() as control:
            control.tenant = tenant
            [part] = (await agreed.plan(control, ["2"])).checked()
            await agreed.apply(control, Agreement(["2"], {"": agreed.mark(part.result)}, take_ours=True))
            return repr([part.result.notices, [(one.doubt, one.barred) for one in part.result.changes]])

    async def reading() -> tuple[list[str], str]:
        """What people of the tenant read of the worker's sync of that row, of its number, and in the table."""
        async with world.opened() as control:
            await syncing.once(control)
            named = {one: f"env:EVIL_{one.upper()}" for one in ("twilio_account_sid", "twilio_auth_token")}
            await (await control.store()).call("save_tenant", {"tenant": "evil", "set": named})
            checks = Checks(control)
            examination = checks.begin("evil")
            checks.ongoing.last_seconds = 60.0
            await checks.ongoing.end()
            control.tenant = "evil"
            found = await lines(control, Known({world.number(0): "2"}, {}))
        [examined] = [one.remedy for one in examination.findings if one.subject == "numbers"]
        [[job]] = world.sql("select agentctl.told(j) from agentctl.sync_jobs j where j.key = '2'")
        return [job, examined, *(one.finding.remedy for one in found)], world.rows("elevenlabs_sync_error")[2]

    async def rings(case: int) -> str:
        return str((await world.sandbox.state())["numbers"][f"phnum_{case}"]["agent_id"])

    read, row = await reading()
    [[operators]] = world.sql("select error from agentctl.sync_jobs where key = '2'")
    assert ("strange" in operators) == bool(tags), "whoever runs agentctl is told whose it is"
    said = [*read, await agree("evil")]
    assert await rings(0) == theirs
    for one in said:
        assert "not this tenant's" in one
    for one in (*said, row):
        assert "strange" not in one
        assert "reception" not in one
    # What rings at its own it may take to another of its own.
    world.sql(f"update {TABLE} set phone = %s where id = 2", world.number(1))
    await agree("evil")
    own = world.rows("elevenlabs_agent_id")[2]
    assert await rings(1) == own
    # And that somebody has put it there is told by a worker, too.
    other = world.rows("elevenlabs_agent_id")[1]
    async with httpx.AsyncClient(base_url=world.sandbox.url, headers={"xi-api-key": world.sandbox.key}) as client:
        (await client.patch("/v1/convai/phone-numbers/phnum_1", json={"agent_id": other})).raise_for_status()
    world.sql(f"update {TABLE} set title = 'Neu' where id = 2")
    async with world.opened() as control:
        await syncing.once(control)
    [[told]] = world.sql("select agentctl.told(j) from agentctl.sync_jobs j where j.key = '2'")
    assert "--take-ours --only 2" in told
    assert "not this tenant's" not in told
    world.sql(f"update {TABLE} set phone = %s where id = 2", world.number(0))
    await agree(None)
    assert await rings(0) == own
    # Nor does a pull of a row that is held tell it.
    async with httpx.AsyncClient(base_url=world.sandbox.url, headers={"xi-api-key": world.sandbox.key}) as client:
        (await client.patch("/v1/convai/phone-numbers/phnum_0", json={"agent_id": theirs})).raise_for_status()
    async with world.opened() as control:
        [row_2] = [one for one in (await sync.load(control)).assistants if one.key == "2"]
        newest, *_ = await revisions(control, "2")
        await hold(control, "2", newest.revision, digest(row_2, control.scope))
        control.tenant = "evil"
        [left] = [one.what for one in (await pull(control, ["2"], discreet=True)).left if world.number(0) in one.where]
    assert "not this tenant's" in left
    assert "strange" not in left
