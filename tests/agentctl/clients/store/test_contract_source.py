"""A product's own table as a source of assistants: read by page, written back to, adopted; over both transports."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from agentctl.clients.store.postgres import PostgresStore
from agentctl.clients.store.supabase import SupabaseStore
from agentctl.errors import StoreError
from tests.stores import Store

pytestmark = pytest.mark.anyio

PLACE = {"schema": "public", "table": "phone assistants"}
TABLE = 'public."phone assistants"'
FIELDS = {"name": ["title"], "prompt": ["Behaviour"], "knowledge": ["documentation", "base"], "first": ["lines", "0"]}
BACK = {"agent_id": "elevenlabs_agent_id", "synced_at": "elevenlabs_synced_at", "error": "elevenlabs_sync_error"}
# What a function over a product's table calls something: an alias, a column of a query, a variable.
SHADOWS = [
    "t", "a", "b", "c", "d", "f", "g", "k", "l", "m", "n", "o", "p", "r", "s", "u", "v", "w", "one", "told", "row",
    "key", "rows", "value", "values", "place", "places", "own", "samples", "parts", "named", "said", "late", "tenant",
    "fields", "field", "keys", "watch", "given", "before", "after", "excluded", "columns", "at", "limit", "shapes",
    "longest", "code", "words", "broken",
]  # fmt: skip
LACKING = {"elevenlabs_agent_id": "text", "elevenlabs_synced_at": "timestamptz", "elevenlabs_sync_error": "text"}


def execute(dsn: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def table(dsn: str) -> str:
    execute(
        dsn,
        f"""create table {TABLE} (id bigint primary key, title text, "Behaviour" text, documentation jsonb, lines jsonb,
        phone text, touched integer not null default 0);
        grant select, update on {TABLE} to service_role; notify pgrst, 'reload schema'""",
    )
    return dsn


async def rows(store: Store, **args: Any) -> dict[str, Any]:
    found: dict[str, Any] = await store.call(
        "source_rows", {**PLACE, "key": "id", "fields": FIELDS, "limit": 10, **args}
    )
    return found


async def test_values_come_by_path_whatever_their_shape(store: Store, table: str) -> None:
    odd = 'Robert\'); drop table "x"; -- %s %1$I {{name}} [[ x ]]'
    execute(
        table,
        f"insert into {TABLE} (id, title, \"Behaviour\", documentation, lines) values (7, %s, %s, %s, '[\"a\"]'), "
        "(10, null, '', '[1]', '3'), (9, 'x', 'y', null, null), (8, 'x', 'y', '{}', '[]'), "
        "(11, 'x', 'y', '\"{}\"', 'null'), (12, 'x', 'y', '[]', '[]')",
        "Empfang", odd, '{"base": [{"title": "T", "text": null}]}',
    )  # fmt: skip
    found = await rows(store)
    assert found["nameless"] == 0
    told = {one["key"]: one for one in found["rows"]}
    assert [(key, one["rows"]) for key, one in told.items()] == [(str(n), 1) for n in range(7, 13)]
    assert told["7"]["values"] == {
        "name": "Empfang", "prompt": odd, "knowledge": [{"title": "T", "text": None}], "first": "a",
    }  # fmt: skip
    assert told["10"]["values"] == {"name": None, "prompt": "", "knowledge": None, "first": None}
    assert {key: one["astray"] for key, one in told.items() if one["astray"]} == {
        "10": {"knowledge": {"at": "documentation", "type": "array"}, "first": {"at": "lines", "type": "number"}},
        "11": {"knowledge": {"at": "documentation", "type": "string"}},
    }


async def test_pages_follow_each_other_and_a_key_that_two_rows_have_is_told_once(store: Store, dsn: str) -> None:
    execute(dsn, "create table public.several (slug text, title text); grant select on public.several to service_role")
    execute(
        dsn,
        "insert into public.several select 'k' || lpad(n::text, 3, '0'), 't' from generate_series(1, 25) n "
        "union all select 'k010', 'again' union all select null, 'nameless'",
    )
    place = {"schema": "public", "table": "several", "key": "slug", "fields": {"name": ["title"]}}
    seen, after = [], ""
    while page := (await store.call("source_rows", {**place, "limit": 10, "after": after}))["rows"]:
        seen += page
        after = page[-1]["key"]
    assert [one["key"] for one in seen] == [f"k{n:03}" for n in range(1, 26)]
    assert [one["key"] for one in seen if one["rows"] == 2] == ["k010"]
    assert (await store.call("source_rows", {**place, "limit": 1}))["nameless"] == 1
    some = await store.call("source_rows", {**place, "limit": 10, "only": ["k003", "k020", "none"]})
    assert [one["key"] for one in some["rows"]] == ["k003", "k020"]


async def test_pages_of_keys_that_another_order_would_part_lack_none_and_repeat_none(store: Store, dsn: str) -> None:
    several = {
        "bigint": ["-1", "10", "100", "2"],
        "numeric": ["1", "1.0", "1.00", "2"],
        "text": ["", "B", "a", "b", "ä"],
        "json": ["1", '{"a": 1}', '{"a": 2}'],
    }
    for kind, keys in several.items():
        table = f"paged_{kind}"
        execute(dsn, f"create table {table} (k {kind}); grant select on {table} to service_role")
        execute(dsn, f"insert into {table} select unnest(%s::text[])::{kind}", keys)
        place = {"schema": "public", "table": table, "key": "k", "fields": {"name": ["k"]}, "limit": 1}
        seen, after = [], ""
        while page := (await store.call("source_rows", {**place, "after": after}))["rows"]:
            seen.append(after := page[0]["key"])
        assert sorted(seen) == [key for key in keys if key], kind


def test_a_page_is_a_range_of_the_keys_index(dsn: str) -> None:
    scans = b"select seq_scan, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'long'"
    with psycopg.connect(dsn) as connection:
        connection.execute("create table public.long (id bigint primary key, said text)")
        connection.execute("insert into long select n, 'x' from generate_series(1, 5000) n")
        connection.commit()
        connection.execute("analyze long")
        before = connection.execute(scans).fetchone() or (0, 0)
        asked = {"schema": "public", "table": "long", "key": "id", "fields": {"name": ["said"]}, "limit": 10}
        page = "select jsonb_array_length(public.agentctl_source_rows(%s)->'rows')"
        assert connection.execute(page, [Jsonb({**asked, "after": "4000"})]).fetchone() == (10,)
        after = connection.execute(scans).fetchone() or (0, 0)
        assert after[0] == before[0], "no look at all rows"
        assert after[1] - before[1] < 100


async def test_a_key_of_whatever_type_is_found_alone_and_told(store: Store, dsn: str) -> None:
    texts = {"character(8)": "front", "varchar(5)": "front", "uuid": str(UUID(int=7)), "numeric(5,2)": "7.50"}
    for number, (kind, key) in enumerate({**texts, "point": "(1,2)"}.items()):
        table = f"typed_{number}"
        execute(dsn, f"create table {table} (k {kind}, said text); grant select, update on {table} to service_role")
        execute(dsn, f"insert into {table} values ('{key}')")
        place = {"schema": "public", "table": table, "key": "k"}
        asked = {**place, "fields": {"name": ["said"]}, "limit": 9, "only": [key, "frontdesk"]}
        assert [one["key"] for one in (await store.call("source_rows", asked))["rows"]] == [key], kind
        told = {**place, "columns": {"error": "said"}, "rows": [{"key": key, "error": "x"}]}
        assert await store.call("report_synced", told) == {"written": 1}, kind


async def test_what_came_of_a_row_is_written_back_and_only_that(store: Store, table: str) -> None:
    await adopt(table)
    execute(
        table,
        f"""insert into {TABLE} (id, title) values (1, 'a'), (2, 'b');
        create function public.count_touch() returns trigger language plpgsql as
        $$ begin new.touched := old.touched + 1; return new; end $$;
        create trigger count_touch before update on {TABLE} for each row execute function public.count_touch()""",
    )
    where = {**PLACE, "key": "id", "columns": BACK}
    told = [
        {"key": "1", "agent_id": "agent_1", "synced_at": True, "error": None},
        {"key": "2", "error": "prompt: is missing"},
        {"key": "3", "error": "gone meanwhile"},
    ]
    assert await store.call("report_synced", {**where, "rows": told}) == {"written": 2}
    seen = "select id, elevenlabs_agent_id, elevenlabs_synced_at > now() - interval '1 minute', elevenlabs_sync_error "
    assert execute(table, f"{seen} from {TABLE} order by id") == [
        (1, "agent_1", True, None), (2, None, None, "prompt: is missing"),
    ]  # fmt: skip
    assert await store.call("report_synced", {**where, "rows": told[1:]}) == {"written": 0}
    await store.call("report_synced", {**where, "rows": [{"key": "2", "agent_id": "agent_2", "error": None}]})
    assert execute(table, f"select elevenlabs_agent_id, elevenlabs_sync_error, touched from {TABLE} where id = 2") == [
        ("agent_2", None, 2)
    ]
    assert await store.call("report_synced", {**where, "columns": {}, "rows": told}) == {"written": 0}


@pytest.mark.parametrize(("kind", "code"), [("trigger", "42501"), ("constraint trigger", "P0001")])
async def test_what_a_trigger_of_the_product_says_of_a_row_is_not_repeated(
    store: Store, table: str, kind: str, code: str
) -> None:
    await adopt(table)
    late = "deferrable initially deferred" if kind != "trigger" else ""
    execute(
        table,
        f"""insert into {TABLE} (id, title) values (1, 'Erika Muster');
        create function public.refuse() returns trigger language plpgsql as
        $$ begin raise exception 'no: %', new.title using errcode = '{code}'; end $$;
        create {kind} refuse after update on {TABLE} {late} for each row execute function public.refuse()""",
    )
    with pytest.raises(StoreError) as refused:
        await store.call("report_synced", {**PLACE, "key": "id", "columns": BACK, "rows": [{"key": "1", "error": "x"}]})
    assert (code in str(refused.value), "Erika" in repr(refused.value) + str(refused.value)) == (True, False)
    assert "The database's log has its words" in refused.value.hint


async def adopt(dsn: str) -> list[str]:
    """As the table's owner, whom only DATABASE_URL can be."""
    owner = await PostgresStore.open(dsn)
    try:
        lacking = await owner.call("adopt_source", {**PLACE, "key": "id", "lacking": LACKING, "apply": True})
        return list(lacking["statements"])
    finally:
        await owner.close()


async def test_a_table_tells_what_there_is_to_map_and_never_a_value(store: Store, table: str) -> None:
    execute(
        table,
        f"""insert into {TABLE} (id, title, "Behaviour", documentation, phone)
        values (1, 'Erika Muster', repeat('x', 300), '{{"base": [], "Erika": "+49171"}}', '+49 89 9999-8100')""",
    )
    found = await store.call("source_columns", {**PLACE, "sample": 50})
    assert (found["key"], found["view"], found["watched"]) == (["id"], False, False)
    columns = {one["name"]: one for one in found["columns"]}
    assert columns["documentation"] == {
        "name": "documentation", "type": "jsonb", "writable": True, "shapes": ["object"], "sort": "jsonb",
        "required": False, "made": False, "length": None,
    }  # fmt: skip
    assert columns["Behaviour"]["shapes"] == ["long"]
    assert columns["phone"]["shapes"] == ["telephone"]
    assert found["within"]["documentation.base"] == ["array"]
    assert "Muster" not in str(found)
    assert await store.call("source_references", PLACE) == {}
    execute(table, "create table public.resorts (id int primary key)")
    execute(table, f"alter table {TABLE} add column stay int references public.resorts")
    assert await store.call("source_references", PLACE) == {"stay": "public.resorts"}
    near = await store.call("source_columns", {"schema": "public", "table": "phone_assistant"})
    assert near["tables"][0] == "phone assistants"


async def test_a_column_may_be_called_like_whatever_a_function_calls_something(store: Store, dsn: str) -> None:
    columns = ", ".join(f'"{name}" text' for name in [*SHADOWS, "synced"])
    execute(dsn, f'create table public.t ({columns}, primary key ("key")); grant select, update on t to service_role')
    place = {"schema": "public", "table": "t", "key": "key"}
    owner = await PostgresStore.open(dsn)
    try:
        await owner.call(
            "adopt_source", {**place, "lacking": {}, "watched": SHADOWS, "tenant": "tenant", "apply": True}
        )
    finally:
        await owner.close()
    given = dict.fromkeys(SHADOWS, "x") | {"key": "k", "tenant": "acme"}
    execute(dsn, "insert into public.t select * from jsonb_populate_record(null::public.t, %s)", Jsonb(given))
    execute(dsn, "update public.t set t = 'y', \"row\" = null")
    assert execute(dsn, "select tenant, key, trouble from agentctl.sync_changes") == [("acme", "k", None)] * 2
    assert execute(dsn, "select tenant from agentctl.rows_watched('k')") == [("acme",)]
    found = await store.call("source_columns", {**place, "sample": 5, "watching": SHADOWS})
    assert found["watched"]
    execute(
        dsn,
        """create table public.parts (id int primary key, name text);
        create view public.vw as select * from public.parts;
        grant select on public.parts, public.vw to service_role;
        select agentctl.watch('public.parts', 'id', array['name'], project => 'a', environment => 'production')""",
    )
    for project, watched in (("a", True), ("b", False)):
        view = {"schema": "public", "table": "vw", "project": project, "environment": "production"}
        assert (await store.call("source_columns", view))["watched"] is watched
    assert {one["name"]: one["shapes"] for one in found["columns"]}["value"] == ["key"]
    asked = {**place, "fields": {name: [name] for name in SHADOWS}, "limit": 5}
    for sought in ({}, {"only": ["k"]}, {"only": [], "also": {"column": "t", "value": "y"}}, {"after": "a"}):
        (one,) = (await store.call("source_rows", {**asked, **sought}))["rows"]
        assert one["values"] == {**given, "t": "y", "row": None}
    back = {"agent_id": "t", "phone_number_id": "r", "error": "told", "synced_at": "synced"}
    told = [{"key": "k", "agent_id": "agent_1", "phone_number_id": "phnum_1", "error": "no", "synced_at": True}]
    assert await store.call("report_synced", {**place, "columns": back, "rows": told}) == {"written": 1}
    assert execute(dsn, "select t, r, told, value, synced is null from public.t") == [
        ("agent_1", "phnum_1", "no", "x", False)
    ]


async def test_an_error_is_as_long_as_its_column_and_what_is_refused_is_told_by_names(store: Store, dsn: str) -> None:
    execute(
        dsn,
        """create domain public.short as varchar(4) check (value <> 'rude'); create table public.narrow (
            id text primary key, said varchar(5), brief public.short, agent varchar(3),
            tell varchar(5) not null default '',
            constraint polite check (agent <> 'bad')
        ); grant select, update on narrow to service_role; insert into narrow values ('a')""",
    )
    place = {"schema": "public", "table": "narrow", "key": "id"}

    async def tell(columns: dict[str, str], **told: Any) -> Any:
        answer = await store.call("report_synced", {**place, "columns": columns, "rows": [{"key": "a", **told}]})
        return {name: one for name, one in answer.get("trouble", answer).items() if one}

    for _ in range(2):
        written = [await tell({"error": column}, error="Grüße an Erika") for column in ("said", "brief")]
    assert written == [{}, {}], "what stands there is not written again"
    assert execute(dsn, "select said, brief from narrow") == [("Grüße", "Grüß")]
    both = {"agent_id": "agent", "error": "said"}
    assert await tell(both, agent_id="Erika", error="x") == {"code": "22001", "column": "agent"}
    assert await tell(both, agent_id="bad", error="x") == {"code": "23514", "constraint": "polite"}
    assert await tell({"error": "brief"}, error="rude") == {
        "code": "23514", "constraint": "short_check", "column": "brief",
    }  # fmt: skip
    assert await tell({"error": "tell"}, error=None) == {"code": "23502", "column": "tell"}
    assert await tell(both, agent_id="abc", error=None) == {"written": 1}


async def test_what_a_table_lacks_is_added_once_and_costs_nothing_that_is_there(store: Store, table: str) -> None:
    execute(table, f"insert into {TABLE} (id, title) values (1, 'a')")
    asked = {**PLACE, "key": "id", "lacking": LACKING}
    (statement,) = (await store.call("adopt_source", asked))["statements"]
    assert statement == (
        f"alter table {TABLE}\n    add column if not exists elevenlabs_agent_id text,\n"
        "    add column if not exists elevenlabs_sync_error text,\n"
        "    add column if not exists elevenlabs_synced_at timestamptz;"
    )
    assert await adopt(table) == await adopt(table)
    columns = {one["name"] for one in (await store.call("source_columns", PLACE))["columns"]}
    assert columns >= LACKING.keys()
    assert execute(table, f"select id, title, elevenlabs_agent_id from {TABLE}") == [(1, "a", None)]
    assert (await store.call("adopt_source", {**asked, "lacking": {}}))["statements"] == []


async def test_what_is_mapped_is_watched_and_nothing_else_and_a_former_source_no_longer(table: str) -> None:
    asked = {**PLACE, "key": "id", "lacking": {}, "project": "shop", "environment": "production"}
    owner = await PostgresStore.open(table)
    try:

        async def adopt(**more: Any) -> list[str]:
            told = await owner.call("adopt_source", {**asked, **more, "apply": True})
            return [one.partition("(")[0] for one in told["statements"]]

        assert await adopt(lacking=LACKING, watched=["title"]) == [
            f"alter table {TABLE}\n    add column if not exists elevenlabs_agent_id text,\n"
            "    add column if not exists elevenlabs_sync_error text,\n"
            "    add column if not exists elevenlabs_synced_at timestamptz;",
            "select agentctl.watch",
        ]
        assert await adopt(watched=["title"]) == []
        execute(table, f"insert into {TABLE} (id, title) values (1, 'a')")
        execute(table, f"update {TABLE} set elevenlabs_sync_error = 'x', elevenlabs_synced_at = now(), phone = '1'")
        noted = "select key from agentctl.sync_changes"
        assert execute(table, noted) == [("1",)]
        assert await adopt(watched=["title", "phone"]) == ["select agentctl.watch"]
        execute(table, f"update {TABLE} set phone = '2'")
        assert execute(table, noted) == [("1",), ("1",)]
        execute(table, "create table public.other (id text, title text, elevenlabs_sync_error text)")
        assert await adopt(table="other", watched=["title"]) == ["select agentctl.unwatch", "select agentctl.watch"]
        execute(table, f"update {TABLE} set phone = '3'")
        assert execute(table, noted) == [("1",), ("1",)]
    finally:
        await owner.close()


async def test_the_service_key_alone_does_not_alter_a_table(table: str, supabase_store: SupabaseStore) -> None:
    with pytest.raises(StoreError, match="owner"):
        await supabase_store.call("adopt_source", {**PLACE, "key": "id", "lacking": LACKING, "apply": True})


async def test_our_own_table_is_one_of_those(store: Store, dsn: str) -> None:
    execute(dsn, "insert into agentctl.declared_assistants (key, name, prompt) values ('a', 'A', 'p')")
    place = {"schema": "agentctl", "table": "declared_assistants", "key": "key"}
    before = execute(dsn, "select updated_at from agentctl.declared_assistants")
    told = [{"key": "a", "agent_id": "agent_1", "synced_at": True, "error": None}]
    assert await store.call("report_synced", {**place, "columns": BACK, "rows": told}) == {"written": 1}
    assert execute(dsn, "select updated_at from agentctl.declared_assistants") == before
    execute(dsn, "update public.agentctl_declared_assistants set prompt = 'q'")
    assert execute(dsn, "select updated_at from agentctl.declared_assistants") > before
    found = await store.call("source_rows", {**place, "fields": {"prompt": ["prompt"]}, "limit": 10})
    assert found["rows"] == [{"key": "a", "rows": 1, "values": {"prompt": "q"}, "astray": {}}]
