"""How it is told who belongs to which tenant: by our memberships, by a claim, or by a table of the product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.rights.people import MEMBER, STRANGER, as_user, joined

# A product's own, as it is when nobody thought of agentctl; `users` is a list of their ids.
TEAM = """
    create table public.team (org integer, "User" uuid, job text);
    insert into public.team values (7, '0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301', 'owner'),
        (8, '0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f301', 'cleaner'), (9, '0b9ae2d4-7c1f-4f0e-9a57-52a0f3a0f302', null);
    alter table public.team enable row level security"""
TOLD_BY_TEAM = {
    "way": "table", "table": "public.team", "tenant_column": "org", "user_column": "User", "role_column": "job",
    "roles": {"owner": "admin"},
}  # fmt: skip


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(dsn) as opened:
        yield opened
        opened.rollback()


def memberships(connection: psycopg.Connection, **claims: Any) -> dict[str, str]:
    """What who has these claims is told; then whoever we were before."""
    connection.execute("savepoint before")
    as_user(connection, {"role": "authenticated", **claims})
    told = connection.execute("select tenant, role from public.agentctl_my_memberships()").fetchall()
    connection.execute("rollback to before")
    return dict(told)


def save(connection: psycopg.Connection, **args: Any) -> None:
    connection.execute("select public.agentctl_save_access(%s)", [json.dumps(args)])


def refused(connection: psycopg.Connection, function: str, **args: Any) -> str:
    """What a function of ours has against its arguments."""
    with pytest.raises(psycopg.errors.RaiseException) as caught, connection.transaction():
        connection.execute(f"select public.agentctl_{function}(%s)".encode(), [json.dumps(args)])
    return str(caught.value)


def test_memberships_are_entered_changed_listed_and_removed(connection: psycopg.Connection) -> None:
    def call(function: str, **args: Any) -> Any:
        row = connection.execute(f"select public.agentctl_{function}(%s)".encode(), [json.dumps(args)]).fetchone()
        assert row
        return row[0]

    assert call("save_membership", tenant="a", user_id=MEMBER) == {"new": True}
    assert call("save_membership", tenant="b", user_id=MEMBER, role="viewer") == {"new": True}
    assert call("save_membership", tenant="b", user_id=MEMBER, role="admin") == {"new": False}
    assert call("save_membership", tenant="b", user_id=STRANGER) == {"new": True}
    assert memberships(connection, sub=MEMBER) == {"a": "editor", "b": "admin"}
    assert [(one["user_id"], one["role"]) for one in call("memberships", tenant="b")] == [
        (MEMBER, "admin"), (STRANGER, "editor"),
    ]  # fmt: skip

    assert call("remove_membership", tenant="b", user_id=MEMBER) == {"removed": True}
    assert call("remove_membership", tenant="b", user_id=MEMBER) == {"removed": False}

    assert memberships(connection, sub=MEMBER) == {"a": "editor"}
    assert "needs a tenant and a user_id" in refused(connection, "save_membership", tenant="a", user_id="me")
    assert "viewer, editor or admin" in refused(connection, "save_membership", tenant="a", user_id=MEMBER, role="boss")


@pytest.mark.parametrize("sub", [None, "", "' or true --", {"a": MEMBER}, [MEMBER]])
def test_who_has_no_id_of_ours_belongs_nowhere(connection: psycopg.Connection, sub: Any) -> None:
    joined(connection, MEMBER, "a")

    assert memberships(connection, sub=sub) == {}
    assert memberships(connection) == {}


@pytest.mark.parametrize(
    ("claim", "held", "told"),
    [
        ("app_metadata.tenant_id", {"tenant_id": "a"}, {"a": "editor"}),
        ("app_metadata.tenant_id", {"tenant_id": 7}, {"7": "editor"}),
        ("app_metadata.tenants", {"tenants": ["a", "b", "a"]}, {"a": "editor", "b": "editor"}),
        ("app_metadata.tenants", {"tenants": ["a"], "role": "viewer"}, {"a": "viewer"}),
        ("app_metadata.tenants", {"tenants": ["a"], "role": "boss"}, {"a": "admin"}),
        ("app_metadata.tenants", {"tenants": {"a": "boss", "b": "clerk"}}, {"a": "admin", "b": "viewer"}),
        (["app_metadata", "https://product.example/tenant"], {"https://product.example/tenant": "a"}, {"a": "editor"}),
        ("app_metadata.tenants", {"tenants": [None, "", "x'; drop table agentctl.calls --"]}, {
            "x'; drop table agentctl.calls --": "editor"
        }),
        ("app_metadata.tenants", {"tenants": None}, {}),
        ("app_metadata.tenants", {}, {}),
    ],
)  # fmt: skip
def test_a_claim_tells_it(
    connection: psycopg.Connection, claim: str | list[str], held: dict[str, Any], told: dict[str, str]
) -> None:
    joined(connection, MEMBER, "ignored")
    save(connection, way="claim", claim=claim, role_claim="app_metadata.role", roles={"boss": "admin"})

    assert memberships(connection, sub=MEMBER, app_metadata=held, user_metadata={"tenants": ["b"]}) == told


@pytest.mark.parametrize(
    "args",
    [
        {"claim": "user_metadata.tenant_id"},
        {"claim": ["user_metadata", "tenant_id"]},
        {"claim": "app_metadata.tenant_id", "role_claim": "user_metadata.role"},
    ],
)
def test_what_users_write_themselves_is_never_believed(connection: psycopg.Connection, args: dict[str, Any]) -> None:
    assert "written by users themselves" in refused(connection, "save_access", way="claim", **args)
    with pytest.raises(psycopg.errors.CheckViolation), connection.transaction():
        connection.execute("insert into agentctl.access (way, claim) values ('claim', '{user_metadata, tenant_id}')")


def test_a_table_of_the_product_tells_it(connection: psycopg.Connection) -> None:
    connection.execute(TEAM.encode())
    save(connection, **TOLD_BY_TEAM)

    assert memberships(connection, sub=MEMBER) == {"7": "admin", "8": "viewer"}
    assert memberships(connection, sub=STRANGER) == {"9": "editor"}
    assert memberships(connection, sub="auth0|1") == {}

    connection.execute("delete from public.team where org = 7")
    connection.execute("alter table public.team rename to crew")
    assert memberships(connection, sub=MEMBER) == {"8": "viewer"}

    save(connection, **TOLD_BY_TEAM | {"table": "public.crew", "role_column": None, "otherwise": "viewer"})
    assert memberships(connection, sub=STRANGER) == {"9": "viewer"}
    save(connection, way="memberships")
    assert memberships(connection, sub=MEMBER) == {}


def test_a_view_with_ids_of_another_provider_tells_it(connection: psycopg.Connection) -> None:
    connection.execute("create view public.crew as select 'a' as tenant, 'auth0|1'::text as who limit 5")
    save(connection, way="table", table="public.crew", tenant_column="tenant", user_column="who")

    assert memberships(connection, sub="auth0|1") == {"a": "editor"}
    assert memberships(connection, sub="auth0|2") == {}


def test_a_table_that_went_lets_nobody_in_and_says_why(connection: psycopg.Connection) -> None:
    connection.execute(TEAM.encode())
    save(connection, **TOLD_BY_TEAM)
    connection.execute("drop table public.team")

    with pytest.raises(psycopg.errors.RaiseException, match="call agentctl_save_access again"):
        memberships(connection, sub=MEMBER)


@pytest.mark.parametrize(
    ("table", "opened", "told"),
    [
        ("public.team", "alter table public.team disable row level security", "users may write public.team by now"),
        (
            "public.passed_on",
            "grant insert on public.passed_on to authenticated",
            "users may write public.passed_on by now",
        ),
        (
            "public.passed_on",
            "alter table public.team disable row level security",
            "users may write public.team, which public.passed_on shows, by now",
        ),
    ],
)
def test_a_table_that_users_can_write_by_now_lets_nobody_in_and_says_why(
    connection: psycopg.Connection, table: str, opened: str, told: str
) -> None:
    connection.execute(TEAM.encode())
    connection.execute("create view public.passed_on as select * from public.team")
    connection.execute("revoke all on public.passed_on from anon, authenticated")
    save(connection, **TOLD_BY_TEAM | {"table": table})
    assert memberships(connection, sub=MEMBER) == {"7": "admin", "8": "viewer"}

    connection.execute(opened.encode())

    with pytest.raises(psycopg.errors.RaiseException, match=told):
        memberships(connection, sub=MEMBER)


@pytest.mark.parametrize("below", ["view", "partition", "role"])
def test_what_users_can_write_below_a_view_that_they_cannot_is_refused_and_its_hint_shuts_it(
    connection: psycopg.Connection, below: str
) -> None:
    connection.execute(TEAM.encode())
    shown = "public.team"
    if below == "partition":  # written by itself, it goes by no policy of its parent's
        connection.execute("create table public.teams (like public.team) partition by list (org)")
        connection.execute("alter table public.teams enable row level security")
        connection.execute("alter table public.team disable row level security")
        connection.execute("alter table public.teams attach partition public.team default")
        shown = "public.teams"
    elif below == "view":
        connection.execute("create view public.inner_v as select * from public.team")
        shown = "public.inner_v"
    else:  # one that a token may name
        connection.execute("create role clerks nologin; grant clerks to authenticator")
        connection.execute("grant usage on schema public to clerks")
        connection.execute("create view public.inner_v as select * from public.team")
        connection.execute("revoke all on public.inner_v from anon, authenticated")
        connection.execute("grant insert (org) on public.inner_v to clerks")
        shown = "public.inner_v"
    connection.execute(f"create view public.team_v as select * from {shown}".encode())
    connection.execute("revoke all on public.team_v from anon, authenticated")
    args = TOLD_BY_TEAM | {"table": "public.team_v"}

    told = pytest.raises(psycopg.errors.RaiseException, match=r"which public\.team_v shows,")
    with told as caught, connection.transaction():
        save(connection, **args)

    mend = (caught.value.diag.message_hint or "").partition(";")[0]
    connection.execute(mend.encode())
    save(connection, **args)
    assert memberships(connection, sub=MEMBER) == {"7": "admin", "8": "viewer"}


@pytest.mark.parametrize(
    ("cluster", "through"), [("wheel", "public.listed"), ("15", "public.short")], indirect=["cluster"]
)
def test_what_users_can_write_through_another_view_is_refused_and_its_hint_shuts_it(
    connection: psycopg.Connection, through: str
) -> None:
    connection.execute(TEAM.encode())
    connection.execute("create table public.notes (org integer, note text)")
    connection.execute(
        "create view public.ours as select * from public.notes where org in (select org from public.team)"
    )
    connection.execute("create view public.mine with (security_invoker = true) as select * from public.team")
    connection.execute("grant all on public.ours, public.mine to authenticated")
    save(connection, **TOLD_BY_TEAM)
    assert memberships(connection, sub=MEMBER) == {"7": "admin", "8": "viewer"}, "neither lets anybody write the team"

    connection.execute('create view public.listed as select org, "User", job from public.team where job is not null')
    connection.execute("create view public.short as select * from public.listed")
    connection.execute("revoke all on public.listed, public.short from anon, authenticated")
    connection.execute(f"grant insert on {through} to authenticated".encode())
    told = f"users may write {through}, which writes to public.team, by now"
    with pytest.raises(psycopg.errors.RaiseException, match=told) as caught, connection.transaction():
        memberships(connection, sub=MEMBER)

    connection.execute((caught.value.diag.message_hint or "").partition(";")[0].encode())
    assert memberships(connection, sub=MEMBER) == {"7": "admin", "8": "viewer"}


def test_what_would_tell_nothing_or_let_users_in_is_refused(connection: psycopg.Connection) -> None:
    connection.execute(TEAM.encode())
    connection.execute(
        "create table public.staff (like public.team); create view public.passed_on as table public.staff"
    )
    connection.execute("alter table public.staff enable row level security")
    wrong = {
        "there is no table or view public.teams": {"table": "public.teams"},
        "tenant_column: public.team has no column tenant": {"tenant_column": "tenant"},
        "user_column: public.team has no column (none given)": {"user_column": None},
        "user_column: org is neither a uuid nor a text": {"user_column": "org"},
        "role_column: public.team has no column role": {"role_column": "role"},
        "users may write public.passed_on and could enter themselves": {"table": "public.passed_on"},
        "the role of owner is viewer, editor or admin": {"roles": {"owner": "owner"}},
        "the role of otherwise is": {"otherwise": "nobody"},
        "way is memberships, claim or table": {"way": "magic"},
        "claim is missing": {"way": "claim"},
    }
    for told, change in wrong.items():
        assert told in refused(connection, "save_access", **TOLD_BY_TEAM | change)
    connection.execute("revoke all on public.passed_on from anon, authenticated")
    save(connection, **TOLD_BY_TEAM | {"table": "public.passed_on"})
    connection.execute("alter table public.team disable row level security")
    assert "could enter themselves" in refused(connection, "save_access", **TOLD_BY_TEAM)


def test_a_role_counts_for_all_below_it(connection: psycopg.Connection) -> None:
    for tenant in ("viewer", "editor", "admin"):
        joined(connection, MEMBER, tenant, tenant)
    as_user(connection, {"role": "authenticated", "sub": MEMBER})

    asked = "select agentctl.my_tenants(one) from unnest(array['viewer', 'editor', 'admin', 'owner']) one"
    assert [tenants for (tenants,) in connection.execute(asked)] == [
        ["admin", "editor", "viewer"], ["admin", "editor"], ["admin"], [],
    ]  # fmt: skip


def test_the_tenants_are_asked_for_once_per_statement(connection: psycopg.Connection) -> None:
    connection.execute(
        "insert into agentctl.calls (tenant, conversation_id, status, source, started_at) "
        "select 'a', 'conv_' || n, 'done', 'webhook', now() from generate_series(1, 500) n"
    )
    joined(connection, MEMBER, "a")
    connection.execute("set local track_functions = 'all'")
    as_user(connection, {"role": "authenticated", "sub": MEMBER})

    assert len(connection.execute("select * from public.agentctl_calls where status <> 'x'").fetchall()) == 500

    asked = "select calls from pg_stat_xact_user_functions where funcname = 'my_tenants'"
    # Once for the calls, once for the recordings that has_recording looks at.
    assert connection.execute(asked).fetchone() == (2,)
