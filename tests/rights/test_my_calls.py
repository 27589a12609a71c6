"""What signed-in people, and the operator of an embedded store, get of agentctl_my_calls, _call and _raw_event."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from tests.postgrest import token
from tests.rights.people import FOREIGN, MEMBER, OWN, STRANGER, Browser, as_user, joined
from tests.rights.world import SECRET, World, page, world

__all__ = ["page", "world"]  # fixtures

OPERATOR = {"agentctl": "operator"}
TOLD = """
    update agentctl.call_turns set
        message = 'Guten Tag, ein Klavier', interrupted = true,
        tool_calls = '[{"tool_name": "book", "params_as_json": "{\\"day\\": 1}",
            "tool_details": {"headers": "hidden"}}]',
        tool_results = '[{"tool_name": "book", "result_value": "done", "is_error": false}]',
        detail = '{"rag": {"chunks": [{"document_id": "doc_1", "vector_distance": 0.3}, {"document_id": "doc_2"},
            {"document_id": "doc_3"}, {"document_id": "doc_4"}]}}'
    where conversation_id = 'conv_mine2';
    update agentctl.calls set direction = case when conversation_id = 'conv_mine1' then 'outbound' else 'inbound' end,
        detail = '{"dynamic_variables": "hidden", "evaluation": {"polite": {"result": "success"}},
            "data_collection": {"day": {"value": "Monday"}}}';
    insert into agentctl.outbox (tenant, conversation_id, purpose, recipient, message, error)
    values ('own', 'conv_mine2', 'call', 'team@example.org', '{"text": "hidden"}', '550')"""
EVENT = """
    insert into agentctl.events (tenant, type, conversation_id, source, payload, payload_sha256)
    values (%s, 'post_call_transcription', %s, 'webhook', %s, sha256(%s)) returning id::text"""


def tell(world: World) -> None:
    """Give `own` a call with a tool, citations, a mail."""
    for statement in TOLD.split(";\n"):
        world.database.execute(statement.encode())
    documents = ("mine/prices.md", "shared/hours.md", f"{SECRET}/prices.md")
    for number, document in enumerate(documents, 1):
        world.synced("bind", kind="knowledge_document", key=document, remote_id=f"doc_{number}", applied=None)


def asked(page: Browser, function: str, **args: Any) -> Any:
    answer = page.call(f"agentctl_my_{function}", args=args)
    assert answer.status == 200, answer
    return answer.json


def event(world: World, tenant: str, conversation: str, payload: bytes) -> str:
    row = world.database.execute(EVENT, [tenant, conversation, payload, payload]).fetchone()
    assert row
    return str(row[0])


def test_calls_are_listed_found_and_paged(world: World, page: Browser) -> None:
    tell(world)

    listed = asked(page, "calls", tenant=OWN)

    assert [call["conversation_id"] for call in listed] == ["conv_mine3", "conv_mine2", "conv_mine1"]
    assert listed[0]["summary"] == "mine"
    assert listed[0]["has_recording"] is True
    assert [item["id"] for item in listed[2]["action_items"]] == world.items(OWN)[:1]
    assert "cost_fiat" not in json.dumps(listed)
    assert "hidden" not in json.dumps(listed)
    for wanted, names in (
        ({"direction": "outbound"}, ["conv_mine1"]),
        ({"agent_number": "mine"}, ["conv_mine3", "conv_mine2", "conv_mine1"]),
        ({"agent_number": "other"}, []),
        ({"search": "klaviere"}, ["conv_mine2"]),
        ({"limit": 1, "before_id": "conv_mine3"}, ["conv_mine2"]),
        ({"limit": 0}, ["conv_mine3"]),
    ):
        assert [call["conversation_id"] for call in asked(page, "calls", tenant=OWN, **wanted)] == names, wanted
    (hit,) = asked(page, "calls", tenant=OWN, search="klaviere")
    assert hit["snippet"].endswith("\x01Klavier\x02")


def test_each_role_sees_what_is_its_of_a_call(world: World, page: Browser) -> None:
    tell(world)
    raw = event(world, OWN, "conv_mine2", b'{"raw": 1}')

    def seen(role: str) -> Any:
        joined(world.database, MEMBER, OWN, role)
        return asked(page, "call", tenant=OWN, conversation_id="conv_mine2")

    call = seen("viewer")
    (turn,) = call["turns"]
    assert (call["role"], turn["message"], turn["interrupted"]) == ("viewer", "Guten Tag, ein Klavier", True)
    assert (turn["tool_calls"], turn["tool_results"]) == (
        [{"tool_name": "book"}],
        [{"tool_name": "book", "is_error": False}],
    )
    assert call["evaluation"] == {"polite": {"result": "success"}}
    assert call["collected"] == {"day": {"value": "Monday"}}
    assert (call["digest"]["summary"], call["recording"]["size"]) == ("mine", None)
    assert [(mail["to"], mail["status"]) for mail in call["mails"]] == [("team@example.org", "pending")]
    assert not {"citations", "error"} & {*turn, *call["mails"][0]}
    assert call["action_items"][0]["id"] == world.items(OWN)[1]

    call = seen("editor")
    (turn,) = call["turns"]
    assert turn["tool_calls"] == [{"tool_name": "book", "params_as_json": '{"day": 1}'}]
    assert turn["tool_results"] == [{"tool_name": "book", "is_error": False, "result_value": "done"}]
    assert [(cited["document"], cited["document_id"]) for cited in turn["citations"]] == [
        ("mine/prices.md", "doc_1"),
        ("shared/hours.md", "doc_2"),
        (None, "doc_3"),
        (None, "doc_4"),
    ]
    assert call["mails"][0]["error"] == "550"
    assert not {"cost_fiat", "events", "ids"} & {*call}

    call = seen("admin")
    assert (call["cost_fiat"], call["digest_cost"]["cost"], call["ids"]["call_sid"]) == (7, 7, None)
    assert [(one["id"], one["size"]) for one in call["events"]] == [(raw, 10)]
    assert "hidden" not in json.dumps(call)
    assert asked(page, "calls", tenant=OWN, limit=1)[0]["cost_fiat"] == 7


def test_what_was_delivered_is_for_admins_and_never_more_than_a_mebibyte(world: World, page: Browser) -> None:
    long = b"x" + "ä".encode() * (1 << 20)
    told = {"plain": b'{"a": "\xc3\xa4"}', "long": long, "binary": b"a\xff\x00b", "empty": b""}
    ids = {name: event(world, OWN, name, payload) for name, payload in told.items()}
    one = {"tenant": OWN, "id": ids["plain"]}
    assert page.call("agentctl_my_raw_event", args=one).status == 403

    joined(world.database, MEMBER, OWN, "admin")
    shown = {name: asked(page, "raw_event", tenant=OWN, id=known) for name, known in ids.items()}

    assert {name: one["cut"] for name, one in shown.items() if one["cut"]} == {"long": True}
    assert shown["plain"]["text"] == '{"a": "ä"}'
    assert shown["long"]["text"] == long[: (1 << 20) - 1].decode()
    assert (shown["binary"]["text"], shown["empty"]["text"]) == (r"a\377\000b", "")
    part = "insert into agentctl.event_parts (tenant, event, position, body, whole) values ('own', %s, %s, %s, true)"
    for position, body in enumerate((b"one, ", b"two")):
        world.database.execute(part, [ids["empty"], position, body])
    world.database.execute("update agentctl.events set parts = 2 where id = %s", [ids["empty"]])
    assert asked(page, "raw_event", tenant=OWN, id=ids["empty"])["text"] == "one, two"


def test_what_is_anothers_is_as_if_it_were_not(world: World, page: Browser) -> None:
    joined(world.database, MEMBER, OWN, "admin")
    theirs = event(world, FOREIGN, "conv_geheim1", SECRET.encode())
    for tenant in (FOREIGN, "nobody", "", None, [FOREIGN], {"a": FOREIGN}, f"{OWN}' or true --", "%"):
        for more in ({}, {"search": SECRET}, {"before_id": "conv_geheim1"}, {"number": f"+49{SECRET}"}):
            assert asked(page, "calls", tenant=tenant, **more) == [], (tenant, more)
        for function, args in (
            ("call", {"conversation_id": "conv_geheim1"}),
            ("call", {"conversation_id": "conv_mine1"}),
            ("raw_event", {"id": theirs}),
        ):
            answer = page.call(f"agentctl_my_{function}", args={"tenant": tenant, **args})
            assert (answer.status, SECRET in answer.text) == (404, False), (function, tenant)
    assert page.call("agentctl_my_call", args={"tenant": OWN, "conversation_id": "conv_geheim1"}).status == 404
    assert page.call("agentctl_my_raw_event", args={"tenant": OWN, "id": theirs}).status == 404
    assert asked(page, "calls", tenant=OWN, search=SECRET) == []
    for args in ({}, None, [], "own"):
        assert page.call("agentctl_my_calls", args=args).json == []
    stranger = world.page(sub=STRANGER)
    assert asked(stranger, "calls", tenant=OWN) == []
    assert world.page(token("anon", sub=MEMBER)).call("agentctl_my_calls", args={"tenant": OWN}).code == "42501"


def test_no_token_makes_an_operator(world: World) -> None:
    for claims in (OPERATOR, {**OPERATOR, "sub": MEMBER}, {"agentctl": {"operator": True}}, {"app_metadata": OPERATOR}):
        page = world.page(**claims)
        tenants = [OWN] if "sub" in claims else []
        assert [one["tenant"] for one in page.call("agentctl_my_memberships").json] == tenants, claims
        assert asked(page, "calls", tenant=FOREIGN) == []

    # Also where somebody found a way to set PostgREST's setting to the very words.
    with world.database.transaction() as undone:
        world.database.execute("set local session authorization authenticator")
        world.database.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(OPERATOR)])
        world.database.execute("set local role authenticated")
        assert world.database.execute("select agentctl.my_tenants()").fetchone() == ([],)
        raise psycopg.Rollback(undone)


def test_the_operator_is_admin_of_all_that_there_is_and_written_down(world: World) -> None:
    for statement in (
        "insert into agentctl.tenants (tenant, elevenlabs_key) values ('keyed', 'env:KEY')",
        "insert into agentctl.assistants (tenant, project, environment, workspace, key, name, agent_id) "
        "values ('planned', 'p', 'e', 'w', 'k', 'k', 'agent_k')",
    ):
        world.database.execute(statement.encode())
    joined(world.database, STRANGER, "joined", "viewer")
    item = world.items(FOREIGN)[0]

    with world.database.transaction() as undone:
        as_user(world.database, {"role": "authenticated"})
        world.database.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(OPERATOR)])
        mine = "select agentctl.my_tenants('admin')"
        assert world.database.execute(mine).fetchone() == (["default", FOREIGN, "joined", "keyed", OWN, "planned"],)
        call = "select public.agentctl_my_call(%s)->>'cost_fiat'"
        args = json.dumps({"tenant": FOREIGN, "conversation_id": "conv_geheim1"})
        assert world.database.execute(call, [args]).fetchone() == ("7",)
        world.database.execute("select public.agentctl_mark_done(%s)", [item])
        world.database.execute("reset role")
        assert world.database.execute("select actor, action from agentctl.audit").fetchall() == [("operator", "done")]
        for claims in ({**OPERATOR, "sub": MEMBER}, {"agentctl": "operators"}, {}):
            as_user(world.database, {"role": "authenticated", **claims})
            world.database.execute("select set_config('request.jwt.claims', %s, true)", [json.dumps(claims)])
            world.database.execute("set local role authenticated")
            assert world.database.execute(mine).fetchone() == ([],), claims
        raise psycopg.Rollback(undone)


@pytest.mark.parametrize("cluster", ["15"], indirect=True)
def test_the_same_on_the_oldest_server(world: World, page: Browser) -> None:
    tell(world)

    assert len(asked(page, "calls", tenant=OWN, search="klavier")) == 1
    assert asked(page, "call", tenant=OWN, conversation_id="conv_mine2")["role"] == "editor"
