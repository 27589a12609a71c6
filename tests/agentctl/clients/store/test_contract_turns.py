"""Workers serve all tenants in turn: no backlog holds up another's single call, and no claim reads through one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.agentctl.clients.store.test_contract_backlog import step
from tests.stores import Store, claim, delivery, mail

pytestmark = pytest.mark.anyio
_MANY = 2000
_FEW = 100
_EVENTS = """
    insert into agentctl.events (tenant, type, conversation_id, payload_sha256, payload, state, source, due_at)
    select format(%(tenant)s, to_char(i, 'fm0000')), 'post_call_' || sort, 'conv_' || %(state)s || i,
        sha256((sort || i)::bytea), '{}', %(state)s, 'webhook', now() - interval '1 minute'
    from generate_series(1, %(size)s) i, unnest(array['transcription', 'audio']) sort"""
_MAILS = """
    insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message, state, due_at)
    select format(%(tenant)s, to_char(i, 'fm0000')), 'conv_' || %(state)s || i, 'call', 'a@example.org', '{}',
        %(state)s, now() - interval '1 minute'
    from generate_series(1, %(size)s) i"""
_ROWS = """
    insert into agentctl.sink_rows (tenant, conversation_id, project, environment, state, due_at)
    select format(%(tenant)s, to_char(i, 'fm0000')), 'conv_' || %(state)s || i, 'praxis', 'production', %(state)s,
        now() - interval '1 minute'
    from generate_series(1, %(size)s) i"""


@pytest.fixture(params=["one tenant", "many tenants"])
def waiting(request: pytest.FixtureRequest, dsn: str) -> Iterator[psycopg.Connection]:
    """A store that the planner knows from a quiet hour, in which much waits now: of one, or one thing of each."""
    tenant = "a%s" if request.param == "many tenants" else "a"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for done, pending in ((True, False), (False, True)):
            for statement, state in ((_EVENTS, "done"), (_MAILS, "sent"), (_ROWS, "dead")):
                terms = {"tenant": tenant, "size": _MANY, "state": "pending" if pending else state}
                connection.execute(statement, terms)
            if done:
                connection.execute("vacuum analyze agentctl.events, agentctl.outbox, agentctl.sink_rows")
        for statement in (_EVENTS, _MAILS, _ROWS):
            connection.execute(statement, {"tenant": "z", "size": 1, "state": "pending"})
        yield connection


@pytest.mark.parametrize(
    ("queue", "sound"), [("events", False), ("events", True), ("events", None), ("mails", None), ("sink_rows", None)]
)
def test_a_claim_reads_what_it_takes_however_many_tenants_wait(
    waiting: psycopg.Connection, queue: str, sound: bool | None
) -> None:
    terms: dict[str, Any] = {"worker": "w", "limit": 2, "lease_seconds": 60, "max_attempts": 5, "sound": sound}
    served: list[str] = []
    for _ in range(8):  # from the sixth on a session's plans may be general ones
        claimed, read = step(waiting, f"claim_{queue}", **terms, after=served[-1] if served else None)
        assert len(claimed) == 2
        assert read < _FEW
        served += [one["tenant"] for one in claimed]
    is_one = "a" in served
    assert ("z" in served[:2]) is is_one  # at once, whatever waits of the other
    assert len(set(served)) == (2 if is_one else 16)


async def _fill(store: Store, tenant: str, many: int, **fields: Any) -> None:
    events = [delivery(f"conv_{tenant}_{number}", agent_id=None, **fields) for number in range(many)]
    await store.call("accept_many", {"events": events, "tenant": tenant})


async def test_each_tenant_gets_its_share_in_its_order(store: Store) -> None:
    await _fill(store, "b", 5)
    for tenant, many in (("a", 4), ("c", 1), ("default", 1)):
        await _fill(store, tenant, many)

    async def served(limit: int, **terms: Any) -> list[str]:
        return [one["tenant"] for one in await claim(store, limit=limit, **terms)]

    assert await served(0) == []
    assert await served(1, after="a") == ["b"]
    assert await served(1, after="c") == ["default"]
    assert await served(3, after="default") == ["a", "b", "c"]  # round from the last to the first
    assert await served(2, tenant="b") == ["b", "b"]
    assert await served(9) == ["a", "a", "a", "b"]  # all of them, however few are left
    assert await served(9) == []


async def test_recordings_are_claimed_apart_and_whoever_does_not_say_takes_them_last(store: Store) -> None:
    for number in range(12):
        await _fill(store, f"a{number}", 1, type="post_call_audio")
    await _fill(store, "z", 2)

    async def served(limit: int, **terms: Any) -> list[str]:
        return [one["type"].removeprefix("post_call_") for one in await claim(store, limit=limit, **terms)]

    assert await served(1, sound=False) == ["transcription"]
    assert await served(3, sound=True) == ["audio"] * 3
    assert sorted(await served(3)) == ["audio", "audio", "transcription"]
    assert await served(9, sound=False) == []


async def test_a_lost_worker_s_last_attempt_is_seen_whosever_event_it_was(store: Store) -> None:
    for tenant in ("a", "b"):
        await _fill(store, tenant, 1)
        await store.call("notify", {
            "tenant": tenant, "project": "p", "environment": "e", "workspace": "w", "digest": "d", "id": "run",
            "mails": [mail("a@example.org")],
        })  # fmt: skip
    terms = {"worker": "w", "limit": 9, "lease_seconds": 0, "max_attempts": 1}
    for function, queue in (("claim_events", "events"), ("claim_mails", "mails")):
        assert len(await store.call(function, terms)) == 2
        assert await store.call(function, {**terms, "tenant": "a"}) == []
        assert (await store.call("status", {}))[queue]["dead"] == 1
        assert await store.call(function, terms) == []
        assert (await store.call("status", {}))[queue]["dead"] == 2
