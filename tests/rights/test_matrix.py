"""Who may do what with everything that is ours, on both servers, by SQL and through the genuine PostgREST."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from agentctl.clients.store.migrations import migrate
from tests import postgrest
from tests.cluster import VERIFIER, Cluster
from tests.rights.matrix import CALLABLE, READABLE, RELATIONS, ROUTINES, WRITTEN, faults
from tests.rights.people import FOREIGN, OWN, PEOPLE, Browser, browser, filled

pytestmark = pytest.mark.anyio
SERVERS = pytest.mark.parametrize("cluster", ["wheel", "15"], indirect=True)

# What a migration could forget, or do too much of, each with what has to be told of it. The seal mends these.
MENDED = {
    "create table agentctl.bare (tenant text)": "agentctl.bare has no row-level security",
    "create table agentctl.lent (tenant text); alter table agentctl.lent enable row level security; "
    "grant select on agentctl.lent to authenticated": "agentctl.lent: member select own",
    "grant update (done) on agentctl.action_items to authenticated": "agentctl.action_items: authenticated may write",
    "grant insert on public.agentctl_recordings to authenticated": "agentctl_recordings: authenticated may write",
    "grant select (cost_fiat) on agentctl.calls to authenticated": (
        "agentctl.calls.cost_fiat is readable and in no view"
    ),
    "create function public.agentctl_new(args jsonb) returns jsonb language sql as 'select args'; "
    "insert into agentctl.own_functions values ('agentctl_new')": ("agentctl_new(jsonb): anon execute"),
    "grant execute on function public.agentctl_status(jsonb) to authenticated": (
        "agentctl_status(jsonb): stranger execute"
    ),
    "create function agentctl.strict_one(args text) returns text language sql strict as 'select args'": (
        "agentctl.strict_one(text) belongs to PUBLIC"
    ),
    "grant usage on sequence agentctl.audit_id_seq to authenticated": "agentctl.audit_id_seq: member update",
    "grant usage on schema agentctl to anon; grant select on agentctl.events to anon": "agentctl.events: anon select",
    "revoke select on agentctl.outbox from service_role": "agentctl.outbox: service select own",
    "revoke execute on function public.agentctl_mark_done(text, boolean) from authenticated": "agentctl_mark_done",
}
# What is said to lie open by all of them, to a worker, to `doctor` and to `db migrate`.
OPENED = {
    "agentctl.bare", "agentctl.lent", "agentctl.action_items (done)", "agentctl.calls (cost_fiat)",
    "agentctl.strict_one(text)", "agentctl.audit_id_seq", "schema agentctl", "agentctl.events",
    "public.agentctl_new(jsonb)", "public.agentctl_status(jsonb)",
    "public.agentctl_recordings",
}  # fmt: skip
# What a product may have in `public`, too.
PRODUCTS = (
    "create table public.agentctl_notes (tenant text); grant all on public.agentctl_notes to anon, authenticated",
    "create view public.agentctl_board as table public.agentctl_notes; grant select on public.agentctl_board to anon",
    "create function public.agentctl_press(args text) returns jsonb language sql set enable_sort = off "
    "as 'select null::jsonb'; grant execute on function public.agentctl_press(text) to anon",
    "create function public.agentctl_press(args jsonb) returns jsonb language sql set enable_sort = off "
    "as 'select args'",
)
NAMES = "('agentctl_notes', 'agentctl_board')"
# These it does not know to be mistakes.
MEANT = {
    'drop policy "own tenants" on agentctl.calls; '
    "create policy wide on agentctl.calls for select to authenticated using (true)": (
        "agentctl.calls: member select foreign"
    ),
    'alter policy "own tenants" on agentctl.digests using (false)': "agentctl_digests: member select own",
    "create function public.agentctl_inner() returns bigint language sql as 'select count(*) from agentctl.events'; "
    "revoke all on function public.agentctl_inner() from public; "
    "grant execute on function public.agentctl_inner() to anon": "agentctl_inner(): anon may execute",
    "create view public.agentctl_all with (security_invoker = false) as select * from agentctl.recordings": (
        "agentctl_all reads with its owner's rights"
    ),
    "create function public.agentctl_lax() returns text language sql security definer as 'select 1::text'": (
        "agentctl_lax() runs with its owner's rights and its caller's search_path"
    ),
}


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn) as opened:
        yield opened
        opened.rollback()


@SERVERS
def test_nobody_may_do_more_or_less_than_is_meant(connection: psycopg.Connection) -> None:
    filled(connection)

    assert faults(connection) == []
    assert connection.execute("select from agentctl.opened()").fetchall() == []


@pytest.mark.parametrize("cluster", ["15"], indirect=True)
def test_what_a_dump_or_a_grant_of_everything_opens_is_known_and_closed(connection: psycopg.Connection) -> None:
    connection.execute("grant all on all functions in schema public, agentctl to anon, authenticated")
    connection.execute("grant all on all tables in schema public to anon, authenticated")
    [(opened,)] = connection.execute("select public.agentctl_opened('{}')").fetchall()
    assert opened["count"] > 280
    assert all(one.startswith("anon may ") for one in opened["named"])

    connection.execute("select public.agentctl_seal('{}')")

    filled(connection)
    assert faults(connection) == []


async def test_nor_where_they_were_made_by_somebody_who_is_no_superuser(
    empty_dsn: str, cluster: Cluster, dsn: str
) -> None:
    """As on Supabase, where `postgres` owns the database and is none. `dsn`: the server has Supabase's roles."""
    database = empty_dsn.rpartition("/")[2]
    cluster.execute(
        f"do $$ begin create role deployer login bypassrls password '{VERIFIER}'; "
        "exception when duplicate_object then null; end $$"
    )
    cluster.execute(f"alter database {database} owner to deployer")
    for kind in ("tables", "sequences", "functions"):
        everybody = f"grant all on {kind} to anon, authenticated, service_role"
        cluster.execute(f"alter default privileges for role deployer in schema public {everybody}", database)

    await migrate(cluster.dsn(database, user="deployer"), shim=False)

    with psycopg.connect(empty_dsn) as connection:
        filled(connection)
        assert faults(connection) == []
        connection.rollback()


def test_each_mistake_is_found_and_those_that_nobody_declared_are_taken_back(connection: psycopg.Connection) -> None:
    for mistake in MENDED:
        connection.execute(mistake.encode())
    filled(connection)
    found = faults(connection)
    assert [told for told in MENDED.values() if not any(one.startswith(told) for one in found)] == []
    opened = {row[0] for row in connection.execute("select object from agentctl.opened()")}
    assert opened == OPENED

    [(left,)] = connection.execute("select public.agentctl_seal('{}')").fetchall()
    assert left["count"] == 0
    assert faults(connection) == []

    for mistake in MEANT:
        connection.execute(mistake.encode())
    found = faults(connection)
    assert [told for told in MEANT.values() if not any(one.startswith(told) for one in found)] == []


def test_what_is_the_products_own_stays_as_it_is_also_by_names_like_ours(connection: psycopg.Connection) -> None:
    for given in PRODUCTS:
        connection.execute(given.encode())
    rights = f"select array_agg(relacl::text || relrowsecurity) from pg_class where relname in {NAMES}"
    executed = "select proacl::text, proconfig from pg_proc where proname = 'agentctl_press' order by oid"
    before = [connection.execute(query.encode()).fetchall() for query in (rights, executed)]

    assert connection.execute("select from agentctl.opened()").fetchall() == []
    connection.execute("call agentctl.seal()")

    assert [connection.execute(query.encode()).fetchall() for query in (rights, executed)] == before


def test_each_function_of_ours_is_known_by_name(connection: psycopg.Connection) -> None:
    """Of one that a migration has left out, no rights would be taken."""
    looks = "prorettype = 'jsonb'::regtype and proargtypes[0] = 'jsonb'::regtype and proargnames[1] = 'args'"
    there = f"select proname::text from pg_proc where proname ^@ 'agentctl_' and {looks} order by 1"
    known = connection.execute("select name from agentctl.own_functions order by 1").fetchall()
    assert known == connection.execute(there.encode()).fetchall()


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("insert into agentctl.exposed values ('agentctl.nowhere')", "agentctl.nowhere, which is not there"),
        ("insert into agentctl.exposed values ('agentctl.outbox')", "names no columns of agentctl.outbox"),
        (
            "create view public.agentctl_all as table agentctl.calls; "
            "insert into agentctl.exposed values ('public.agentctl_all')",
            "security_invoker = true",
        ),
        (
            "create function agentctl.loose() returns text language sql security definer as 'select 1::text'; "
            "insert into agentctl.exposed values ('agentctl.loose()')",
            "has to have an empty search_path",
        ),
    ],
)
def test_the_seal_refuses_what_would_be_unsafe(connection: psycopg.Connection, declared: str, told: str) -> None:
    connection.execute(declared.encode())

    with pytest.raises(psycopg.errors.RaiseException, match=told):
        connection.execute("call agentctl.seal()")


@SERVERS
def test_the_same_through_postgrest(supabase_api: postgrest.Project, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        filled(connection)
        connection.commit()
        views = [name for name, _, _ in connection.execute(RELATIONS.encode()) if name.startswith("agentctl_")]
        public = [row for row in connection.execute(ROUTINES.encode()).fetchall() if row[4]]
    assert views == sorted([*WRITTEN, *(f"agentctl_{table}" for table in READABLE)])
    views = [view for view in views if view not in WRITTEN]
    assert len(public) > 100

    wrong = []
    for who in PEOPLE:
        page = browser(supabase_api, who)
        refused = (401, "42501") if who == "anon" else (403, "42501")
        for view in views:
            wrong += [f"{who} {told}" for told in _beyond_reading(page, view, refused)]
            wrong += [f"{who} {view}: {told}" for told in _misread(page, view, who, refused)]
        for name, _, _, arguments, *_ in public:
            answer = page.call(name.partition("(")[0], **dict.fromkeys(arguments)) if who != "service" else None
            allowed = who != "anon" and name in CALLABLE
            if answer and ((answer.status, answer.code) == refused) is allowed:
                wrong.append(f"{who} {name}: {answer}")
        page.close()
    assert wrong == []


def _beyond_reading(page: Browser, view: str, refused: tuple[int, str]) -> Iterator[str]:
    for whose in (OWN, FOREIGN):
        path = f"{view}?tenant=eq.{whose}"
        for method, body in (("POST", {"tenant": whose}), ("PATCH", {"tenant": whose}), ("DELETE", None)):
            answer = page.ask(method, path, body)
            if (answer.status, answer.code) != refused:
                yield f"{method} {path}: {answer}"


def _misread(page: Browser, view: str, who: str, refused: tuple[int, str]) -> Iterator[str]:
    answer = page.get(f"{view}?select=*")
    if who == "anon":
        if (answer.status, answer.code) != refused:
            yield str(answer)
        return
    seen = sorted(row["tenant"] for row in answer.json) if answer.status == 200 else [answer.text]
    if seen != {"member": [OWN], "stranger": [], "service": [FOREIGN, OWN]}[who]:
        yield str(seen)
