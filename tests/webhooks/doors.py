"""Both doors, as a sender meets them: the Python one, and the Edge Function behind which is the genuine PostgREST.

Fixtures: `any_door` is each of them in turn, `edge_door` the second one alone, `edge_function` without a store.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import psycopg
import pytest
from pydantic import SecretStr

from agentctl.calls.inbox import Store
from agentctl.clients.store.postgres import PostgresStore
from tests import npm
from tests.postgrest import Project
from tests.webhooks.edge import Edge, harness, served
from webhooks.address import PATH
from webhooks.app import door
from webhooks.signature import HEADER, sign

SECRET = SecretStr("wsec_first")
EVENT = json.dumps(
    {
        "type": "post_call_transcription",
        "event_timestamp": 1_763_600_031,
        "data": {"conversation_id": "conv_1", "agent_id": "agent_1", "transcript": [{"message": "Grüße\u0000"}]},
    }
).encode()


@dataclass(frozen=True)
class Terms:
    """What the door's owner has set; `now` is its clock in unix seconds, None the real one.

    `theirs`: what each tenant's workspace signs with.
    """

    secrets: tuple[SecretStr, ...] = (SECRET,)
    theirs: tuple[tuple[str, SecretStr], ...] = ()
    tolerance: int = 2700
    max_bytes: int = 8 * 1024 * 1024
    now: float | None = None


class Way(Protocol):
    """How a request gets to a door."""

    async def send(self, terms: Terms, method: str, body: bytes, headers: Mapping[str, bytes]) -> httpx.Response: ...


@dataclass(frozen=True)
class PythonWay:
    """The ASGI application, over a Postgres."""

    store: Store

    async def send(self, terms: Terms, method: str, body: bytes, headers: Mapping[str, bytes]) -> httpx.Response:
        whose = [*(("", one) for one in terms.secrets), *terms.theirs]

        def signers(signed: Sequence[SecretStr]) -> list[str]:  # as verbs/signatures.py tells it
            names = sorted({name for name, secret in whose if secret in signed})
            return names if all(names) else []

        app = door(
            self.store,
            secrets=[secret for _, secret in whose],
            signers=signers,
            tolerance_seconds=terms.tolerance,
            max_bytes=terms.max_bytes,
            clock=time.time if terms.now is None else lambda: float(terms.now or 0),
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as http:
            return await http.request(method, PATH, content=body, headers=headers)


@dataclass(frozen=True)
class EdgeWay:
    """The Edge Function, over a Supabase project; `settings` replace what it finds in its environment."""

    edge: Edge
    project: Project
    http: httpx.AsyncClient

    async def send(
        self, terms: Terms, method: str, body: bytes, headers: Mapping[str, bytes], **settings: str
    ) -> httpx.Response:
        environment = {
            "SUPABASE_URL": self.project.url,
            "SUPABASE_SERVICE_ROLE_KEY": self.project.service_key,
            "ELEVENLABS_WEBHOOK_SECRET": ",".join(one.get_secret_value() for one in terms.secrets),
            "TENANT_WEBHOOK_SECRETS": ",".join(f"{name}={one.get_secret_value()}" for name, one in terms.theirs),
            "WEBHOOK_TOLERANCE_SECONDS": str(terms.tolerance),
            "WEBHOOK_MAX_BYTES": str(terms.max_bytes),
            **settings,
        }
        told = {**harness(environment, terms.now), **headers}
        return await self.http.request(method, self.edge.url, content=body, headers=told)


@dataclass(frozen=True)
class Door:
    """One of them, and the database behind it."""

    way: Way
    dsn: str

    async def post(
        self, body: bytes = EVENT, header: str | None = "", terms: Terms | None = None, **headers: str
    ) -> httpx.Response:
        """Deliver; `header` is the signature's, "" for a right one of now, None for none at all."""
        terms = terms or Terms()
        given = sign(body, SECRET, int(time.time())) if header == "" else header
        told = {name: value.encode() for name, value in headers.items()}
        return await self.way.send(terms, "POST", body, {**told, **({HEADER: given.encode()} if given else {})})

    def stored(self) -> list[dict[str, Any]]:
        """What is in the store, payloads whole, in the order in which it came."""
        query = (
            "select type, conversation_id, agent_id, event_timestamp, source, payload || coalesce((select "
            "string_agg(p.body, '' order by p.position) from agentctl.event_parts p where p.event = e.id), '') "
            "as payload from agentctl.events e order by received_at"
        )
        with psycopg.connect(self.dsn, row_factory=psycopg.rows.dict_row) as connection:
            return connection.execute(query).fetchall()

    def payloads(self) -> list[bytes]:
        return [bytes(row["payload"]) for row in self.stored()]


@pytest.fixture(scope="session")
def edge_function() -> Iterator[Edge]:
    """The Edge Function, started when first asked for."""
    if not npm.runs_here():
        pytest.skip("this Deno is for Linux on x86-64")
    with served() as running:
        yield running


@pytest.fixture
async def edge_door(edge_function: Edge, supabase_api: Project, dsn: str) -> AsyncIterator[tuple[EdgeWay, Door]]:
    """It, and how to send it what a test of it alone wants."""
    async with httpx.AsyncClient(timeout=40) as http:
        way = EdgeWay(edge_function, supabase_api, http)
        yield way, Door(way, dsn)


@pytest.fixture
async def python_door(postgres_store: PostgresStore, dsn: str) -> Door:
    return Door(PythonWay(postgres_store), dsn)


@pytest.fixture(params=["python", "edge"])
def any_door(request: pytest.FixtureRequest) -> Door:
    """Each of them in turn."""
    if request.param == "python":
        found: Door = request.getfixturevalue("python_door")
        return found
    _, door = request.getfixturevalue("edge_door")
    return door
