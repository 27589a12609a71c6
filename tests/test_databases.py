"""What one test leaves in a database, the next does not find."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from agentctl.clients.store import postgres
from agentctl.clients.store.dsn import parsed
from agentctl.clients.store.postgres import PostgresStore
from agentctl.clients.store.supabase import SupabaseStore
from agentctl.errors import StoreSilent
from tests import npm
from tests.cluster import Cluster
from tests.databases import Databases
from tests.stores import delivery

pytestmark = pytest.mark.anyio

LASTING = (
    "create table agentctl.left_behind ()",
    "create or replace function agentctl.tenant(args jsonb) returns text language sql as $$ select 'me' $$",
    "alter table agentctl.events add column remark text",
    "alter table agentctl.audit disable trigger all",
    "grant execute on function public.agentctl_status(jsonb) to anon",
    "revoke select on agentctl.calls from public; grant select on agentctl.calls to anon",
    "delete from agentctl.migrations where version = (select max(version) from agentctl.migrations)",
    "do $$ begin execute format('alter database %I set timezone = ''Asia/Tokyo''', current_database()); end $$",
)
SESSIONS = (
    ("set application_name = 'left behind'", "select current_setting('application_name')", "agentctl"),
    ("listen left_behind", "select count(*) from pg_listening_channels()", 0),
    ("select pg_advisory_lock(1)", "select count(*) from pg_locks where locktype = 'advisory'", 0),
)
NUMBER = "select last_value, is_called from agentctl.audit_id_seq"


async def _accepted_anew(dsn: str) -> bool:
    store = await PostgresStore.open(dsn)
    accepted = await store.call("accept", delivery())
    await store.close()
    return bool(accepted["new"])


async def test_rows_are_gone_and_numbers_begin_anew(lender: Databases) -> None:
    lent = lender.lend()
    assert await _accepted_anew(lent)
    with psycopg.connect(lent) as connection:
        connection.execute("insert into auth.users (id) values (gen_random_uuid())")
        connection.execute("select nextval('agentctl.audit_id_seq')")
    lender.give_back(lent)

    again = lender.lend()

    assert again == lent
    with psycopg.connect(again) as connection:
        assert connection.execute("select from auth.users").fetchall() == []
        assert connection.execute(NUMBER).fetchone() == (1, False)
    assert await _accepted_anew(again)
    lender.give_back(again)


@pytest.mark.parametrize("change", LASTING)
def test_a_changed_one_is_not_lent_again(lender: Databases, cluster: Cluster, change: str) -> None:
    lent = lender.lend()
    cluster.execute(change, lent.rpartition("/")[2])

    lender.give_back(lent)

    again = lender.lend()
    assert again != lent
    lender.give_back(again)


def test_one_after_a_change_is_put_back_to_that_and_replaced_without_it(lender: Databases, dsn: str) -> None:
    changed = lender.after("create table public.theirs (); grant select on public.theirs to service_role")
    assert lender.after("create table public.theirs (); grant select on public.theirs to service_role") is changed
    lent = changed.lend()
    with psycopg.connect(lent) as connection:
        connection.execute("insert into public.theirs default values")
    changed.give_back(lent)
    assert changed.lend() == lent
    with psycopg.connect(lent) as connection:
        assert connection.execute("select from public.theirs").fetchall() == []
        connection.execute("drop table public.theirs")
    with psycopg.connect(dsn) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("select from public.theirs")

    changed.give_back(lent)

    again = changed.lend()
    assert again != lent
    changed.give_back(again)


def test_two_have_one_each(lender: Databases, dsn: str, other_dsn: str) -> None:
    assert dsn != other_dsn


@pytest.mark.parametrize(("statement", "question", "answer"), SESSIONS)
async def test_a_closed_connection_of_a_store_is_kept_as_if_it_were_new(
    lender: Databases, statement: str, question: str, answer: object
) -> None:
    lent = lender.lend()
    connection = await postgres.connect(parsed(lent))
    await connection.execute(statement.encode())
    pid = connection.info.backend_pid
    await connection.close()
    with psycopg.connect(lent) as other:
        count = "select count(*) from pg_stat_activity where datname = current_database() and application_name = %s"
        assert other.execute(count, ("agentctl",)).fetchone() == (0,)
    lender.give_back(lent)
    assert lender.lend() == lent

    again = await postgres.connect(parsed(lent))

    assert again.info.backend_pid == pid
    assert await (await again.execute(question.encode())).fetchone() == (answer,)
    await again.close()
    lender.give_back(lent)


async def test_a_connection_in_a_transaction_or_to_a_server_in_trouble_is_not_kept(
    lender: Databases, cluster: Cluster
) -> None:
    lent = lender.lend()
    pids = []
    for statement in ("begin", "select", "select"):
        connection = await postgres.connect(parsed(lent))
        pids.append(connection.info.backend_pid)
        await connection.execute(statement)
        if len(pids) == 2:
            with cluster.frozen():
                pass
        await connection.close()

    assert len(set(pids)) == 3
    lender.give_back(lent)


def test_connections_end_with_their_test(lender: Databases) -> None:
    lent = lender.lend()
    left = psycopg.connect(lent)
    left.execute("insert into auth.users (id) values (gen_random_uuid())")  # and holds its locks

    lender.give_back(lent)

    with pytest.raises(psycopg.OperationalError):
        left.execute("commit")


@pytest.mark.parametrize("trouble", ["stop", "kill", "freeze"])
def test_a_server_in_trouble_has_its_databases_replaced(lender: Databases, cluster: Cluster, trouble: str) -> None:
    held, idle = lender.lend(), lender.lend()
    lender.give_back(idle)
    if trouble == "freeze":
        with cluster.frozen():
            pass
    else:
        getattr(cluster, trouble)()
    lender.give_back(held)

    fresh = [lender.lend(), lender.lend()]

    assert not {held, idle} & set(fresh)
    for lent in fresh:
        lender.give_back(lent)


@pytest.mark.skipif(not npm.runs_here(), reason="PostgREST's binary is for Linux on x86-64")
async def test_a_project_stays_in_front_of_its_database_unless_it_still_works_there(lender: Databases) -> None:
    lent = lender.lend()
    project = lender.project(lent)
    lender.give_back(lent)
    assert lender.lend() == lent
    assert lender.project(lent) is project
    holding = psycopg.connect(lent)
    holding.execute("lock table agentctl.events")
    store = await SupabaseStore.open(project.url, project.service_key)
    with pytest.raises(StoreSilent):
        await store.call("accept", delivery(), timeout=0.5)

    await asyncio.to_thread(lender.give_back, lent)

    await store.close()
    again = lender.lend()

    assert again != lent
    lender.give_back(again)
