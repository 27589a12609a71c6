"""Calls in a product's own table, by the genuine path: an event comes in, workers do the rest."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentctl.calls.sink import SinkJob
from agentctl.verbs.calls.backfill import backfill
from agentctl.verbs.upkeep import dead_letters
from agentctl.verbs.work import process
from agentctl.wiring import Control
from tests.telephony import Bench, bench

__all__ = ["bench"]
TABLE = """
    create table public.call_sessions (
        id bigint generated always as identity primary key, conversation text unique, summary text, items jsonb,
        said text, caller text, seconds integer, note text default 'ours'
    )"""
SECTION = """
[sink.table]
table = "call_sessions"
key = "conversation"
summary = "summary"
action_items = "items"
transcript = "said"
external_number = "caller"
duration_seconds = "seconds"
"""
Sql = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def sql(cluster: Any, dsn: str) -> Sql:
    return lambda statement: cluster.execute(statement, dsn.rpartition("/")[2])


@pytest.fixture
def sunk(bench: Bench, sql: Sql) -> Bench:
    """A project whose calls go to a table of its own."""
    sql(TABLE)
    declare(bench)
    code, out, _ = bench("sync", "--yes")
    assert (code, "each call is written to call_sessions from this sync on" in out) == (0, True)
    return bench


def declare(bench: Bench, **other: str) -> None:
    text = SECTION
    for name, column in other.items():
        text = text.replace(f'{name} = "', f'{name} = "{column}" # "')
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n' + text)


def called(bench: Bench, many: int = 1) -> list[str]:
    """Calls of the assistant, fetched and not yet processed."""
    agent_id = bench.agent()["agent_id"]
    made = [bench.sandbox.call(agent_id=agent_id, deliver=False)["conversation_id"] for _ in range(many)]
    bench.control(backfill)
    return [str(one) for one in made]


def until(found: Callable[[], object], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


def rows(sql: Sql, columns: str = "conversation") -> list[tuple[Any, ...]]:
    return sql(f"select {columns} from public.call_sessions order by conversation")


def test_what_is_declared_wrong_is_told_before_a_call_and_mended_by_what_is_told(bench: Bench, sql: Sql) -> None:
    sql(TABLE)
    (bench.root / "agentctl.toml").write_text('project = "beispiel"\n' + SECTION.replace("summary =", "sumary ="))
    code, _, err = bench("sync", "--yes")
    assert (code, "unknown key 'sumary', did you mean 'summary'?" in err) == (2, True)
    sql("alter table public.call_sessions drop constraint call_sessions_conversation_key")
    declare(bench, transcript="seconds")
    assert bench("sync", "--yes")[0] == 2  # one column cannot take two values
    declare(bench, transcript="sagte")
    code, out, _ = bench("sync", "--yes")
    mend = "alter table public.call_sessions add unique (conversation);"
    assert (code, mend in out, "has no column sagte" in out) == (0, True, True)
    code, out, _ = bench("doctor")
    assert (mend in out, "has no column sagte" in out) == (True, True)
    sql(mend)
    declare(bench)
    assert "sink.table" in bench("sync", "--yes")[1]
    # Anybody may read it, as Supabase's grants are.
    shut = "alter table public.call_sessions enable row level security"
    assert [shut in bench(*command)[1] for command in (("plan",), ("sync", "--yes"))] == [True, True]
    _, out, _ = bench("doctor")
    assert "warn sink" in out
    assert f"may read every tenant's calls in it; {shut}, and policies for who may" in out
    sql(shut)
    assert shut not in bench("plan")[1]
    assert "calls are written to call_sessions" in bench("doctor")[1]


def test_an_event_becomes_the_products_row_and_follows_its_call_to_the_end(sunk: Bench, sql: Sql) -> None:
    (one,) = called(sunk)
    assert sunk.control(process).failed == 0
    ((conversation, summary, said, seconds, note),) = rows(sql, "conversation, summary, said, seconds, note")
    shown = sunk.json("calls", "show", one)
    assert (conversation, summary, seconds) == (one, shown["summary"], int(shown["duration_secs"]))
    spoken = [f"{turn['role']}: {' '.join(turn['message'].split())}" for turn in shown["turns"] if turn["message"]]
    assert said.splitlines() == spoken
    assert note == "ours"
    sql("update public.call_sessions set summary = 'x', note = 'theirs'")
    sunk.json("calls", "retry", one)
    sunk.control(process)
    assert rows(sql, "summary, note") == [(shown["summary"], "theirs")]

    sql("alter table public.call_sessions add constraint full_rows check (summary is not null)")
    done = sunk.json("calls", "forget", one, "--yes", code=1)
    assert [(row["conversation_id"], row["table"]) for row in done["rows_left"]] == [(one, "public.call_sessions")]
    assert "full_rows" in done["rows_left"][0]["reason"]
    assert "a call is not written: " + done["rows_left"][0]["reason"] in sunk("doctor")[1]
    assert sunk("calls", "show", one)[0] == 1
    sql("alter table public.call_sessions drop constraint full_rows")
    assert sunk.json("calls", "forget", one, "--yes")["rows_left"] == []
    assert rows(sql, "conversation, summary, items, said, seconds, note") == [(one, None, None, None, None, "theirs")]


def test_a_forgotten_call_of_a_tenant_leaves_nothing_in_the_products_row(sunk: Bench, sql: Sql) -> None:
    sql("update agentctl.assistants set tenant = 'acme'")
    one, other = called(sunk, 2)
    sunk.control(process)
    sql("alter table public.call_sessions add constraint full_rows check (summary is not null)")
    done = sunk.json("calls", "forget", one, "--yes", "--tenant", "acme", code=1)
    assert [row["conversation_id"] for row in done["rows_left"]] == [one]
    sql("alter table public.call_sessions drop constraint full_rows")
    assert sunk.json("calls", "forget", other, "--yes", "--tenant", "acme")["rows_left"] == []
    found = rows(sql, "conversation, summary is null, said is null")
    assert found == sorted([(one, False, False), (other, True, True)])


def test_a_row_that_may_be_hidden_is_not_taken_for_empty(
    sunk: Bench, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    (one,) = called(sunk)
    sunk.control(process)
    sql("grant select, insert, update on public.call_sessions to service_role")
    sql("alter table public.call_sessions enable row level security")
    sql("create role hides in role service_role")
    as_owner = os.environ["DATABASE_URL"]
    monkeypatch.setenv("DATABASE_URL", f"{as_owner}?options=-crole%3Dhides")
    done = sunk.json("calls", "forget", one, "--yes", code=1)
    assert "it may not be written (42501)" in done["rows_left"][0]["reason"]
    monkeypatch.setenv("DATABASE_URL", as_owner)
    sunk.json("calls", "forget", one, "--yes")
    assert rows(sql, "summary") == [(None,)]
    sql("drop owned by hides; drop role hides")


def test_a_table_that_is_gone_keeps_nothing_else_and_is_filled_when_it_is_back(sunk: Bench, sql: Sql) -> None:
    sql("alter table public.call_sessions rename to elsewhere")
    (one,) = called(sunk)
    tally = sunk.control(process)
    assert (tally.done, tally.failed) == (1, 1)
    assert sunk.json("calls", "show", one)["summary"]
    assert "the table, or one that a trigger of it needs, is not there (42P01)" in sunk("calls", "status")[1]

    async def give_up(control: Control) -> None:
        job = SinkJob(await control.store(), max_attempts=1)
        (row,) = await job.claim_of([one])
        await job.fail(row, TimeoutError(), 0.0)

    sunk.control(give_up)
    assert [sunk.control(lambda control: dead_letters.tell(control, ("t@example.org",))) for _ in range(2)] == [1, 0]
    (mail,) = sunk.store("claim_mails", worker="w", limit=5, lease_seconds=60)
    assert mail["message"]["subject"] == "beispiel/production: Calls not written to your table: 1"
    assert one in mail["message"]["text"]
    assert "1 call could not be written to [sink.table]" in sunk("doctor")[1]
    sql("alter table public.elsewhere rename to call_sessions")
    assert sunk.json("calls", "retry", "--all")["rows"] == 1
    sunk.control(process)
    assert rows(sql) == [(one,)]

    sql("truncate public.call_sessions")
    assert sunk("calls", "sink", "--since", "1d")[1] == "1 calls wait for a worker to write them.\n"
    sunk.control(process)
    assert rows(sql) == [(one,)]
    (sunk.root / "agentctl.toml").write_text('project = "beispiel"\n')
    assert "call_sessions is written no longer" in sunk("sync", "--yes")[1]
    assert sunk("calls", "sink")[0] == 2


def test_two_workers_and_one_that_is_killed_as_it_writes_leave_each_row_once(sunk: Bench, sql: Sql) -> None:
    made = called(sunk, 6)

    async def together(control: Control) -> None:
        await asyncio.gather(process(control), process(control))

    sql("create table public.gate (open boolean)")
    sql("""
        create function public.slow() returns trigger language plpgsql as $$
        begin
            if not exists (select from gate) then perform pg_sleep(60); end if;
            return new;
        end $$""")
    sql("create trigger slow before insert on public.call_sessions for each row execute function public.slow()")
    command = [sys.executable, "-m", "agentctl", "-C", str(sunk.root), "work"]
    with (Path(sunk.root) / "worker.log").open("wb") as log:
        worker = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(lambda: sql("select 1 from pg_stat_activity where wait_event = 'PgSleep'"), 30)
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
    assert rows(sql) == []
    sql("insert into public.gate values (true)")
    sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'"
    )  # it sees that it is alone
    sql("update agentctl.sink_rows set due_at = now() where state = 'running'")
    sql("update agentctl.events set due_at = now() where state = 'running'")
    sunk.control(together)
    assert rows(sql) == [(one,) for one in sorted(made)]
    assert sunk.json("calls", "status")["rows"] == {"pending": 0, "running": 0, "dead": 0}
