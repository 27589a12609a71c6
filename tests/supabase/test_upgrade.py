"""A store that has lived through every version: what each version wrote is there, and works, in the newest."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any
from unittest.mock import ANY

import psycopg
import pytest

from agentctl.clients.store import migrations as module
from agentctl.clients.store.migrations import Migration, migrate, migrations
from agentctl.clients.store.postgres import PostgresStore
from tests.cluster import Cluster
from tests.stores import delivery, mail, stored

pytestmark = pytest.mark.anyio

SCOPE = {"project": "praxis", "environment": "production", "workspace": "w"}
ROUTE = {"voice_url": "https://phone.example.org/old-flow"}
# The migration that first had what a life below uses.
CALLS, TRUST, REVISIONS = "20261121000400", "20261121000600", "20261121000700"

Call = Callable[..., Any]


def live(call: Call, version: str) -> None:
    """What somebody who ran this version left behind, written by its own functions."""
    call("bind", **SCOPE, kind="agent", key=version, remote_id=f"agent_{version}", applied={"name": version})
    call(
        "save_assistant", **SCOPE, key=version, name=version, agent_id=f"agent_{version}", post_call={"language": "de"}
    )
    call("save_route", phone_number=f"+{version}", route=ROUTE)
    if version >= CALLS:
        event = call("accept", **delivery(f"conv_{version}", agent_id=f"agent_{version}"))
        (mine,) = call("claim_events", worker="w", limit=10, lease_seconds=60)
        assert mine["id"] == event["id"]
        fence = {"id": event["id"], "attempt": mine["attempt"]}
        of_the_call = {"agent_id": f"agent_{version}", "assistant": version}
        call("store_call", **stored(fence, f"conv_{version}", call=of_the_call, mails=[mail(f"{version}@example.org")]))
    if version >= TRUST:
        call("intend", **SCOPE, kind="agent", key=f"{version}-new")
    if version >= REVISIONS:
        spec = {"key": version, "limit": 3, "knowledge": [], "where": f"table sales.assistants, row {version}"}
        call("save_revision", **SCOPE, key=version, digest=version, spec=spec, keep=20, contents=[content(version)])
    if version == REVISIONS:  # once, somebody had another environment synced from the same table
        there = {**SCOPE, "environment": "staging"}
        call("bind", **there, kind="agent", key=version, remote_id="agent_staging", applied={"name": version})
        call("save_revision", **there, key=version, digest=version, spec=spec, keep=20, contents=[content(version)])


def content(version: str) -> dict[str, str]:
    text = f"Stand {version}".encode()
    return {"sha256": hashlib.sha256(text).hexdigest(), "content": base64.b64encode(text).decode()}


def step(connection: psycopg.Connection, migration: Migration) -> Call:
    """Apply one, and call the functions that there are now."""
    with connection.transaction():
        # Who else may do what is made anew by each, at many times the price of the rest, and nobody else comes.
        connection.execute(migration.path.read_bytes().replace(module._SEAL, b"\n"))

    def call(function: str, **args: Any) -> Any:
        row = connection.execute(f"select public.agentctl_{function}(%s)".encode(), [json.dumps(args)]).fetchone()
        assert row is not None
        return row[0]

    return call


def lived(dsn: str) -> None:
    """Go through all versions but the newest, with a waiting event of the time before."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for migration, following in pairwise(migrations()):
            call = step(connection, migration)
            if migration.version >= "20261121000100":
                live(call, migration.version)
            if following == migrations()[-1]:
                call("accept", **delivery("conv_waiting"))


@pytest.fixture(scope="module")
def life(clusters: Callable[[str], Cluster]) -> Iterator[tuple[Cluster, str]]:
    """A server, and its database that has lived up to the version before the newest."""
    server = clusters("wheel")
    database = server.new_database()
    lived(server.dsn(database))
    yield server, database
    server.drop(database)


@pytest.fixture
def aged(life: tuple[Cluster, str]) -> Iterator[str]:
    """A copy of it."""
    server, database = life
    copy = server.new_database(database)
    yield server.dsn(copy)
    server.drop(copy)


async def test_nothing_that_any_version_wrote_is_lost(aged: str) -> None:
    versions = [migration.version for migration in migrations()[1:-1]]
    with_calls = {f"conv_{version}" for version in versions if version >= CALLS}

    assert await migrate(aged, shim=False) == [str(migrations()[-1])]

    store = await PostgresStore.open(aged)
    assert {(row["key"], row["remote_id"]) for row in await store.call("bindings", SCOPE)} == {
        (version, f"agent_{version}") for version in versions
    }
    assert {row["key"]: row["agent_id"] for row in await store.call("assistants", SCOPE)} == {
        version: f"agent_{version}" for version in versions
    }
    assert {row["key"] for row in await store.call("intents", SCOPE)} == {
        f"{version}-new" for version in versions if version >= TRUST
    }
    for version in versions:
        assert (await store.call("route", {"phone_number": f"+{version}"}))["route"] == ROUTE
        if version >= REVISIONS:
            kept = await store.call("revision", {**SCOPE, "key": version, "revision": 1})
            assert [base64.b64decode(one["content"]) for one in kept["contents"]] == [f"Stand {version}".encode()]
    for wanted in ({"number": "+498999998100"}, {"search": "Rückruf"}, {"items": "open"}, {}):
        found = await store.call("list_calls", {"limit": 200, **wanted})
        assert {row["conversation_id"] for row in found} == with_calls, wanted
    assert await store.call("source_of", {"schema": "sales", "table": "assistants"}) == {
        "project": "praxis",
        "environment": "production",
        "since": ANY,
        "unheard": False,
    }
    assert await store.call("source_of", {"schema": "public", "table": "assistants"}) is None
    await store.close()


async def test_what_older_versions_left_to_do_is_done(aged: str) -> None:
    await migrate(aged, shim=False)
    store = await PostgresStore.open(aged)
    versions = [migration.version for migration in migrations()[:-1] if migration.version >= CALLS]

    (waiting,) = await store.call("claim_events", {"worker": "w", "limit": 10, "lease_seconds": 60})
    fence = {"id": waiting["id"], "attempt": waiting["attempt"]}
    await store.call("store_call", stored(fence, "conv_waiting"))
    mails = await store.call("claim_mails", {"worker": "w", "limit": 200, "lease_seconds": 60})
    assert {mail["recipient"] for mail in mails} == {f"{v}@example.org" for v in versions} | {"team@example.org"}
    for version in versions:
        shown = await store.call("show_call", {"conversation_id": f"conv_{version}"})
        assert (shown["assistant"], shown["digest"]["summary"]) == (version, "Rückruf erbeten.")
        assert [turn["message"] for turn in shown["turns"]] == ["Guten Tag", None]
        assert [item["what"] for item in shown["action_items"]] == ["Zurückrufen"]
    await store.close()
