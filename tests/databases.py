"""Migrated databases that are lent to one test after another: each is put back to what its template is.

Emptying one takes three milliseconds; to copy and drop one takes forty, and to start a PostgREST on it a hundred more.
Only what is beyond doubt is lent again: whose catalogue or rows of the template somebody changed, where a statement
still runs, or whose server was stopped, killed or frozen meanwhile is dropped, and the next test gets a copy. Tests
that all begin with the same change of the catalogue have a template with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import psycopg

from agentctl.clients.store.dsn import parsed
from tests import postgrest
from tests.cluster import Cluster
from tests.kept import Kept
from tests.prepared import TEMPLATE

# What can be made or altered by a statement, with the column that tells a database's own from the system's.
_CATALOGUES = {
    "pg_class": "oid", "pg_attribute": "attrelid", "pg_attrdef": "oid", "pg_index": "indexrelid",
    "pg_constraint": "oid", "pg_trigger": "oid", "pg_rewrite": "oid", "pg_proc": "oid", "pg_type": "oid",
    "pg_policy": "oid", "pg_namespace": "oid", "pg_default_acl": "oid", "pg_event_trigger": "oid",
    "pg_extension": "oid", "pg_publication": "oid", "pg_statistic_ext": "oid",
}  # fmt: skip
_FIRST_OID = 16384  # of what initdb did not make
_OURS = f"select oid::regclass::text from pg_class where oid >= {_FIRST_OID} and relkind = %s order by oid"
_SETTINGS = (
    "select md5(concat(datacl, datconnlimit, (select array_agg((setrole, setconfig) order by setrole) "
    "from pg_db_role_setting where setdatabase = d.oid))) from pg_database d where datname = current_database()"
)
# PostgREST's connections stay; if one of them does something, it would do it to the next test. Kept ones do nothing.
_ALONE = """
    select coalesce(bool_and(case usename when 'authenticator' then state = 'idle' else
        pg_terminate_backend(pid, 5000) end), true)
    from pg_stat_activity where datname = current_database() and pid <> all(%s::int[] || pg_backend_pid())"""


Change = str | Callable[[str], None]


@dataclass(frozen=True)
class Rows:
    """Those of each table that had some, as COPY tells them, and what each sequence had reached."""

    tables: dict[str, bytes]
    sequences: dict[str, tuple[object, ...] | None]


@dataclass
class Database:
    """One of a server's: our own connection, whose caches are warm, those of its stores, and the PostgREST if a test
    has wanted one.
    """

    name: str
    connection: psycopg.Connection
    disturbances: int
    kept: Kept
    served: ExitStack = field(default_factory=ExitStack)
    project: postgrest.Project | None = None

    def close(self) -> None:
        self.served.close()
        self.kept.close()
        self.connection.close()


class Databases:
    """Those of one server that begin alike."""

    def __init__(self, cluster: Cluster, template: str = TEMPLATE) -> None:
        """`cluster`: a prepared one, with the template; all others are its copies."""
        self._cluster, self._template = cluster, template
        with psycopg.connect(cluster.dsn(template)) as connection:
            tables, sequences = ([name for (name,) in connection.execute(_OURS, (kind,))] for kind in "rS")
            lasting = [name for name in tables if _row(connection, f"select from {name} limit 1") is not None]
            self._tables, self._sequences = [name for name in tables if name not in lasting], sequences
            self._empty = _emptying(self._tables, sequences)
            self._fingerprint = _fingerprint(lasting)
            self._unchanged = _row(connection, self._fingerprint)
        self._idle: list[Database] = []
        self._lent: dict[str, Database] = {}
        self._after: dict[Change, Databases] = {}

    def after(self, change: Change) -> Databases:
        """Those that begin with what `change` makes of an empty one: SQL, or what is done to an address."""
        if change not in self._after:
            template = self._cluster.new_database(self._template)
            if callable(change):
                change(self._cluster.dsn(template))
            else:
                self._cluster.execute(change, template)
            self._after[change] = Databases(self._cluster, template)
        return self._after[change]

    def kept(self, params: Mapping[str, Any]) -> Kept | None:
        """The connections that are kept of the lent one at this address, if it is one."""
        own = (database.kept for dsn, database in self._lent.items() if parsed(dsn) == params)
        return next(chain(own, filter(None, (others.kept(params) for others in self._after.values()))), None)

    def lend(self) -> str:
        """The DSN of an empty one, that is nobody else's until it is given back."""
        while self._idle:
            database = self._idle.pop()
            if database.disturbances == self._cluster.disturbances:
                break
            self._drop(database)
        else:
            database = self._new()
        dsn = self._cluster.dsn(database.name)
        self._lent[dsn] = database
        return dsn

    def project(self, dsn: str) -> postgrest.Project:
        """A lent one as a Supabase project, behind a PostgREST that stays with it."""
        database = self._lent[dsn]
        if database.project is None:
            serving = postgrest.project(dsn.replace("//postgres:", "//authenticator:"))
            database.project = database.served.enter_context(serving)
        return database.project

    def rows(self, dsn: str) -> Rows:
        """What is in a lent one."""
        connection, tables = self._lent[dsn].connection, dict[str, bytes]()
        for name in self._tables:
            with connection.cursor().copy(f"copy {name} to stdout".encode()) as told:
                tables[name] = b"".join(told)
        reached = {name: _row(connection, f"select last_value, is_called from {name}") for name in self._sequences}
        return Rows({name: told for name, told in tables.items() if told}, reached)

    def fill(self, dsn: str, rows: Rows) -> None:
        """Put them into a lent one, in the place of what is there."""
        connection = self._lent[dsn].connection
        connection.execute(self._empty.encode(), prepare=True)
        for name, told in rows.tables.items():
            with connection.cursor().copy(f"copy {name} from stdin".encode()) as copy:
                copy.write(told)
        for name, reached in rows.sequences.items():
            connection.execute(f"select setval('{name}', %s, %s)".encode(), reached)

    def give_back(self, dsn: str) -> None:
        """The test is over. Its server may have been stopped."""
        database = self._lent.pop(dsn)
        if database.disturbances == self._cluster.disturbances and self._emptied(database):
            self._idle.append(database)
        else:
            self._drop(database)

    def close(self) -> None:
        """End what was started for them; the databases go with their server."""
        for one in (*self._idle, *self._lent.values(), *self._after.values()):
            one.close()

    def _new(self) -> Database:
        name = self._cluster.new_database(self._template)
        connection = psycopg.connect(self._cluster.dsn(name), autocommit=True)
        # Triggers and foreign keys would keep rows or make new ones.
        connection.execute("set session_replication_role = replica")
        disturbances = self._cluster.disturbances
        kept = Kept(sound=lambda: disturbances == self._cluster.disturbances)
        return Database(name, connection, disturbances, kept)

    def _emptied(self, database: Database) -> bool:
        """Whether it is as the template now."""
        connection = database.connection
        if connection.execute(_ALONE, (database.kept.pids(),)).fetchone() != (True,):
            return False
        try:
            connection.execute(self._empty.encode(), prepare=True)
        except psycopg.errors.UndefinedTable:  # somebody dropped or renamed one
            return False
        return _row(connection, self._fingerprint) == self._unchanged

    def _drop(self, database: Database) -> None:
        database.close()
        if self._cluster.process is None:
            self._cluster.start()
        self._cluster.drop(database.name)


def _emptying(tables: list[str], sequences: list[str]) -> str:
    """One statement, which a connection plans once: that is an eighth of what a statement for each table takes."""
    emptied = ", ".join(f"d{number} as (delete from {name})" for number, name in enumerate(tables))
    begun = [
        f"(select setval(seqrelid, seqstart, false) from pg_sequence where seqrelid = '{name}'::regclass)"
        for name in sequences
    ]
    return f"with {emptied} select {', '.join(begun)}"


def _fingerprint(lasting: list[str]) -> str:
    """A query whose answer is another one after any change of the catalogue or of these tables' rows."""
    # What is made or altered is of a later transaction than all else; what is dropped is missing.
    versions = [
        f"(select array[count(*), max(xmin::text::bigint)] from {name} where {column} >= {_FIRST_OID})"
        for name, column in _CATALOGUES.items()
    ]
    rows = [f"(select md5(string_agg(t::text, ',' order by t::text)) from {name} t)" for name in lasting]
    return f"select {', '.join([*versions, *rows, f'({_SETTINGS})'])}"


def _row(connection: psycopg.Connection, query: str) -> tuple[object, ...] | None:
    return connection.execute(query.encode()).fetchone()
