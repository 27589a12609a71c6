"""supabase/examples/sync-button.ts as a signed-in user's browser runs it: supabase-js, PostgREST, policies."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentctl.clients.store.postgres import PostgresStore
from tests import npm, postgrest
from tests.rights.people import MEMBER, as_user, joined
from tests.supabase.test_generated import checked
from tests.supabase_cli import OURS

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not npm.runs_here(), reason="PostgREST's binary is for Linux on x86-64"),
]

PRODUCT = """
create table public.phone_assistants (
    id text primary key, tenant text not null, elevenlabs_synced_at timestamptz, elevenlabs_sync_error text
);
alter table public.phone_assistants enable row level security;
create policy own on public.phone_assistants for select to authenticated
    using (tenant = any ((select agentctl.my_tenants())::text[]));
insert into public.phone_assistants (id, tenant) values ('front-desk', 'own'), ('theirs', 'foreign');
notify pgrst, 'reload schema';
"""
PAGE = """import { createClient } from "@supabase/supabase-js"
import { sync } from "./examples/sync-button.ts"

const [url, key, token, ...ids] = process.argv.slice(2)
const supabase = createClient(url, key, { accessToken: async () => token })
for (const id of ids) await sync(supabase, id, (text) => console.log(`${id}: ${text}`))
"""
SCOPE = {"project": "praxis", "environment": "production"}


def prepared(dsn: str, store_args: Any) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(PRODUCT)
        joined(connection, MEMBER, "own")
        for args in store_args:
            connection.execute("select public.agentctl_save_assistant(%s)", [json.dumps(args)])


def assistants() -> list[dict[str, str]]:
    both = (("own", "front-desk"), ("foreign", "theirs"))
    rest = {**SCOPE, "workspace": "w", "name": "A"}
    return [{**rest, "tenant": tenant, "key": key, "agent_id": f"agent_{key}"} for tenant, key in both]


async def synced(dsn: str, listening: asyncio.Event) -> str:
    """What a worker does, but for the sync: claim the job, write to the row, and tell which assistant it was."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as listener:
        await listener.execute("listen agentctl_sync")
        listening.set()
        assert [one async for one in listener.notifies(timeout=60, stop_after=1)]
    store = await PostgresStore.open(dsn)
    terms = {**SCOPE, "worker": "w", "limit": 1, "lease_seconds": 60, "quiet_seconds": 0, "longest_seconds": 0}
    jobs = (await store.call("claim_sync_jobs", terms))["jobs"]
    written = (
        "update public.phone_assistants set elevenlabs_synced_at = now(), elevenlabs_sync_error = %s where id = %s"
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(written.encode(), ["of a sync that ran before", jobs[0]["key"]])
        await asyncio.sleep(0.7)  # the page looks four times a second, and tells nobody that it has
        connection.execute(written.encode(), [None, jobs[0]["key"]])
    await store.call("sync_job_done", {key: jobs[0][key] for key in ("tenant", "id", "attempt")})
    await store.close()
    return str(jobs[0]["key"])


async def test_a_user_syncs_an_assistant_of_theirs_and_no_other(dsn: str, lender: Any, tmp_path: Path) -> None:
    prepared(dsn, assistants())
    project = lender.project(dsn)
    for name in ("types.ts", "examples"):
        copy = shutil.copytree if (OURS / name).is_dir() else shutil.copy
        copy(OURS / name, tmp_path / name)
    (tmp_path / "page.ts").write_text(PAGE)
    (tmp_path / "use.ts").write_text('export { sync } from "./examples/sync-button.ts"\n')
    assert checked(tmp_path) == ""
    listening = asyncio.Event()
    worker = asyncio.create_task(synced(dsn, listening))
    await listening.wait()
    token = postgrest.token("authenticated", sub=MEMBER)
    browser = await asyncio.create_subprocess_exec(
        *npm.node(), "page.ts", project.url, project.anon_key, token, "front-desk", "theirs",
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip

    assert await worker == "front-desk"

    out, err = await browser.communicate()
    assert out.decode().splitlines() == [
        "front-desk: Syncing …",
        "front-desk: Live.",
        "theirs: there is no such assistant",
    ], err.decode()
    with psycopg.connect(dsn) as connection:
        assert connection.execute("select key from agentctl.sync_changes").fetchall() == []
        noted = connection.execute("select tenant, actor, action, subject from agentctl.audit").fetchall()
    assert noted == [("own", f"user:{MEMBER}", "sync", {"key": "front-desk"})]


async def test_who_only_reads_cannot_sync_and_listeners_may_read_the_whole_key(dsn: str) -> None:
    prepared(dsn, assistants())
    with psycopg.connect(dsn) as connection:
        joined(connection, MEMBER, "own", "viewer")
        as_user(connection, {"role": "authenticated", "sub": MEMBER})
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="a viewer reads assistants"):
            connection.execute("select public.agentctl_request_sync('front-desk')")
    keys = """
        select c.relname, a.attname from pg_class c
        join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
        join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey)
        where c.relnamespace = 'agentctl'::regnamespace
            and c.relname in ('calls', 'action_items', 'assistants', 'declared_assistants')
            and not has_column_privilege('authenticated', c.oid, a.attnum, 'select')"""
    with psycopg.connect(dsn) as connection:
        assert connection.execute(keys).fetchall() == []


def pressed(connection: psycopg.Connection, key: str) -> None:
    with connection.transaction():
        as_user(connection, {"role": "authenticated", "sub": MEMBER})
        connection.execute("select public.agentctl_request_sync(%s)", [key])


async def test_a_button_works_right_after_saving_and_for_rows_that_were_there_before(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(PRODUCT)
        connection.execute("alter table public.phone_assistants add column prompt text")
        joined(connection, MEMBER, "own")
        watch = "select agentctl.watch('public.phone_assistants', 'id', array['prompt'], 'tenant', %s, %s)"
        connection.execute(watch, list(SCOPE.values()))
        connection.execute(
            "insert into public.phone_assistants (id, tenant) values ('saved', 'own'), ('new', 'foreign')"
        )
        for key in ("front-desk", "saved"):
            pressed(connection, key)
        for key in ("theirs", "new", "nobody's"):
            with pytest.raises(psycopg.Error, match="there is no such assistant"):
                pressed(connection, key)
        # What a worker has not looked at, of a table that cannot be read any more.
        connection.execute("alter table public.phone_assistants rename column id to slug")
        pressed(connection, "saved")
    store = await PostgresStore.open(dsn)
    terms = {**SCOPE, "worker": "w", "limit": 1, "lease_seconds": 60, "quiet_seconds": 0, "longest_seconds": 0}
    taken = []
    while jobs := (await store.call("claim_sync_jobs", terms))["jobs"]:
        await store.call("sync_job_done", {name: jobs[0][name] for name in ("tenant", "id", "attempt")})
        taken.append((jobs[0]["tenant"], jobs[0]["key"]))
    await store.close()
    assert sorted(taken) == [("foreign", "new"), ("own", "front-desk"), ("own", "saved")]
