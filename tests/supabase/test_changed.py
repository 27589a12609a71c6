"""What is told on the channel agentctl_changed, and that nothing is where nobody listens."""

from __future__ import annotations

import json

import psycopg
import pytest

from agentctl.clients.store.postgres import PostgresStore
from tests.stores import running, stored

pytestmark = pytest.mark.anyio

Told = set[tuple[str, str]]
HEARD = "select agentctl.is_heard()"
# Waits for the end of who listens: a connection that was closed ends a moment later.
NOBODY = "select pg_advisory_lock(7204913119), pg_advisory_unlock(7204913119)"


def told(listening: psycopg.Connection) -> Told:
    """What came since it was last asked; each must have come once per transaction."""
    heard = [json.loads(one.payload) for one in listening.notifies(timeout=0.2)]
    return {(one["tenant"], one["what"]) for one in heard}


async def test_a_change_is_told_once_per_transaction(dsn: str, postgres_store: PostgresStore) -> None:
    with psycopg.connect(dsn, autocommit=True) as listening, psycopg.connect(dsn, autocommit=True) as other:
        listening.execute("select agentctl.listen_for_changes()")
        fence = await running(postgres_store, "conv_1")
        list(listening.notifies(timeout=0.1))
        await postgres_store.call("store_call", stored(fence, "conv_1"))
        heard = [json.loads(one.payload) for one in listening.notifies(timeout=0.3)]
        assert sorted((one["tenant"], one["what"]) for one in heard) == [("default", "calls"), ("default", "items")]

        for statement, what in (
            ("update agentctl.action_items set done = true", {("default", "items"), ("default", "calls")}),
            ("update agentctl.outbox set state = 'sent'", {("default", "calls")}),
            ("update agentctl.outbox set attempt = 7", set()),
            ("insert into agentctl.recordings values ('t', 'conv_2', null, 'here')", {("t", "calls")}),
            (
                "insert into agentctl.assistants (tenant, project, environment, workspace, key, name, agent_id) "
                "values ('t', 'p', 'e', 'w', 'k', 'k', 'agent_k')",
                {("t", "assistants")},
            ),
            (
                "insert into agentctl.sync_jobs (tenant, project, environment, key, first_at, changed_at, due_at) "
                "values ('t', 'p', 'e', 'k', now(), now(), now())",
                {("t", "assistants")},
            ),
            ("update agentctl.sync_jobs set state = 'dead'", {("t", "assistants")}),
            ("update agentctl.sync_jobs set due_at = now()", set()),
            ("delete from agentctl.calls", {("default", "calls"), ("default", "items")}),
        ):
            other.execute(statement.encode())
            assert told(listening) == what, statement


async def test_nobody_is_told_where_nobody_listens(dsn: str) -> None:
    change = "insert into agentctl.recordings values ('t', %s, null, 'here')"
    with psycopg.connect(dsn, autocommit=True) as other:
        with psycopg.connect(dsn, autocommit=True) as listening:
            listening.execute("listen agentctl_changed")  # without a word: nobody knows of it
            other.execute(change, ["conv_1"])
            assert (other.execute(HEARD).fetchone(), told(listening)) == ((False,), set())
            listening.execute("select agentctl.listen_for_changes()")
            other.execute(change, ["conv_2"])
            assert (other.execute(HEARD).fetchone(), told(listening)) == ((True,), {("t", "calls")})
        with psycopg.connect(dsn, autocommit=True) as another:
            another.execute("select agentctl.listen_for_changes()")
            assert other.execute(HEARD).fetchone() == (True,)
        other.execute(NOBODY)
        assert other.execute(HEARD).fetchone() == (False,)
        left = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
        assert other.execute(left).fetchone() == (0,)
