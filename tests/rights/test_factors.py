"""A user who has a second factor at Supabase Auth and has not shown it: nobody, whoever asks."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.rights.people import MEMBER, STRANGER, as_user, joined
from tests.rights.test_members import connection, memberships, save

__all__ = ["connection"]  # a fixture

# As Supabase Auth makes it, as far as it is looked at; users may not read it.
FACTORS = """
    create type auth.factor_status as enum ('unverified', 'verified');
    create table auth.mfa_factors (id serial primary key, user_id uuid not null, status auth.factor_status not null);
    alter table auth.mfa_factors enable row level security"""
READ = "grant usage on schema auth to limited; grant select on auth.mfa_factors to limited"


def test_who_has_a_second_factor_is_nobody_until_they_show_it(connection: psycopg.Connection) -> None:
    connection.execute(FACTORS)
    for user, status in ((STRANGER, "unverified"), (MEMBER, "unverified"), (MEMBER, "verified")):
        connection.execute("insert into auth.mfa_factors (user_id, status) values (%s, %s)", [user, status])
    connection.execute(
        "insert into agentctl.calls (tenant, conversation_id, status, source, started_at) "
        "values ('a', 'conv_1', 'done', 'webhook', now())"
    )
    for user in (MEMBER, STRANGER):
        joined(connection, user, "a")

    def seen(**claims: Any) -> int:
        connection.execute("savepoint before")
        as_user(connection, {"role": "authenticated", **claims})
        found = connection.execute("select conversation_id from public.agentctl_calls").fetchall()
        connection.execute("rollback to before")
        return len(found)

    for weak in ({}, {"aal": "aal1"}, {"aal": None}, {"aal": ["aal2"]}, {"amr": "aal2"}):
        assert memberships(connection, sub=MEMBER, **weak) == {}, weak
        assert seen(sub=MEMBER, **weak) == 0, weak
        assert memberships(connection, sub=STRANGER, **weak) == {"a": "editor"}, "one that was begun is none"
    assert memberships(connection, sub=MEMBER, aal="aal2") == {"a": "editor"}
    assert seen(sub=MEMBER, aal="aal2") == seen(sub=STRANGER, aal="aal1") == 1

    save(connection, way="claim", claim="app_metadata.tenant")
    assert memberships(connection, sub=MEMBER, aal="aal1", app_metadata={"tenant": "b"}) == {}
    assert memberships(connection, sub=MEMBER, aal="aal2", app_metadata={"tenant": "b"}) == {"b": "editor"}


@pytest.mark.parametrize("rights", ["", READ])
def test_who_cannot_tell_second_factors_lets_nobody_in(connection: psycopg.Connection, rights: str) -> None:
    connection.execute(f"{FACTORS}; create role limited; {rights}".encode())
    joined(connection, MEMBER, "a")
    connection.execute(
        "alter function agentctl.my_memberships() owner to limited; grant usage on schema agentctl to limited; "
        "grant all on all functions in schema agentctl to limited"
    )

    with pytest.raises(psycopg.errors.RaiseException, match="nobody is let in") as caught:
        memberships(connection, sub=MEMBER, aal="aal1")
    assert "bypassrls" in str(caught.value.diag.message_hint)
