from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from agentctl.clients.store import migrations as module
from agentctl.clients.store.migrations import behind, migrate, migrations, pending
from agentctl.clients.store.postgres import PostgresStore
from agentctl.errors import ConfigurationError, StoreBehind, StoreError, StoreUnavailable
from agentctl.secrecy.secret import sealed
from tests.agentctl.secrecy.test_address import OPEN, SECRET
from tests.cluster import VERIFIER, Cluster, free_port
from tests.prepared import SERVERS
from tests.stores import running, stored

pytestmark = pytest.mark.anyio

NAMES = [str(migration) for migration in migrations()]


def test_the_files_are_in_the_form_that_the_supabase_cli_reads() -> None:
    folder = Path(__file__).parents[4] / "supabase" / "migrations"

    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.sql" for name in NAMES]
    for migration in migrations():
        assert len(migration.version) == 14
        text = migration.path.read_text("utf-8").rstrip()
        # Whoever applies it, it enters itself, last.
        assert text.endswith(f"values ('{migration.version}', '{migration.name}');")
        assert "call agentctl.seal();" in text


async def test_a_store_without_migrations_is_behind(empty_dsn: str) -> None:
    store = await PostgresStore.open(empty_dsn)

    with pytest.raises(StoreBehind, match="db migrate"):
        await store.call("status", {})

    await store.close()
    assert await pending(empty_dsn) == NAMES


async def test_several_processes_may_migrate_at_once_and_afterwards_there_is_nothing_to_do(empty_dsn: str) -> None:
    done = await asyncio.gather(*(migrate(empty_dsn, shim=True, alone=number % 2 == 0) for number in range(6)))

    assert sorted(name for names in done for name in names) == NAMES
    assert await migrate(empty_dsn, shim=True) == []
    assert await pending(empty_dsn) == []
    store = await PostgresStore.open(empty_dsn)
    assert behind((await store.call("status", {}))["migrations"]) == []
    await store.close()


RIGHTS = """
    select p.oid::regprocedure::text, p.prosrc, p.proconfig::text,
        array(select one::text from unnest(p.proacl) one order by 1)
    from pg_proc p where p.pronamespace in ('public'::regnamespace, 'agentctl'::regnamespace)
    union all
    select c.oid::regclass::text, c.relrowsecurity::text, (c.reloptions, a.attname, a.attacl)::text,
        array(select one::text from unnest(c.relacl) one order by 1)
    from pg_class c left join pg_attribute a on a.attrelid = c.oid and a.attacl is not null
    where c.relnamespace in ('public'::regnamespace, 'agentctl'::regnamespace)
    union all
    select n.nspname, '', '', array(select one::text from unnest(n.nspacl) one order by 1) from pg_namespace n
    where n.nspname in ('public', 'agentctl')
    order by 1, 2, 3"""


async def test_where_nobody_else_comes_in_rights_are_made_once_and_are_the_same(
    empty_dsn: str, dsn: str, cluster: Cluster
) -> None:
    # As a run leaves it that was killed: nothing of it is sealed.
    for migration in migrations()[:2]:
        text = migration.path.read_text("utf-8").replace("\ncall agentctl.seal();\n", "\n")
        cluster.execute(text, empty_dsn.rsplit("/", 1)[1])

    assert await migrate(empty_dsn, shim=True, alone=True) == NAMES[2:]

    with psycopg.connect(empty_dsn) as once, psycopg.connect(dsn) as each:
        found = once.execute(RIGHTS.encode()).fetchall()
        assert len(found) > 400
        assert found == each.execute(RIGHTS.encode()).fetchall()


async def test_a_part_may_have_been_applied_by_hand(empty_dsn: str, cluster: Cluster) -> None:
    for migration in migrations()[:2]:
        cluster.execute(migration.path.read_text("utf-8"), empty_dsn.rsplit("/", 1)[1])

    assert await pending(empty_dsn) == NAMES[2:]
    assert await migrate(empty_dsn, shim=False, alone=True) == NAMES[2:]


async def test_a_plain_postgres_without_supabases_roles_will_do(bare_dsn: str) -> None:
    assert await migrate(bare_dsn, shim=False) == NAMES

    with psycopg.connect(bare_dsn) as connection:
        rows = connection.execute("select proacl::text from pg_proc where proname like 'agentctl!_%' escape '!'")
        # Nothing for PUBLIC, whose entry would begin with the equals sign.
        assert all(rights and "{=" not in rights and ",=" not in rights for (rights,) in rows)


@pytest.mark.parametrize("server", ["wheel", "15"])
async def test_without_a_superuser_the_roles_that_cannot_be_made_are_left_out(server: str) -> None:
    """As on a managed Postgres, which gives none. Roles belong to a whole server."""
    bare = Cluster(SERVERS[server]())
    bare.create()
    try:
        for may, made in (("nocreaterole", []), ("createrole", ["anon", "authenticated", "authenticator"])):
            database = bare.new_database()
            bare.execute(f"create role {may} login {may} password '{VERIFIER}'")
            bare.execute(f"alter database {database} owner to {may}")
            theirs = bare.dsn(database, user=may)
            assert [await migrate(theirs, shim=True) for _ in range(2)] == [NAMES, []]
            roles = "select rolname from pg_roles where rolname !~ '^pg_|^postgres$|role$' order by 1"
            assert [name for (name,) in bare.execute(roles)] == made
            store = await PostgresStore.open(theirs)
            assert (await store.call("store_call", stored(await running(store))))["stored"]
            assert len(await store.call("list_calls", {"limit": 5})) == 1
            await store.close()
        # Once somebody who may has made it, it gets what it needs.
        bare.execute("create role service_role nologin bypassrls")
        bare.execute("call agentctl.seal()", database)
        assert bare.execute("select has_schema_privilege('service_role', 'agentctl', 'usage')", database) == [(True,)]
    finally:
        bare.remove()


@pytest.mark.parametrize("had", [0, 1])
async def test_a_file_that_fails_leaves_nothing(empty_dsn: str, cluster: Cluster, had: int) -> None:
    """In a new database nothing at all, in any other what was done before."""
    database = empty_dsn.rsplit("/", 1)[1]
    for migration in migrations()[:had]:
        cluster.execute(migration.path.read_text("utf-8"), database)
    taken = "create function public.agentctl_accept(args jsonb) returns jsonb language sql as 'select args'"
    cluster.execute(taken, database)

    with pytest.raises(StoreError, match="42723"):
        await migrate(empty_dsn, shim=False)

    assert await pending(empty_dsn) == (NAMES[2:] if had else NAMES)
    assert cluster.execute("select to_regclass('agentctl.events')", database) == [(None,)]


def test_a_newer_database_lacks_nothing() -> None:
    assert behind([migration.version for migration in migrations()] + ["20991231000000"]) == []
    assert behind([]) == NAMES


async def test_no_server_and_no_address_are_told_without_the_password() -> None:
    with pytest.raises(StoreUnavailable) as refused:
        await migrate(f"postgresql://me:Geheim@127.0.0.1:{free_port()}/db", shim=False)
    with pytest.raises(ConfigurationError) as unreadable:
        await pending("postgresql//me:Geheim@host/db")

    assert "Geheim" not in f"{refused.value} {unreadable.value}"


async def test_a_server_that_hangs_is_given_up(
    empty_dsn: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.3)

    async def frozen(_connection: object) -> None:
        stack.enter_context(cluster.frozen())
        await asyncio.sleep(0)

    real = module._lock

    async def lock(connection: module.Connection) -> None:
        await frozen(connection)
        await real(connection)

    monkeypatch.setattr(module, "_lock", lock)
    with ExitStack() as stack:
        async with asyncio.timeout(10):
            with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.3 s"):
                await migrate(empty_dsn, shim=False)


async def test_a_server_that_is_slow_has_its_time_for_each_file(
    empty_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (path := tmp_path / "slow.sql").write_text("select pg_sleep(0.2)")
    files = tuple(module.Migration(str(number), "slow", path) for number in range(4))
    monkeypatch.setattr(module, "migrations", lambda: files)
    monkeypatch.setattr(module, "_SECONDS", 0.7)
    assert await migrate(empty_dsn, shim=False) == [str(one) for one in files]


async def test_a_lock_that_somebody_keeps_is_not_waited_for_for_ever_and_supabases_own_ledger_is_kept_in_step(
    empty_dsn: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = empty_dsn.rsplit("/", 1)[1]
    cluster.execute("create schema supabase_migrations", database)
    columns = "version text primary key, statements text[], name text"
    cluster.execute(f"create table supabase_migrations.schema_migrations ({columns})", database)
    pushed = "select version || '_' || name from supabase_migrations.schema_migrations order by 1"

    monkeypatch.setattr(module, "_STATEMENT_SECONDS", 1)
    with psycopg.connect(empty_dsn, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [module._LOCK])
        with pytest.raises(StoreUnavailable, match="cannot do it now"):
            await migrate(empty_dsn, shim=False)
    assert cluster.execute(pushed, database) == []
    assert await migrate(empty_dsn, shim=True, alone=True) == NAMES
    assert [name for (name,) in cluster.execute(pushed, database)] == NAMES


# What older versions have written, and the migration that found it.

SCOPE = {"project": "p", "environment": "e", "workspace": "w"}
LISTED, MAPPED = [{"id": "b", "name": "B"}, {"id": "a", "name": "A"}], {"b": {"name": "B"}, "a": {"name": "A"}}
SPEC = {"key": "a", "limit": 3, "knowledge": [{"url": one, "text_sha256": None} for one in (*SECRET, *OPEN)]}
TEXT = b"Ein Brot: 4 Euro."
CONTENTS = {hashlib.sha256(one).hexdigest(): one for one in (json.dumps(SPEC).encode(), TEXT)}


def criteria(found: object) -> dict[str, object]:
    return {"name": "A", "platform_settings": {"evaluation": {"criteria": found}, "privacy": {}}}


def call(connection: psycopg.Connection, function: str, **args: object) -> None:
    connection.execute(f"select public.agentctl_{function}(%s)".encode(), [json.dumps({**SCOPE, **args})])


def with_listed_criteria(connection: psycopg.Connection) -> None:
    applied = {**criteria(LISTED), "~said": {"words": criteria([]), "was": None}}
    call(connection, "bind", kind="agent", key="a", remote_id="1", applied=applied)
    call(connection, "intend", kind="agent", key="b", said=criteria(LISTED))


def with_open_addresses(connection: psycopg.Connection) -> None:
    contents = [{"sha256": name, "content": base64.b64encode(one).decode()} for name, one in CONTENTS.items()]
    call(connection, "save_revision", key="a", spec=SPEC, digest=next(iter(CONTENTS)), keep=20, contents=contents)


def with_a_user_of_a_site(connection: psycopg.Connection) -> None:
    connection.execute("""
        insert into agentctl.calls (conversation_id, agent_id, status, source, detail, started_at, user_id)
        values ('conv_1', 'agent_1', 'done', 'webhook', '{}', now(), E'+49\\u202f8999998777')""")


OLDER = {
    "agentctl_criteria": with_listed_criteria,
    "agentctl_addresses": with_open_addresses,
    "agentctl_meanwhile": with_a_user_of_a_site,
}


@pytest.fixture(scope="module")
def aged(clusters: Callable[[str], Cluster]) -> Iterator[str]:
    """A database in which each of them wrote what it did right before the next one came."""
    server, waiting = clusters("wheel"), dict(OLDER)
    database = server.new_database()
    with psycopg.connect(server.dsn(database), autocommit=True) as connection:
        for migration in migrations():
            if write := waiting.pop(migration.name, None):
                write(connection)
            if not waiting:
                break
            connection.execute(migration.path.read_bytes())
    asyncio.run(migrate(server.dsn(database), shim=False, alone=True))
    yield server.dsn(database)
    server.drop(database)


async def test_criteria_that_were_remembered_as_a_list_are_known_by_their_ids(aged: str) -> None:
    store = await PostgresStore.open(aged)
    (binding,) = await store.call("bindings", {**SCOPE, "kind": "agent"})
    (intent,) = await store.call("intents", {**SCOPE, "kind": "agent"})
    await store.close()
    assert binding["applied"] == {**criteria(MAPPED), "~said": {"words": criteria({}), "was": None}}
    assert intent["said"] == criteria(MAPPED)


async def test_a_revision_that_kept_an_address_with_a_secret_keeps_its_digest(aged: str) -> None:
    store = await PostgresStore.open(aged)
    kept = await store.call("revision", {**SCOPE, "key": "a", "revision": 1})
    missing = await store.call("missing_contents", {"sha256": list(CONTENTS)})
    await store.close()
    assert kept["spec"] == sealed(SPEC)
    assert [base64.b64decode(one["content"]) for one in kept["contents"]] == [TEXT]
    assert missing == [next(iter(CONTENTS))]


def test_calls_that_were_stored_before_are_found_by_what_their_user_id_reads_as_now(aged: str) -> None:
    with psycopg.connect(aged) as connection:
        connection.execute("set enable_seqscan = off")  # by the index, as among many calls
        found = connection.execute("""
            select conversation_id from agentctl.calls where tenant = 'default'
                and agentctl.backwards(agentctl.user_number(user_id)) = agentctl.backwards('498999998777')""")
        assert found.fetchall() == [("conv_1",)]
