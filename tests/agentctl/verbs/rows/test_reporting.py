"""A product's table, synced: rows become agents, and each row is told what became of it; over both transports."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentctl.errors import StoreError, UsageError
from agentctl.sandbox.harness import running
from agentctl.verbs.examination import own_side
from agentctl.verbs.numbers.takeover import look
from agentctl.verbs.pulling.pull import pull
from agentctl.verbs.reading import read
from agentctl.verbs.rekeying.rename import look as renaming
from agentctl.verbs.rows.adopt import look as adopting
from agentctl.verbs.status import status
from tests.databases import Databases
from tests.product import BACK, MADE, MAPPING, PROJECT, TABLE, Product

pytestmark = pytest.mark.anyio


@pytest.fixture
def lender(lender: Databases) -> Databases:
    return lender.after(MADE + BACK)


@pytest.fixture(params=["postgres", "supabase"])
async def product(tmp_path: Path, dsn: str, request: pytest.FixtureRequest) -> AsyncIterator[Product]:
    store: dict[str, Any] = {}
    if request.param == "supabase":
        api = request.getfixturevalue("supabase_api")
        store = {"supabase_url": api.url, "supabase_service_role_key": api.service_key}
    async with running() as sandbox:
        with closing(Product(tmp_path, dsn, sandbox, **store)) as made:
            yield made


async def test_rows_become_agents_and_are_told_what_became_of_them(product: Product) -> None:
    await product.sandbox.add_number("+498999998100")
    product.insert(
        1,
        behavior_prompt="Du bist [[ kein Jinja ]] [% if %] {{system__caller_id}}.",
        documentation={"knowledge_base": [{"title": "Zeiten", "text": "Mo-Fr"}, "Parken im Hof"]},
        voice_settings={"voice_id": "Polly.Vicki", "stability": 0.4, "provider": "polly"},
        phone="+49 89 9999-8100",
        locale="de-DE",
        notify="buero@example.org",
    )
    product.insert(2, documentation={"knowledge_base": "Ein Text."}, voice_settings="cjVigY5qzO86Huf0OWal")
    product.insert(3, behavior_prompt="Sag {{vorname}} hallo.", documentation={})
    product.insert(4, behavior_prompt=" ")
    product.insert(5, active=False)

    plan = await product.plan()
    told = [str(notice) for notice in plan.notices]
    assert any("row 3: prompt: uses {{vorname}}" in one for one in told), told
    assert any("row 5: is disabled and has no agent" in one for one in told), told
    assert product.rows("elevenlabs_sync_error") == dict.fromkeys(range(1, 6)), "a plan writes nothing"

    applied = await product.sync()
    assert [str(one.error.message) for one in applied.failures] == [
        f"table {TABLE}, row 4: prompt (column behavior_prompt): is missing"
    ]
    told = product.rows("elevenlabs_agent_id", "elevenlabs_phone_number_id", "elevenlabs_sync_error")
    agents = await product.agents()
    assert {row[0] for row in told.values() if row[0]} == agents.keys()
    assert [told[n][0] is not None for n in range(1, 6)] == [True, True, True, False, False]
    assert told[1][1] is None, "the number waits for its import"
    assert told[4] == (None, None, "prompt (column behavior_prompt): is missing")
    first = agents[told[1][0]]["conversation_config"]
    assert first["agent"]["prompt"]["prompt"] == "Du bist [[ kein Jinja ]] [% if %] {{system__caller_id}}."
    assert (first["agent"]["language"], first["tts"]["voice_id"]) == ("de", "cjVigY5qzO86Huf0OWal")
    assert sorted(one["name"] for one in first["agent"]["prompt"]["knowledge_base"]) == ["Zeiten", "knowledge_base 2"]
    assert set(product.rows("updated").values()) == {0}, "writing back is no edit"

    before = product.rows("elevenlabs_synced_at", "xmin::text")
    await product.sandbox.clear_log()
    applied = await product.sync()
    assert (applied.done, await product.writes()) == ((), [])
    assert product.rows("elevenlabs_synced_at", "xmin::text") == before, "nothing to do writes nothing"

    await product.bring("+498999998100", "1")
    await product.sync()
    assert product.rows("elevenlabs_phone_number_id")[1] in (await product.sandbox.state())["numbers"]

    before = product.rows("elevenlabs_synced_at", "xmin::text")
    product.sql(f"update {TABLE} set active = false where id = 4")
    assert (await product.sync()).ok
    assert product.rows("elevenlabs_sync_error")[4] is None, "what is disabled and was never made is no error"

    product.sql(f"update {TABLE} set behavior_prompt = 'Neu.', active = true where id in (2, 4)")
    applied = await product.sync()
    assert applied.ok
    after = product.rows("elevenlabs_synced_at", "elevenlabs_sync_error")
    assert [after[n][0] != before[n][0] for n in range(1, 6)] == [False, True, False, True, False]
    assert {row[1] for row in after.values()} == {None}
    assert len(await product.agents()) == 4


async def test_an_agent_that_a_row_names_is_adopted_and_never_made_twice(product: Product) -> None:
    product.insert(1)
    product.insert(2)
    await product.sync()
    first, second = product.rows("elevenlabs_agent_id").values()
    # As after a crash between the create and this, and as in a store that has never seen these agents.
    product.sql(f"update {TABLE} set elevenlabs_agent_id = null, elevenlabs_synced_at = null where id = 1")
    await product.sandbox.clear_log()
    assert (await product.sync()).done == ()
    assert (product.rows("elevenlabs_agent_id")[1], await product.writes()) == (first, [])

    made = await product.sandbox.state()
    made["agents"][second]["tags"] = []
    await product.sandbox.reset(made)
    product.sql("delete from agentctl.bindings where key = '2'; delete from agentctl.assistants where key = '2'")
    product.sql(f"update {TABLE} set title = 'Neu' where id = 2")
    plan = await product.plan()
    assert [(one.action, one.observed.remote_id) for one in plan.changes if one.desired.kind == "agent"] == [
        ("update", second)
    ]
    assert any(f"row 2: names agent {second}" in str(one) for one in plan.notices)
    assert (await product.sync()).ok
    assert sorted(await product.agents()) == sorted([first, second])
    assert (await product.agents())[second]["name"] == "Neu"


async def test_a_row_takes_nothing_that_is_somebody_elses(product: Product) -> None:
    await product.sandbox.add_number("+498999998100")
    product.insert(1, phone="+498999998100")
    await product.sync()
    await product.bring("+498999998100", "1")
    first = product.rows("elevenlabs_agent_id")[1]
    (other,) = [key for key in (await product.agents()) if key == first]
    product.insert(2, elevenlabs_agent_id=other)
    product.insert(3, elevenlabs_agent_id="agent_gone")
    product.insert(4, elevenlabs_agent_id="../x")
    product.insert(5, elevenlabs_agent_id="agent_y")
    product.insert(6, elevenlabs_agent_id="agent_y")
    product.insert(7, phone="+498999998100")
    product.sql(f"update {TABLE} set elevenlabs_phone_number_id = 'phnum_1' where id = 7")
    product.insert(8, customer=" ")
    deep = "jsonb_build_object('knowledge_base', (repeat('[', 1500) || repeat(']', 1500))::jsonb)"
    product.sql(f"insert into {TABLE} (id, documentation) values (10, {deep})")
    product.sql(f"alter table {TABLE} add column raw json, add column more json")
    (product.root / "agentctl.toml").write_text(PROJECT + MAPPING.replace("name =", 'privacy = "more"\nname ='))
    product.insert(11)
    product.sql(f"update {TABLE} set more = ('{{\"x\": ' || repeat('1', 5000) || '}}')::json where id = 11")
    product.insert(12)
    odd = '{"x": "\\u0000"}'
    product.sql(f"update {TABLE} set raw = '{odd}', more = '{odd}' where id = 12")
    product.insert(9)
    folder = product.root / "assistants" / "9"
    folder.mkdir(parents=True)
    (folder / "assistant.toml").write_text('name = "Neun"\n')
    (folder / "prompt.md").write_text("Aus der Datei.\n")
    applied = await product.sync()
    assert not applied.ok
    told = product.rows("elevenlabs_sync_error")
    assert told[1] is None
    assert told[2].endswith("is named by another assistant too; empty it to have an agent made")
    assert "names agent_gone, which is not there" in told[3]
    assert product.rows("elevenlabs_agent_id")[3] == "agent_gone", "what somebody wrote stays until it is mended"
    assert told[4] == "agent_id: is no id of an agent; empty it to have one made"
    assert {told[5], told[6]} == {"agent_id: agent_y is named by another assistant too; empty it to have an agent made"}
    way = "agentctl import-number +498999998100 --assistant 7 gives it to this one"
    assert told[7] == f"phone.numbers: +498999998100 is declared by 1, too, which has it; {way}"
    assert product.rows("elevenlabs_phone_number_id")[7] is None
    assert told[10] == "is nested too deep"
    assert "is a whole number beyond 64 bits" in told[11]
    assert told[12].startswith("privacy (column more): unknown key 'x'")
    assert told[8] == "tenant (column customer): is missing"
    assert told[9] == "'9' is the key of assistants/9/assistant.toml too: one assistant is declared in one place"
    assert sorted(one["name"] for one in (await product.agents()).values()) == ["Assistant 1", "Assistant 7", "Neun"]
    assert [one["agent_id"] for one in (await product.sandbox.state())["numbers"].values()] == [first]

    product.sql(f"delete from {TABLE} where id > 9")
    product.sql(
        f"update {TABLE} set elevenlabs_agent_id = null, phone = null, customer = 'acme' where id < 9 and id > 1"
    )
    assert (await product.sync("[1-8]")).ok
    assert [told for told in product.rows("elevenlabs_sync_error").values() if told][:-1] == []


async def test_a_wrong_row_keeps_its_agent_and_a_disabled_one_its_own(product: Product) -> None:
    await product.sandbox.add_number("+498999998100")
    product.insert(1, phone="+498999998100")
    product.insert(2)
    await product.sync()
    await product.bring("+498999998100", "1")
    await product.sync()
    product.sql(f"update {TABLE} set behavior_prompt = null where id = 2")
    product.sql(f"update {TABLE} set active = false where id = 1")
    plan = await product.plan(prune=True)
    assert [(one.action, one.desired.kind) for one in plan.changes] == [("update", "phone_number")]
    assert plan.orphans == ()
    await product.sync(prune=True)
    state = await product.sandbox.state()
    assert len(state["agents"]) == 2
    assert [one["agent_id"] for one in state["numbers"].values()] == [None]
    assert product.rows("elevenlabs_agent_id")[1] in state["agents"]

    product.sql(f"update {TABLE} set active = true where id = 1")
    await product.sync()
    state = await product.sandbox.state()
    assert [one["agent_id"] for one in state["numbers"].values()] == [product.rows("elevenlabs_agent_id")[1]]

    product.sql(f"delete from {TABLE} where id = 2")
    assert "agent 2" in {f"{ref.kind} {ref.key}" for ref in (await product.plan()).orphans}
    await product.sync()
    assert len(await product.agents()) == 2
    await product.sync(prune=True, force=True)
    assert len(await product.agents()) == 1


async def test_what_was_changed_at_the_platform_is_told_to_the_row(product: Product) -> None:
    product.insert(1)
    await product.sync()
    (agent_id,) = await product.agents()
    state = await product.sandbox.state()
    state["agents"][agent_id]["conversation_config"]["agent"]["first_message"] = "Hallo?"
    await product.sandbox.reset(state)
    applied = await product.sync()
    assert len(applied.held) == 1
    assert "first_message (changed at the platform)" in product.rows("elevenlabs_sync_error")[1]
    async with product.opened() as control:
        found = await pull(control)
        assert (found.rewrites, [one.where for one in found.left]) == ({}, [f"table {TABLE}, row 1: agent 1"])
        with pytest.raises(UsageError, match="the key of a row does not change"):
            await renaming(control, "1", "2")
        with pytest.raises(UsageError, match=r"Write it into column phone there"):
            await look(control, "+498999998100", "1")
        assert [(one.assistant, one.state) for one in await status(control)] == [("1", "drifted")]
    await product.sync(take_ours=True)
    assert product.rows("elevenlabs_sync_error") == {1: None}


@pytest.mark.parametrize("product", ["postgres"], indirect=True)
async def test_a_table_that_nobody_watches_or_whose_key_others_can_take_is_told(product: Product) -> None:
    async with product.opened() as control:
        said = "\n".join(map(str, (await read(control)).warnings))
    assert f"changes of it wait for a sync, since they are not watched; agentctl db adopt {TABLE}" in said
    assert "unique index" not in said
    product.sql(f'create table "Phone \'n Fax" (like {TABLE} including all)')
    product.sql('alter table "Phone \'n Fax" drop elevenlabs_synced_at')
    (product.root / "agentctl.toml").write_text(PROJECT + MAPPING.replace(TABLE, "Phone 'n Fax"))
    async with product.opened() as control:
        commands = [one.what.partition("agentctl ")[2] for one in (await read(control)).warnings]
    assert [shlex.split(one)[:3] for one in commands if one] == [["db", "adopt", "Phone 'n Fax"]] * 2, commands
    product.sql(f"select agentctl.watch('{TABLE}', 'id', array['title'])")
    product.sql(f"alter table {TABLE} drop constraint {TABLE}_pkey, add primary key (customer, id)")
    product.sql(f"create view shown as select * from {TABLE}")
    for relation, watched in ((TABLE, False), ("shown", True)):
        (product.root / "agentctl.toml").write_text(PROJECT + MAPPING.replace(f'"{TABLE}"', f'"{relation}"'))
        async with product.opened() as control:
            said = "\n".join(map(str, (await read(control)).warnings))
            assert ("not watched" in said) is not watched
            assert ("column id, has no unique index" in said) is (relation == TABLE)
            notes = "\n".join(map(str, (await adopting(control, relation)).notes))
            assert ("column id, has no unique index" in notes) is (relation == TABLE)


@pytest.mark.parametrize("product", ["postgres"], indirect=True)
async def test_a_table_that_users_may_write_or_anybody_read_is_told_with_what_ends_it(product: Product) -> None:
    open_table = f"no row-level security keeps users from public.{TABLE}: "
    shut = f"; alter table public.{TABLE} enable row level security"
    product.sql(f"create view shown as select * from {TABLE}")
    product.sql(f"create view asked with (security_invoker) as select * from {TABLE}")

    async def told(relation: str) -> str:
        (product.root / "agentctl.toml").write_text(PROJECT + MAPPING.replace(f'"{TABLE}"', f'"{relation}"'))
        async with product.opened() as control:
            said = [one.what for one in (await read(control)).warnings if "users" in one.what]
            assert said == [one.what for one in (await adopting(control, relation)).notes if "users" in one.what]
        return "\n".join(said)

    product.sql(f"revoke all on {TABLE}, shown, asked from anon, authenticated")
    product.sql(f"alter table {TABLE} disable row level security")
    product.sql("grant select, update on asked to anon, authenticated")
    assert [await told(relation) for relation in (TABLE, "shown", "asked")] == ["", "", ""]
    product.sql(f"grant select on {TABLE} to anon; grant select, update (title) on {TABLE} to authenticated")
    both = f"{open_table}authenticated may write it, anon, which is anybody, may read it{shut}"
    for relation in (TABLE, "shown", "asked"):
        assert both in await told(relation)
    product.sql(f"alter table {TABLE} enable row level security; grant select on shown to anon")
    assert await told(TABLE) == ""
    assert await told("asked") == ""
    assert await told("shown") == (
        "no row-level security keeps users from public.shown: anon, which is anybody, may read it; "
        "revoke all on public.shown from anon"
    )
    product.sql("revoke all on shown from anon; grant insert, update on shown to authenticated")
    for relation in (TABLE, "asked", "shown"):
        assert await told(relation) == (
            "no row-level security keeps users from public.shown: authenticated may write it; "
            "revoke insert, update, delete on public.shown from authenticated"
        )


@pytest.mark.parametrize("product", ["postgres"], indirect=True)
async def test_a_table_that_may_hide_rows_is_gone_by_in_nothing(product: Product) -> None:
    product.insert(1)
    assert (await product.sync()).ok
    product.sql(f"alter table {TABLE} enable row level security")
    product.sql("create role reads login; grant service_role to reads")
    product.sql(f"create view asked with (security_invoker = 1) as select * from {TABLE}")
    product.sql(f"create view shown as select * from {TABLE}; alter view shown owner to reads")
    product.sql("grant select on asked to reads")
    for relation, role in ((TABLE, "reads"), ("asked", "reads"), ("shown", "postgres")):
        (product.root / "agentctl.toml").write_text(PROJECT + MAPPING.replace(f'"{TABLE}"', f'"{relation}"'))
        product.settings["database_url"] = f"{product.dsn}?options=-crole%3D{role}"
        for how in ({}, {"prune": True}):
            with pytest.raises(StoreError, match="is not seen as a whole: row-level security may hide rows") as raised:
                await product.sync(**how)
            assert raised.value.hint.startswith("As an administrator: alter role reads bypassrls.")
    (product.root / "agentctl.toml").write_text(PROJECT + MAPPING)
    product.settings["database_url"] = f"{product.dsn}?options=-crole%3Dreads"
    async with product.opened() as control:
        assert "no sync goes by it" in str((await adopting(control, TABLE)).notes)
    product.sql(f"create policy ours on {TABLE} to reads using (customer = 'acme')")
    with pytest.raises(StoreError):
        await product.plan()
    product.sql(f"create policy all_of_it on {TABLE} to service_role using (true)")
    assert (await product.plan()).empty, "a policy that opens all of it hides nothing"
    product.sql(f"create policy fewer on {TABLE} as restrictive to reads using (id < 2)")
    with pytest.raises(StoreError):
        await product.plan()
    product.sql("alter role reads bypassrls")
    assert (await product.plan(prune=True)).empty
    assert len(await product.agents()) == 1
    product.settings["database_url"] = product.dsn
    product.sql("drop owned by reads cascade; drop role reads")


@pytest.mark.parametrize("product", ["postgres"], indirect=True)
async def test_a_column_that_cannot_be_written_back_into_is_told_with_its_mend_and_costs_no_other(
    product: Product,
) -> None:
    kinds = {
        "agent_id": "uuid",
        "phone_number_id": "text generated always as ('x') stored",
        "synced_at": "time(0)",
        "sync_error": "varchar(14) not null default ''",
    }
    for name, kind in kinds.items():
        product.sql(f"alter table {TABLE} drop elevenlabs_{name}, add elevenlabs_{name} {kind}")
    product.insert(1)
    product.insert(2, behavior_prompt=None)
    async with product.opened() as control:
        said = [one.what for one in (await read(control)).warnings if "elevenlabs_" in one.what]
        noted = [one.what for one in (await adopting(control, TABLE)).notes]
        found = [one async for one in own_side.project(control) if "is uuid" in one.what]
    assert [(one.state, one.remedy) for one in found] == [("warning", "")]
    assert said == [f"cannot take what becomes of its rows: {one}" for one in noted]
    assert [one.partition(": ")[0] for one in noted] == [
        "column elevenlabs_agent_id is uuid, and what is written there is text",
        "column elevenlabs_phone_number_id is made by the database itself",
        "column elevenlabs_synced_at is time(0) without time zone, and what is written there is timestamptz",
        "column elevenlabs_sync_error must not be null, as it is in a row without an error",
    ]
    failed = [str(one.error) for one in (await product.sync()).failures]
    refused = f"table {TABLE} did not take what became of it: a column must not be null (23502, column elevenlabs_sync"
    assert [refused in one for one in failed] == [False, True]
    assert product.rows("elevenlabs_sync_error") == {1: "", 2: "prompt (column"}
    for one in noted:
        product.sql(one.partition(": ")[2])
    assert [one.ref.key for one in (await product.sync()).failures] == ["2"]
    assert product.rows("elevenlabs_agent_id")[1] in await product.agents()
    assert product.rows("elevenlabs_sync_error") == {1: None, 2: "prompt (column"}
    product.sql(f"alter table {TABLE} alter elevenlabs_phone_number_id type varchar(33)")
    async with product.opened() as control:
        [note] = (await adopting(control, TABLE)).notes
    assert note.what.partition(": ")[0] == (
        "column elevenlabs_phone_number_id is character varying(33), and ids have 34 characters"
    )


@pytest.mark.parametrize("product", ["postgres"], indirect=True)
async def test_a_role_without_rights_is_told_the_grants_that_it_lacks(product: Product) -> None:
    columns = ["elevenlabs_agent_id", "elevenlabs_phone_number_id", "elevenlabs_sync_error", "elevenlabs_synced_at"]
    update = f"grant update ({', '.join(columns)}) on public.{TABLE} to clerk;"
    product.insert(1)
    product.sql(f"revoke all on {TABLE} from service_role")
    product.sql("create role clerk login bypassrls; grant service_role to clerk")
    product.settings["database_url"] = f"{product.dsn}?options=-crole%3Dclerk"

    async def refused() -> str:
        told = []
        async with product.opened() as control:
            for asked in (read(control), adopting(control, TABLE)):
                with pytest.raises(StoreError, match=f"table {TABLE} may not be read by clerk") as raised:
                    await asked
                told.append(raised.value.hint)
        assert len(set(told)) == 1
        return told[0]

    try:
        select = f"grant select on public.{TABLE} to clerk;"
        assert await refused() == f"The table's owner can grant it; then run this again: {select}"
        product.sql(select)
        async with product.opened() as control:
            said = [str(one) for one in (await read(control)).warnings if "write" in one.what]
            noted = [str(one) for one in (await adopting(control, TABLE)).notes if "write" in one.what]
            found = [one async for one in own_side.project(control) if "may not write" in one.what]
        assert [(one.state, one.remedy) for one in found] == [("warning", "")], "it says its own remedy"
        what = f"clerk may not write {', '.join(columns)}; as the table's owner: {update}"
        assert said == [f"table {TABLE}: cannot take what becomes of its rows: {what}"]
        assert noted == [f"table {TABLE}: {what}"]
        product.sql(update)
        assert (await product.sync()).ok
        assert product.rows("elevenlabs_agent_id")[1] in await product.agents()
        assert product.rows("elevenlabs_sync_error") == {1: None}
    finally:
        product.settings["database_url"] = product.dsn
        product.sql("drop owned by clerk cascade; drop role clerk")


async def test_a_wrong_row_keeps_what_its_agent_uses_and_nothing_else_from_being_pruned(product: Product) -> None:
    settings = product.root / "agentctl.toml"
    mapped = 'tenant = "customer"\nbuilt_in_tools = "documentation.tools"'
    settings.write_text(settings.read_text().replace('tenant = "customer"', mapped))
    transfers = {"transfer_to_agent": {"transfers": [{"assistant": "4", "condition": "immer"}]}}
    number = "+498999998100"
    await product.sandbox.add_number(number)
    product.insert(1, phone=number)
    product.insert(2)
    product.insert(3, documentation={"tools": transfers})
    product.insert(4)
    product.insert(5, customer="other")
    assert (await product.sync()).ok
    await product.bring(number, "1")
    product.insert(6, customer="other", title=None)
    product.insert(7, customer="other", phone=number)
    product.insert(8, customer="other", voice_settings="nobodys_voice")
    product.insert(9, customer="other", phone="+498999998200")
    there = await product.sandbox.state()
    one = next(iter(there["numbers"].values()))
    for twice in ("phnum_a", "phnum_b"):
        own = {"phone_number_id": twice, "phone_number": "+498999998200", "agent_id": None}
        there["numbers"][twice] = {**one, **own, "sequence": len(there["numbers"]) + 1000}
    await product.sandbox.reset(there)
    product.sql(f"update {TABLE} set title = null where id in (3, 5)")
    product.sql(f"delete from {TABLE} where id in (2, 4)")
    applied = await product.sync(prune=True, force=True)
    names = {one["name"] for one in (await product.agents()).values()}
    assert names == {f"Assistant {one}" for one in (1, 3, 4, 5, 7, 9)}
    assert "agent 4 stays, since agent 3 was not written and may refer to it" in [
        one.error.message for one in applied.left
    ]
