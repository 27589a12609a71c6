"""Recordings in Storage: users fetch their own tenants' and no others, on a minimal double of Storage's tables."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

USER = "11111111-1111-4111-8111-111111111111"
# As Supabase Storage makes them, as far as a policy sees them.
STORAGE = """
    create schema storage;
    create table storage.buckets (id text primary key, public boolean not null default false);
    create table storage.objects (bucket_id text, name text, primary key (bucket_id, name));
    alter table storage.objects enable row level security;
    grant usage on schema storage to anon, authenticated, service_role;
    grant all on all tables in schema storage to anon, authenticated, service_role;
    insert into storage.buckets values ('recordings'), ('another');
    call agentctl.open_recordings();
    call agentctl.open_recordings()"""
OBJECTS = [
    ("recordings", "a/conv_1.mp3"),
    ("recordings", "ab/conv_2.mp3"),
    ("recordings", "a/conv_9.mp3"),  # in the folder, and no recording of any call
    ("recordings", "a/../ab/conv_2.mp3"),
    ("recordings", "a"),
    ("recordings", "a/"),
    ("recordings", ""),
    ("recordings", "/a/conv_1.mp3"),
    ("recordings", "A/conv_1.mp3"),
    ("another", "a/conv_1.mp3"),
]
# The second as an earlier version wrote it.
KEPT = [("a", "conv_1", "x.supabase.co/"), ("ab", "conv_2", "")]


@pytest.fixture
def database(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(STORAGE)
        connection.cursor().executemany("insert into storage.objects values (%s, %s)", OBJECTS)
        for tenant, conversation, project in KEPT:
            connection.execute(
                "insert into agentctl.recordings (tenant, conversation_id, location, content_type, size, sha256) "
                "values (%s, %s, %s, 'audio/mpeg', 5, repeat('ab', 32))",
                (tenant, conversation, f"supabase:{project}recordings/{tenant}/{conversation}.mp3"),
            )
        connection.execute("insert into auth.users (id) values (%s)", (USER,))
        yield connection


def seen(database: psycopg.Connection, role: str = "authenticated") -> list[tuple[str, str]]:
    claims = json.dumps({"sub": USER, "role": role})
    with database.transaction():
        database.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        database.execute(f"set local role {role}")
        return database.execute("select bucket_id, name from storage.objects order by 1, 2").fetchall()


def join(database: psycopg.Connection, tenant: str) -> None:
    told = json.dumps({"tenant": tenant, "user_id": USER, "role": "viewer"})
    database.execute("select public.agentctl_save_membership(%s)", (told,))


def test_members_fetch_the_recordings_of_their_tenant_alone(database: psycopg.Connection) -> None:
    assert seen(database) == []
    join(database, "a")
    assert seen(database) == [("recordings", "a/conv_1.mp3")]
    join(database, "ab")
    assert seen(database) == [("recordings", "a/conv_1.mp3"), ("recordings", "ab/conv_2.mp3")]
    database.execute("delete from agentctl.recordings where tenant = 'a'")
    assert seen(database) == [("recordings", "ab/conv_2.mp3")]
    assert seen(database, "anon") == []


@pytest.mark.parametrize(
    "change",
    [
        "insert into storage.objects values ('recordings', 'a/new.mp3')",
        "update storage.objects set name = 'a/other.mp3'",
        "delete from storage.objects",
    ],
)
def test_members_change_nothing(database: psycopg.Connection, change: str) -> None:
    join(database, "a")
    before = database.execute("select * from storage.objects order by 1, 2").fetchall()
    try:
        with database.transaction():
            claims = json.dumps({"sub": USER, "role": "authenticated"})
            database.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
            database.execute("set local role authenticated")
            database.execute(change)
    except psycopg.errors.InsufficientPrivilege:
        pass
    assert database.execute("select * from storage.objects order by 1, 2").fetchall() == before


def test_where_no_policy_may_be_made_it_is_said_and_the_rest_goes_on(database: psycopg.Connection) -> None:
    said: list[str] = []
    database.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
    database.execute('drop policy "agentctl recordings" on storage.objects')
    database.execute("grant usage on schema agentctl to service_role")
    database.execute("grant execute on procedure agentctl.open_recordings() to service_role")
    with database.transaction():
        database.execute("set local role service_role")
        database.execute("call agentctl.open_recordings()")
    assert said == ["signed-in users fetch no recordings: service_role may make no policies on storage.objects"]
    join(database, "a")
    assert seen(database) == []
