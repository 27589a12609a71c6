"""Registering and rotating write to which webhook agents deliver, and nothing beside it that was changed there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agentctl.verbs.post_call import rotation
from tests.telephony import Bench, bench

__all__ = ["bench"]
URL = "https://door.example.org/webhooks/elevenlabs"
EVENTS = {"transcript", "audio", "call_initiation_failure"}
SILENT = ["transcript", "call_initiation_failure"]
OTHERS = {"settings": {"auth_type": "hmac", "name": "CRM", "webhook_url": "https://crm.example.org/calls"}}


def delivery(bench: Bench, key: str = "empfang") -> dict[str, Any]:
    found: dict[str, Any] = bench.agent(key)["platform_settings"]["workspace_overrides"]["webhooks"]
    return found


def edited(bench: Bench, key: str = "empfang", **webhooks: Any) -> dict[str, Any]:
    """The delivery of an agent after somebody has changed that in the dashboard."""
    place = f"/v1/convai/agents/{bench.agent(key)['agent_id']}"
    body = {"platform_settings": {"workspace_overrides": {"webhooks": webhooks}}}
    bench.control(lambda control: control.api.patch(place, json=body))
    return delivery(bench, key)


def theirs(bench: Bench) -> str:
    """Somebody else's webhook."""
    made = bench.control(lambda control: control.api.post("/v1/workspace/webhooks", json=OTHERS))
    return str(made["webhook_id"])


@pytest.fixture
def registered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Two agents that deliver to our webhook, and a door that knows every secret."""

    async def knows(url: str, new: object) -> str:
        return ""

    monkeypatch.setattr(rotation, "knows", knows)
    bench.declare("nacht")
    assert bench("sync", "--yes")[0] == 0
    assert bench("webhook", "register", URL, "--write-env")[0] == 0
    return bench


def test_a_rotation_moves_who_delivers_to_the_old_webhook_and_nobody_else(registered: Bench) -> None:
    bench, crm = registered, theirs(registered)
    before = edited(bench, post_call_webhook_id=crm, events=["transcript"])
    silent = edited(bench, "nacht", events=SILENT)
    code, out, _ = bench("webhook", "rotate", "--yes", "--json")
    assert code == 3
    told = json.loads(out)
    assert told["changed"] == ["nacht"]
    assert told["left"] == [f"agent empfang delivers to {crm}, not to the old webhook: it was left as it is"]
    assert delivery(bench) == before
    assert delivery(bench, "nacht") == {**silent, "post_call_webhook_id": told["new"]}
    assert "events" in bench("plan")[1], "what was changed there is drift still"


def test_registering_again_writes_back_no_events(registered: Bench) -> None:
    bench, before = registered, edited(registered, events=SILENT)
    with bench.writes() as writes:
        code, out, _ = bench("webhook", "register", URL)
    assert code == 3
    assert "held back: agent empfang: platform_settings.workspace_overrides.webhooks.events" in out
    assert "agentctl sync --take-ours" in out
    assert delivery(bench) == before
    assert [one["path"] for one in writes if "/agents/" in one["path"]] == []
    assert bench("plan", "--exit-code")[0] == 3


def test_another_url_takes_the_webhook_and_leaves_the_events(registered: Bench) -> None:
    bench, before = registered, edited(registered, events=SILENT)
    code, out, _ = bench("webhook", "register", URL.replace("door", "new"), "--json")
    made = json.loads(out)
    assert (code, made["ok"]) == (3, True)
    assert (made["agents"], made["changed"]) == (["empfang", "nacht"], ["empfang", "nacht"])
    assert [(one["key"], one["paths"]) for one in made["held"]] == [
        ("empfang", ["platform_settings.workspace_overrides.webhooks.events"])
    ]
    assert delivery(bench) == {**before, "post_call_webhook_id": made["webhook_id"]}
    assert set(delivery(bench, "nacht")["events"]) == EVENTS


def test_a_binding_that_was_taken_away_is_written_whole(registered: Bench) -> None:
    edited(registered, post_call_webhook_id=None, events=[])
    assert registered("webhook", "register", URL)[0] == 0
    assert set(delivery(registered)["events"]) == EVENTS


def test_a_key_of_another_workspace_registers_nothing_where_one_agent_is_bound(bench: Bench) -> None:
    assert bench("webhook", "register", URL)[0] == 0
    before = bench.control(lambda control: control.bindings()).ids()
    bench.sandbox.reset()  # what a key of another workspace of that host sees
    for command in (("webhook", "register", URL, "--yes"), ("webhook", "register", f"{URL}?again", "--yes")):
        with bench.writes() as writes:
            code, _, err = bench(*command)
        assert (code, writes) == (1, [])
        assert "the key probably opens another workspace" in err
    assert bench.control(lambda control: control.bindings()).ids() == before


def test_a_rotation_that_was_begun_goes_on_in_no_other_workspace(registered: Bench) -> None:
    registered.sandbox.fault(method="POST", path="/v1/workspace/webhooks", drop="after")
    assert registered("webhook", "rotate", "--yes")[0] == 1
    registered.sandbox.reset()
    with registered.writes() as writes:
        code, _, err = registered("webhook", "rotate", "--yes")
    assert (code, writes) == (2, [])
    assert "is gone at ElevenLabs" in err
