"""What finished days come to is kept, and whatever is written, a kept day says what its calls say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import IsolationLevel

from agentctl.clients.store.postgres import PostgresStore
from tests.agentctl.clients.store.test_contract_reading import put

pytestmark = pytest.mark.anyio

DAYS = {"tenant": "default", "zone": "Europe/Vienna", "since": "2026-11-18T00:00:00+01:00"}
ASKED: tuple[dict[str, str], ...] = (
    {},
    {"assistant": "zentrale"},
    {"until": "2026-11-20T09:30:00Z"},
    {"status": "done"},
)
NEW = (
    "insert into agentctl.calls (conversation_id, status, started_at, source) "
    "values ('new', 'done', '2026-11-19', 'webhook')"
)
LONGER = "update agentctl.calls set duration_secs = %s where conversation_id = 'early'"
WRITTEN = (
    "update agentctl.calls set duration_secs = 84 where conversation_id = 'early'",
    "update agentctl.calls set started_at = '2026-11-18T12:00Z' where conversation_id = 'early'",
    NEW,
    "update agentctl.calls set assistant = 'zentrale', answer_ms = '{2000}' where conversation_id = 'new'",
    "update agentctl.digests set outcome = 'complaint' where conversation_id = 'early'",
    "delete from agentctl.calls where conversation_id = 'new'",
)


class Figures:
    """Of the calls of a store. `sql`: as its owner."""

    def __init__(self, sql: psycopg.Connection[Any]) -> None:
        self.sql = sql
        sql.execute("""select set_config('request.jwt.claims', '{"agentctl": "operator"}', false)""")

    def ask(self, function: str, **args: Any) -> Any:
        told = json.dumps({**DAYS, **args})
        row = self.sql.execute(f"select public.agentctl_{function}(%s)".encode(), (told,)).fetchone()
        return row and row[0]

    def keep(self) -> Any:
        return self.ask("keep_days", limit=1000)

    def kept(self) -> set[Any]:
        return {row[0] for row in self.sql.execute("select day from agentctl.kept_days")}

    def told(self) -> list[Any]:
        return [self.ask("my_counts", **one) for one in ASKED]

    def counted(self) -> list[Any]:
        """The same where nothing is kept."""
        with self.sql.transaction(force_rollback=True):
            self.sql.execute("delete from agentctl.kept_days")
            return self.told()


@pytest.fixture
async def figures(postgres_store: PostgresStore, dsn: str) -> AsyncIterator[Figures]:
    # Late on the 19th by UTC is early on the 20th in Vienna.
    early = {"started_at": "2026-11-19T23:30:00Z", "answer_ms": [124, 900], "cost_fiat": 0.5}
    await put(postgres_store, "early", call=early)
    await put(postgres_store, "noon", at=60, call={"assistant": "zentrale", "answer_ms": [300]})
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield Figures(connection)


async def test_a_kept_day_says_what_its_calls_say_whatever_is_written(figures: Figures) -> None:
    before = figures.told()
    assert before[0]["all"]["calls"] == 2
    assert [day["answer_ms_p50"] for day in before[0]["all"]["days"]] == [300]
    assert figures.keep()["left"] == 0
    assert figures.told() == before == figures.counted()

    for statement in WRITTEN:
        before_that = figures.kept()
        figures.sql.execute(statement.encode())
        assert figures.kept() < before_that, f"{statement}: nothing stays that may be of a call that is erased"
        assert figures.told() == figures.counted(), statement
        assert figures.keep()["kept"] > 0, statement
        assert figures.told() == figures.counted(), f"{statement}, kept"


async def test_calls_of_kept_days_are_not_looked_at(figures: Figures) -> None:
    figures.keep()
    figures.sql.execute("update agentctl.day_figures set calls = 40 where assistant = 'zentrale'")
    assert [one["all"]["calls"] for one in figures.told()] == [41, 40, 1, 2]

    figures.sql.execute("update agentctl.calls set open_items = 3")
    assert figures.keep() == {"kept": 0, "left": 0}, "what is ticked off counts for nothing here"
    figures.sql.execute("truncate agentctl.calls cascade")
    assert figures.told()[0]["all"]["calls"] == 0


async def test_what_is_being_written_when_a_day_is_kept_outdates_it(figures: Figures, dsn: str) -> None:
    with psycopg.connect(dsn) as writer:
        writer.execute(NEW.encode())
        assert figures.keep()["kept"] == 0, "nobody knows whether it will be there"
        writer.commit()
    assert figures.keep()["kept"] > 0
    assert figures.told() == figures.counted()

    figures.sql.execute(LONGER, (50,))
    with psycopg.connect(dsn) as writer:
        writer.isolation_level = IsolationLevel.REPEATABLE_READ
        writer.execute("select from agentctl.calls")
        assert figures.keep()["kept"] > 0, "which the writer does not see"
        writer.execute(LONGER, (60,))
        writer.commit()
    assert figures.told() == figures.counted()
