"""Tenants with workspaces of their own: what is theirs is made there, with their key, and nowhere else."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing
from contextvars import Context
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

import agentctl
from agentctl import connect, worker
from agentctl.calls import inbox, missing_sound
from agentctl.calls.backfill import as_event
from agentctl.calls.tenant import store_of
from agentctl.cli.app import run
from agentctl.clients.recordings import Directory
from agentctl.errors import Busy, ConfigurationError, Elsewhere, StoreError
from agentctl.sandbox.harness import Sandbox, running
from agentctl.sandbox.options import Options
from agentctl.settings import Settings
from agentctl.sources.loaded import Loaded
from agentctl.sources.source import Gone, Source
from agentctl.sync.plan import Plan
from agentctl.tenants import Access
from agentctl.verbs import directed, workspaces
from agentctl.verbs.calls import forget
from agentctl.verbs.calls.backfill import backfill
from agentctl.verbs.door import door
from agentctl.verbs.exclusive import exclusive
from agentctl.verbs.flow import housed, syncing
from agentctl.verbs.flow.housed import sync_housed
from agentctl.verbs.places import Everywhere, in_each, is_keyed
from agentctl.verbs.signatures import Signatures
from agentctl.verbs.upkeep import duties
from agentctl.verbs.work import process
from agentctl.wiring import Control
from tests.gateway import gateway
from tests.product import TABLE, Product, lender
from webhooks.address import PATH
from webhooks.signature import HEADER, sign

__all__ = ["lender"]

pytestmark = pytest.mark.anyio
FILES = 'name = "Mine"\nlanguage = "de"\nfirst_message = "KI hier."\n[privacy]\nretention_days = 30\n'
THERE = "'1' is of tenant {0}, whose agents are in another workspace\n  Add --tenant {0}"
KEY, OTHER_KEY, OTHERS_KEY = "sandbox-key-of-acme", "sandbox-other-key-of-acme", "sandbox-key-of-nobody"


class House(Product):
    """A product with two tenants, and a workspace for each beside the project's."""

    acme: Sandbox
    strange: Sandbox

    async def there(self, sandbox: Sandbox) -> dict[str, Mapping[str, Any]]:
        """By name, the agents of a workspace."""
        return {one["name"]: one for one in (await sandbox.state())["agents"].values()}

    async def names(self) -> tuple[list[str], list[str]]:
        """Of the agents in the project's workspace and in acme's."""
        return sorted(await self.there(self.sandbox)), sorted(await self.there(self.acme))

    def env(self, **variables: str) -> None:
        (self.root / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))

    async def cli(self, *arguments: str) -> int:
        return await asyncio.to_thread(run, ["-C", str(self.root), *arguments])

    async def due(self) -> Any:
        async with self.opened() as control:
            return await syncing.once(control)


# Each wire hands the same functions the same JSON, so what a scene shows over one it shows over the other. The scenes
# that go over both call, together, every function that any scene calls.
over_each_wire = pytest.mark.parametrize("house", ["postgres", "supabase"], indirect=True)


@pytest.fixture
async def house(
    tmp_path: Path, dsn: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[House]:
    store: dict[str, Any] = {}
    if getattr(request, "param", "postgres") == "supabase":
        api = request.getfixturevalue("supabase_api")
        store = {"supabase_url": api.url, "supabase_service_role_key": api.service_key}
    async with (
        running() as sandbox,
        running(Options(api_key=KEY, read_only_key=OTHER_KEY, account_sid="AC" + "a" * 32)) as acme,
        running(Options(api_key=OTHERS_KEY)) as strange,  # with the account of the project's
    ):
        with ExitStack() as stack:
            url = stack.enter_context(gateway([sandbox, acme, strange]))
            made = stack.enter_context(closing(House(tmp_path, dsn, sandbox, **store)))
            made.acme, made.strange = acme, strange
            made.settings |= {"elevenlabs_base_url": url, "twilio_base_url": url}
            for name, value in {**made.settings, **({} if store else {"database_url": dsn})}.items():
                monkeypatch.setenv(name.upper(), str(value))
            made.env(ACME_XI_KEY=KEY)
            yield made


async def test_a_tenants_assistants_are_made_in_its_own_workspace(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    assert await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY") == 0
    capsys.readouterr()
    assert await house.cli("plan") == 0
    said = capsys.readouterr().out
    assert "# the project's workspace" in said
    assert "# tenant acme" in said
    assert await house.cli("sync", "--yes") == 0
    assert await house.names() == (["Beta"], ["Acme"])
    ids = house.rows("elevenlabs_agent_id")
    assert ids[1] in {one["agent_id"] for one in (await house.there(house.acme)).values()}
    assert house.rows("elevenlabs_sync_error") == {1: None, 2: None}
    before = len(await house.sandbox.log()), len(await house.acme.log())
    assert await house.cli("sync", "--yes") == 0
    writes = [one for one in (await house.acme.log())[before[1] :] if one["method"] != "GET"]
    assert writes == []
    # A change flows into the workspace where it belongs.
    house.sql(f"update {TABLE} set title = title || ' AG'")
    assert (await house.due()).failed == 0
    assert await house.names() == (["Beta AG"], ["Acme AG"])


async def test_a_key_that_is_missing_or_wrong_is_that_tenants_problem_alone(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    house.env()
    assert await house.cli("sync", "--yes") == 1
    assert await house.names() == (["Beta"], [])
    told = house.rows("elevenlabs_sync_error")
    assert (told[1].startswith("tenant acme: elevenlabs_key: env:ACME_XI_KEY is not set"), told[2]) == (True, None)
    assert "env:ACME_XI_KEY is not set" in capsys.readouterr().out
    house.env(ACME_XI_KEY="sk_wrong_and_secret")
    house.sql(f"update {TABLE} set title = title || ' AG'")
    assert await house.cli("sync", "--yes") == 1
    assert await house.names() == (["Beta AG"], [])
    assert str(house.rows("elevenlabs_sync_error")[1]).startswith("tenant acme: ")
    assert "ACME_XI_KEY" in str(house.rows("elevenlabs_sync_error")[1])
    house.sql(f"update {TABLE} set title = 'Acme GmbH' where id = 1")
    assert (await house.due()).failed == 1
    assert "sk_wrong" not in "".join(capsys.readouterr())
    assert "sk_wrong" not in str(house.rows("elevenlabs_sync_error"))
    # The project's own key is no way into a tenant's workspace.
    house.env(ACME_XI_KEY=house.sandbox.key)
    assert await house.cli("sync", "--yes") == 1
    assert await house.names() == (["Beta AG"], [])
    house.env(ACME_XI_KEY=KEY)
    house.sql("update agentctl.sync_jobs set state = 'pending', due_at = now() where state <> 'done'")
    assert (await house.due()).failed == 0
    assert await house.names() == (["Beta AG"], ["Acme GmbH"])
    assert house.rows("elevenlabs_sync_error") == {1: None, 2: None}


@over_each_wire
async def test_who_lives_with_another_reads_neither_its_name_nor_where_its_key_is(house: House) -> None:
    house.env(ACME_XI_KEY="sk_wrong_and_secret")
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="lodger", title="Lodger")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    await house.cli("tenants", "set", "lodger", "--with", "acme")

    async def said(*arguments: str) -> str:
        """What the lodger's row was told by a command or, without one, by a worker; the landlord's has it all."""
        house.sql("update agentctl.sync_jobs set state = 'pending', due_at = now()")
        house.sql(f"update {TABLE} set elevenlabs_sync_error = null")
        await (house.cli(*arguments) if arguments else house.due())
        told = house.rows("elevenlabs_sync_error")
        assert re.search(r"tenant acme|ACME_XI_KEY|/acme", str(told[1]))
        return str(told[2])

    for key in ("sk_wrong_and_secret", None):  # refused, missing
        house.env(**{"ACME_XI_KEY": key} if key else {})
        for arguments in (), ("sync", "--yes"):
            assert (await said(*arguments)).startswith("the workspace that it shares with others")
    house.env(ACME_XI_KEY=KEY)
    assert await house.cli("sync", "--yes") == 0
    house.insert(3, customer="lodger", title="Another")
    house.sql(f"update {TABLE} set title = title || ' AG'")
    house.env(ACME_XI_KEY=OTHERS_KEY)
    for arguments in (), ("sync", "--yes"):
        assert (await said(*arguments)).startswith("the workspace that it shares with others")
    # What is wrong with its own row it reads as it is.
    house.env(ACME_XI_KEY=KEY)
    house.sql(f"update {TABLE} set phone = 'none' where id = 2")
    assert (await house.due()).failed == 1
    assert "phone.numbers" in str(house.rows("elevenlabs_sync_error")[2])


@over_each_wire
async def test_who_moves_leaves_its_agent_where_it_was_until_somebody_asks(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    assert await house.cli("sync", "--yes") == 0
    assert await house.names() == (["Acme", "Beta"], [])
    tags = (await house.there(house.sandbox))["Acme"]["tags"]
    assert "agentctl-tenant:acme" in tags, "tenants of one workspace are kept apart by tag"
    old = house.rows("elevenlabs_agent_id")[1]

    assert (await house.due()).done == 2
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert (await house.due()).done == 1, "the next worker goes by it"
    assert await house.names() == (["Acme", "Beta"], ["Acme"])
    assert house.sql("select tenant, action, subject from agentctl.audit") == [
        ("acme", "tenants set", {"elevenlabs_key": "env:ACME_XI_KEY"})
    ]
    capsys.readouterr()
    assert await house.cli("sync", "--yes") == 0
    assert "agent 1: is left in this workspace, and 1 lives in that of tenant acme by now" in capsys.readouterr().out
    assert await house.names() == (["Acme", "Beta"], ["Acme"])
    new = house.rows("elevenlabs_agent_id")[1]
    assert (new != old, new) == (True, (await house.there(house.acme))["Acme"]["agent_id"])
    # The calls of both are acme's.
    assert house.sql("select distinct tenant from agentctl.assistants where key = '1'") == [("acme",)]
    assert len(house.sql("select agent_id from agentctl.assistants where key = '1'")) == 2

    # What names an assistant says where it is; and one workspace alone can be asked for.
    assert await house.cli("plan", "--only", "nobody") == 2
    assert await house.cli("plan", "--only", "1", "--tenant", "acme") == 0
    capsys.readouterr()
    assert await house.cli("plan", "--only", "1", "--tenant", "beta") == 2, "whose agents are in the project's"
    assert THERE.format("acme") in capsys.readouterr().err
    assert await house.cli("history", "1", "--tenant", "acme") == 0
    for command in (["test", "1"], ["rollback", "1", "--yes"], ["unhold", "1"]):
        assert await house.cli(*command) == 2
        assert THERE.format("acme") in capsys.readouterr().err, "also where it lived before"

    assert await house.cli("sync", "--yes", "--prune", "--tenant", "acme") == 0
    assert await house.names() == (["Acme", "Beta"], ["Acme"])
    assert await house.cli("sync", "--yes", "--prune") == 0
    assert await house.names() == (["Beta"], ["Acme"])

    # And back: what is in the tenant's workspace stays there, and its row has the agent that it has now.
    capsys.readouterr()
    for refused in (("unset", "acme", "--yes"), ("set", "acme", "--elevenlabs", "")):
        assert await house.cli("tenants", *refused) == 2, "whoever calls there would be heard by nobody"
        assert "1 agents are in its workspace" in capsys.readouterr().err
    assert await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY") == 0, "a key is replaced"
    assert await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ELEVENLABS_API_KEY") == 2, "no tenant's, ever"
    assert "nothing was stored" in capsys.readouterr().err
    assert await house.cli("tenants", "check") == 0, "what worked works on"
    assert await house.cli("tenants", "unset", "acme", "--yes", "--force") == 0
    assert "1 agents are left in its workspace" in capsys.readouterr().err
    assert await house.cli("sync", "--yes") == 0
    assert await house.names() == (["Acme", "Beta"], ["Acme"])
    back = (await house.there(house.sandbox))["Acme"]["agent_id"]
    assert (house.rows("elevenlabs_agent_id")[1], house.rows("elevenlabs_sync_error")[1]) == (back, None)


async def test_what_is_deleted_here_has_an_agent_where_it_lives(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    assert await house.cli("sync", "--yes") == 0
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    # Nothing can be made where it is to live.
    house.env(ACME_XI_KEY="sk_wrong_and_secret")
    assert await house.cli("sync", "--yes", "--prune") == 1
    assert await house.names() == (["Acme", "Beta"], [])
    # It is made only after the project's workspace had its turn.
    house.env(ACME_XI_KEY=KEY)
    assert await house.cli("sync", "--yes", "--prune") == 0
    assert await house.names() == (["Acme", "Beta"], ["Acme"])
    # A row that does not say whose it is is wrong, and gone from nowhere.
    house.sql(f"update {TABLE} set customer = '' where id = 1")
    assert await house.cli("sync", "--yes", "--prune", "--force") == 1
    assert str(house.rows("elevenlabs_sync_error")[1]).endswith("is missing")
    assert await house.names() == (["Acme", "Beta"], ["Acme"])
    house.sql(f"update {TABLE} set customer = 'acme' where id = 1")
    assert await house.cli("sync", "--yes", "--prune") == 0
    assert await house.names() == (["Beta"], ["Acme"])


async def test_an_old_agent_goes_only_once_the_new_one_is_seen(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    assert await house.cli("sync", "--yes") == 0
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    new = (await house.there(house.acme))["Acme"]["agent_id"]

    async def pruned(why: str, *more: str) -> int:
        capsys.readouterr()
        code = await house.cli("sync", "--yes", "--prune", "--force", *more)
        said = "".join(capsys.readouterr())
        assert f"its agent in the workspace of tenant acme ({new}) {why}" in said
        assert "agent 1 is deleted by no option" in said
        assert (await house.names())[0] == ["Acme", "Beta"]
        return code

    # The key opens another workspace: what is bound is not in it.
    house.env(ACME_XI_KEY=OTHERS_KEY)
    assert await pruned("is not there: it was deleted, or the key opens another workspace; this one stays") == 3
    house.env(ACME_XI_KEY="sk_wrong_and_secret")
    assert await pruned("cannot be looked at (") == 1
    assert await pruned("cannot be looked at (", "--tenant", "beta") == 3, "that workspace alone is asked"
    house.env(ACME_XI_KEY=KEY)
    _archive(house.acme, new)
    assert await pruned("is archived; this one stays", "--tenant", "beta") == 3
    _archive(house.acme, new, archived=False)
    async with house.opened() as control, control.within(await _project(control)) as there:
        plan = await agentctl.plan(there, prune=True)
        assert [one.desired.key for one in plan.changes if one.desired.kind == "agent"] == ["1"]
        _delete(house.acme, new)
        done = await agentctl.apply(there, plan, take_ours=True)
        assert [(one.desired.key, "is not there" in one.barred) for one in done.held] == [("1", True)]
    assert await house.cli("plan", "--prune", "--exit-code") == 3
    assert await pruned("is not there: it was deleted") == 3
    assert await pruned("is not there: it was deleted", "--take-ours") == 3, "it is made anew after this one's turn"
    assert await house.names() == (["Acme", "Beta"], ["Acme"])
    assert await house.cli("sync", "--yes", "--prune") == 0
    assert await house.names() == (["Beta"], ["Acme"])


@over_each_wire
async def test_an_old_agent_stays_while_a_number_of_its_row_rings_there_alone(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    number = "+498999998555"
    for sandbox in (house.sandbox, house.strange):
        await sandbox.add_number(number)
    house.insert(1, customer="acme", title="Acme", phone=number)
    house.insert(2, customer="beta", title="Beta")
    assert await house.cli("sync", "--yes") == 0
    assert await house.cli("import-number", number, "--assistant", "1", "--yes") == 0
    house.env(ACME_XI_KEY=OTHERS_KEY)
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    capsys.readouterr()
    for _ in range(2):
        assert await house.cli("sync", "--yes", "--prune", "--take-ours") == 3
        said = capsys.readouterr().out
        assert "agent 1 is deleted by no option" in said
        way = f"agentctl import-number --tenant acme {number} --assistant 1"
        assert f"{number} rings at it, which 1 of tenant acme declares" in said
        assert f"nobody would answer; bring it there first: {way}" in said
        assert "release-number" not in said
        assert sorted(await house.there(house.sandbox)) == ["Acme", "Beta"]

    async def told(command: str, code: int) -> str:
        capsys.readouterr()
        assert await house.cli(command) == code
        return capsys.readouterr().out

    # Where it is meanwhile is told, and above all where nobody answers it there.
    left = "it is left in the project's workspace, where it rings at "
    nobody = f"{left}no agent: nobody answers it"
    old = (await house.there(house.sandbox))["Acme"]["agent_id"]
    assert f"{number} is not at ElevenLabs; {left}{old}" in await told("plan", 0)
    assert f"warn numbers     acme: {number} is not at ElevenLabs yet: {left}{old}" in await told("doctor", 0)
    await _unassign(house.sandbox)
    assert nobody in await told("plan", 0)
    assert nobody in await told("status", 0)
    said = await told("doctor", 1)
    assert f"FAIL numbers     acme: {number} is not at ElevenLabs yet: {nobody}" in said
    assert way in said
    capsys.readouterr()
    assert await house.cli(*way.split()[1:], "--yes") == 0
    capsys.readouterr()
    assert await house.cli("sync", "--yes", "--prune") == 0
    assert "nobody answers" not in capsys.readouterr().out, "it rings at the new one"
    assert sorted(await house.there(house.sandbox)) == ["Beta"]


@pytest.mark.parametrize("house", ["postgres"], indirect=True)
@pytest.mark.parametrize("by_worker", [True, False])
@pytest.mark.parametrize("made", [True, False])
async def test_a_number_that_stayed_where_its_row_lived_before_is_silent_once_the_row_says_so(
    house: House, by_worker: bool, made: bool
) -> None:
    number = "+498999998555"
    await house.sandbox.add_number(number)
    house.insert(1, customer="acme", title="Acme", phone=number)
    assert await house.cli("sync", "--yes") == 0
    assert await house.cli("import-number", number, "--assistant", "1", "--yes") == 0
    old = (await house.there(house.sandbox))["Acme"]["agent_id"]
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")

    async def rings() -> Any:
        if by_worker:
            assert (await house.due()).failed == 0
        else:
            assert await house.cli("sync", "--yes") == 0
        [one] = (await house.sandbox.state())["numbers"].values()
        return one["agent_id"]

    assert not made or await rings() == old, "until it is brought along, its callers are answered there"
    house.sql(f"update {TABLE} set active = false where id = 1")
    assert await rings() is None
    assert not [one for one in house.sql("select state from agentctl.sync_jobs") if one != ("done",)]


@pytest.mark.parametrize("house", ["postgres"], indirect=True)
@pytest.mark.parametrize("passes", [True, False])
async def test_a_number_of_another_tenant_rings_on_whatever_becomes_of_the_row_that_has_its_key(
    house: House, passes: bool
) -> None:
    number = "+498999998555"
    await house.sandbox.add_number(number)
    house.insert(1, customer="beta", title="Beta", phone=number)
    assert await house.cli("sync", "--yes") == 0
    assert await house.cli("import-number", number, "--assistant", "1", "--yes") == 0
    old = house.rows("elevenlabs_agent_id")[1]
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    if passes:  # with the id of its agent, which is not taken along
        house.sql(f"update {TABLE} set customer = 'acme', phone = null")
        assert (await house.due()).failed == 0
    else:
        house.sql(f"delete from {TABLE}")
        house.sql("delete from agentctl.sync_changes")  # as where no worker runs
        house.insert(1, customer="acme", title="Acme")
        assert (await house.due()).failed == 1
        assert "was made for another tenant" in house.rows("elevenlabs_sync_error")[1]
    assert await house.names() == (["Beta"], ["Beta"] if passes else [])
    house.sql(f"update {TABLE} set active = false where id = 1")
    for by_worker in (True, False):
        await (house.due() if by_worker else house.cli("sync", "--yes"))
        assert [one["agent_id"] for one in (await house.sandbox.state())["numbers"].values()] == [old]


@pytest.mark.parametrize("house", ["postgres"], indirect=True)
async def test_a_refused_key_of_a_workspace_that_a_row_has_left_keeps_no_sync_waiting(house: House) -> None:
    number = "+498999998555"
    await house.sandbox.add_number(number)
    house.insert(1, customer="acme", title="Acme", phone=number)
    assert await house.cli("sync", "--yes") == 0
    assert await house.cli("import-number", number, "--assistant", "1", "--yes") == 0
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert (await house.due()).failed == 0
    key, house.settings["elevenlabs_api_key"] = house.settings["elevenlabs_api_key"], "sk_refused"
    house.sql(f"update {TABLE} set active = false where id = 1")
    assert (await house.due()).failed == 0
    assert house.rows("elevenlabs_sync_error") == {1: None}, "where it lives all is as it says"
    [(state, said)] = house.sql("select state, error from agentctl.sync_jobs where key = '1'")
    assert state == "held"
    assert said.startswith(f"{number} may ring on in a workspace that it has left, of which the key is refused")

    house.settings["elevenlabs_api_key"] = key
    house.sql("select agentctl.request_sync('1')")
    assert (await house.due()).failed == 0
    assert [one["agent_id"] for one in (await house.sandbox.state())["numbers"].values()] == [None]
    assert house.sql("select state, error from agentctl.sync_jobs where key = '1'") == [("done", None)]


@pytest.mark.parametrize("house", ["postgres"], indirect=True)
@pytest.mark.parametrize("deleted", [True, False])
async def test_a_deleted_row_of_which_the_only_agent_is_not_there_waits_for_a_person_who_ends_it(
    house: House, deleted: bool
) -> None:
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    assert await house.cli("sync", "--yes") == 0
    made = await house.acme.state()
    await house.acme.reset()
    house.sql(f"delete from {TABLE} where id = 1")
    job = "select state, error from agentctl.sync_jobs where key = '1'"
    assert (await house.due()).failed == 0
    [(state, said)] = house.sql(job)
    assert state == "held"
    forgets, deletes = re.findall(r"agentctl (sync [^;]*?) (?:forgets|deletes)", said)
    if not deleted:  # the key had opened another workspace, and is corrected
        await house.acme.reset(made)
    assert await house.cli(*(forgets if deleted else deletes).split(), "--yes") == 0
    assert await house.names() == (["Beta"], [])
    assert house.sql(job) == [("done", None)]
    assert house.sql("select key from agentctl.bindings where kind = 'agent'") == [("2",)]


@pytest.mark.parametrize("by_worker", [True, False])
async def test_a_row_that_passes_to_another_tenant_takes_up_what_it_had_there(house: House, by_worker: bool) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    assert await house.cli("sync", "--yes") == 0
    old = house.rows("elevenlabs_agent_id")[1]
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    assert house.rows("elevenlabs_agent_id")[1] != old
    house.sql(f"update {TABLE} set customer = 'beta', title = 'Passed' where id = 1")
    assert (await house.due()).failed == 0 if by_worker else await house.cli("sync", "--yes") == 0
    assert house.rows("elevenlabs_agent_id", "elevenlabs_sync_error")[1] == (old, None)
    assert await house.names() == (["Beta", "Passed"], ["Acme"])
    assert "agentctl-tenant:acme" not in (await house.there(house.sandbox))["Passed"]["tags"]
    assert await house.cli("sync", "--yes", "--prune") == 0
    assert await house.names() == (["Beta", "Passed"], [])


async def _unassign(sandbox: Sandbox) -> None:
    for one in (await sandbox.state())["numbers"].values():
        url, headers = f"{sandbox.url}/v1/convai/phone-numbers/{one['phone_number_id']}", {"xi-api-key": sandbox.key}
        async with httpx.AsyncClient(trust_env=False) as client:
            (await client.patch(url, headers=headers, json={"agent_id": None})).raise_for_status()


async def _project(control: Control) -> Access:
    return (await control.tenants()).project


def _archive(sandbox: Sandbox, agent_id: str, *, archived: bool = True) -> None:
    url, headers = f"{sandbox.url}/v1/convai/agents/{agent_id}", {"xi-api-key": sandbox.key}
    body = {"platform_settings": {"archived": archived}}
    httpx.patch(url, headers=headers, json=body, trust_env=False).raise_for_status()


@over_each_wire
async def test_a_deleted_row_leaves_its_own_workspace(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert (await house.due()).failed == 0
    house.sql(f"delete from {TABLE}")
    assert (await house.due()).failed == 0
    for sandbox, name in ((house.sandbox, "Beta"), (house.acme, "Acme")):
        assert (await house.there(sandbox))[name]["platform_settings"]["archived"] is True


async def test_a_worker_works_from_when_there_is_a_key(house: House) -> None:
    del house.settings["elevenlabs_api_key"]
    house.insert(1, customer="acme", title="Acme")
    told: list[str] = []
    async with house.opened() as control:
        found = await syncing.job(control)
        assert found is not None
        syncs, upkeep = replace(found, quiet_seconds=0.0, idle=told.append), duties.duties(control)
        assert (await worker.run([syncs], once=True)).done == 0
        assert told == ["ELEVENLABS_API_KEY is not set, and no tenant has a key of its own"]
        assert [duty.name for duty in upkeep if await duty.able()] == [
            "changes",
            "alert",
            "rights",
            "retention",
            "recordings",
        ]
        await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
        assert (await worker.run([syncs], once=True)).done == 1
        assert [duty.name for duty in upkeep if await duty.able()][:2] == ["backfill", "delivery"]
    assert await house.names() == ([], ["Acme"])
    away = Settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    async with connect(house.root, settings=away) as control:
        await control.store(waiting=True)
        with pytest.raises(StoreError):
            await is_keyed(control)


class Moving:
    """A source that is looked at just before somebody moves a tenant."""

    def __init__(self, house: House, source: Source) -> None:
        self._house, self._source, self.told = house, source, source.told

    async def one(self, key: str) -> Loaded | Gone:
        found = await self._source.one(key)
        await self._house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
        return found


async def test_who_moves_while_a_sync_waits_is_made_in_its_new_workspace_alone(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    await house.cli("tenants", "set", "gamma", "--elevenlabs", "env:GAMMA_XI_KEY")
    async with house.opened() as control:
        control.source = Moving(house, control.source)
        with pytest.raises(Busy, match="1 has moved to another workspace"):
            await sync_housed(control, "1")
    assert await house.names() == ([], [])
    assert (await house.due()).failed == 0
    assert await house.names() == ([], ["Acme"])


async def test_a_workspace_that_is_held_up_holds_up_no_other(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housed, "_WAIT_SECONDS", 60.0)
    house.insert(1, customer="acme", title="Acme")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    stop = asyncio.Event()
    async with asyncio.timeout(30), house.opened() as other, house.opened() as control, asyncio.TaskGroup() as group:
        async with other.within((await other.tenants()).of("acme")) as there, exclusive(there):
            group.create_task(syncing.work(control, stop=stop), context=Context())  # which holds nothing
            while house.sql("select state from agentctl.sync_jobs") != [("running",)]:  # noqa: ASYNC110  (another's)
                await asyncio.sleep(0.02)
            house.insert(2, customer="beta", title="Beta")
            while await house.names() != (["Beta"], []):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        stop.set()
    assert await house.names() == (["Beta"], ["Acme"])


class Rotating(Moving):
    """A source that is looked at just before somebody replaces a tenant's key."""

    async def one(self, key: str) -> Loaded | Gone:
        self._house.env(ACME_XI_KEY=KEY)
        return await self._source.one(key)


async def test_a_sync_that_waited_writes_with_what_the_tenant_has_then(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    house.env(ACME_XI_KEY="sk_revoked_meanwhile")
    async with house.opened() as control:
        control.source = Rotating(house, control.source)
        assert (await sync_housed(control, "1")).error == ""
    assert await house.names() == ([], ["Acme"])


async def test_calls_of_both_workspaces_come_in_by_one_door_and_by_backfill(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY", "--webhook-secret", "env:ACME_SIGN")
    assert await house.cli("sync", "--yes") == 0
    own = {one["agent_id"] for one in (await house.there(house.acme)).values()}
    [agent_id] = own
    [other] = {one["agent_id"] for one in (await house.there(house.sandbox)).values()}
    told = await house.acme.call(agent_id=agent_id, deliver=False)
    await house.sandbox.call(agent_id=other, deliver=False)
    async with house.opened() as control:
        found = await backfill(control)
    assert (len(found.entered), told["conversation_id"] in found.entered) == (2, True)
    assert sorted(house.sql("select tenant from agentctl.events")) == [("acme",), ("beta",)]

    body, secret = as_event(await _conversation(house, told["conversation_id"])), SecretStr("wsec_of_acme")
    async with house.opened() as control:
        app = await door(control)
        assert (await _post(app, body, secret)) == 503, "nothing is known of any secret"
        house.env(ACME_XI_KEY=KEY, ACME_SIGN="wsec_of_acme")
        signatures = Signatures(control)
        assert (list(signatures), signatures.complete) == ([], False)
        await signatures.look()
        assert [one.get_secret_value() for one in signatures] == ["wsec_of_acme"]
    async with house.opened() as control:
        app = await door(control)
        assert (await _post(app, body, secret)) == 200
        assert (await _post(app, body, SecretStr("wsec_of_nobody"))) == 401

    # Erased in the workspace where the call was held.
    async with house.opened() as control:
        control.tenant = "acme"
        vars(control.workshop)["recordings"] = Directory(house.root / "recordings")  # no Storage is here
        traces = await forget.find(control, told["conversation_id"])
        assert (await forget.forget(control, traces)).remote == 1
    assert told["conversation_id"] not in (await house.acme.state())["conversations"]
    assert "wsec_of" not in "".join(capsys.readouterr())


async def _conversation(house: House, conversation_id: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (await house.acme.state())["conversations"][conversation_id]["data"]
    return found


async def _post(app: Any, body: bytes, secret: SecretStr) -> int:
    headers = {HEADER: sign(body, secret, int(time.time()))}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as client:
        return (await client.post(PATH, content=body, headers=headers)).status_code


@over_each_wire
async def test_what_is_fetched_of_an_agent_that_nobody_has_is_of_the_workspace_it_lives_in(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.env(ACME_XI_KEY=KEY, ACME_SIGN="wsec_of_acme")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY", "--webhook-secret", "env:ACME_SIGN")
    assert await house.cli("sync", "--yes") == 0
    agent_id = await _agent_of_acme(house)
    told, missed, late = [(await house.acme.call(agent_id=agent_id, deliver=False))["conversation_id"] for _ in "123"]
    bodies = {one: as_event(await _conversation(house, one)) for one in (told, late)}
    secret = SecretStr("wsec_of_acme")

    async with house.opened() as control:
        vars(control.workshop)["recordings"] = Directory(house.root / "recordings")  # no Storage is here
        app = await door(control)
        assert await _post(app, bodies[told], secret) == 200
        await process(control)
        # As in the project's workspace: an agent whose call was delivered is known, though nobody has synced it.
        assert set((await backfill(control)).entered) == {missed, late}
        assert (await backfill(control)).entered == ()
        await process(control)
        assert await _post(app, bodies[late] + b" ", secret) == 200, "a webhook that comes after all"
        async with control.within((await control.tenants()).of("acme")) as there:
            store = await there.store()
            assert await missing_sound.fetch(there.api, store, [agent_id], grace=0) == []
            heard = await missing_sound.fetch(there.api, store, [agent_id], owner="acme", grace=0)
        assert sorted(heard) == sorted([told, missed, late])
        await process(control)
    assert house.sql("select distinct tenant from agentctl.events") == [("acme",)]
    assert sorted(house.sql("select tenant, conversation_id from agentctl.calls")) == sorted(
        ("acme", one) for one in (told, missed, late)
    )

    # Nor does it come back, to anybody, once it was forgotten here alone and its agent is gone.
    last = (await house.acme.call(agent_id=agent_id, deliver=False))["conversation_id"]
    async with httpx.AsyncClient(base_url=house.acme.url, headers={"xi-api-key": KEY}) as client:
        assert (await client.delete(f"/v1/convai/agents/{agent_id}")).is_success
    async with house.opened() as control:
        control.tenant = "acme"
        vars(control.workshop)["recordings"] = Directory(house.root / "recordings")
        found = await forget.find(control, told, keep_remote=True)
        assert (await forget.forget(control, found, keep_remote=True)).is_whole
    async with house.opened() as control:
        assert (await backfill(control, datetime.now(UTC) - timedelta(days=1))).entered == (last,)
    assert house.sql("select tenant from agentctl.events where conversation_id in (%s, %s)", told, last) == [("acme",)]


@over_each_wire
async def test_a_valid_key_of_another_workspace_loses_no_call(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    ids, before = house.rows("elevenlabs_agent_id"), int((datetime.now(UTC) - timedelta(hours=3)).timestamp())

    async def worked(key: str, acmes: str) -> tuple[Any, ...]:
        """How the duty stands after a worker that has these keys."""
        house.env(ACME_XI_KEY=acmes)
        house.settings["elevenlabs_api_key"] = key
        house.sql("update agentctl.duties set due_at = now()")
        async with house.opened() as control:
            await worker.run([await duties.job(control)], once=True)
        [duty] = house.sql("select failures, error from agentctl.duties where name = 'backfill'")
        return duty

    assert await worked(house.sandbox.key, KEY) == (0, None)
    house.sql("update agentctl.watermarks set reached_at = now() - interval '4 hours'")
    reached = house.sql("select * from agentctl.watermarks order by 1, 2, 3")
    assert len(reached) == 2
    missed = {
        (tenant, (await sandbox.call(agent_id=ids[row], deliver=False, started_at=before))["conversation_id"])
        for row, tenant, sandbox in ((1, "acme", house.acme), (2, "beta", house.sandbox))
    }
    failures, said = await worked(KEY, house.sandbox.key)
    assert failures == 1
    assert "ELEVENLABS_API_KEY probably opens another workspace; no calls were fetched" in said
    assert "tenant acme's elevenlabs_key (env:ACME_XI_KEY) probably opens another workspace" in said
    assert house.sql("select * from agentctl.watermarks order by 1, 2, 3") == reached
    assert await worked(house.sandbox.key, KEY) == (0, None)
    assert set(house.sql("select tenant, conversation_id from agentctl.events")) == missed


async def test_a_wrong_key_loses_no_call_once_the_last_agent_was_deleted(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    [agent_id], before = await _ids(house.acme), int((datetime.now(UTC) - timedelta(hours=3)).timestamp())
    async with house.opened() as control:
        assert (await backfill(control)).entered == ()
    house.sql("update agentctl.watermarks set reached_at = now() - interval '4 hours'")
    missed = (await house.acme.call(agent_id=agent_id, deliver=False, started_at=before))["conversation_id"]
    house.sql(f"delete from {TABLE} where id = 1")
    assert await house.cli("sync", "--prune", "--yes") == 0
    assert await house.names() == (["Beta"], [])

    # Nobody of ours was ever in the workspace that the key opens, so that what is not there tells nothing.
    async with httpx.AsyncClient(base_url=house.strange.url, headers={"xi-api-key": OTHERS_KEY}) as client:
        made = await client.post("/v1/convai/agents/create", json={"name": "Stranger", "conversation_config": {}})
    stranger = made.raise_for_status().json()["agent_id"]
    await _held(house.strange, stranger)
    await _remove(house.strange, f"agents/{stranger}")
    house.env(ACME_XI_KEY=OTHERS_KEY)
    reached = house.sql("select * from agentctl.watermarks where agent_id = %s", agent_id)
    for _ in "12":
        async with house.opened() as control:
            found = await backfill(control)
        assert (found.entered, found.foreign) == ((), 1)
    assert house.sql("select * from agentctl.watermarks where agent_id = %s", agent_id) == reached
    house.env(ACME_XI_KEY=KEY)
    async with house.opened() as control:
        assert (await backfill(control)).entered == (missed,), "a call of an agent that was here tells that it is here"
    [(last,)] = house.sql("select reached_at from agentctl.watermarks where agent_id = %s", agent_id)
    assert last > datetime.now(UTC) - timedelta(minutes=1)


async def _agent_of_acme(house: House) -> str:
    """One that acme made by hand in its workspace, and that delivers recordings."""
    events = {"workspace_overrides": {"webhooks": {"events": ["transcript", "audio"]}}}
    content = {"name": "By hand", "conversation_config": {}, "platform_settings": events}
    async with httpx.AsyncClient(base_url=house.acme.url, headers={"xi-api-key": KEY}) as client:
        made = await client.post("/v1/convai/agents/create", json=content)
    return str(made.raise_for_status().json()["agent_id"])


async def test_what_came_of_each_workspace_is_told_whatever_became_of_another(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    monkeypatch.setenv("ELEVENLABS_API_KEY", "sk_wrong_and_secret")
    for command in (("plan",), ("sync", "--yes", "--report", str(tmp_path / "report.json")), ("status",)):
        capsys.readouterr()
        assert await house.cli(*command) == 1
        told = capsys.readouterr()
        said = {"plan": "+ agent 1", "sync": "2 done, 0 failed.", "status": "in sync"}[command[0]]
        where = told.out if command == ("status",) else told.err
        assert (said in told.out, "ELEVENLABS_API_KEY" in where) == (True, True)
    assert await house.names() == ([], ["Acme"])
    report = json.loads((tmp_path / "report.json").read_text())
    assert (len(report["done"]), "ELEVENLABS_API_KEY" in str(report["error"])) == (2, True)

    [agent_id] = [one["agent_id"] for one in (await house.there(house.acme)).values()]
    await house.acme.call(agent_id=agent_id, deliver=False)
    await house.cli("tenants", "set", "beta", "--elevenlabs", "env:BETA_XI_KEY")
    assert await house.cli("calls", "backfill") == 2
    told = capsys.readouterr()
    assert "1 were missing" in told.out
    assert "ELEVENLABS_API_KEY" in told.err
    assert "tenant beta: elevenlabs_key: env:BETA_XI_KEY is not set" in told.err
    await house.acme.call(agent_id=agent_id, deliver=False)
    wake = asyncio.Event()
    async with house.opened() as control:
        [fetch] = [duty for duty in duties.duties(control, wake) if duty.name == "backfill"]
        with pytest.raises(ConfigurationError, match="tenant beta"):
            await fetch.carry_out()
    assert wake.is_set()


async def test_check_tells_who_is_there_and_no_secret(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    sid = house.acme.account_sid
    house.env(ACME_XI_KEY=KEY, ACME_SID=sid, ACME_TOKEN=house.acme.auth_token)
    places = ("--elevenlabs", "env:ACME_XI_KEY", "--twilio-account-sid", "env:ACME_SID")
    assert await house.cli("tenants", "set", "acme", *places, "--twilio-auth-token", "env:ACME_TOKEN") == 0
    assert await house.cli("tenants", "check", "acme") == 0
    said = "".join(capsys.readouterr())
    assert "acme: Twilio: " in said
    assert "acme: ElevenLabs: the key may read agents" in said
    assert KEY not in said
    house.env(ACME_XI_KEY="sk_wrong_and_secret", ACME_SID=sid, ACME_TOKEN="token_wrong_and_secret")
    assert await house.cli("tenants", "check") == 1
    said = "".join(capsys.readouterr())
    assert "wrong_and_secret" not in said
    assert "Check tenant acme's elevenlabs_key (env:ACME_XI_KEY), and" in said
    assert "tenant acme's twilio_auth_token (env:ACME_TOKEN)" in said
    assert await house.cli("tenants", "set", "acme", "--elevenlabs", "sk_" + "0a1b2c3d" * 6) == 2
    told = capsys.readouterr().err
    assert ("tenant acme: elevenlabs_key is no reference" in told, "0a1b2c3d" in told) == (True, False)
    # As doctor tells it, whose it is beside what it is.
    assert await house.cli("tenants", "check", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert {(one["tenant"], one["what"].partition(":")[0]) for one in found} == {
        ("acme", "ElevenLabs"), ("acme", "Twilio"),
    }  # fmt: skip
    assert await house.cli("tenants", "list") == 0
    assert "elevenlabs_key env:ACME_XI_KEY" in capsys.readouterr().out


async def test_what_does_not_fit_is_refused_with_its_reason(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    with (house.root / "agentctl.toml").open("a") as file:
        file.write('[environments.stage]\napi_key_env = "STAGE_KEY"\nsmtp_url_env = "STAGE_SMTP"\n')
    assert await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY") == 0
    assert await house.cli("tenants", "set", "beta", "--elevenlabs", "env:BETA_XI_KEY") == 0
    capsys.readouterr()
    for arguments, said in (
        (["beta", "--with", "acme"], "lives in one alone"),
        (["gamma", "--with", "acme", "--elevenlabs", "env:X"], "exclude each other"),
        (["gamma", "--with", "sk_pasted"], "names no tenant that has a workspace of its own\n  There are: acme, beta."),
        (["gamma", "--webhook-secret", "env:X"], "Name its key"),
        (["gamma", "--elevenlabs", "env:ACME_XI_KEY"], "the key of tenant acme already; nothing was stored"),
        (["gamma", "--twilio-account-sid", "env:X"], "is its SID and its token"),
        (
            ["gamma", "--elevenlabs", "env:STAGE_KEY"],
            "env:STAGE_KEY is a setting of the project's own, and no tenant's",
        ),
        (["acme", "--webhook-secret", "env:STAGE_SMTP"], "env:STAGE_SMTP is a setting of the project's own"),
        (["ga mma", "--elevenlabs", "env:X"], "that is no name of a tenant"),
    ):
        assert await house.cli("tenants", "set", *arguments) == 2
        err = capsys.readouterr().err
        assert said in err
        assert "sk_pasted" not in err
    house.env(ACME_XI_KEY="sk_of_both", BETA_XI_KEY="sk_of_both")
    assert await house.cli("tenants", "check", "beta") == 1
    assert "beta: its key is the key of acme, too" in capsys.readouterr().out
    assert await house.cli("tenants", "set", "beta", "--elevenlabs", "", "--with", "acme") == 0
    assert "note: nothing of a tenant" not in capsys.readouterr().err
    await _who_lives_with_another_keeps_its_key_and_has_none(house, capsys)
    assert await house.cli("tenants", "set", "acne", "--elevenlabs", "env:ACNE_XI_KEY") == 0
    assert "note: nothing of a tenant acne is known yet, and its rows have to name" in capsys.readouterr().err
    with (house.root / "agentctl.toml").open("a") as file:
        file.write("[environments.stage\n")
    assert await house.cli("tenants", "set", "gamma", "--elevenlabs", "env:STAGE_KEY") == 2
    assert "nobody can tell which variables are the project's own" in capsys.readouterr().err


async def _who_lives_with_another_keeps_its_key_and_has_none(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """What is refused says who lives there and what to do, and that does it. Beta lives with acme."""
    for keyless in (["unset", "acme", "--yes"], ["set", "acme", "--elevenlabs", ""]):
        for forced in ([], ["--force"]):
            assert await house.cli("tenants", *keyless, *forced) == 2
            err = capsys.readouterr().err
            assert "tenant acme: others live in its workspace, by its key: beta; nothing was changed" in err
            assert 'agentctl tenants set beta --with ""' in err
            assert "--force" not in err
    assert await house.cli("tenants", "set", "beta", "--elevenlabs", "env:BETA_XI_KEY") == 2
    err = capsys.readouterr().err
    assert "tenant beta is in the workspace of acme, and lives in one alone" in err
    assert 'agentctl tenants set beta --with "" --elevenlabs env:NAME' in err
    assert await house.cli("tenants", "set", "beta", "--with", "", "--elevenlabs", "env:BETA_XI_KEY") == 0
    assert await house.cli("tenants", "unset", "acme", "--yes") == 0


async def test_a_tenant_that_nobody_is_opens_no_workspace(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.insert(1, customer="beta")
    assert await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY") == 0
    assert await house.cli("sync", "--yes") == 0
    assert await house.cli("history", "1", "--tenant", "beta") == 0
    capsys.readouterr()
    for command in (["test", "1"], ["history", "1"], ["rollback", "1", "--yes"], ["unhold", "1"]):
        assert await house.cli(*command, "--tenant", "acme") == 2
        assert THERE.format("beta") in capsys.readouterr().err
    for command in (["sync", "--yes", "--prune"], ["history", "1"]):
        assert await house.cli(*command, "--tenant", "acmee") == 2
        assert "there is no tenant 'acmee'" in capsys.readouterr().err


async def test_a_number_is_brought_out_of_its_tenants_account(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    number = "+498999998555"
    await house.acme.add_number(number)
    house.env(GAMMA_SID=house.acme.account_sid, GAMMA_TOKEN=house.acme.auth_token)
    house.insert(1, customer="gamma", title="Gamma", phone=number)
    places = ("--twilio-account-sid", "env:GAMMA_SID", "--twilio-auth-token", "env:GAMMA_TOKEN")
    assert await house.cli("tenants", "set", "gamma", *places) == 0
    assert await house.cli("sync", "--yes") == 0
    assert await house.names() == (["Gamma"], [])
    pasted = f"agentctl import-number --tenant gamma {number} --assistant 1"
    assert pasted in capsys.readouterr().out
    assert await house.cli(*pasted.split()[1:]) == 2, "it asks for a yes"
    assert "Run it again with --yes" in capsys.readouterr().err
    bring = ("import-number", number, "--assistant", "1", "--yes")
    assert await house.cli(*bring) == 2, "never with the project's account"
    assert "Add --tenant gamma." in capsys.readouterr().err
    house.env(GAMMA_SID=house.acme.account_sid)
    assert await house.cli(*bring, "--tenant", "gamma") == 2
    assert "tenant gamma: twilio_auth_token: env:GAMMA_TOKEN is not set" in capsys.readouterr().err


async def test_two_keys_of_one_workspace_do_not_delete_each_others(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    house.env(ACME_XI_KEY=KEY, BETA_XI_KEY=OTHER_KEY)
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes", "--only", "1") == 0
    await house.cli("tenants", "set", "beta", "--elevenlabs", "env:BETA_XI_KEY")
    assert await house.cli("sync", "--yes", "--only", "2") == 1
    assert "the key opens that other one" in capsys.readouterr().out
    assert (await house.due()).failed == 1
    assert str(house.rows("elevenlabs_sync_error")[2]).startswith("nothing is bound in ")
    assert await house.names() == ([], ["Acme"])
    # It has something there, by force.
    assert await house.cli("sync", "--yes", "--prune", "--force", "--tenant", "beta") == 1
    assert "two keys open the same one" in capsys.readouterr().err
    await house.cli("tenants", "set", "beta", "--elevenlabs", "", "--with", "acme")
    assert await house.cli("sync", "--yes", "--prune") == 0
    assert await house.names() == ([], ["Acme", "Beta"])


async def test_who_lives_where_is_asked_once_nobody_else_is_at_work(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "gamma", "--elevenlabs", "env:GAMMA_XI_KEY")
    seen: list[tuple[str, list[str], list[str]]] = []
    moves = {
        "": ("set", "acme", "--elevenlabs", "env:ACME_XI_KEY"),
        "acme": ("unset", "acme", "--yes"),
    }

    @asynccontextmanager
    async def waiting(there: Control) -> AsyncIterator[None]:
        """Somebody moves a tenant while a sync waits for another one."""
        if move := moves.pop(there.access.workspace, None):
            assert await house.cli("tenants", *move) == 0
        yield

    async def body(there: Control, only: Sequence[str]) -> Plan:
        seen.append((there.access.workspace, there.loaded.keys, list(only)))
        return Plan()

    async def look(*only: str) -> Everywhere[Any]:
        seen.clear()
        async with house.opened() as control:
            return await workspaces.everywhere(control, only, body, workspaces.planned, hold=waiting)

    assert (await look()).errors == ()
    assert seen == [("", ["2"], [])], "acme is made in its new workspace alone"
    with pytest.raises(Busy, match="acme has moved to another workspace meanwhile"):
        (await look("1")).checked()
    assert seen == []
    assert (await look("1", "2")).errors == ()
    assert seen == [("", ["1", "2"], ["1", "2"])]


# Each secret that is shown counts.
VAULT = """
create schema vault;
create sequence vault.shown minvalue 0 start 0;
create table vault.secrets (name text unique, secret text);
create view vault.decrypted_secrets as
    select name, secret || repeat('', nextval('vault.shown')::integer) as decrypted_secret from vault.secrets;
"""


async def test_a_look_into_each_workspace_decrypts_what_opens_it_alone(house: House) -> None:
    tenants = [f"tenant-{number}" for number in range(4)]
    house.sql(VAULT)
    try:
        for one in tenants:
            house.sql("insert into vault.secrets values (%s, %s)", one, f"key of {one}")
            await house.cli("tenants", "set", one, "--elevenlabs", f"vault:{one}")

        async def look(there: Control) -> str:
            await directed.whose(there)
            return there.access.workspace

        async with house.opened() as control:
            assert (await in_each(control, look)).checked() == ("", *tenants)
        shown = house.sql("select nextval('vault.shown')")[0][0]
        assert shown == 2 * len(tenants), "all at once, and each anew where it is visited"
    finally:
        house.sql("drop schema vault cascade")


async def test_knowledge_is_that_of_the_workspace_that_was_named(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, tenant in enumerate(("acme", "beta"), 1):
        house.insert(number, customer=tenant, title=tenant, documentation={"knowledge_base": f"Prices of {tenant}."})
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    for key, whose in ("1", ("--tenant", "acme")), ("2", ()):
        capsys.readouterr()
        assert await house.cli("knowledge", "list", "--json", *whose) == 0
        [document] = json.loads(capsys.readouterr().out)
        assert (document["key"].partition("/")[0], document["declared"]) == (key, True)
        assert await house.cli("knowledge", "refresh", *whose) == 0
        assert "No document has a url." in capsys.readouterr().out


async def test_what_is_said_of_a_tenants_workspace_can_be_pasted_as_it_is(
    house: House, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    for sandbox in (house.sandbox, house.acme):
        for one in (await house.there(sandbox)).values():
            if one["name"] in ("Acme", "Beta"):
                _edit(sandbox, one["agent_id"])
    capsys.readouterr()
    report = tmp_path / "report.json"
    assert await house.cli("sync", "--yes", "--report", str(report)) == 3
    told = capsys.readouterr().out
    ways = re.findall(r"agentctl sync .*--take-ours[^;\n]*", told)
    assert ways == ["agentctl sync --take-ours --only 2", "agentctl sync --tenant acme --take-ours --only 1"]
    assert await house.cli(*ways[1].split()[1:], "--yes") == 0
    assert (await house.names())[1] == ["Acme"]
    assert "Edited" in (await house.names())[0], "that was another's"
    assert await house.cli("status") == 0


def _edit(sandbox: Sandbox, agent_id: str) -> None:
    url, headers = f"{sandbox.url}/v1/convai/agents/{agent_id}", {"xi-api-key": sandbox.key}
    httpx.patch(url, json={"name": "Edited"}, headers=headers, trust_env=False).raise_for_status()


async def test_doctor_looks_into_each_workspace_and_says_whose_each_finding_is(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    house.env(ACME_XI_KEY=KEY)
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY", "--webhook-secret", "env:ACME_SIGN")
    await house.cli("tenants", "set", "beta", "--elevenlabs", "env:BETA_XI_KEY")
    assert await house.cli("sync", "--yes", "--only", "1") == 0
    [agent_id] = (await house.acme.state())["agents"]
    # Nobody lives in the project's workspace, which has no key.
    monkeypatch.delenv("ELEVENLABS_API_KEY")

    async def found() -> dict[tuple[str, str], dict[str, str]]:
        capsys.readouterr()
        assert await house.cli("doctor", "--json") == 1
        told = json.loads(capsys.readouterr().out)["findings"]
        of: dict[tuple[str, str], dict[str, str]] = {}
        for one in told:
            of.setdefault((one.get("tenant", ""), one["subject"]), {})[one["state"]] = f"{one['what']} {one['remedy']}"
        return of

    seen = await found()
    assert seen["", "elevenlabs"].keys() == {"skipped"}
    assert "in workspaces of tenants: 1, 2" in seen["", "project"]["ok"]
    assert seen["acme", "agents"] == {"ok": f"1 is {agent_id} "}
    assert "the key is of Sandbox" in seen["acme", "elevenlabs"]["ok"]
    assert "env:ACME_SIGN is not set" in seen["acme", "webhook"]["broken"]
    assert "agentctl webhook register --tenant acme URL" in seen["acme", "webhook"]["warning"]
    # What does not open keeps nothing else from being looked at.
    assert "env:BETA_XI_KEY is not set" in seen["beta", "elevenlabs"]["broken"]
    assert seen["beta", "agents"] == {"skipped": "not examined: it needs elevenlabs "}
    assert ("", "mail") in seen

    _delete(house.acme, agent_id)
    house.env(ACME_XI_KEY=KEY, ACME_SIGN="wsec_of_acme")
    seen = await found()
    assert seen["acme", "agents"]["broken"].endswith("agentctl sync --tenant acme --take-ours --only 1")
    assert "broken" not in seen["acme", "webhook"]
    capsys.readouterr()
    assert await house.cli("doctor") == 1
    assert f"agents      acme: 1: its agent {agent_id} is gone at ElevenLabs" in capsys.readouterr().out


async def test_a_webhook_of_a_workspace_in_which_nobody_lives_any_more_is_no_trouble(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.insert(1, customer="acme", title="Acme")
    await house.cli("webhook", "register", "https://phone.example.org/webhooks/elevenlabs", "--json")
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", json.loads(capsys.readouterr().out)["secret"])
    assert await house.cli("doctor") == 1
    assert "no agent is synced, so that nothing can be delivered" in capsys.readouterr().out
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    assert await house.names() == ([], ["Acme"])
    for command in ("doctor", "webhook status"):
        capsys.readouterr()
        assert await house.cli(*command.split()) == 0, capsys.readouterr()


async def test_the_project_needs_no_webhook_where_nobody_lives_in_its_workspace(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ELEVENLABS_WEBHOOK_SECRET", raising=False)
    house.insert(1, customer="acme", title="Acme")
    house.env(ACME_XI_KEY=KEY, ACME_SIGN="wsec_of_acme")

    async def told(*command: str) -> tuple[int, Any]:
        capsys.readouterr()
        return await house.cli(*command, "--json"), json.loads(capsys.readouterr().out)

    async def seen() -> dict[str, str]:
        found = (await told("doctor"))[1]["findings"]
        return {one["what"]: one["state"] for one in found if one["subject"] == "webhook" and "tenant" not in one}

    unset = "ELEVENLABS_WEBHOOK_SECRET is not set: a door with these settings refuses"
    assert (await told("webhook", "status"))[0] == 1
    assert await seen() == {f"{unset} everything": "warning", "none is registered": "warning"}
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY", "--webhook-secret", "env:ACME_SIGN")
    code, status = await told("webhook", "status")
    assert (code, status["ok"], status["exists"], status["problems"]) == (0, True, False, [])
    assert await seen() == {"none is registered, and none is needed: no assistant is in this workspace": "skipped"}
    assert (await told("webhook", "status", "--tenant", "acme"))[0] == 1
    house.insert(2, customer="beta", title="Beta")
    assert await seen() == {
        f"{unset} all but what workspaces of tenants sign": "warning", "none is registered": "warning",
    }  # fmt: skip
    house.sql(f"delete from {TABLE} where id = 2")
    monkeypatch.delenv("ELEVENLABS_API_KEY")
    assert await house.cli("webhook", "status") == 0
    assert "none is needed" in capsys.readouterr().out


async def test_doctor_looks_for_a_number_in_the_account_of_its_tenant(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.env(GAMMA_SID="AC" + "9" * 32, GAMMA_TOKEN="wrong_and_secret")
    house.insert(1, customer="gamma", title="Gamma", phone="+498999998555")
    places = ("--twilio-account-sid", "env:GAMMA_SID", "--twilio-auth-token", "env:GAMMA_TOKEN")
    await house.cli("tenants", "set", "gamma", *places)
    assert await house.cli("sync", "--yes") == 0
    capsys.readouterr()
    assert await house.cli("doctor") == 1
    said = capsys.readouterr().out
    assert "agentctl import-number --tenant gamma +498999998555 --assistant 1" in said
    assert "Check tenant gamma's twilio_account_sid (env:GAMMA_SID)" in said
    assert said.count("+498999998555 is not at ElevenLabs yet") == 1
    assert "wrong_and_secret" not in said


def _delete(sandbox: Sandbox, agent_id: str) -> None:
    url, headers = f"{sandbox.url}/v1/convai/agents/{agent_id}", {"xi-api-key": sandbox.key}
    httpx.delete(url, headers=headers, trust_env=False).raise_for_status()


async def test_status_shows_each_row_and_why_one_cannot_be_looked_at(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0

    async def found(*more: str) -> dict[str, tuple[str, str]]:
        capsys.readouterr()
        assert await house.cli("status", "--json", *more) == 1
        told = json.loads(capsys.readouterr().out)
        return {one["assistant"]: (one["state"], " ".join(one["what"])) for one in told}

    house.env()
    seen = await found()
    assert (seen["2"], seen["1"][0]) == (("in sync", ""), "error")
    assert seen["1"][1].startswith("tenant acme: elevenlabs_key: env:ACME_XI_KEY is not set. Set what it refers to")
    assert (await found("--tenant", "acme")).keys() == {"1"}
    house.env(ACME_XI_KEY=KEY)
    monkeypatch.delenv("ELEVENLABS_API_KEY")
    seen = await found()
    assert (seen["1"], seen["2"][0]) == (("in sync", ""), "error")
    assert seen["2"][1].startswith("ELEVENLABS_API_KEY: is not set. Set it in the environment")


@over_each_wire
async def test_what_works_in_the_projects_workspace_alone_says_so_of_a_tenants(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    assert await house.cli("sync", "--yes") == 0
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    (house.root / "assistants/mine").mkdir(parents=True)
    (house.root / "assistants/mine/assistant.toml").write_text(FILES)
    (house.root / "assistants/mine/prompt.md").write_text("Help.")
    with (house.root / "agentctl.toml").open("a") as file:
        file.write("[environments.staging]\n")
    theirs = "1 is of tenant acme, whose agents are in another workspace; nothing was done"
    for command, said in (
        (("pull", "1"), f"{theirs}\n  It is declared in a row, which only its product writes."),
        (("pull", "1"), "agentctl sync --tenant acme --take-ours --only 1"),
        (("rename", "1", "2"), "1 is the key of a row of tenant acme, and the key of a row does not change"),
        (("rename", "mine", "1"), "1 is the key of a row of tenant acme"),
        (("promote", "production", "staging", "1"), "is the source of environment production"),
        (("up", "--only", "1"), f"{theirs}\n  agentctl up is for the project's workspace. There: agentctl sync"),
    ):
        capsys.readouterr()
        assert await house.cli(*command, "--yes") == 2
        assert said in capsys.readouterr().err
    # What it has left behind is nobody's to take into files.
    assert await house.cli("pull", "--all", "--yes") == 0
    assert [one.name for one in (house.root / "assistants").iterdir()] == ["mine"]
    shutil.rmtree(house.root / "assistants/mine")
    capsys.readouterr()
    assert await house.cli("up", "--yes") == 2
    assert "every assistant is in the workspace of a tenant" in capsys.readouterr().err


async def test_swapped_keys_make_nothing_in_another_tenants_workspace(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, tenant in enumerate(("acme", "acme", "beta", "beta"), 1):
        house.insert(number, customer=tenant, title=f"{tenant} {number}")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    before, ids = await house.names(), house.rows("elevenlabs_agent_id")
    house.insert(5, customer="acme", title="acme 5")
    house.env(ACME_XI_KEY=house.sandbox.key)
    monkeypatch.setenv("ELEVENLABS_API_KEY", KEY)
    for more in ((), ("--only", "5"), ("--take-ours",)):
        capsys.readouterr()
        assert await house.cli("sync", "--yes", *more) == 1
        assert "the key opens that other one" in capsys.readouterr().out
    assert await house.names() == before
    assert house.rows("elevenlabs_agent_id") == {**ids, 5: None}
    assert "the key opens that other one" in house.rows("elevenlabs_sync_error")[5]
    house.env(ACME_XI_KEY=KEY)
    monkeypatch.setenv("ELEVENLABS_API_KEY", house.sandbox.key)
    assert await house.cli("sync", "--yes") == 0
    assert await house.names() == (before[0], [*before[1], "acme 5"])


@over_each_wire
async def test_a_row_with_the_key_of_a_file_is_wrong_wherever_its_tenant_lives(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = house.root / "assistants" / "1"
    folder.mkdir(parents=True)
    (folder / "assistant.toml").write_text('name = "Reception"\n')
    (folder / "prompt.md").write_text("Of the file.\n")
    assert await house.cli("sync", "--yes") == 0
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="acme", title="Other")

    async def prompt() -> str:
        [mine] = (await house.there(house.sandbox)).values()
        return str(mine["conversation_config"]["agent"]["prompt"]["prompt"])

    for number, sync in enumerate((("sync", "--yes"), ("sync", "--yes", "--only", "1"), ("sync", "--yes", "--prune"))):
        (folder / "prompt.md").write_text(f"Changed {number}.\n")
        capsys.readouterr()
        assert await house.cli(*sync) == 1
        said = capsys.readouterr().out
        assert f"table {TABLE}, row 1" in said
        assert "is the key of assistants/1" in said
        assert f"Changed {number}." in await prompt()
        assert await house.names() == (["Reception"], ["Other"])
    told = house.rows("elevenlabs_agent_id", "elevenlabs_sync_error")[1]
    assert (told[0], "is the key of assistants/1" in told[1]) == (None, True)
    # A worker says so, too, and makes what the file declares.
    house.sql(f"update {TABLE} set elevenlabs_sync_error = null, title = 'Acme AG' where id = 1")
    (folder / "prompt.md").write_text("Changed again.\n")
    assert (await house.due()).failed == 1
    assert "Changed again." in await prompt()
    assert house.rows("elevenlabs_agent_id", "elevenlabs_sync_error")[1] == told
    house.sql(f"delete from {TABLE} where id = 1")
    assert await house.cli("sync", "--yes") == 0
    assert await house.names() == (["Reception"], ["Other"])


async def test_what_is_put_away_or_was_left_is_no_gap_that_a_sync_were_to_close(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    house.insert(3, customer="beta", title="Gone")
    assert (await house.due()).failed == 0
    house.sql(f"delete from {TABLE} where id = 3")
    assert (await house.due()).failed == 0
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("webhook", "register", f"https://door.example.org{PATH}", "--yes") == 0
    assert await house.cli("sync", "--yes") == 0
    capsys.readouterr()
    assert await house.cli("webhook", "status") == 1
    said = capsys.readouterr().out
    assert "agent 1 delivers to no webhook, not to ours: it is no longer declared here; to have it deleted" in said
    assert "agent 3" not in said
    assert await house.cli("sync", "--yes", "--prune") == 0
    assert await house.cli("webhook", "status") == 0


async def test_whose_tenant_has_moved_back_has_no_agent_here_and_was_synced_all_the_same(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.insert(1, customer="acme", title="Acme")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    assert await house.cli("tenants", "unset", "acme", "--force", "--yes") == 0
    register = ("webhook", "register", f"https://door.example.org{PATH}", "--yes")
    capsys.readouterr()
    assert await house.cli(*register) == 0
    said = capsys.readouterr().out
    assert "Without an agent in this workspace yet: 1; agentctl sync makes agents that deliver to it." in said
    assert "ot synced" not in said
    assert await house.cli("sync", "--yes") == 0
    capsys.readouterr()
    assert await house.cli(*register) == 0
    assert "It gets the calls of: 1." in capsys.readouterr().out


async def test_what_a_wrong_key_does_not_find_is_not_said_to_be_gone(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    [agent_id], [other] = await _ids(house.acme), await _ids(house.sandbox)
    ours, gone = [await _held(house.acme, agent_id) for _ in range(2)]
    betas = await _held(house.sandbox, other)
    async with house.opened() as control:
        assert {*(await backfill(control)).entered} == {ours, gone, betas}
    await _remove(house.acme, f"conversations/{gone}")

    house.env(ACME_XI_KEY=OTHERS_KEY)
    done = await _forgotten(house, ours, "acme")
    assert [(who, type(why)) for who, why in done.failed] == [(ours, Elsewhere)]
    house.env(ACME_XI_KEY=KEY)
    house.settings["elevenlabs_api_key"] = OTHERS_KEY
    done = await _forgotten(house, betas, "beta")
    assert [(who, type(why)) for who, why in done.failed] == [(betas, Elsewhere)]
    house.settings["elevenlabs_api_key"] = house.sandbox.key
    assert house.sql("select conversation_id from agentctl.events") == [(gone,)]
    assert await _remembered(house) == sorted([ours, betas])

    for one, tenant in ((ours, "acme"), (betas, "beta")):
        done = await _forgotten(house, one, tenant)
        assert (done.remote, done.failed) == (1, ())
    done = await _forgotten(house, gone, "acme")
    assert (done.remote, done.failed) == (0, ()), "its agent is there, and it is not"
    for sandbox in (house.acme, house.sandbox):
        assert (await sandbox.state())["conversations"] == {}
    assert await _remembered(house) == []


async def test_what_is_of_no_agent_any_more_is_erased_wherever_it_came_from(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    house.insert(2, customer="beta", title="Beta")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    async with house.opened() as control, control.within((await control.tenants()).of("acme")) as there:
        body = {"conversation_config": {}, "name": "private"}
        private = (await there.api.post("/v1/convai/agents/create", json=body))["agent_id"]
        calls = [await _held(house.acme, private) for _ in range(2)]
        bound = await _held(house.acme, (await there.bindings()).of("agent")["1"])
        for one in (*calls, bound):
            payload = as_event(await _conversation(house, one))
            await inbox.accept(await control.store(), payload, inbox.peek(payload), "webhook")
    house.sql("update agentctl.events set tenant = 'default'")
    assert (await _forgotten(house, bound)).remote == 1
    await _remove(house.acme, f"agents/{private}")
    await _remove(house.acme, f"conversations/{calls[1]}")

    house.env()
    done = await _forgotten(house, calls[0])
    assert [who for who, _ in done.failed] == [calls[0]]
    assert "tenant acme" in str(done.failed[0][1])
    house.env(ACME_XI_KEY=KEY)
    done = await _forgotten(house, calls[0])
    assert (done.remote, done.failed) == (1, ())
    done = await _forgotten(house, calls[1])
    assert (done.remote, done.failed) == (0, ()), "it is nowhere, and each workspace is known by its agents"
    assert await _remembered(house) == []


@over_each_wire
async def test_a_call_is_erased_where_its_tenant_lived_with_another(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, tenant in enumerate(("acme", "delta", "beta"), 1):
        house.insert(number, customer=tenant, title=tenant)
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    await house.cli("tenants", "set", "delta", "--with", "acme")
    assert await house.cli("sync", "--yes") == 0
    agent_id = (await house.there(house.acme))["delta"]["agent_id"]
    told, gone = [await _held(house.acme, agent_id) for _ in "12"]
    async with house.opened() as control:
        vars(control.workshop)["recordings"] = Directory(house.root / "recordings")  # no Storage is here
        assert {*(await backfill(control)).entered} == {told, gone}
        await process(control)
    assert await house.cli("tenants", "unset", "delta", "--yes") == 0
    house.env()
    assert await house.cli("calls", "forget", told, "--tenant", "delta", "--yes") == 2
    assert "/acme, which no key opens; nothing was erased" in capsys.readouterr().err
    house.env(ACME_XI_KEY=KEY)
    assert (await _forgotten(house, told, "delta")).remote == 1
    assert told not in (await house.acme.state())["conversations"]
    await _remove(house.acme, f"conversations/{gone}")
    done = await _forgotten(house, gone, "delta")
    assert (done.remote, done.failed) == (0, ()), "its agent is known to be there, and it is not"


async def test_what_a_tenant_signs_of_anothers_agent_is_forgotten_here(house: House) -> None:
    house.env(ACME_XI_KEY=KEY, BETA_XI_KEY=OTHERS_KEY, ACME_SIGN="wsec_of_acme")
    for number, tenant in enumerate(("acme", "beta"), 1):
        house.insert(number, customer=tenant, title=tenant)
        await house.cli("tenants", "set", tenant, "--elevenlabs", f"env:{tenant.upper()}_XI_KEY")
    await house.cli("tenants", "set", "acme", "--webhook-secret", "env:ACME_SIGN")
    assert await house.cli("sync", "--yes") == 0
    theirs = await _held(house.strange, (await house.there(house.strange))["beta"]["agent_id"])
    async with house.opened() as control:
        vars(control.workshop)["recordings"] = Directory(house.root / "recordings")  # no Storage is here
        async with control.within((await control.tenants()).of("beta")) as there:
            body = as_event(await there.api.get(f"/v1/convai/conversations/{theirs}"))
        assert await _post(await door(control), body, SecretStr("wsec_of_acme")) == 200
        await process(control)
    assert house.sql("select tenant from agentctl.calls") == [("acme",)]
    done = await _forgotten(house, theirs, "acme")
    assert (done.remote, done.failed) == (0, ()), "beta's workspace is no place of acme's"
    assert house.sql("select tenant from agentctl.calls") == []
    assert theirs in (await house.strange.state())["conversations"]


@over_each_wire
async def test_a_key_that_nothing_proves_deletes_nothing_of_strangers(house: House) -> None:
    house.insert(1, customer="acme", title="Acme")
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    async with httpx.AsyncClient(base_url=house.strange.url, headers={"xi-api-key": OTHERS_KEY}) as client:
        made = await client.post("/v1/convai/agents/create", json={"name": "Stranger", "conversation_config": {}})
    strangers = await _held(house.strange, made.json()["agent_id"])
    house.env(ACME_XI_KEY=OTHERS_KEY)
    done = await _forgotten(house, strangers, "acme")
    assert [(who, type(why)) for who, why in done.failed] == [(strangers, Elsewhere)]
    assert strangers in (await house.strange.state())["conversations"]

    house.env(ACME_XI_KEY=KEY)
    [agent_id] = await _ids(house.acme)
    ours = await _held(house.acme, agent_id)
    await _remove(house.acme, f"agents/{agent_id}")
    assert (await _forgotten(house, ours, "acme")).remote == 1, "whose agent was called tells, though it is gone"


@pytest.mark.parametrize("second", ["of acme", "of the project"])
async def test_a_second_key_of_a_workspace_fetches_and_deletes_nothing_of_others(
    house: House, capsys: pytest.CaptureFixture[str], second: str
) -> None:
    theirs = house.acme if second == "of acme" else house.sandbox
    house.env(ACME_XI_KEY=KEY, GAMMA_XI_KEY=theirs.options.read_only_key)
    for number, tenant in enumerate(("acme", "default"), 1):
        house.insert(number, customer=tenant, title=tenant)
    await house.cli("tenants", "set", "acme", "--elevenlabs", "env:ACME_XI_KEY")
    assert await house.cli("sync", "--yes") == 0
    async with house.opened() as control:
        body, owner = {"name": "By hand", "conversation_config": {}}, "acme" if theirs is house.acme else "default"
        async with control.within((await control.tenants()).of(owner)) as there:
            private = (await there.api.post("/v1/convai/agents/create", json=body))["agent_id"]
        told, missed = [await _held(theirs, private) for _ in "12"]
        payload = as_event((await theirs.state())["conversations"][told]["data"])
        await inbox.accept(store_of(await control.store(), owner), payload, inbox.peek(payload), "webhook")
    await _remove(theirs, f"agents/{private}")
    await house.cli("tenants", "set", "gamma", "--elevenlabs", "env:GAMMA_XI_KEY")

    async def looked() -> str:
        async with house.opened() as control:
            with pytest.raises(Elsewhere) as refused:
                await backfill(control, datetime.now(UTC) - timedelta(days=1))
        return str(refused.value)

    key = "tenant gamma's elevenlabs_key (env:GAMMA_XI_KEY) opens that other one"
    done = await _forgotten(house, missed, "gamma")
    assert f"{key}; it was not deleted there" in str(done.failed)
    assert f"{key}; no calls were fetched" in await looked()
    both = sorted([(owner, told), (owner, missed)])
    assert sorted(house.sql("select tenant, conversation_id from agentctl.events")) == both
    house.insert(4, customer="gamma", title="gamma")
    assert f"{key}; no calls were fetched" in await looked()
    assert {told, missed} <= set((await theirs.state())["conversations"])
    assert sorted(house.sql("select tenant, conversation_id from agentctl.events")) == both
    # Once it is shared as it should be, nothing is gone, and there is one call of each.
    await house.cli("tenants", "set", "gamma", "--elevenlabs", "", *(("--with", "acme") if owner == "acme" else ()))
    assert await house.cli("calls", "backfill", "--since", "1d") == 0
    assert sorted(house.sql("select tenant, conversation_id from agentctl.events")) == both
    assert (await _forgotten(house, missed, owner)).remote == 1


async def test_what_two_tenants_keys_of_one_workspace_fetch_is_one_call(house: House) -> None:
    house.env(ACME_XI_KEY=KEY, GAMMA_XI_KEY=OTHER_KEY)
    for tenant in ("acme", "gamma"):
        await house.cli("tenants", "set", tenant, "--elevenlabs", f"env:{tenant.upper()}_XI_KEY")
    private = await _agent_of_acme(house)
    missed = await _held(house.acme, private)
    await _remove(house.acme, f"agents/{private}")
    async with house.opened() as control:
        vars(control.workshop)["recordings"] = Directory(house.root / "recordings")  # no Storage is here
        since = datetime.now(UTC) - timedelta(days=1)
        for processed in (False, True):
            assert (await backfill(control, since)).entered == (() if processed else (missed,))
            await process(control)
    assert len(house.sql("select tenant from agentctl.calls")) == 1


async def _ids(sandbox: Sandbox) -> list[str]:
    return [*(await sandbox.state())["agents"]]


async def _held(sandbox: Sandbox, agent_id: str) -> str:
    return str((await sandbox.call(agent_id=agent_id, deliver=False, audio=False))["conversation_id"])


async def _remove(sandbox: Sandbox, what: str) -> None:
    async with httpx.AsyncClient(trust_env=False, headers={"xi-api-key": sandbox.key}) as client:
        (await client.delete(f"{sandbox.url}/v1/convai/{what}")).raise_for_status()


async def _forgotten(house: House, which: str, tenant: str | None = None) -> forget.Forgotten:
    async with house.opened() as control:
        control.tenant = tenant
        vars(control.workshop)["recordings"] = Directory(house.root / "recordings")  # no Storage is here
        return await forget.forget(control, await forget.find(control, which))


async def _remembered(house: House) -> list[str]:
    return [one for (one,) in house.sql("select conversation_id from agentctl.remains order by 1")]
