"""What every door of ours promises its sender, whoever serves it: statuses, and what is in the store after each."""

from __future__ import annotations

import json
import time
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from tests.webhooks.doors import EVENT, SECRET, Door, Terms
from webhooks.body import SMALL
from webhooks.signature import sign

pytestmark = pytest.mark.anyio


async def test_a_signed_event_is_committed_and_then_answered_200(any_door: Door) -> None:
    answer = await any_door.post()
    assert (answer.status_code, answer.json()) == (200, {"new": True})
    assert any_door.stored() == [
        {
            "type": "post_call_transcription",
            "conversation_id": "conv_1",
            "agent_id": "agent_1",
            "event_timestamp": 1_763_600_031,
            "source": "webhook",
            "payload": EVENT,
        }
    ]


async def test_a_duplicate_is_answered_200(any_door: Door) -> None:
    await any_door.post()
    answer = await any_door.post()
    assert (answer.status_code, answer.json()) == (200, {"new": False})
    assert any_door.payloads() == [EVENT]


ODD: list[tuple[Any, tuple[Any, ...]]] = [
    ({"type": "a_type_of_tomorrow", "data": {}}, ("a_type_of_tomorrow", None, None, None)),
    ({"type": "post_call_transcription", "data": None}, ("post_call_transcription", None, None, None)),
    ({"type": "x", "data": {"conversation_id": 7, "agent_id": []}}, ("x", None, None, None)),
    ({"type": None, "event_timestamp": "soon"}, ("unknown", None, None, None)),
    ({}, ("unknown", None, None, None)),
    ({"type": " ", "data": {"conversation_id": "x" * 200}}, ("unknown", "x" * 200, None, None)),
    ({"type": "x" * 201, "data": "text"}, ("unknown", None, None, None)),
    ({"type": "a\u0000b", "data": {"agent_id": "\ud800"}}, ("a\ufffdb", None, "\ufffd", None)),
    ({"type": "x", "event_timestamp": " 1763600031.9 "}, ("x", None, None, 1_763_600_031)),
    ({"type": "x", "event_timestamp": True}, ("x", None, None, None)),
    ({"type": "x", "event_timestamp": -1}, ("x", None, None, None)),
    ({"type": "x", "event_timestamp": 1e300}, ("x", None, None, None)),
    ({"type": "x", "event_timestamp": 99_999_999_999.5}, ("x", None, None, 99_999_999_999)),
    ({"type": "x", "event_timestamp": 100_000_000_000}, ("x", None, None, None)),
    ({"type": "x", "event_timestamp": "17e8"}, ("x", None, None, None)),
    ({"type": "x", "event_timestamp": "1_763_600_031"}, ("x", None, None, None)),
    ({"type": "x", "event_timestamp": "\u00a01763600031"}, ("x", None, None, None)),
    ({"type": "x", "event_timestamp": [1_763_600_031]}, ("x", None, None, None)),
    ({"type": "x", "a": float("nan"), "b": [float("-inf")], "c": "NaN"}, ("x", None, None, None)),
    ({"constructor": 1, "__proto__": {"type": "x"}}, ("unknown", None, None, None)),
]


@pytest.mark.parametrize(("event", "heading"), ODD)
async def test_what_is_not_understood_is_kept_and_answered_200(
    any_door: Door, event: dict[str, Any], heading: tuple[Any, ...]
) -> None:
    body = json.dumps(event).encode()
    assert (await any_door.post(body)).status_code == 200
    (row,) = any_door.stored()
    assert row["payload"] == body
    assert tuple(row[name] for name in ("type", "conversation_id", "agent_id", "event_timestamp")) == heading


LARGE = [b"9" * 5000, b"[" * 5000 + b"]" * 5000, b'{"a":' * 5000 + b"1" + b"}" * 5000]


@pytest.mark.parametrize("value", LARGE, ids=["digits", "lists", "objects"])
async def test_what_no_worker_can_read_is_somebodys_call_and_is_kept(any_door: Door, value: bytes) -> None:
    body = b'\xef\xbb\xbf{"type":"x","data":{"conversation_id":"conv_1","a":' + value + b'},"event_timestamp":7}'
    assert (await any_door.post(body)).status_code == 200
    (row,) = any_door.stored()
    assert (row["payload"], row["type"], row["conversation_id"], row["event_timestamp"]) == (body, "x", "conv_1", 7)
    assert (await any_door.post(b'{"a":' + value)).status_code == 400


async def test_of_a_key_that_is_there_twice_the_last_counts_and_a_byte_order_mark_is_no_fault(any_door: Door) -> None:
    assert (await any_door.post(b'\xef\xbb\xbf\n{"type":"a","type":"b"}')).status_code == 200
    assert [row["type"] for row in any_door.stored()] == ["b"]


NONSENSE = [b"", b"no json", b"[1]", b"null", b'"x"', b"7", b"\xff\xfe{}", b'{"a":"\xc3"}', b"{" * 50_000, b'{"a":1}x']


@pytest.mark.parametrize("body", NONSENSE)
async def test_signed_nonsense_is_400_and_not_stored(any_door: Door, body: bytes) -> None:
    assert (await any_door.post(body)).status_code == 400
    assert any_door.stored() == []


OTHERS = [(SecretStr("wsec_other"), 0), (SECRET, -2800), (SECRET, 2800)]


@pytest.mark.parametrize(("secret", "off"), OTHERS, ids=["other", "old", "future"])
async def test_a_bad_signature_is_401(any_door: Door, secret: SecretStr, off: int) -> None:
    answer = await any_door.post(header=sign(EVENT, secret, int(time.time()) + off))
    assert answer.status_code == 401
    assert "wsec" not in answer.text
    assert any_door.stored() == []


@pytest.mark.parametrize("header", [None, "garbage", "t=1,v0=abc", "t=,v0=", "=,=,", "t=9999999999,v0=" + "0" * 64])
async def test_signature_garbage_is_401(any_door: Door, header: str | None) -> None:
    assert (await any_door.post(header=header)).status_code == 401


async def test_a_body_that_was_changed_on_its_way_is_401(any_door: Door) -> None:
    assert (await any_door.post(EVENT + b" ", sign(EVENT, SECRET, int(time.time())))).status_code == 401


async def test_the_senders_last_repetition_still_passes_and_the_tolerance_can_be_set(any_door: Door) -> None:
    assert (await any_door.post(header=sign(EVENT, SECRET, int(time.time()) - 41 * 60))).status_code == 200
    header = sign(EVENT, SECRET, 1000)
    assert (await any_door.post(header=header, terms=Terms(tolerance=10, now=1011))).status_code == 401
    assert (await any_door.post(header=header, terms=Terms(tolerance=10, now=1010))).status_code == 200


async def test_either_of_two_secrets_opens_while_one_is_replaced(any_door: Door) -> None:
    assert (await any_door.post(terms=Terms(secrets=(SecretStr("wsec_new"), SECRET)))).status_code == 200
    assert (await any_door.post(terms=Terms(secrets=(SecretStr("wsec_new"),)))).status_code == 401


async def test_what_a_tenants_workspace_signs_is_no_call_of_another_tenant(any_door: Door) -> None:
    ours, theirs = SecretStr("wsec_shared"), {name: SecretStr(f"wsec_{name}") for name in ("acme", "beta")}
    terms = Terms(theirs=(*theirs.items(), ("acme", SecretStr("wsec_acme=anew")), ("beta", ours), ("acme", ours)))
    with psycopg.connect(any_door.dsn, autocommit=True) as connection:
        query = "insert into agentctl.agents (agent_id, tenant, workspaces) values (%s, %s, %s)"
        connection.cursor().executemany(query, [(f"agent {name}", name, [name]) for name in theirs])
    cases = [
        (theirs["acme"], "agent acme", "acme"),
        (theirs["acme"], "agent beta", "acme"),
        (SecretStr("wsec_acme=anew"), "agent beta", "acme"),
        (theirs["beta"], "agent of nobody", "beta"),
        (ours, "agent of nobody", "acme"),
        (ours, "agent beta", "beta"),
        (SECRET, "agent beta", "beta"),
        (SECRET, "agent of nobody", "default"),
    ]
    for size in (0, SMALL):
        for number, (secret, agent, _) in enumerate(cases):
            data = {"agent_id": agent, "conversation_id": f"conv_{number}_{size}", "much": "x" * size}
            body = json.dumps({"type": "post_call_transcription", "data": data}).encode()
            assert (await any_door.post(body, sign(body, secret, int(time.time())), terms)).status_code == 200
    with psycopg.connect(any_door.dsn) as connection:
        stored = connection.execute("select tenant from agentctl.events order by received_at").fetchall()
    assert [tenant for (tenant,) in stored] == [tenant for *_, tenant in cases] * 2


@pytest.mark.parametrize("secrets", [(), (SecretStr(""),)])
async def test_without_a_secret_the_sender_is_asked_to_try_again(
    any_door: Door, secrets: tuple[SecretStr, ...]
) -> None:
    assert (await any_door.post(terms=Terms(secrets=secrets))).status_code == 503


async def test_over_the_size_cap_is_413(any_door: Door) -> None:
    terms = Terms(max_bytes=len(EVENT))
    assert (await any_door.post(terms=terms)).status_code == 200
    assert (await any_door.post(EVENT + b" ", terms=terms)).status_code == 413
    assert len(any_door.stored()) == 1


async def test_a_recording_is_stored_whole_in_parts_and_once(any_door: Door) -> None:
    data = {"conversation_id": "conv_1", "agent_id": "agent_1", "full_audio": "SUQz" * 150_000}
    body = json.dumps({"type": "post_call_audio", "event_timestamp": 1, "data": data}).encode()
    assert [(await any_door.post(body)).json() for _ in range(2)] == [{"new": True}, {"new": False}]
    (row,) = any_door.stored()
    assert row["payload"] == body
    assert (row["type"], row["conversation_id"], row["event_timestamp"]) == ("post_call_audio", "conv_1", 1)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
async def test_only_post_is_allowed(any_door: Door, method: str) -> None:
    assert (await any_door.way.send(Terms(), method, b"", {})).status_code == 405


@pytest.mark.parametrize("coding", ["gzip", "br", "identity, gzip", "nonsense"])
async def test_an_encoded_body_is_415_and_its_bytes_are_not_taken_for_an_event(any_door: Door, coding: str) -> None:
    assert (await any_door.post(**{"content-encoding": coding})).status_code == 415
    assert any_door.stored() == []
    assert (await any_door.post(**{"content-encoding": "identity"})).status_code == 200


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json; charset=utf-16", "multipart/form-data", "x"])
async def test_what_it_is_says_the_signature_and_not_the_content_type(any_door: Door, kind: str) -> None:
    assert (await any_door.post(**{"content-type": kind})).status_code == 200
    assert any_door.payloads() == [EVENT]
