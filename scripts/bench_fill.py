"""A full store: any number of calls with 12 turns each, made by SQL in minutes, in an embedded Postgres of its own."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from agentctl.clients.store.migrations import migrate
from agentctl.local.postgres import running

TURNS = 12
_DIFFERENT = 3000  # conversations; calls differ in their number, time, name and a word of their own beyond that
_CHUNK = 50_000
_SEED = 7

_GERMAN = """Guten Tag, Sie sprechen mit dem Assistenten der Praxis. Wie kann ich Ihnen helfen?
Ich hätte gern einen Termin in der nächsten Woche, am liebsten am {day}.
Am {day} um {hour} Uhr ist noch etwas frei. Passt Ihnen das?
Das passt gut, vielen Dank. Mein Name ist {name}.
Können Sie mich zum Angebot über {thing} zurückrufen? Es eilt ein wenig.
Gern, ich notiere den Rückruf für {day}, {hour} Uhr. Unter welcher Nummer erreichen wir Sie?
Unter dieser Nummer hier. Bitte sprechen Sie mit {name}, falls ich nicht da bin.
Wann haben Sie denn geöffnet, und ist der Parkplatz an der {street}straße noch gesperrt?
Wir haben montags bis donnerstags von 8 bis 17 Uhr geöffnet, freitags bis 13 Uhr.
Die Rechnung für {thing} stimmt nicht, da wurde etwas doppelt berechnet.
Das tut mir leid. Ich gebe das an die Buchhaltung weiter, und {name} meldet sich bei Ihnen.
Gut, dann warte ich auf Nachricht. Auf Wiederhören."""
_ENGLISH = """Hello, this is the practice's assistant. How can I help you?
I would like to move my appointment from {day} to another day, please.
There is room on {day} at {hour} o'clock. Shall I book that for you?
Yes please. My name is {name}, and it is about {thing}.
Could somebody call me back about the invoice for {thing}? It looks wrong to me.
Of course, {name} will call you back on {day}. Is this the right number?
It is. And are you still in {street} street, or have you moved already?
We are still there, open from eight to five, and until one on Fridays.
The delivery of {thing} has not arrived yet, and we have been waiting for days.
I am sorry to hear that. I will pass it on to our shipping department.
Thank you, then I will wait for your message.
You are welcome. Goodbye."""
_WORDS = {
    "day": "Montag Dienstag Mittwoch Donnerstag Freitag Monday Tuesday Wednesday Thursday Friday",
    "hour": "8 9 10 11 12 13 14 15 16",
    "thing": "Wintergarten Kaffeemaschine Fahrrad Zahnspange Dachfenster Laminat Heizung Wallbox Gutachten Impfung "
    "Klavier Rollstuhl Hörgerät Markise Photovoltaik Fliesen Brille Solaranlage Aufzug Gartenzaun",
    "street": "Linden Goethe Bahnhof Schiller Garten Berg Haupt Park Mühlen Wald",
}


def fill(directory: Path, calls: int) -> int:
    """Make the store in `directory` hold `calls` calls, adding what is missing; its exit code."""
    asyncio.run(_fill(directory, calls))
    return 0


@asynccontextmanager
async def store(directory: Path) -> AsyncIterator[str]:
    """The address of the store in `directory`, started and migrated."""
    directory.mkdir(parents=True, exist_ok=True)
    async with running(directory) as dsn:
        await migrate(dsn, shim=True)
        yield dsn


def held(dsn: str) -> int:
    """How many calls that store has."""
    with psycopg.connect(dsn) as connection:
        return int(_one(connection, "select count(*) from agentctl.calls"))


async def _fill(directory: Path, calls: int) -> None:
    started = time.perf_counter()
    async with store(directory) as dsn:
        before = held(dsn)
        if before < calls:
            _add(dsn, before, calls)
        seconds = time.perf_counter() - started
        with psycopg.connect(dsn) as connection:
            size = _one(connection, "select pg_size_pretty(pg_database_size(current_database()))")
        print(f"{held(dsn):,} calls, {held(dsn) * TURNS:,} turns, {size} in {directory}; {seconds:.0f} s")


def _add(dsn: str, before: int, calls: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set maintenance_work_mem = '512MB'")
        # Neither triggers nor foreign keys: the rows below are made to fit, the documents along with them.
        connection.execute("set session_replication_role = replica")
        connection.execute("truncate agentctl.kept_days cascade")
        _make_pool(connection)
        dropped = list(_drop_indexes(connection))
        for first in range(before + 1, calls + 1, _CHUNK):
            last = min(first + _CHUNK - 1, calls)
            with connection.transaction():
                connection.execute(_MADE, {"first": first, "last": last, "different": _DIFFERENT})
                for statement in _ROWS:
                    connection.execute(statement)
            print(f"  {last:,} calls", flush=True)
        for definition in dropped:
            connection.execute(definition)
        connection.execute("vacuum (analyze)")


def _make_pool(connection: psycopg.Connection[Any]) -> None:
    connection.execute(
        "create temp table pool (n integer primary key, language text, title text, summary text, "
        "turns jsonb, document tsvector)"
    )
    with connection.cursor().copy("copy pool (n, language, title, summary, turns) from stdin") as copy:
        for row in conversations():
            copy.write_row(row)
    connection.execute(
        "update pool set document = agentctl.words(agentctl.folded(concat_ws(E'\\n', title, summary, "
        "(select string_agg(t->>'message', E'\\n') from jsonb_array_elements(turns) t))))"
    )
    connection.execute("analyze pool")


def conversations() -> Iterator[tuple[int, str, str, str, str]]:
    """Number, language, title, summary and turns (JSON) of each that differs."""
    chance = random.Random(_SEED)  # noqa: S311  (spread, no secret)
    for n in range(_DIFFERENT):
        german = chance.random() < 0.7
        names = {"name": f"{chance.choice('ABDEFGHKLMRSTW')}{chance.choice(('aum', 'erg', 'olz', 'inn'))}{n % 977}"}
        names |= {slot: chance.choice(words.split()) for slot, words in _WORDS.items()}
        said = [line.format(**names) for line in (_GERMAN if german else _ENGLISH).splitlines()]
        chance.shuffle(said)
        turns = [
            {"position": at, "role": "user" if at % 2 else "agent", "message": line, "at_secs": 5 * at}
            | {"detail": _detail(chance, at)}
            for at, line in enumerate(said)
        ]
        title = f"{'Rückruf' if german else 'Callback'}: {names['thing']}"
        yield n, "de" if german else "en", title, f"{said[0]} {said[1]}", json.dumps(turns)


def _detail(chance: random.Random, at: int) -> dict[str, Any]:
    heard = {"convai_asr_trailing_service_latency": chance.uniform(0.05, 0.3)}
    answered = {
        "convai_llm_service_ttfb": chance.gammavariate(4, 0.12),
        "convai_tts_service_ttfb": chance.uniform(0.1, 0.3),
    }
    waits = heard if at % 2 else answered
    return {"metrics": {name: {"elapsed_time": round(seconds, 3)} for name, seconds in waits.items()}}


def _drop_indexes(connection: psycopg.Connection[Any]) -> Iterator[str]:
    """What takes long to keep up and is quick to make in one go; yields how to make it."""
    secondary = connection.execute(
        "select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) from pg_index i "
        "where i.indrelid in ('agentctl.calls'::regclass, 'agentctl.call_documents'::regclass) and not i.indisunique"
    ).fetchall()
    for name, definition in secondary:
        connection.execute(f"drop index {name}")  # type: ignore[arg-type]
        yield definition


def _one(connection: psycopg.Connection[Any], question: str) -> Any:
    row = connection.execute(question).fetchone()  # type: ignore[arg-type]
    assert row
    return row[0]


# Ids in no order of time, as the vendor's; calls over three years, of 20 assistants; one item in ten still open.
_MADE = """
create temp table made on commit drop as
select 'default' tenant, 'conv_' || md5(i::text) id, i, pool.*,
    timestamptz '2026-11-01' - interval '95 seconds' * (1000000 - i) started_at,
    (array['appointment', 'callback', 'information', 'complaint', 'other'])[1 + i * 13 %% 5] outcome
from generate_series(%(first)s::bigint, %(last)s::bigint) i join pool on pool.n = i %% %(different)s
order by id
"""
_ROWS = (
    """
insert into agentctl.calls (
    tenant, conversation_id, agent_id, project, environment, assistant, assistant_name, status, direction,
    external_number, agent_number, channel, started_at, duration_secs, cost_credits, cost_fiat, language, successful,
    event_timestamp, source, detail, turn_count, outcome, open_items, answer_ms
)
select tenant, id, 'agent_' || i % 20, 'praxis', 'production', 'assistant-' || i % 20, 'Praxis', 'done', 'inbound',
    '+4989' || lpad((i * 7919 % 400000)::text, 8, '0'), '+498999998100', 'phone', started_at, 20 + i * 31 % 300,
    100 + i % 400, 0.01 * (i % 50), language,
    (array['success', 'success', 'success', 'failure', 'unknown'])[1 + i % 5],
    extract(epoch from started_at), 'webhook', jsonb_build_object(
        'timezone', 'Europe/Berlin', 'telephony', 'twilio', 'initiation_source', 'twilio', 'agent_name', 'Praxis',
        'dynamic_variables', jsonb_build_object('system__caller_id', i, 'system__call_sid', md5('sid' || i))
    ), jsonb_array_length(turns), outcome, case when i % 3 = 0 then (i % 10 = 0)::integer end,
    (select array_agg(200 + (i * 37 + answer * 211) % 1400) from generate_series(1, 6) answer)
from made
""",
    """
insert into agentctl.call_turns (tenant, conversation_id, position, role, message, at_secs, detail)
select tenant, id, t.position, t.role, t.message, t.at_secs, t.detail
from made cross join lateral jsonb_to_recordset(turns)
    t (position integer, role text, message text, at_secs integer, detail jsonb)
""",
    """
insert into agentctl.digests (tenant, conversation_id, engine, title, summary, language, outcome)
select tenant, id, 'elevenlabs', title, summary || ' Vorgang V' || i || 'K.', language, outcome from made
""",
    """
insert into agentctl.action_items (tenant, conversation_id, position, what, who, done)
select tenant, id, 0, title, 'Empfang', i % 10 <> 0 from made where i % 3 = 0
""",
    """
insert into agentctl.call_documents (tenant, conversation_id, started_at, document)
select tenant, id, started_at, document || agentctl.words('v' || i || 'k') from made
""",
    """
insert into agentctl.events
    (tenant, type, conversation_id, agent_id, event_timestamp, source, payload, payload_sha256, state, attempt)
select tenant, 'post_call_transcription', id, 'agent_' || i % 20, extract(epoch from started_at), 'webhook',
    '{}', sha256(id::bytea), 'done', 1
from made
""",
)
