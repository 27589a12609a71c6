"""What Supabase's Realtime is told: the publication, read by Postgres' own logical decoding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from agentctl.clients.store.migrations import migrate
from agentctl.clients.store.postgres import PostgresStore
from tests.cluster import VERIFIER, Cluster, wheel_binaries
from tests.stores import running, stored

pytestmark = pytest.mark.anyio

# As Supabase's own Postgres comes with it.
PUBLICATION = "create publication supabase_realtime"
COLUMNS = """
    select t.tablename, t.attnames from pg_publication_tables t
    where t.pubname = 'supabase_realtime' and t.schemaname = 'agentctl' order by 1"""
# Of each table all but documents; of what somebody declares, what a sync wrote back.
ALL_BUT_DOCUMENTS = """
    select c.relname, array_agg(a.attname order by a.attnum) from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'agentctl'::regnamespace
        and c.relname in ('action_items', 'assistants', 'calls', 'declared_assistants')
        and (c.relname, a.attname) not in (('calls', 'detail'), ('assistants', 'post_call'))
        and (c.relname <> 'declared_assistants' or a.attname ~ '^(key|tenant|elevenlabs_.*)$')
    group by c.relname order by 1"""
OURS = "select oid::regclass::text from pg_class where relnamespace = 'agentctl'::regnamespace and relkind = 'r'"
TOLD = """
    select string_agg(data, '' order by lsn)
    from pg_logical_slot_get_binary_changes(
        'listener', null, null, 'proto_version', '1', 'publication_names', 'supabase_realtime')"""


@pytest.fixture
def logical() -> Iterator[str]:
    """A database of a server that decodes its log, as Supabase's does."""
    server = Cluster(wheel_binaries(), durable=("wal_level=logical", "fsync=off"))
    server.create()
    yield server.dsn(server.new_database())
    server.remove()


async def test_a_listener_hears_of_calls_items_and_syncs_without_their_documents(logical: str) -> None:
    with psycopg.connect(logical, autocommit=True) as connection:
        connection.execute(PUBLICATION)
        await migrate(logical, shim=True, alone=True)
        assert connection.execute(COLUMNS).fetchall() == connection.execute(ALL_BUT_DOCUMENTS).fetchall()
        connection.execute("select pg_create_logical_replication_slot('listener', 'pgoutput')")
        store = await PostgresStore.open(logical)

        fence = await running(store, "conv_1")
        call = {"assistant_name": "Empfang am Ring", "detail": {"variables": "of nobody's business"}}
        await store.call("store_call", stored(fence, call=call))
        scope = {"project": "praxis", "environment": "production", "workspace": "w"}
        mailed = {"to": ["of-no-page@example.org"]}
        assistant = {**scope, "key": "empfang", "name": "Synced just now", "agent_id": "agent_1", "post_call": mailed}
        await store.call("save_assistant", assistant)
        await store.close()

        row = connection.execute(TOLD).fetchone()
        assert row is not None
        for heard in ("conv_1", "Empfang am Ring", "Zurückrufen", "Synced just now"):
            assert heard.encode() in row[0]
        for unheard in ("of nobody's business", "of-no-page", "Guten Tag", "Rückruf erbeten"):
            assert unheard.encode() not in row[0]


async def test_nobody_is_told_of_a_deletion_of_what_is_still_there(logical: str) -> None:
    with psycopg.connect(logical, autocommit=True) as connection:
        connection.execute(PUBLICATION)
        await migrate(logical, shim=True, alone=True)
        store = await PostgresStore.open(logical)
        told = stored(await running(store, "conv_1"))
        item = told["action_items"][0]
        told["action_items"] = [item, {**item, "position": 1, "what": "Absagen", "quote": None}]
        await store.call("store_call", told)
        (done,) = [one for one in (await shown(store))["action_items"] if one["what"] == "Absagen"]
        await store.call("mark_action_item", {"conversation_id": "conv_1", "id": done["id"], "done": True})
        connection.execute("select pg_create_logical_replication_slot('listener', 'pgoutput')")

        # A better version, told later, begins and ends otherwise; what somebody ticked off moves with the others.
        fence = await running(store, "conv_1", body=b"better", event_timestamp=1_760_000_009)
        call = {"event_timestamp": 1_760_000_009, "started_at": "2026-11-20T08:00:00+00:00", "language": None}
        assert (await store.call("store_call", stored(fence, call=call, turns=[])))["stored"]
        after = await shown(store)
        assert (after["started_at"][:13], after["language"], after["turns"]) == ("2026-11-20T08", None, [])
        assert [(one["what"], one["done"]) for one in after["action_items"]] == [
            ("Zurückrufen", False),
            ("Absagen", True),
        ]
        again = {"conversation_id": "conv_1", "updated_at": after["updated_at"], "digest": told["digest"]}
        assert (await store.call("store_digest", {**again, "action_items": [item]}))["stored"]
        assert [one["position"] for one in (await shown(store))["action_items"]] == [0, 1]
        found = "select started_at::text from agentctl.call_documents"
        assert connection.execute(found).fetchall() == [("2026-11-20 08:00:00+00",)]
        assert deleted(connection) == 0

        connection.execute("update agentctl.calls set started_at = now() - interval '40 days'")
        await store.call("save_retention", {"project": "praxis", "environment": "production", "transcripts": 30})
        assert (await store.call("retain_calls", {"limit": 10}))["count"] == 1
        assert ((await shown(store))["emptied_at"] is None, deleted(connection)) == (False, 2)  # its items
        await store.close()


async def shown(store: PostgresStore) -> Any:
    return await store.call("show_call", {"conversation_id": "conv_1"})


def deleted(connection: psycopg.Connection) -> int:
    """How many rows a listener hears are gone, since it was asked last."""
    told = connection.execute(TOLD.replace("string_agg(data, '' order by lsn)", "data")).fetchall()
    return sum(message[:1] == b"D" for (message,) in told)


async def test_a_publication_that_was_made_anew_is_filled_again(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.execute("select count(*) from pg_publication").fetchone() == (0,)
        connection.execute("call agentctl.publish()")
        assert connection.execute("select count(*) from pg_publication").fetchone() == (0,)
        connection.execute(PUBLICATION)
        connection.execute("create table public.messages (id int primary key)")
        connection.execute("alter publication supabase_realtime add table public.messages")
        for _ in range(2):
            connection.execute("call agentctl.publish()")
            assert connection.execute(COLUMNS).fetchall() == connection.execute(ALL_BUT_DOCUMENTS).fetchall()
        theirs = "select tablename from pg_publication_tables where schemaname = 'public'"
        assert connection.execute(theirs).fetchall() == [("messages",)]


async def test_publications_that_are_not_for_us_to_change_are_left_alone(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"{PUBLICATION} for all tables")
        connection.execute("call agentctl.publish()")
        connection.execute("drop publication supabase_realtime")
        connection.execute(PUBLICATION)
        connection.execute("grant usage on schema agentctl to authenticator")
        connection.execute("grant execute on procedure agentctl.publish() to authenticator")
        connection.execute("grant execute on function agentctl.in_both_roles(oid) to authenticator")
        told: list[str] = []
        connection.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        connection.execute("set role authenticator")
        connection.execute("call agentctl.publish()")
        connection.execute("reset role")
        assert connection.execute(COLUMNS).fetchall() == []
        assert ["run: call agentctl.publish()" in one for one in told] == [True]


@pytest.mark.parametrize(
    "made", ["for all tables", "for tables in schema public", "for tables in schema public, table public.product"]
)
async def test_whatever_publications_there_are_it_is_migrated_and_written(empty_dsn: str, made: str) -> None:
    with psycopg.connect(empty_dsn, autocommit=True) as connection:
        connection.execute("create table public.product (id int primary key)")
        connection.execute(f"{PUBLICATION} {made}".encode())
        await migrate(empty_dsn, shim=True, alone=True)
        connection.execute("call agentctl.publish()")
        heard = {name for name, _ in connection.execute(COLUMNS)}
        assert heard >= {"action_items", "assistants", "calls", "declared_assistants"}
        connection.execute("insert into agentctl.contents (content, sha256) values ('a', 'of no such content')")
        connection.execute("update agentctl.contents set content = 'b', sha256 = 'nor of this'")
        named = connection.execute("select sha256 = encode(sha256('b'), 'hex') from agentctl.contents").fetchall()
        assert named == [(True,)]
        for (table,) in connection.execute(OURS).fetchall():
            if table != "agentctl.audit":  # which nothing changes
                connection.execute(f"delete from {table}".encode())


async def test_what_a_warning_tells_others_to_do_works() -> None:
    server = Cluster(wheel_binaries())
    server.create()
    try:
        database = server.new_database()
        for role in ("maker createrole", "listener", "keeper"):
            server.execute(f"create role {role} login password '{VERIFIER}'")
        server.execute(f"alter database {database} owner to maker")
        server.execute(f"grant create on database {database} to listener, keeper")
        with psycopg.connect(server.dsn(database), autocommit=True) as admin:
            admin.execute(f"set role listener; {PUBLICATION}; set role keeper; create schema storage".encode())
            admin.execute("create table storage.objects (bucket_id text, name text)")
            admin.execute("grant usage on schema storage to maker; reset role")
            await migrate(server.dsn(database, user="maker"), shim=True)
            with psycopg.connect(server.dsn(database, user="maker"), autocommit=True) as maker:
                told: list[str] = []
                maker.add_notice_handler(lambda notice: told.append(notice.message_hint or ""))
                for procedure in ("publish", "open_recordings"):
                    maker.execute(f"call agentctl.{procedure}()".encode())
                    (hint,) = told
                    admin.execute(re.findall("Or (grant .*), and run it as that", hint)[0].encode())
                    told.clear()
                    maker.execute(f"call agentctl.{procedure}()".encode())
                    assert told == []
            assert admin.execute(COLUMNS).fetchall() == admin.execute(ALL_BUT_DOCUMENTS).fetchall()
            made = "select policyname from pg_policies where schemaname = 'storage'"
            assert admin.execute(made).fetchall() == [("agentctl recordings",)]
    finally:
        server.remove()
