"""What waits after an outage is no burden for what runs: no step reads more of it than it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

_WAITING = 2000
_FEW = 100
_READ = """
    select coalesce(sum(pg_stat_get_xact_tuples_returned(oid)), 0)::bigint
    from pg_class where relkind in ('r', 'i') and relname ~ '^(events|outbox|sink_rows)'"""
_EVENTS = """
    insert into agentctl.events (type, conversation_id, payload_sha256, payload, state, source, due_at)
    select 'post_call_transcription', %(name)s || i, sha256((%(name)s || i)::bytea), '{}'::bytea, %(state)s, 'webhook',
        now() - interval '1 minute'
    from generate_series(1, %(size)s) i"""
_MAILS = """
    insert into agentctl.outbox (conversation_id, purpose, recipient, message, state, due_at)
    select %(name)s || i, 'call', 'a@example.org', '{}', %(state)s, now() - interval '1 minute'
    from generate_series(1, %(size)s) i"""


_ROWS = """
    insert into agentctl.sink_rows (conversation_id, project, environment, due_at)
    select %(name)s || i, 'praxis', 'production', now() - interval '1 minute'
    from generate_series(1, %(size)s) i"""


@pytest.fixture
def burdened(dsn: str) -> Iterator[psycopg.Connection]:
    """A store that the planner knows from a quiet hour, and in which much waits now."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for state in ("done", "sent"), ("pending", "pending"):
            for statement, one in zip((_EVENTS, _MAILS), state, strict=True):
                connection.execute(statement, {"name": f"conv_{one}_", "state": one, "size": _WAITING})
            connection.execute(_ROWS, {"name": f"conv_{state[0]}_", "size": 20 if state[0] == "done" else _WAITING})
            if state[0] == "done":
                connection.execute("vacuum analyze agentctl.events, agentctl.outbox, agentctl.sink_rows")
        yield connection


def step(connection: psycopg.Connection, function: str, **args: Any) -> tuple[Any, int]:
    """What it answered, and how many rows and entries of the queues were read for it."""
    with connection.transaction():  # within it, the server's counts go on from those that it has not told yet
        (before,) = connection.execute(_READ).fetchall()[0]
        (answer,) = connection.execute(f"select agentctl_{function}(%s)", [json.dumps(args)]).fetchall()[0]
        (after,) = connection.execute(_READ).fetchall()[0]
    return answer, after - before


@pytest.mark.parametrize("queue", ["events", "mails", "sink_rows"])
def test_a_claim_reads_what_it_takes(burdened: psycopg.Connection, queue: str) -> None:
    terms = {"worker": "w", "limit": 2, "lease_seconds": 60, "max_attempts": 5}
    for _ in range(6):  # from the sixth on a session's plans may be general ones
        claimed, read = step(burdened, f"claim_{queue}", **terms)
        assert len(claimed) == 2
        assert read < _FEW


def test_a_sent_mail_is_found_by_its_key(burdened: psycopg.Connection) -> None:
    terms = {"worker": "w", "limit": 1, "lease_seconds": 60, "max_attempts": 5}
    for _ in range(6):
        [claimed], _read = step(burdened, "claim_mails", **terms)
        answer, read = step(
            burdened, "mail_sent", id=claimed["id"], attempt=claimed["attempt"], route="smtp", reference="x"
        )
        assert answer == {"held": True}
        assert read < _FEW


def test_a_call_is_stored_beside_what_waits(burdened: psycopg.Connection) -> None:
    terms = {"worker": "w", "limit": 1, "lease_seconds": 60, "max_attempts": 5}
    for _ in range(6):
        [claimed], _read = step(burdened, "claim_events", **terms)
        conversation = claimed["conversation_id"]
        mail = {"purpose": "call", "recipient": "b@example.org", "message": {"subject": "s"}}
        call = {"conversation_id": conversation, "agent_id": "agent_1", "source": "webhook", "status": "done"}
        answer, read = step(
            burdened, "store_call", event_id=claimed["id"], attempt=claimed["attempt"], call=call, mails=[mail]
        )
        assert answer == {"held": True, "stored": True}
        assert read < _FEW


@pytest.mark.parametrize("cluster", ["15"], indirect=True)
def test_no_claim_is_compiled_before_it_runs(dsn: str) -> None:
    plans: list[str] = []
    with psycopg.connect(dsn) as connection:
        if connection.execute("select pg_jit_available()").fetchone() != (True,):
            pytest.skip("this server compiles nothing")
        connection.execute("load 'auto_explain'")
        for name, value in (("min_duration", "0"), ("nested_statements", "on"), ("analyze", "on"), ("level", "notice")):
            connection.execute(f"set auto_explain.log_{name} = '{value}'".encode())
        connection.add_notice_handler(lambda said: plans.append(said.message_primary or ""))
        connection.execute(_EVENTS, {"name": "conv_", "state": "pending", "size": 3})
        connection.execute(_MAILS, {"name": "conv_", "state": "pending", "size": 3})
        for queue in ("events", "mails"):
            step(connection, f"claim_{queue}", worker="w", limit=2, lease_seconds=60, max_attempts=5)
        told = connection.execute(
            "select proname from pg_proc where proconfig::text like '%enable_%' and not 'jit=off' = any (proconfig)"
        ).fetchall()
    assert len([plan for plan in plans if "with due as" in plan]) == 2
    assert [plan for plan in plans if "JIT:" in plan] == []
    assert told == []  # nor anything else that is told how to plan
