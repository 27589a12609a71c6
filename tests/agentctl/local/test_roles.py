"""The stand-in for Supabase's roles on a plain Postgres."""

import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from agentctl.clients.store.migrations import migrate, migrations
from agentctl.local.postgres import start, stop

pytestmark = pytest.mark.anyio

ROLES = (files("agentctl.local") / "roles.sql").read_text()
NAMES = [str(migration) for migration in migrations()]
SOMEBODY = "0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f3aa"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    home: Path = tmp_path_factory.mktemp("roles") / ".agentctl"
    yield await start(home)
    await stop(home)


def database(server: str) -> str:
    name = f"d{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return server.replace("/postgres?", f"/{name}?")


def apply(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(ROLES)


async def test_it_can_be_run_by_several_at_once_and_again(server: str) -> None:
    databases = [database(server) for _ in range(3)]

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(apply, databases * 3))
    apply(databases[0])

    with psycopg.connect(databases[0]) as connection:
        rows = connection.execute(
            "select rolname, rolcanlogin, rolinherit, rolbypassrls, pg_has_role('authenticator', oid, 'member')"
            " from pg_roles where rolname !~ '^pg_' and rolname <> 'postgres' order by 1"
        ).fetchall()
    assert rows == [
        ("anon", False, False, False, True),
        ("authenticated", False, False, False, True),
        ("authenticator", True, False, False, True),
        ("service_role", False, False, True, True),
    ]


async def test_the_functions_read_the_claims_of_a_request_as_supabases_do(server: str) -> None:
    dsn = database(server)
    apply(dsn)
    claims = {"sub": SOMEBODY, "role": "authenticated"}
    asked = "select auth.uid(), auth.role(), auth.jwt()"

    with psycopg.connect(dsn) as connection:
        connection.execute("set local role authenticated")
        assert connection.execute(asked).fetchone() == (None, None, None)
        connection.execute("select set_config('request.jwt.claims', %s, true)", (json.dumps(claims),))
        assert connection.execute(asked).fetchone() == (UUID(SOMEBODY), "authenticated", claims)
        connection.rollback()
        # The setting exists now, empty: still nobody, and no error.
        assert connection.execute(asked).fetchone() == (None, None, None)


async def test_new_tables_are_open_to_the_roles_until_row_level_security_closes_them(server: str) -> None:
    dsn = database(server)
    apply(dsn)
    seen = {}
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table notes (text text)")
        connection.execute("insert into notes values ('hello')")
        connection.execute("alter table notes enable row level security")
        for role in ("anon", "authenticated", "service_role"):
            connection.execute(f"set role {role}")
            seen[role] = connection.execute("table notes").fetchall()
            connection.execute("reset role")
    assert seen == {"anon": [], "authenticated": [], "service_role": [("hello",)]}


async def test_a_supabase_database_is_left_alone(server: str) -> None:
    dsn = database(server)
    theirs = "select jsonb_agg(to_jsonb(r) order by rolname) from pg_roles r"
    with psycopg.connect(dsn, autocommit=True) as connection:
        for role in ("supabase_admin", "supabase_auth_admin"):
            connection.execute(f"create role {role}")
            try:
                before = connection.execute(theirs).fetchone()
                assert await migrate(dsn, shim=True) == ([] if role == "supabase_auth_admin" else NAMES)
                assert connection.execute(theirs).fetchone() == before
                made = "select to_regnamespace('auth'), (select count(*) from pg_default_acl)"
                assert connection.execute(made).fetchone() == (None, 0)
            finally:
                connection.execute(f"drop role {role}")
