"""Fixtures: real stores for any test. One server per test process, one empty, migrated database per test.

dsn             a migrated database
other_dsn       a second one
empty_dsn       one without anything, beside databases of the same server that have Supabase's roles
postgres_store  a PostgresStore on `dsn`
supabase_api    `dsn` behind the genuine PostgREST, as a Supabase project (url and keys)
store           both transports: the test runs once over each, and over the oldest server that is supported
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, Protocol

import pytest

from agentctl.clients.store import postgres
from agentctl.clients.store.postgres import PostgresStore
from agentctl.clients.store.supabase import SupabaseStore
from tests import npm, postgrest
from tests.cluster import Cluster, wheel_binaries
from tests.databases import Databases
from tests.prepared import SERVERS, prepared


class Store(Protocol):
    """What both transports are."""

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any: ...

    async def close(self) -> None: ...


@pytest.fixture(scope="session")
def clusters() -> Iterator[Callable[[str], Cluster]]:
    """Servers by name, each started when first asked for."""
    running: dict[str, Cluster] = {}

    def get(name: str) -> Cluster:
        if name not in running:
            binaries = SERVERS[name]()
            if not binaries.is_dir():
                pytest.skip(f"no Postgres in {binaries}")
            running[name] = Cluster(binaries)
            with prepared(binaries, name) as data:
                running[name].create(data)
        return running[name]

    yield get
    for cluster in running.values():
        cluster.remove()


@pytest.fixture(scope="session")
def databases(clusters: Callable[[str], Cluster]) -> Iterator[Callable[[Cluster], Databases]]:
    """What each server lends. A store on a lent one finds connections that another has closed."""
    known: dict[Cluster, Databases] = {}

    def get(cluster: Cluster) -> Databases:
        if cluster not in known:
            known[cluster] = Databases(cluster)
        return known[cluster]

    genuine = postgres.connect

    async def connect(params: dict[str, Any]) -> postgres.Connection:
        found = (lender.kept(params) for lender in known.values())
        if kept := next(filter(None, found), None):
            return await kept.connect(lambda: genuine(params))
        return await genuine(params)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(postgres, "connect", connect)
        yield get
    for lender in known.values():
        lender.close()


@pytest.fixture
def cluster(clusters: Callable[[str], Cluster], request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The server of this test: the wheel's, unless `store` was asked for another. Running again afterwards."""
    server = clusters(getattr(request, "param", "wheel"))
    yield server
    if server.process is None:
        server.start()


@pytest.fixture
def lender(cluster: Cluster, databases: Callable[[Cluster], Databases]) -> Databases:
    """The databases of this test's server."""
    return databases(cluster)


@pytest.fixture
def dsn(lender: Databases) -> Iterator[str]:
    lent = lender.lend()
    yield lent
    lender.give_back(lent)


@pytest.fixture
def other_dsn(lender: Databases) -> Iterator[str]:
    lent = lender.lend()
    yield lent
    lender.give_back(lent)


@pytest.fixture
def empty_dsn(cluster: Cluster) -> Iterator[str]:
    database = cluster.new_database()
    yield cluster.dsn(database)
    if cluster.process is None:
        cluster.start()
    cluster.drop(database)


@pytest.fixture
def bare_dsn() -> Iterator[str]:
    """A database of a server that has never heard of Supabase's roles; those belong to a whole server."""
    server = Cluster(wheel_binaries())
    server.create()
    yield server.dsn(server.new_database())
    server.remove()


@pytest.fixture
def supabase_api(lender: Databases, dsn: str) -> postgrest.Project:
    if not npm.runs_here():
        pytest.skip("PostgREST's binary is for Linux on x86-64")
    return lender.project(dsn)


@pytest.fixture
async def postgres_store(dsn: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(dsn)
    yield opened
    await opened.close()


@pytest.fixture
async def supabase_store(supabase_api: postgrest.Project) -> AsyncIterator[SupabaseStore]:
    opened = await SupabaseStore.open(supabase_api.url, supabase_api.service_key)
    yield opened
    await opened.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for `store` over each transport and server."""
    if "store" in metafunc.fixturenames:
        wires = [("wheel", "postgres"), ("wheel", "supabase"), ("15", "postgres")]
        names = [f"{wire}-{server}" for server, wire in wires]
        metafunc.parametrize(("cluster", "store"), wires, indirect=True, ids=names)


@pytest.fixture
async def store(request: pytest.FixtureRequest, dsn: str) -> AsyncIterator[Store]:
    opened: Store
    if request.param == "supabase":
        api = request.getfixturevalue("supabase_api")
        opened = await SupabaseStore.open(api.url, api.service_key)
    else:
        opened = await PostgresStore.open(dsn)
    yield opened
    await opened.close()


def delivery(conversation_id: str | None = "conv_1", **changes: Any) -> dict[str, Any]:
    """Arguments of `accept`; `body` is the raw payload."""
    body: bytes = changes.pop("body", f'{{"conversation_id": "{conversation_id}"}}'.encode())
    return {
        "type": "post_call_transcription",
        "conversation_id": conversation_id,
        "agent_id": "agent_1",
        "event_timestamp": 1_760_000_000,
        "source": "webhook",
        "payload": base64.b64encode(body).decode(),
        **changes,
    }


async def claim(store: Store, **changes: Any) -> list[dict[str, Any]]:
    """Claim up to ten events."""
    claimed: list[dict[str, Any]] = await store.call(
        "claim_events", {"worker": "w1", "limit": 10, "lease_seconds": 60, **changes}
    )
    return claimed


async def running(store: Store, conversation_id: str = "conv_1", **changes: Any) -> dict[str, Any]:
    """An event that was accepted and claimed: what proves it, as `fail_event` and its like want it."""
    accepted = await store.call("accept", delivery(conversation_id, **changes))
    mine = next(event for event in await claim(store, limit=100) if event["id"] == accepted["id"])
    return {"id": mine["id"], "attempt": mine["attempt"]}


def stored(fence: Mapping[str, Any], conversation_id: str = "conv_1", **changes: Any) -> dict[str, Any]:
    """Arguments of `store_call` for a claimed event: a call of two turns. `call` replaces fields of the call."""
    call = {
        "conversation_id": conversation_id,
        "agent_id": "agent_1",
        "project": "praxis",
        "environment": "production",
        "assistant": "empfang",
        "assistant_name": "Empfang",
        "status": "done",
        "direction": "inbound",
        "external_number": "+498999998100",
        "agent_number": "+498999998200",
        "channel": "phone",
        "started_at": "2026-11-20T09:00:00+00:00",
        "duration_secs": 42,
        "language": "de",
        "successful": "success",
        "event_timestamp": 1_760_000_000,
        "source": "webhook",
        "detail": {"warnings": []},
        **changes.pop("call", {}),
    }
    return {
        "event_id": fence["id"],
        "attempt": fence["attempt"],
        "call": call,
        "turns": [
            {"position": 0, "role": "agent", "message": "Guten Tag", "at_secs": 0},
            {"position": 1, "role": "agent", "message": None, "at_secs": 3, "tool_calls": [{"name": "look_up"}]},
        ],
        "digest": {
            "engine": "llm",
            "model": "m",
            "title": "Termin",
            "summary": "Rückruf erbeten.",
            "language": "de",
            "outcome": "callback",
            "sentiment": "neutral",
            "follow_up": True,
            "caller_name": "Erika Muster",
            "caller_number": "0171 5550123",
            "asked_sha256": "ab" * 32,
            "tokens_in": 1200,
            "tokens_out": 140,
            "cost": 0.0021,
            "seconds": 1.25,
        },
        "action_items": [
            {
                "position": 0,
                "what": "Zurückrufen",
                "who": "Empfang",
                "due": "morgen um zehn",
                "due_date": "2026-11-21",
                "due_time": "10:00:00",
                "quote": "rufen Sie mich morgen um zehn zurück",
                "turn": 0,
                "done": False,
            }
        ],
        "mails": [mail("team@example.org")],
        **changes,
    }


def mail(recipient: str, **message: Any) -> dict[str, Any]:
    """A mail as `store_call` takes it."""
    return {"purpose": "call", "recipient": recipient, "message": {"subject": "Anruf", "text": "…", **message}}
