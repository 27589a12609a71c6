"""A signed-in user who tries to see or change what is another tenant's: over the genuine PostgREST, and by SQL.

How long an answer takes is not looked at.
"""

from __future__ import annotations

import psycopg
import pytest

from tests.rights.matrix import CALLABLE, READABLE
from tests.rights.people import FOREIGN, MEMBER, OWN, STRANGER, Answer, Browser, as_user
from tests.rights.world import SECRET, World, page, world

__all__ = ["page", "world"]  # fixtures

# What callers are known by, and what they said: (view, column).
PERSONAL = (
    ("calls", "external_number"), ("calls", "agent_number"), ("call_turns", "message"), ("digests", "title"),
    ("digests", "summary"), ("digests", "caller_name"), ("digests", "caller_number"), ("action_items", "what"),
    ("action_items", "who"), ("action_items", "due"), ("action_items", "quote"),
)  # fmt: skip


def tells(answer: Answer) -> bool:
    """Whether there is anything of another tenant, or anything hidden, in what was said, but for the question."""
    said = f"{[value for name, value in answer.headers.items() if name != 'Content-Location']}{answer.text}"
    return SECRET in said or "hidden" in said


def test_a_page_shows_what_it_is_for(page: Browser) -> None:
    embedded = "agentctl_call_turns(message),agentctl_digests(summary),agentctl_action_items(id,what,done)"

    answer = page.get(f"agentctl_calls?select=conversation_id,has_recording,{embedded}&order=conversation_id&limit=1")

    assert answer.json == [
        {
            "conversation_id": "conv_mine1",
            "has_recording": True,
            "agentctl_call_turns": [{"message": "mine"}],
            "agentctl_digests": {"summary": "mine"},
            "agentctl_action_items": [{"id": "conv_mine1:" + _suffix(answer), "what": "mine", "done": False}],
        }
    ]
    assert page.get("agentctl_assistants?select=key,agent_id").json == [{"key": "mine", "agent_id": "agent_mine"}]
    back = page.get("agentctl_action_items?select=agentctl_calls(assistant)&agentctl_calls.assistant=eq.mine&limit=1")
    assert back.json == [{"agentctl_calls": {"assistant": "mine"}}]


def _suffix(answer: Answer) -> str:
    item: str = answer.json[0]["agentctl_action_items"][0]["id"]
    return item.rpartition(":")[2]


def test_ids_of_others_in_arguments_are_ids_of_nothing(world: World, page: Browser) -> None:
    foreign = world.items(FOREIGN)[0]
    nothing = page.call("agentctl_mark_done", item="conv_none:abcdefgh", done=True)
    tried = (
        foreign,
        foreign.upper(),
        "' or true --",
        f"{foreign}' or '1'='1",
        "conv_geheim1:%",
        "%",
        "",
        ":",
        [foreign],
    )

    for item in (*tried, {"item": foreign}, {"tenant": FOREIGN}):
        answer = page.call("agentctl_mark_done", item=item, done=True)
        assert (answer.status, answer.text) == (nothing.status, nothing.text) == (404, answer.text), item
    for extra in ({"tenant": FOREIGN}, {"args": {"tenant": FOREIGN, "id": foreign}}):
        assert page.call("agentctl_mark_done", item=foreign, done=True, **extra).code == "PGRST202"

    assert world.done(FOREIGN) == 0
    assert world.database.execute("select from agentctl.audit").fetchall() == []


def test_what_an_editor_ticks_off_is_written_down(world: World, page: Browser) -> None:
    mine = world.items(OWN)[0]

    answers = [page.call("agentctl_mark_done", item=mine, done=done).json["changed"] for done in (True, True, False)]
    answers.append(page.call("agentctl_mark_done", item=mine).json["changed"])

    assert answers == [True, False, True, True]
    written = world.database.execute("select tenant, actor, action, subject from agentctl.audit order by id").fetchall()
    assert written == [(OWN, f"user:{MEMBER}", action, {"item": mine}) for action in ("done", "reopen", "done")]
    assert page.get(f"agentctl_action_items?select=done&id=eq.{mine}").json == [{"done": True}]
    assert page.get("agentctl_calls?select=open_items&conversation_id=eq.conv_mine1").json == [{"open_items": 0}]


@pytest.mark.parametrize("cluster", ["wheel", "15"], indirect=True)
def test_no_question_is_answered_with_a_row_of_another_tenant(page: Browser) -> None:
    foreign = (
        f"agentctl_calls?tenant=eq.{FOREIGN}",
        "agentctl_calls?tenant=neq.own",
        "agentctl_calls?tenant=not.eq.own",
        "agentctl_calls?tenant=gt.a&order=tenant.asc",
        f"agentctl_calls?or=(tenant.eq.{FOREIGN},and(status.eq.done,tenant.neq.own))",
        "agentctl_calls?conversation_id=eq.conv_geheim1",
        "agentctl_calls?conversation_id=in.(conv_geheim1,conv_geheim2)",
        "agentctl_calls?external_number=like.*",
        "agentctl_calls?external_number=match.^.*$&order=external_number.desc",
        "agentctl_calls?select=*,agentctl_call_turns(*),agentctl_digests(*),agentctl_action_items(*)",
        "agentctl_calls?select=conversation_id,agentctl_call_turns!inner(*)&agentctl_call_turns.tenant=eq.foreign",
        "agentctl_call_turns?select=*,agentctl_calls(*,agentctl_digests(*))&order=agentctl_calls(tenant)",
        "agentctl_action_items?select=*,agentctl_calls!inner(*)&agentctl_calls.tenant=neq.own",
        "agentctl_action_items?id=like.*",
        "agentctl_digests?summary=fts.geheim",
        "agentctl_digests?summary=ilike.*e*",
        "agentctl_recordings?select=*",
        "agentctl_assistants?select=*&limit=100&offset=0",
        "agentctl_calls?select=row:conversation_id::text,n:cost_fiat::text",
    )
    for path in foreign:
        answer = page.get(path)
        assert not tells(answer), path
        shown = answer.json if answer.status == 200 else []
        assert all(row.get("tenant", OWN) == OWN for row in shown), path


def test_hidden_columns_are_as_if_they_were_not(page: Browser) -> None:
    for column in ("cost_fiat", "detail", "call_sid", "no_such_column"):
        for path in (f"select={column}", f"order={column}", f"{column}=not.is.null", f"select={column}->>a"):
            answer = page.get(f"agentctl_calls?{path}")
            assert (answer.status, answer.code) == (400, "42703"), path
            assert answer.json["message"] == f"column agentctl_calls.{column} does not exist"
    for view, column in (("call_turns", "tool_calls"), ("recordings", "location"), ("assistants", "post_call")):
        assert page.get(f"agentctl_{view}?order={column}").code == "42703"


def test_counts_are_of_own_rows(world: World, page: Browser) -> None:
    everything = {"calls": 3, "call_turns": 3, "digests": 3, "action_items": 3, "recordings": 3, "assistants": 1}
    for view, own in everything.items():
        for method in ("GET", "HEAD"):
            answer = page.ask(method, f"agentctl_{view}?limit=1", Prefer="count=exact")
            assert answer.headers["Content-Range"].rpartition("/")[2] == str(own)
        assert page.get(f"agentctl_{view}?tenant=eq.foreign", Prefer="count=exact").headers["Content-Range"] == "*/0"
    assert page.get("agentctl_calls?select=external_number.count()").code == "PGRST123"
    assert world.page(sub=STRANGER).get("agentctl_calls", Prefer="count=exact").headers["Content-Range"] == "*/0"


def test_an_estimate_tells_nothing_of_who_calls_others_or_what_is_said(world: World, page: Browser) -> None:
    world.database.execute("analyze agentctl.calls, agentctl.call_turns, agentctl.digests, agentctl.action_items")
    for view, column in PERSONAL:
        asked = [f"agentctl_{view}?limit=1&{column}=eq.{word}" for word in (SECRET, f"%2B49{SECRET}", "nobody", "mine")]
        told = {page.get(path, Prefer="count=planned").headers["Content-Range"].rpartition("/")[2] for path in asked}
        assert len(told) == 1, (column, told)


def test_nothing_of_the_schema_is_reached_but_what_is_declared(page: Browser) -> None:
    for schema in ("agentctl", "auth", "pg_catalog", "information_schema"):
        for profile in ("Accept_Profile", "Content_Profile"):
            method = "GET" if profile == "Accept_Profile" else "POST"
            answer = page.ask(method, "calls", None if method == "GET" else {}, **{profile: schema})
            assert (answer.status, answer.code) == (406, "PGRST106")
    for name in (
        "calls",
        "agentctl.calls",
        "memberships",
        "pg_authid",
        "pg_stats",
        "agentctl_exposed",
        "agentctl_events",
    ):
        assert page.get(name).status == 404
    for name in ("my_tenants", "seal", "claims", "set_config", "pg_sleep", "query_to_xml", "agentctl_seal"):
        assert page.call(name).status == 404
    views = {f"/agentctl_{view}" for view in READABLE}
    functions = {f"/rpc/{name.partition('(')[0]}" for name in CALLABLE if "." not in name}
    assert set(page.get("").json["paths"]) == {"/", *views, *functions}


def test_nothing_can_be_written_but_what_is_declared(world: World, page: Browser) -> None:
    mine = "agentctl_action_items?conversation_id=eq.conv_mine1"
    for method, path, body in (
        ("PATCH", mine, {"done": True}),
        ("PATCH", mine, {"tenant": FOREIGN}),
        ("DELETE", mine, None),
        (
            "PUT",
            "agentctl_calls?tenant=eq.own&conversation_id=eq.conv_mine1",
            {"tenant": OWN, "conversation_id": "conv_mine1"},
        ),
        # One that is there, and one that is not: the answer is the same.
        ("POST", "agentctl_calls", {"tenant": FOREIGN, "conversation_id": "conv_geheim1"}),
        ("POST", "agentctl_calls", {"tenant": FOREIGN, "conversation_id": "conv_none"}),
        ("POST", "agentctl_calls?on_conflict=conversation_id", {"tenant": OWN, "conversation_id": "conv_geheim1"}),
    ):
        answer = page.ask(method, path, body, Prefer="return=representation,resolution=merge-duplicates")
        assert (answer.status, answer.code) == (403, "42501"), (method, path)
        assert not tells(answer)
    assert (world.done(OWN), world.done(FOREIGN)) == (0, 0)


def test_names_of_ones_own_making_are_not_looked_up(world: World) -> None:
    with world.database.transaction() as undone:
        as_user(world.database, {"role": "authenticated", "sub": MEMBER})
        for statement in (
            "create temp table memberships as select 'foreign' as tenant, %(user)s::uuid as user_id, 'admin' as role",
            "create temp table access as select true as only_one, 'claim' as way",
            "create temp table action_items as select * from public.agentctl_action_items",
            "create function pg_temp.array_position(text[], text) returns integer language sql as 'select 9'",
            "create function pg_temp.my_tenants() returns text[] language sql as $$ select '{foreign}'::text[] $$",
            "create function pg_temp.yes(text, text) returns boolean language sql as 'select true'",
            "create operator pg_temp.= (leftarg = text, rightarg = text, function = pg_temp.yes)",
            "set local search_path = pg_temp, agentctl, public, pg_catalog",
        ):
            world.database.execute(statement.encode(), {"user": MEMBER} if "%(user)s" in statement else None)

        asked = "select array(select distinct tenant from public.agentctl_calls), agentctl.my_tenants('viewer')"
        assert world.database.execute(asked).fetchone() == ([OWN], [OWN])
        theirs = """select public.agentctl_my_calls(one), public.agentctl_my_action_items(one),
            public.agentctl_my_assistants(one) from (select jsonb_build_object('tenant', 'foreign')) given (one)"""
        assert world.database.execute(theirs).fetchone() == ([], [], [])
        foreign = "select public.agentctl_mark_done('conv_geheim1:abcdefgh')"
        with pytest.raises(psycopg.errors.DatabaseError, match="no such action item"), world.database.transaction():
            world.database.execute(foreign)
        raise psycopg.Rollback(undone)


def test_a_cheap_function_of_ones_own_is_shown_own_rows_only(world: World) -> None:
    told: list[str] = []
    world.database.add_notice_handler(lambda notice: told.append(str(notice.message_primary)))
    leak = """
        create function pg_temp.leak(text) returns boolean language plpgsql cost 0.0000001 as $$
        begin raise notice '%', $1; return true; end $$"""
    with world.database.transaction() as undone:
        as_user(world.database, {"role": "authenticated", "sub": MEMBER})
        world.database.execute(leak.encode())
        for view, column in (
            ("calls", "assistant"),
            ("call_turns", "message"),
            ("action_items", "what"),
            ("assistants", "key"),
        ):
            world.database.execute(f"select from public.agentctl_{view} where pg_temp.leak({column})".encode())
        raise psycopg.Rollback(undone)

    assert set(told) == {"mine"}
