"""Who tries to see what: a member of the tenant `own`, a user of no tenant, whoever has the public key, the server.

`own` and `foreign` are the two tenants; `filled` gives each a row in every table there is.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from tests.postgrest import Project, token

OWN, FOREIGN = "own", "foreign"
MEMBER = "0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301"
STRANGER = "0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f302"

PEOPLE: dict[str, dict[str, Any]] = {
    "anon": {"role": "anon"},
    "member": {"role": "authenticated", "sub": MEMBER},
    "stranger": {"role": "authenticated", "sub": STRANGER},
    "service": {"role": "service_role"},
}

# What a column takes that has no default, by its type; the first word that a check names goes before.
_OF_TYPE = {
    "text": "'x'", "uuid": "gen_random_uuid()", "jsonb": "'{}'", "bytea": "'\\x00'", "integer": "1", "bigint": "1",
    "numeric": "1", "boolean": "true", "date": "current_date", "timestamp with time zone": "now()",
    "tsvector": "''", "text[]": "'{}'", "bytea[]": "'{}'", "integer[]": "'{}'",
}  # fmt: skip
_WANTED = """
    select c.oid::regclass::text, a.attname, format_type(a.atttypid, null), (
        select quote_literal(substring(pg_get_constraintdef(k.oid) from $$'([^']+)'$$)) from pg_constraint k
        where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum]
            and pg_get_constraintdef(k.oid) !~ '~' limit 1
    )
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relnamespace = 'agentctl'::regnamespace and c.relkind in ('r', 'p')
        and (a.attname = 'tenant' or a.attnotnull and not a.atthasdef and a.attidentity = '')
    order by 1, a.attnum"""


def filled(connection: psycopg.Connection) -> None:
    """A row of each tenant in every table of ours, whatever tables there are, and MEMBER's membership of `own`."""
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind, named in connection.execute(_WANTED).fetchall():
        columns.setdefault(table, {})[column] = named or _OF_TYPE[kind]
    connection.execute("set session_replication_role = replica")  # no rows of triggers, no keys of other tables
    for table, values in columns.items():
        for tenant in (OWN, FOREIGN) if "tenant" in values else ():
            # Where the tenant is no part of the key, what is must be another's.
            row = values | {name: f"'{tenant}'" for name in ("tenant", "key", "agent_id") if name in values}
            into = f"insert into {table} ({', '.join(row)}) values ({', '.join(row.values())})"
            connection.execute(f"{into} on conflict do nothing".encode())
    connection.execute("reset session_replication_role")
    connection.execute("delete from agentctl.memberships where tenant = 'own'")
    joined(connection, MEMBER, OWN)


def joined(connection: psycopg.Connection, user: str, tenant: str, role: str = "editor") -> None:
    """Enter a user, as a product's server does."""
    args = {"tenant": tenant, "user_id": user, "role": role}
    connection.execute("select public.agentctl_save_membership(%s)", [json.dumps(args)])


def as_user(connection: psycopg.Connection, claims: Mapping[str, Any]) -> None:
    """Go on as who has these claims, until the transaction ends."""
    connection.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(claims["role"])))


@dataclass(frozen=True)
class Answer:
    """What PostgREST said."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def code(self) -> str | None:
        """Of a refusal."""
        return self.json.get("code") if self.status >= 400 and self.text else None


class Browser:
    """A page with supabase-js: the public key, and the token of whoever signed in."""

    def __init__(self, project: Project, bearer: str | None = None) -> None:
        """`bearer`: None for the public key alone."""
        self._address = urlsplit(project.url)
        self._connection = http.client.HTTPConnection(str(self._address.hostname), self._address.port, timeout=30)
        self._headers = {"apikey": project.anon_key, "Authorization": f"Bearer {bearer or project.anon_key}"}

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """`path` after /rest/v1/; a header's name with _ for each hyphen."""
        sent = {**self._headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
        self._connection.request(method, "/rest/v1/" + quote(path, safe='/?&=,.()*:!->%"'), content, sent)
        response = self._connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read().decode())

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def call(self, function: str, **args: Any) -> Answer:
        """As `supabase.rpc(function, args)`."""
        return self.ask("POST", f"rpc/{function}", args)

    def close(self) -> None:
        self._connection.close()


def browser(project: Project, who: str) -> Browser:
    """Of one of PEOPLE."""
    claims = dict(PEOPLE[who])
    return Browser(project, None if who == "anon" else token(claims.pop("role"), **claims))
