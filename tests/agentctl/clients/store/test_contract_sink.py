"""Each stored call stands in the product's own table, too, whatever that table does; over both transports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import psycopg
import pytest

from agentctl.calls.sink import SinkJob
from agentctl.clients.store.supabase import SupabaseStore
from agentctl.errors import SinkError
from agentctl.sources.sink import SinkTable, cramped, exposure, obstacles
from agentctl.worker import run
from tests.databases import Databases
from tests.stores import Store, running, stored

pytestmark = pytest.mark.anyio
OURS = {"project": "praxis", "environment": "production"}
TABLE = """
    create table public."call Sessions" (
        id uuid primary key default gen_random_uuid(), conversation_id varchar(200) unique, note text default 'ours',
        "Summary" text, items jsonb, turns json, seconds integer, happened timestamptz not null, said text,
        direction text, org uuid, recorded boolean not null default false, status text not null
    );
    grant all on public."call Sessions" to service_role"""
SINK = SinkTable(
    table="call Sessions",
    key="conversation_id",
    summary="Summary",
    action_items="items",
    turns="turns",
    duration_seconds="seconds",
    started_at="happened",
    transcript="said",
    direction="direction",
    tenant="org",
    has_recording="recorded",
    status="status",
)
ORG = "7b0c2f9e-0000-4000-8000-00000000000a"
OTHER = "7b0c2f9e-0000-4000-8000-00000000000b"
NOBODY = {"id": "", "attempt": 0}  # until an event brings it
_TIMES = count(1_760_000_000)
Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def lender(lender: Databases) -> Databases:
    return lender.after(TABLE)


@pytest.fixture
def sql(cluster: Any, dsn: str) -> Sql:
    """The product's own hands."""
    return lambda statement: cluster.execute(statement, dsn.rpartition("/")[2])


@pytest.fixture
async def sunk(store: Store) -> Store:
    """A store whose project has a sink."""
    assert (await store.call("save_sink", {**OURS, **SINK.record()}))["changed"]
    return store


async def keep(store: Store, conversation_id: str = "conv_1", **changes: Any) -> None:
    """Store one call of the tenant ORG, as its worker does."""
    await _Tenant(store).keep(stored(NOBODY, conversation_id, **changes))


class _Tenant:
    def __init__(self, store: Store, tenant: str = ORG) -> None:
        self.store, self.tenant = store, tenant

    async def call(self, function: str, args: Any, *, timeout: float = 10.0) -> Any:
        return await self.store.call(function, {"tenant": self.tenant, **args}, timeout=timeout)

    async def keep(self, told: dict[str, Any]) -> None:
        """Store a call as a later event than all before brings it."""
        at, call = next(_TIMES), told["call"]
        fence = await running(self, call["conversation_id"], event_timestamp=at, body=str(at).encode())
        proof = {"event_id": fence["id"], "attempt": fence["attempt"]}
        assert (await self.call("store_call", {**told, **proof, "call": {**call, "event_timestamp": at}}))["stored"]

    async def close(self) -> None:
        await self.store.close()


async def work(store: Store) -> tuple[int, int]:
    tally = await run([SinkJob(store)], once=True, backoff=lambda attempt: 0.0 if attempt < 3 else 60.0)
    return tally.done, tally.failed


async def refused(store: Store, owner: str) -> None:
    """That the row of this tenant's conv_1 is not written, since it is another's."""
    job = SinkJob(_Tenant(store, owner))
    (row,) = await job.claim_of(["conv_1"])
    with pytest.raises(SinkError, match="AG002"):
        await job.run(row)
    await job.fail(row, SinkError("refused"), 0.0)


def rows(sql: Sql, columns: str = '"Summary"', where: str = "true") -> list[tuple[Any, ...]]:
    return sql(f'select {columns} from public."call Sessions" where {where} order by conversation_id')


async def test_a_call_is_written_once_for_all_its_changes_and_again_for_each_later_one(sunk: Store, sql: Sql) -> None:
    await keep(sunk)
    await keep(sunk, turns=[{"position": 0, "role": "user", "message": "Hallo,\n ja"}], call={"duration_secs": 41.6})
    assert await work(sunk) == (1, 0)
    (row,) = rows(sql, '"Summary", seconds, said, direction, org::text, note, items, turns, recorded, happened::text')
    assert row[:6] == ("Rückruf erbeten.", 42, "user: Hallo, ja", "inbound", ORG, "ours")
    assert [one["what"] for one in row[6]] == ["Zurückrufen"]
    assert [one["message"] for one in row[7]] == ["Hallo,\n ja"]
    assert row[8] is False
    assert await work(sunk) == (0, 0)

    sql("update public.\"call Sessions\" set note = 'theirs'")
    item = row[6][0]["id"]
    await _Tenant(sunk).call("mark_action_item", {"conversation_id": "conv_1", "id": item, "done": True})
    assert await work(sunk) == (1, 0)
    assert rows(sql, "items->0->>'done', note") == [("true", "theirs")]

    shown = await _Tenant(sunk).call("show_call", {"conversation_id": "conv_1"})
    digest = {"engine": "llm", "summary": "Neu.", "language": "de"}
    told = {"conversation_id": "conv_1", "updated_at": shown["updated_at"], "digest": digest, "action_items": []}
    assert (await _Tenant(sunk).call("store_digest", told))["stored"]
    assert await work(sunk) == (1, 0)
    assert rows(sql, "\"Summary\", items->0->>'done'") == [("Neu.", "true")]


async def test_what_changes_while_it_is_written_is_written_after_it_and_a_lost_lease_writes_nothing(
    sunk: Store, sql: Sql
) -> None:
    await keep(sunk)
    job = SinkJob(sunk)
    (first,) = await job.claim(5)
    assert await SinkJob(sunk).claim(5) == []
    fence = {"tenant": ORG, "id": first.id, "attempt": first.attempt}
    version = (await sunk.call("sink_content", fence))["version"]
    await keep(sunk, digest={"engine": "llm", "summary": "Später.", "language": "de"})
    assert await sunk.call("sink_written", {**fence, "version": version}) == {"held": True}
    assert await job.renew(first) is False
    (second,) = await job.claim(5)
    sql("update agentctl.sink_rows set due_at = now() - interval '1 second'")  # its worker was killed
    (third,) = await job.claim(5)
    assert third.attempt == second.attempt + 1
    assert await job.run(second) is False
    assert rows(sql) == []
    assert await job.renew(third)
    assert await job.run(third)
    assert rows(sql, '"Summary", note') == [("Später.", "ours")]
    assert await work(sunk) == (0, 0)


async def test_who_loses_its_lease_while_it_writes_leaves_nothing(sunk: Store, sql: Sql, dsn: str) -> None:
    await keep(sunk)
    job = SinkJob(sunk)
    (first,) = await job.claim(1)
    with psycopg.connect(dsn) as product:
        product.execute('lock table public."call Sessions" in share mode')
        writing = asyncio.create_task(job.run(first))
        waits = "select 1 from pg_locks where not granted and relation = '\"call Sessions\"'::regclass"
        while not sql(waits):  # noqa: ASYNC110  a server tells nobody that one waits
            await asyncio.sleep(0.02)
        sql("update agentctl.sink_rows set due_at = now() - interval '1 second'")
        (second,) = await job.claim(1)
    assert await writing is False
    assert rows(sql) == []
    assert await job.run(second)
    assert len(rows(sql)) == 1


async def test_what_the_product_refuses_is_that_rows_failure_and_quotes_nobody(sunk: Store, sql: Sql) -> None:
    sql('alter table public."call Sessions" add constraint polite check ("Summary" not like \'%Polizei%\')')
    await keep(sunk, "conv_bad", digest={"engine": "llm", "summary": "Polizei gerufen", "language": "de"})
    await keep(sunk, "conv_good")
    assert await work(sunk) == (1, 3)
    assert rows(sql, "conversation_id") == [("conv_good",)]
    found = await sunk.call("sink_queue", {})
    assert found["rows"] == {"pending": 1, "running": 0, "dead": 0}
    (told,) = found["troubled_rows"]
    assert "23514" in told
    assert "polite" in told
    assert "Polizei" not in told
    shown = await _Tenant(sunk).call("show_call", {"conversation_id": "conv_bad"})
    assert (shown["summary"], len(shown["mails"])) == ("Polizei gerufen", 1)

    sql('alter table public."call Sessions" drop constraint polite')
    sql("update agentctl.sink_rows set due_at = now()")
    assert await work(sunk) == (1, 0)
    assert len(rows(sql)) == 2


async def test_a_trigger_that_raises_at_the_end_and_one_that_finds_its_own_tables(sunk: Store, sql: Sql) -> None:
    sql("create table public.audit_of_theirs (id text)")
    sql("grant all on public.audit_of_theirs to service_role")
    sql("""
        create function public.theirs() returns trigger language plpgsql as $$
        begin
            insert into audit_of_theirs values (new.conversation_id);
            if new."Summary" = 'nein' then raise exception 'no: %', new.said; end if;
            return null;
        end $$""")
    sql("""create constraint trigger theirs after insert on public."call Sessions"
        deferrable initially deferred for each row execute function public.theirs()""")
    await keep(sunk, "conv_bad", digest={"engine": "llm", "summary": "nein", "language": "de"})
    await keep(sunk, "conv_good")
    assert await work(sunk) == (1, 3)
    assert sql("select id from public.audit_of_theirs") == [("conv_good",)]
    (told,) = (await sunk.call("sink_queue", {}))["troubled_rows"]
    assert "P0001" in told
    assert "Guten Tag" not in told


async def test_a_row_that_a_trigger_leaves_out_is_not_taken_for_written(sunk: Store, sql: Sql) -> None:
    sql(
        """create function public.skip() returns trigger language plpgsql as $$ begin return null; end $$;
        create trigger skip before insert or update on public."call Sessions" for each row execute function skip()"""
    )
    await keep(sunk)
    assert await work(sunk) == (0, 3)
    assert sql("select error like '%AG003%' from agentctl.sink_rows") == [(True,)]
    sql(
        """drop trigger skip on public."call Sessions"; update agentctl.sink_rows set due_at = now();
        create function public.loud() returns trigger language plpgsql as
        $$ begin new."Summary" := upper(new."Summary"); return new; end $$;
        create trigger loud before insert or update on public."call Sessions" for each row execute function loud();
        create trigger same before update on public."call Sessions" for each row
        execute function suppress_redundant_updates_trigger()"""
    )
    assert await work(sunk) == (1, 0)
    await keep(sunk)
    assert await work(sunk) == (1, 0)  # it stands there as their triggers will have it
    sql('create trigger skip before update on public."call Sessions" for each row execute function skip()')
    await _Tenant(sunk).call("erase", {"conversation_ids": ["conv_1"], "event_ids": []})
    assert await work(sunk) == (0, 3)
    assert len(await _Tenant(sunk).call("unwritten", {"conversation_ids": ["conv_1"]})) == 1


async def test_what_a_trigger_sets_for_its_session_ends_with_the_row(sunk: Store, sql: Sql) -> None:
    sql(
        """create function public.hurry() returns trigger language plpgsql as
        $$ begin perform set_config('statement_timeout', '1', false); return new; end $$;
        create trigger hurry before insert on public."call Sessions" for each row execute function hurry()"""
    )
    await keep(sunk)
    assert await work(sunk) == (1, 0)
    for _ in range(5):
        await keep(sunk)


async def test_rows_are_given_up_told_of_once_and_taken_up_again(sunk: Store, sql: Sql) -> None:
    await keep(sunk)
    sql('alter table public."call Sessions" rename to gone')
    job = SinkJob(sunk, max_attempts=1)
    (row,) = await job.claim(1)
    with pytest.raises(SinkError, match=r"is not there \(42P01\)"):
        await job.run(row)
    await job.fail(row, SinkError("gone"), 0.0)
    untold = await sunk.call("untold_sink_rows", {"limit": 5})
    assert (untold["count"], untold["rows"][0]["reason"]) == (1, "gone")
    mails = [{"recipient": "a@example.org", "message": {"subject": "s"}}]
    told = {"until": untold["until"], "id": "alert_1", "mails": mails}
    assert [(await sunk.call("tell_sink_rows", told))["told"] for _ in range(2)] == [1, 0]
    assert (await sunk.call("sink_queue", {}))["rows"]["dead"] == 1
    sql('alter table public.gone rename to "call Sessions"')
    assert (await sunk.call("requeue_sink_rows", {"conversation_id": "conv_0"}))["rows"] == 0
    assert (await sunk.call("requeue_sink_rows", {}))["rows"] == 1
    sql('alter table public."call Sessions" drop column "Summary"')
    (row,) = await job.claim(1)
    with pytest.raises(SinkError, match="42703, column Summary"):
        await job.run(row)
    assert (await sunk.call("save_sink", OURS)) == {"changed": True, "dropped": 1}
    assert await job.run(row) is False
    await keep(sunk, "conv_2")
    assert await job.claim(5) == []


async def test_what_is_erased_is_emptied_there_and_the_rest_of_the_row_stays(sunk: Store, sql: Sql) -> None:
    await keep(sunk, "conv_1")
    await keep(sunk, "conv_2")
    assert await work(sunk) == (2, 0)
    await _Tenant(sunk).call("erase", {"conversation_ids": ["conv_1"], "event_ids": []})
    left = await _Tenant(sunk).call("unwritten", {"conversation_ids": ["conv_1", "conv_2"]})
    assert [(one["conversation_id"], one["table"]) for one in left] == [("conv_1", "public.call Sessions")]
    claimed = await SinkJob(_Tenant(sunk)).claim_of(["conv_1", "conv_2"])
    assert [await SinkJob(sunk).run(one) for one in claimed] == [True]
    row = rows(sql, '"Summary", items, turns, seconds, said, status, note, org::text, conversation_id')[0]
    assert row == (None, None, None, None, None, "", "ours", ORG, "conv_1")
    sql("update agentctl.calls set started_at = now() - interval '40 days'")
    await sunk.call("save_retention", {**OURS, "transcripts": 30})
    assert (await _Tenant(sunk).call("retain_calls", {"limit": 10}))["count"] == 1
    assert await work(sunk) == (1, 0)
    assert rows(sql, '"Summary", turns, seconds, status', "conversation_id = 'conv_2'") == [(None, [], 42, "done")]


async def test_an_id_that_another_tenant_has_too_neither_overwrites_nor_empties_its_row(sunk: Store, sql: Sql) -> None:
    await keep(sunk)
    assert await work(sunk) == (1, 0)
    theirs = rows(sql, '"Summary", status, org::text')
    forged = stored(NOBODY, "conv_1", digest={"engine": "llm", "summary": "Forged.", "language": "de"})
    await _Tenant(sunk, OTHER).keep(forged)
    await refused(sunk, OTHER)
    await _Tenant(sunk, OTHER).call("erase", {"conversation_ids": ["conv_1"], "event_ids": []})
    assert await work(sunk) == (1, 0)
    assert rows(sql, '"Summary", status, org::text') == theirs

    # A table that does not tell whose a row is belongs to nobody who shares the id.
    untold = SinkTable(table="call Sessions", key="conversation_id", **{**SINK.columns, "tenant": None})
    assert (await sunk.call("save_sink", {**OURS, **untold.record()}))["changed"]
    await _Tenant(sunk, OTHER).keep(forged)
    await keep(sunk)
    for owner in (ORG, OTHER):
        await refused(sunk, owner)
    await _Tenant(sunk, OTHER).call("erase", {"conversation_ids": ["conv_1"], "event_ids": []})
    await refused(sunk, OTHER)
    assert rows(sql, '"Summary", status, org::text') == theirs


async def test_what_a_tenant_wrote_is_emptied_however_it_writes_its_own_id(sunk: Store, sql: Sql) -> None:
    shouted = _Tenant(sunk, ORG.upper())
    await shouted.keep(stored(NOBODY, "conv_1"))
    assert await work(sunk) == (1, 0)
    await shouted.call("erase", {"conversation_ids": ["conv_1"], "event_ids": []})
    assert await work(sunk) == (1, 0)
    assert rows(sql, '"Summary", org::text') == [(None, ORG)]


async def test_a_column_may_be_called_like_whatever_a_function_calls_something(store: Store, sql: Sql) -> None:
    texts = ("t", "excluded", "c", "g", "m", "one", "r", "s", "v", "said", "ours", "nothing")
    sql(f"""create table public.t (place text primary key, tenant text, "values" jsonb, {" text, ".join(texts)} text);
        grant all on public.t to service_role""")
    of_call = ("summary", "title", "status", "direction", "channel", "project", "agent_id", "outcome", "language")
    given = dict(zip(of_call, texts, strict=False))
    sink = SinkTable(table="t", key="place", tenant="tenant", turns="values", **given)
    await store.call("save_sink", {**OURS, **sink.record()})
    assert list(obstacles(sink, await store.call("sink_columns", sink.place))) == []
    for summary in ("Eins.", "Zwei."):
        await keep(store, digest={"engine": "llm", "summary": summary, "language": "de"})
        assert await work(store) == (1, 0)
    assert sql("select place, tenant, t, c, g from public.t") == [("conv_1", ORG, "Zwei.", "done", "inbound")]
    sql(
        """create trigger same before update on public.t for each row
        execute function suppress_redundant_updates_trigger()"""
    )
    await keep(store, digest={"engine": "llm", "summary": "Zwei.", "language": "de"})
    assert await work(store) == (1, 0)
    await _Tenant(store).call("erase", {"conversation_ids": ["conv_1"], "event_ids": []})
    assert await work(store) == (1, 0)
    assert sql('select place, tenant, t, "values" from public.t') == [("conv_1", ORG, None, None)]


async def test_calls_of_before_fill_it_once(store: Store, sql: Sql) -> None:
    await keep(store, "conv_1")
    await keep(store, "conv_old", call={"started_at": "2020-01-01T00:00:00Z"})
    await keep(store, "conv_other", call={"project": "other"})
    await store.call("save_sink", {**OURS, **SINK.record()})
    assert not (await store.call("save_sink", {**OURS, **SINK.record()}))["changed"]
    assert await work(store) == (0, 0)
    since = {**OURS, "since": "2026-01-01T00:00:00Z"}
    assert [(await store.call("fill_sink", since))["queued"] for _ in range(2)] == [1, 1]
    assert await work(store) == (1, 0)
    assert (await store.call("fill_sink", since))["queued"] == 1
    assert await work(store) == (1, 0)
    assert rows(sql, "conversation_id") == [("conv_1",)]


async def test_a_declaration_is_checked_against_the_table(sunk: Store, sql: Sql) -> None:
    assert list(obstacles(SINK, await sunk.call("sink_columns", SINK.place))) == []
    wrong = SinkTable(
        table="call Sessions", key="note", summary="Sumary", turns="said", transcript="happened", started_at="seconds"
    )
    told = list(obstacles(wrong, await sunk.call("sink_columns", wrong.place)))
    assert told == [
        'key: column note is not unique, so that a call would stand there again and again: alter table public."call '
        'Sessions" add unique (note);',
        "started_at: column seconds is integer, and the value needs timestamptz",
        "summary: call Sessions has no column Sumary; did you mean Summary?",
        "turns: column said is text, and the value needs jsonb or json",
        "transcript: column happened is timestamp with time zone, and the value needs text",
        'column status must not be null and is given nothing: alter table public."call Sessions" alter column status '
        "drop not null;",
    ]
    sql(told[0].partition("again: ")[2])
    near = SinkTable(table="call Session", key="note", summary="note2")
    (missing,) = obstacles(near, await sunk.call("sink_columns", near.place))
    assert missing == "table: there is no call Session; did you mean call Sessions?"
    found = await sunk.call("sink_columns", SINK.place)
    told = exposure(SINK, found)
    assert "anon, which is anybody, and authenticated may read every tenant's calls in it" in told
    sql(told.partition("; ")[2].partition(",")[0])
    assert exposure(SINK, await sunk.call("sink_columns", SINK.place)) == ""
    assert list(obstacles(SINK, await sunk.call("sink_columns", SINK.place))) == []
    alter = 'alter table public."call Sessions" alter column'
    sql(f'{alter} conversation_id type varchar(20); {alter} "Summary" type varchar(3999)')
    sql(f"{alter} said type char(9); {alter} direction type varchar(8)")
    found = await sunk.call("sink_columns", SINK.place)
    short = [*obstacles(SINK, found), *cramped(SINK, found)]
    ids, more = "and ids have 33 characters:", "and a longer value is refused:"
    assert short == [
        f"key: column conversation_id is character varying(20), {ids} {alter} conversation_id type text;",
        f'summary: column Summary is character varying(3999), {more} {alter} "Summary" type text;',
        f"transcript: column said is character(9), {more} {alter} said type text;",
    ]
    for one in short:
        sql(one[one.index(alter) :])
    found = await sunk.call("sink_columns", SINK.place)
    assert [*obstacles(SINK, found), *cramped(SINK, found)] == []
    sql('revoke all on public."call Sessions" from service_role')
    barred = list(obstacles(SINK, await sunk.call("sink_columns", SINK.place)))
    if isinstance(sunk, SupabaseStore):  # the other one is the owner's
        grant = 'grant select, insert, update on public."call Sessions" to service_role;'
        assert barred == [f"table: service_role may not write call Sessions: {grant}"]
