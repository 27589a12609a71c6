"""Bindings, assistants and phone routes, over both transports."""

from __future__ import annotations

import pytest

from tests.stores import Store, claim, delivery

pytestmark = pytest.mark.anyio

PLACE = {"project": "praxis", "environment": "production", "workspace": "api.elevenlabs.io"}
AGENT = {**PLACE, "kind": "agent", "key": "empfang"}
ASSISTANT = {
    **PLACE,
    "key": "empfang",
    "name": "Empfang",
    "language": "de",
    "agent_id": "agent_1",
    "post_call": {"mail_to": ["team@example.org"]},
}
NUMBER = {"phone_number": "+498999998100"}


async def test_a_binding_is_made_changed_and_removed(store: Store) -> None:
    first = await store.call("bind", {**AGENT, "remote_id": "agent_1", "applied": {"a": [1, None]}})
    then = await store.call("bind", {**AGENT, "remote_id": "agent_2", "applied": None})
    assert (first["new"], then["new"]) == (True, False)

    [bound] = await store.call("bindings", PLACE)
    assert bound["updated_at"] == then["updated_at"] > first["updated_at"]
    times = {"bound_at": bound["bound_at"], "updated_at": bound["updated_at"]}
    assert bound == {"kind": "agent", "key": "empfang", "remote_id": "agent_2", "applied": None, **times}
    assert await store.call("unbind", AGENT) == {"removed": True}
    assert await store.call("unbind", AGENT) == {"removed": False}
    assert await store.call("bindings", PLACE) == []


async def test_a_binding_is_not_written_by_whoever_does_not_know_it_as_it_is(store: Store) -> None:
    one = {**AGENT, "remote_id": "agent_1", "applied": {"a": 1}}
    late = {**AGENT, "remote_id": "agent_9", "applied": {"a": 9}}
    await store.call("intend", AGENT)
    made = await store.call("bind", {**one, "expected": None})
    assert made["new"] is True
    again = await store.call("bind", {**one, "expected": made["updated_at"]})
    await store.call("intend", AGENT)
    for stamp in (None, made["updated_at"]):
        assert await store.call("bind", {**late, "expected": stamp}) is None
    (bound,) = await store.call("bindings", PLACE)
    assert (bound["remote_id"], bound["applied"], bound["updated_at"]) == ("agent_1", {"a": 1}, again["updated_at"])
    assert len(await store.call("intents", PLACE)) == 1, "nothing was fulfilled"

    assert await store.call("unbind", {**AGENT, "remote_id": "agent_9"}) == {"removed": False}
    assert await store.call("unbind", {**AGENT, "remote_id": "agent_1"}) == {"removed": True}
    assert await store.call("bind", {**late, "expected": again["updated_at"]}) is None
    assert await store.call("bindings", PLACE) == []


@pytest.mark.parametrize("part", ["project", "environment", "workspace"])
async def test_an_id_means_nothing_elsewhere(store: Store, part: str) -> None:
    await store.call("bind", {**AGENT, "remote_id": "agent_1", "applied": {}})

    assert await store.call("bindings", {**PLACE, part: "elsewhere"}) == []
    assert await store.call("unbind", {**AGENT, part: "elsewhere"}) == {"removed": False}


async def test_an_assistant_is_saved_listed_and_removed(store: Store) -> None:
    assert await store.call("save_assistant", ASSISTANT) == {"new": True}
    assert await store.call("save_assistant", {**ASSISTANT, "name": "Zentrale"}) == {"new": False}

    listed = {key: value for key, value in ASSISTANT.items() if key not in PLACE}
    assert await store.call("assistants", PLACE) == [{**listed, "name": "Zentrale", "tenant": "default"}]
    assert await store.call("remove_assistant", {**PLACE, "key": "empfang"}) == {"removed": True}
    assert await store.call("remove_assistant", {**PLACE, "key": "empfang"}) == {"removed": False}
    assert await store.call("assistants", PLACE) == []


async def test_a_claimed_event_brings_its_assistant(store: Store) -> None:
    await store.call("save_assistant", ASSISTANT)
    await store.call("accept", delivery("ours"))
    await store.call("accept", delivery("theirs", agent_id="agent_of_somebody"))
    await store.call("accept", delivery("nobodys", agent_id=None))

    found = {event["conversation_id"]: event["assistant"] for event in await claim(store)}

    wanted = ("project", "environment", "key", "name", "language", "post_call")
    assert found == {"ours": {key: ASSISTANT[key] for key in wanted}, "theirs": None, "nobodys": None}


async def test_the_first_route_saved_is_kept_until_it_is_forgotten(store: Store) -> None:
    assert await store.call("route", NUMBER) is None
    assert await store.call("save_route", {**NUMBER, "route": {"voice_url": "https://old"}}) == {"new": True}
    assert await store.call("save_route", {**NUMBER, "route": {"voice_url": "https://elevenlabs"}}) == {"new": False}

    kept = await store.call("route", NUMBER)
    assert kept["route"] == {"voice_url": "https://old"}
    assert kept["saved_at"].endswith("+00:00")

    assert await store.call("forget_route", NUMBER) == {"removed": True}
    assert await store.call("forget_route", NUMBER) == {"removed": False}
    assert await store.call("save_route", {**NUMBER, "route": {}}) == {"new": True}


async def test_a_saved_route_is_handed_over_only_as_it_was_seen(store: Store) -> None:
    old, new, third = ({**NUMBER, "route": {"voice_url": url}} for url in ("https://old", "https://new", "https://3"))
    seen = {"expected": "2026-01-01T00:00:00+00:00"}
    assert await store.call("hand_over_route", {**new, **seen}) == {"handed_over": False}
    assert await store.call("route", NUMBER) is None

    await store.call("save_route", old)
    seen = {"expected": (await store.call("route", NUMBER))["saved_at"]}
    assert await store.call("hand_over_route", {**new, "tenant": "other", **seen}) == {"handed_over": False}
    assert await store.call("hand_over_route", {**new, **seen}) == {"handed_over": True}
    assert await store.call("hand_over_route", {**third, **seen}) == {"handed_over": False}
    assert (await store.call("route", NUMBER))["route"] == new["route"]
