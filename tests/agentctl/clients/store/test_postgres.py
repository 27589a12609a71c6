from __future__ import annotations

import asyncio
import socket
import time

import pytest

from agentctl.clients.store.dsn import masked
from agentctl.clients.store.postgres import PostgresStore
from agentctl.errors import ConfigurationError, StoreSilent, StoreUnavailable
from tests.cluster import PASSWORD, Cluster, free_port

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://me:1@Geheim@host:5432/db",
        "postgresql://me:Ge/Geheim@host/db",
        "postgresql://me:12/Geheim@host/db",
        "postgresql//me:Geheim@1@host/db",
        "postgresql://me:Geheim%@host/db",
        "host=x password='Geheim",
        "host=x Geheim",
        "",
    ],
)
async def test_what_is_no_address_is_refused_without_quoting_it(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="DATABASE_URL") as refused:
        await PostgresStore.open(dsn)

    assert "Geheim" not in f"{refused.value} {refused.value!r}"
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    ("dsn", "shown"),
    [
        ("postgresql://me:Geheim@h:5433/db?sslmode=require", "postgresql://me:***@h:5433/db"),
        ("host=h user=me password=Geheim dbname=db", "postgresql://me:***@h/db"),
        ("postgresql://h/db?user=me&password=Geheim", "postgresql://me:***@h/db"),
        ("postgresql://me@h/db", "postgresql://me@h/db"),
        ("host=/run/pg user=me dbname=db port=5433", "postgresql://me@%2Frun%2Fpg/db"),
    ],
)
async def test_an_address_is_shown_without_its_password(dsn: str, shown: str) -> None:
    assert masked(dsn) == shown
    assert repr(await PostgresStore.open(dsn)) == f"PostgresStore({shown})"


async def test_a_wrong_password_is_told_at_once_and_not_quoted(cluster: Cluster) -> None:
    store = await PostgresStore.open(cluster.dsn().replace(PASSWORD, "Geheim-99"))

    with pytest.raises(StoreUnavailable, match="password authentication failed") as refused:
        await store.call("status", {})

    assert "Geheim" not in f"{refused.value} {refused.value!r}"


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    store = await PostgresStore.open(f"postgresql://me:Geheim-99@127.0.0.1:{free_port()}/db")
    started = time.monotonic()

    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1") as refused:
        await store.call("status", {}, timeout=10)

    assert time.monotonic() - started < 2
    assert "Geheim" not in str(refused.value)


async def test_a_port_that_takes_connections_and_says_nothing_is_given_up_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = await PostgresStore.open(f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/db")
        started = time.monotonic()

        with pytest.raises(StoreUnavailable, match=r"0\.3 s"):
            await store.call("status", {}, timeout=0.3)

        assert time.monotonic() - started < 1
        await store.close()


async def test_after_a_restart_the_first_call_works(postgres_store: PostgresStore, cluster: Cluster) -> None:
    await asyncio.gather(*(postgres_store.call("status", {}) for _ in range(5)))
    cluster.stop()
    cluster.start()

    assert await postgres_store.call("status", {})


async def test_no_more_connections_than_allowed(dsn: str, cluster: Cluster) -> None:
    store = await PostgresStore.open(dsn, connections=2)
    await asyncio.gather(*(store.call("status", {}) for _ in range(20)))
    count = "select count(*) from pg_stat_activity where application_name = 'agentctl'"

    assert cluster.execute(count) == [(2,)]
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.call("status", {})


async def test_connections_that_hung_are_not_used_again(postgres_store: PostgresStore, cluster: Cluster) -> None:
    await postgres_store.call("status", {})
    with cluster.frozen():
        late = [postgres_store.call("status", {}, timeout=0.3) for _ in range(20)]
        outcomes = await asyncio.gather(*late, return_exceptions=True)
        # They are gone at once; psycopg's own way, asking the server to cancel, takes it ten seconds to give up.
        async with asyncio.timeout(2):
            await asyncio.gather(*postgres_store._late, return_exceptions=True)

    assert {type(outcome) for outcome in outcomes} == {StoreSilent}
    # All slots are free again, and nobody gets the answer to somebody else's question.
    answers = await asyncio.gather(*(postgres_store.call("route", {"phone_number": "x"}) for _ in range(20)))
    assert answers == [None] * 20


async def test_statements_are_not_prepared(postgres_store: PostgresStore, cluster: Cluster, dsn: str) -> None:
    for _ in range(12):
        await postgres_store.call("status", {})

    # A transaction pooler would hand the next statement to a connection that does not know the prepared one.
    [connection] = postgres_store._idle
    found = await (await connection.execute("select count(*) from pg_prepared_statements")).fetchone()
    assert found == (0,)
