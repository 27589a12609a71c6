"""`supabase db push`, by the genuine CLI, from an empty project and from any version of ours, and beside a product."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
import pytest

from agentctl.clients.store import migrations as module
from agentctl.clients.store.migrations import migrate, migrations, pending
from agentctl.clients.store.postgres import PostgresStore
from agentctl.verbs.migration_export import REPAIR, export
from tests import npm
from tests.agentctl.clients.store.test_migrations import RIGHTS
from tests.stores import delivery
from tests.supabase_cli import Repository

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not npm.runs_here(), reason="the Supabase CLI's binary is for Linux on x86-64"),
]

ROLES = Path(__file__).parents[2] / "agentctl" / "local" / "roles.sql"
NAMES = [str(migration) for migration in migrations()]
# All that somebody would call obvious names for what we have, too.
PRODUCT = """
create type public.call_status as enum ('open', 'closed');
create table public.calls (id bigint generated always as identity primary key, status public.call_status not null);
create table public.events (id bigint primary key, payload jsonb);
create table public.assistants (id uuid primary key default gen_random_uuid(), behavior_prompt text);
alter table public.calls enable row level security;
create policy own on public.calls for select to authenticated using (true);
create view public.open_calls with (security_invoker = true) as select * from public.calls where status = 'open';
create function public.claim() returns text language sql as $$ select 'the product''s own' $$;
create function public.accept(args jsonb) returns jsonb language sql as $$ select args $$;
grant select on public.calls to authenticated;
insert into public.calls (status) values ('open'), ('closed');
insert into public.events values (1, '{"a": 1}');
"""
# Whatever of the schema public is not ours: definitions, rights, rows.
THEIRS = """
    with theirs as (
        select * from pg_class where relnamespace = 'public'::regnamespace and not starts_with(relname, 'agentctl_')
    )
    select jsonb_agg(o order by o) from (
        select format('%s %s %s', relkind, relname, relacl) from theirs
        union all select format('%s %s', t.relname, a.*) from pg_attribute a join theirs t on t.oid = a.attrelid
        union all select p.*::text from pg_policy p join theirs t on t.oid = p.polrelid
        union all select pg_get_functiondef(p.oid) || p.proacl::text from pg_proc p
        where p.pronamespace = 'public'::regnamespace and not starts_with(p.proname, 'agentctl_')
        union all select t.typname from pg_type t
        where t.typnamespace = 'public'::regnamespace and ltrim(t.typname, '_') !~ '^agentctl_'
        union all select n.nspacl::text from pg_namespace n where n.nspname = 'public'
        union all select d.*::text from pg_default_acl d
        union all select c.*::text from public.calls c union all select e.*::text from public.events e
    ) as t (o)"""


def ask(dsn: str, query: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def pushed(dsn: str) -> object:
    """The CLI's own ledger."""
    return ask(
        dsn, "select array_agg(version || '_' || name order by version) from supabase_migrations.schema_migrations"
    )


async def test_push_and_migrate_go_on_where_the_other_stopped(empty_dsn: str, dsn: str, tmp_path: Path) -> None:
    """From an empty project on; in the end it is the same as where one of them did all of it."""
    here, older = Repository(tmp_path / "ours", ours=True), Repository(tmp_path / "older", ours=True)
    for name in NAMES[-6:]:
        (older.migrations / f"{name}.sql").unlink()

    assert "Finished" in older.push(empty_dsn)
    assert pushed(empty_dsn) == NAMES[:-6]
    assert await pending(empty_dsn) == NAMES[-6:]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "migrations", lambda: migrations()[:-3])
        assert await migrate(empty_dsn, shim=False) == NAMES[-6:-3]
    told = here.push(empty_dsn, "--include-seed")

    assert "Seeding" in told, told
    assert "Finished supabase db push" in told, told
    assert pushed(empty_dsn) == NAMES
    assert await pending(empty_dsn) == []
    assert await migrate(empty_dsn, shim=True) == []
    assert "up to date" in here.push(empty_dsn)
    # Here each file has made everybody's rights anew, and there the last one for all of them.
    with psycopg.connect(empty_dsn) as each, psycopg.connect(dsn) as once:
        found = each.execute(RIGHTS.encode()).fetchall()
        assert len(found) > 400
        assert found == once.execute(RIGHTS.encode()).fetchall()
    store = await PostgresStore.open(empty_dsn)
    assert (await store.call("accept", delivery()))["new"]
    assert len(await store.call("list_calls", {"limit": 10})) == 3, "the seed's"
    await store.close()


async def test_a_product_with_a_history_and_names_of_its_own_is_not_disturbed_and_may_export_later(
    empty_dsn: str, tmp_path: Path
) -> None:
    ask(empty_dsn, ROLES.read_text("utf-8"))
    product = Repository(tmp_path)
    (product.migrations / "20240101120000_start.sql").write_text(PRODUCT)
    assert "Finished" in product.push(empty_dsn)
    before = ask(empty_dsn, THEIRS)

    assert await migrate(empty_dsn, shim=True) == NAMES

    assert ask(empty_dsn, THEIRS) == before
    assert ask(empty_dsn, "select public.claim()") == "the product's own"
    # Its history is its own: with a version in it that it has no file of, its next push would be refused.
    (product.migrations / "20270101120000_more.sql").write_text("alter table public.calls add column note text;")
    told = product.push(empty_dsn)
    assert "Finished" in told, told
    assert pushed(empty_dsn) == ["20240101120000_start", "20270101120000_more"]
    store = await PostgresStore.open(empty_dsn)
    assert (await store.call("accept", delivery()))["new"]
    assert await store.call("list_calls", {"limit": 1}) == []
    await store.close()
    # From now on it wants ours as files of its own, and has had them already.
    versions = [file.partition("_")[0] for file in export(tmp_path).written.values()]
    command, _, named = REPAIR.partition(" --status applied ")
    assert command == "supabase migration repair"
    said = subprocess.run(["sh", "-c", f"echo {named}"], cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.split() == versions
    product.run("migration", "repair", f"--remote={empty_dsn}", "--status", "applied", *said.stdout.split())
    assert "up to date" in product.push(empty_dsn)


async def test_a_product_that_has_ours_as_files_of_its_own_has_them_once(empty_dsn: str, tmp_path: Path) -> None:
    product = Repository(tmp_path)
    (product.migrations / "20240101120000_start.sql").write_text(PRODUCT)
    files = list(export(tmp_path).written.values())

    told = product.push(empty_dsn)

    assert "Finished" in told, told
    assert "Skipping" not in told
    assert await pending(empty_dsn) == []
    assert await migrate(empty_dsn, shim=True) == []
    assert pushed(empty_dsn) == ["20240101120000_start", *(name.removesuffix(".sql") for name in files)]
    assert "up to date" in product.push(empty_dsn)
