from __future__ import annotations

import asyncio
import base64
import hashlib
import json
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
from tests.cluster import Cluster, free_port

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


async def test_migrating_twice_does_nothing_the_second_time(empty_dsn: str) -> None:
    assert await migrate(empty_dsn, shim=True) == NAMES
    assert await migrate(empty_dsn, shim=True) == []

    assert await pending(empty_dsn) == []
    store = await PostgresStore.open(empty_dsn)
    assert behind((await store.call("status", {}))["migrations"]) == []
    await store.close()


async def test_several_processes_may_migrate_at_once(empty_dsn: str) -> None:
    done = await asyncio.gather(*(migrate(empty_dsn, shim=True) for _ in range(6)))

    assert sorted(name for names in done for name in names) == NAMES


async def test_a_part_may_have_been_applied_by_hand(empty_dsn: str, cluster: Cluster) -> None:
    for migration in migrations()[:2]:
        cluster.execute(migration.path.read_text("utf-8"), empty_dsn.rsplit("/", 1)[1])

    assert await pending(empty_dsn) == NAMES[2:]
    assert await migrate(empty_dsn, shim=False) == NAMES[2:]


async def test_a_plain_postgres_without_supabases_roles_will_do(bare_dsn: str) -> None:
    assert await migrate(bare_dsn, shim=False) == NAMES

    with psycopg.connect(bare_dsn) as connection:
        rows = connection.execute("select proacl::text from pg_proc where proname like 'agentctl!_%' escape '!'")
        # Nothing for PUBLIC, whose entry would begin with the equals sign.
        assert all(rights and "{=" not in rights and ",=" not in rights for (rights,) in rows)


async def test_supabases_own_ledger_is_kept_in_step(empty_dsn: str, cluster: Cluster) -> None:
    database = empty_dsn.rsplit("/", 1)[1]
    cluster.execute("create schema supabase_migrations", database)
    columns = "version text primary key, statements text[], name text"
    cluster.execute(f"create table supabase_migrations.schema_migrations ({columns})", database)

    await migrate(empty_dsn, shim=False)

    rows = cluster.execute(
        "select version || '_' || name from supabase_migrations.schema_migrations order by 1", database
    )
    assert [name for (name,) in rows] == NAMES


async def test_a_file_that_fails_leaves_nothing(empty_dsn: str, cluster: Cluster) -> None:
    database = empty_dsn.rsplit("/", 1)[1]
    cluster.execute(
        "create function public.agentctl_forget_route(args jsonb) returns jsonb language sql as 'select args'", database
    )

    with pytest.raises(StoreError, match="42723"):
        await migrate(empty_dsn, shim=False)

    assert await pending(empty_dsn) == NAMES[1:]
    assert cluster.execute("select to_regclass('agentctl.bindings')", database) == [(None,)]


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


async def test_a_lock_that_somebody_keeps_is_not_waited_for_for_ever(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_STATEMENT_SECONDS", 1)
    with psycopg.connect(empty_dsn, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", [module._LOCK])
        with pytest.raises(StoreUnavailable, match="cannot do it now"):
            await migrate(empty_dsn, shim=False)
    assert await migrate(empty_dsn, shim=True) == NAMES


async def test_criteria_that_were_remembered_as_a_list_are_known_by_their_ids(empty_dsn: str, cluster: Cluster) -> None:
    scope = {"project": "p", "environment": "e", "workspace": "w", "kind": "agent"}

    def body(criteria: object) -> dict[str, object]:
        return {"name": "A", "platform_settings": {"evaluation": {"criteria": criteria}, "privacy": {}}}

    listed, mapped = [{"id": "b", "name": "B"}, {"id": "a", "name": "A"}], {"b": {"name": "B"}, "a": {"name": "A"}}
    names = [migration.name for migration in migrations()]
    for migration in migrations()[: names.index("agentctl_criteria")]:
        cluster.execute(migration.path.read_text("utf-8"), empty_dsn.rsplit("/", 1)[1])
    rows = {
        "bind": {"key": "a", "remote_id": "1", "applied": {**body(listed), "~said": {"words": body([]), "was": None}}},
        "intend": {"key": "b", "said": body(listed)},
    }
    with psycopg.connect(empty_dsn) as connection:
        for function, row in rows.items():
            connection.execute(f"select public.agentctl_{function}(%s)", [json.dumps({**scope, **row})])

    await migrate(empty_dsn, shim=False)

    store = await PostgresStore.open(empty_dsn)
    (binding,) = await store.call("bindings", scope)
    (intent,) = await store.call("intents", scope)
    await store.close()
    assert binding["applied"] == {**body(mapped), "~said": {"words": body({}), "was": None}}
    assert intent["said"] == body(mapped)


async def test_a_revision_that_kept_an_address_with_a_secret_keeps_its_digest(empty_dsn: str, cluster: Cluster) -> None:
    names = [migration.name for migration in migrations()]
    for migration in migrations()[: names.index("agentctl_addresses")]:
        cluster.execute(migration.path.read_text("utf-8"), empty_dsn.rsplit("/", 1)[1])
    spec = {"key": "a", "limit": 3, "knowledge": [{"url": one, "text_sha256": None} for one in (*SECRET, *OPEN)]}
    scope = {"project": "p", "environment": "e", "workspace": "w", "key": "a"}
    manifest, text = json.dumps(spec).encode(), b"Ein Brot: 4 Euro."
    digests = {hashlib.sha256(one).hexdigest(): base64.b64encode(one).decode() for one in (manifest, text)}
    contents = [{"sha256": name, "content": content} for name, content in digests.items()]
    row = {**scope, "spec": spec, "digest": next(iter(digests)), "keep": 20, "contents": contents}
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("select public.agentctl_save_revision(%s)", [json.dumps(row)])

    await migrate(empty_dsn, shim=False)

    store = await PostgresStore.open(empty_dsn)
    kept = await store.call("revision", {**scope, "revision": 1})
    missing = await store.call("missing_contents", {"sha256": list(digests)})
    await store.close()
    assert kept["spec"] == sealed(spec)
    assert [base64.b64decode(one["content"]) for one in kept["contents"]] == [text]
    assert missing == [next(iter(digests))]


async def test_calls_that_were_stored_before_are_found_by_what_their_user_id_reads_as_now(
    empty_dsn: str, cluster: Cluster
) -> None:
    names = [migration.name for migration in migrations()]
    for migration in migrations()[: names.index("agentctl_meanwhile")]:
        cluster.execute(migration.path.read_text("utf-8"), empty_dsn.rsplit("/", 1)[1])
    of_a_site = """
        insert into agentctl.calls (conversation_id, agent_id, status, source, detail, started_at, user_id)
        values ('conv_1', 'agent_1', 'done', 'webhook', '{}', now(), E'+49\\u202f8999998777')"""
    with psycopg.connect(empty_dsn) as connection:
        connection.execute(of_a_site)
    await migrate(empty_dsn, shim=True)
    with psycopg.connect(empty_dsn) as connection:
        connection.execute("set enable_seqscan = off")  # by the index, as among many calls
        found = connection.execute("""
            select conversation_id from agentctl.calls where tenant = 'default'
                and agentctl.backwards(agentctl.user_number(user_id)) = agentctl.backwards('498999998777')""")
        assert found.fetchall() == [("conv_1",)]
