"""agentctl webhook register, status, send: at a sandbox, with a real store and a real door."""

from __future__ import annotations

import json
import logging
import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from agentctl.settings import load_settings
from tests.cluster import free_port
from tests.deadly import Phase, in_a_process
from tests.telephony import WRITES, Bench, bench, served

__all__ = ["bench"]
URL = "https://door.example.org/webhooks/elevenlabs"
OTHERS = {"settings": {"auth_type": "hmac", "name": "CRM", "webhook_url": "https://crm.example.org/calls"}}
EVENTS = {"transcript", "audio", "call_initiation_failure"}


def hooks(bench: Bench) -> list[dict[str, Any]]:
    return list(bench.sandbox.state()["webhooks"].values())


def delivery(bench: Bench, key: str = "empfang") -> dict[str, Any]:
    found: dict[str, Any] = bench.agent(key)["platform_settings"]["workspace_overrides"]["webhooks"]
    return found


def api(bench: Bench, method: str, path: str, body: Any = None) -> Any:
    return bench.control(lambda control: getattr(control.api, method)(path, **({"json": body} if body else {})))


def test_registering_makes_binds_and_switches_retries_on(bench: Bench) -> None:
    code, out, err = bench("webhook", "register", URL)
    assert code == 0, err
    (hook,) = hooks(bench)
    assert (hook["name"], hook["webhook_url"]) == ("agentctl beispiel/production", URL)
    assert hook["retry_enabled"] is True
    assert hook["is_disabled"] is False
    assert delivery(bench)["post_call_webhook_id"] == hook["webhook_id"]
    assert set(delivery(bench)["events"]) == EVENTS
    assert "workspace_overrides.webhooks.post_call_webhook_id" in out
    assert bench.sandbox.state()["settings"] == {}
    assert bench("webhook", "status")[0] == 0
    assert bench("plan", "--exit-code")[0] == 0


def test_the_secret_is_shown_once_and_is_in_no_log(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    _, out, err = bench("webhook", "register", URL)
    secret = hooks(bench)[0]["secret"]
    assert out.count(secret) == 1
    assert f"ELEVENLABS_WEBHOOK_SECRET={secret}" in out
    assert secret not in err
    for again in (("register", URL), ("status",), ("status", "--json"), ("register", URL, "--json")):
        _, out, err = bench("webhook", *again)
        assert secret not in out + err
    assert secret not in caplog.text
    assert secret not in json.dumps(bench.store("bindings", project="beispiel", environment="production",
                                                workspace=load_settings(bench.root).workspace))  # fmt: skip


def test_the_face_for_machines(bench: Bench) -> None:
    made = bench.json("webhook", "register", URL)
    (hook,) = hooks(bench)
    assert made["secret"] == hook["secret"]
    assert (made["created"], made["agents"], made["changed"]) == (True, ["empfang"], ["empfang"])
    again = bench.json("webhook", "register", URL)
    assert (again["created"], again["secret"], again["changed"]) == (False, None, [])
    assert again["webhook_id"] == hook["webhook_id"]
    status = bench.json("webhook", "status")
    assert status["ok"] is status["exists"] is True
    assert status["last_failure"] is None
    assert status["agents"][0].items() >= {"assistant": "empfang", "bound": True, "through": "agent"}.items()


def test_a_known_webhook_is_reused_and_what_is_lost_is_said(bench: Bench) -> None:
    bench("webhook", "register", URL)
    code, out, err = bench("webhook", "register", URL)
    assert code == 0
    assert len(hooks(bench)) == 1
    assert "is there" in out
    assert "ELEVENLABS_WEBHOOK_SECRET is not set" in err
    assert "agentctl webhook rotate" in err


def lose_the_answer(bench: Bench) -> str:
    """A webhook of ours whose secret nobody has."""
    bench.sandbox.fault(method="POST", path="/v1/workspace/webhooks", drop="after")
    code, _, err = bench("webhook", "register", URL)
    assert code == 1
    assert "Run the same again" in err
    (hook,) = hooks(bench)
    return str(hook["webhook_id"])


def test_a_webhook_whose_secret_was_lost_with_the_answer_is_replaced(bench: Bench) -> None:
    lost = lose_the_answer(bench)
    code, out, err = bench("webhook", "register", URL)
    assert code == 0
    (hook,) = hooks(bench)
    assert hook["webhook_id"] != lost
    assert f"ELEVENLABS_WEBHOOK_SECRET={hook['secret']}" in out
    assert f"webhook {lost} was made by an earlier run that ended too soon" in err
    assert hook["retry_enabled"] is True
    assert delivery(bench)["post_call_webhook_id"] == hook["webhook_id"]


def test_one_that_something_delivers_to_is_not_replaced_and_gets_nobody_elses_calls(bench: Bench) -> None:
    lost = lose_the_answer(bench)
    bench.declare("nacht")
    assert bench("sync", "--yes")[0] == 0
    agent = f"/v1/convai/agents/{bench.agent('nacht')['agent_id']}"
    theirs = {"platform_settings": {"workspace_overrides": {"webhooks": {"post_call_webhook_id": lost}}}}
    api(bench, "patch", agent, theirs)
    for _ in range(2):  # that it was said once makes nothing better
        code, out, err = bench("webhook", "register", URL)
        assert code == 1
        assert "agent nacht delivers to it already, so it was not replaced" in err
        assert "agentctl webhook rotate" in err
        assert "It gets the calls" not in out
        assert [hook["webhook_id"] for hook in hooks(bench)] == [lost]
        assert delivery(bench)["post_call_webhook_id"] is None
    code, out, _ = bench("webhook", "rotate", "--yes")
    assert code == 3
    (secret,) = {hook["secret"] for hook in hooks(bench) if hook["webhook_id"] != lost}
    assert secret in out


def test_one_that_somebody_unknown_delivers_to_is_not_replaced(bench: Bench) -> None:
    lost = lose_the_answer(bench)
    webhooks = {"webhooks": {"post_call_webhook_id": lost}}
    other = api(bench, "post", "/v1/convai/agents/create", {
        "name": "CRM",
        "conversation_config": {},
        "platform_settings": {"workspace_overrides": webhooks},
    })  # fmt: skip
    assert other["agent_id"]
    code, _, err = bench("webhook", "register", URL)
    assert (code, "it cannot be deleted" in err) == (1, True)
    assert [hook["webhook_id"] for hook in hooks(bench)] == [lost]


def test_one_whose_secret_may_be_here_is_not_replaced(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = lose_the_answer(bench)
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "wsec_perhaps")
    code, _, err = bench("webhook", "register", URL)
    assert code == 1
    assert "ELEVENLABS_WEBHOOK_SECRET may hold its secret" in err
    assert "run the same again" in err
    assert bench("webhook", "register", URL)[0] == 0
    assert delivery(bench)["post_call_webhook_id"] == lost


def test_the_webhook_in_use_goes_on_serving_while_another_is_in_doubt(bench: Bench) -> None:
    serving = bench.json("webhook", "register", URL.replace("door", "former"))["webhook_id"]
    bench.sandbox.fault(method="POST", path="/v1/workspace/webhooks", drop="after")
    assert bench("webhook", "register", URL)[0] == 1
    (lost,) = {hook["webhook_id"] for hook in hooks(bench)} - {serving}
    refused = {"status": 403, "body": {"detail": "missing permission"}}
    bench.sandbox.fault(method="GET", path="/v1/convai/settings", times=2, **refused)
    code, _, err = bench("webhook", "register", URL)
    assert (code, "Delete it in the dashboard" in err) == (1, True)
    assert bench.json("webhook", "status")["webhook_id"] == serving
    assert bench("webhook", "register", URL)[0] == 0
    assert lost not in {hook["webhook_id"] for hook in hooks(bench)}


def test_the_secret_survives_a_failure_after_the_webhook_was_made(bench: Bench) -> None:
    bench.sandbox.fault(method="PATCH", path="/v1/workspace/webhooks/*", status=400, body={"detail": "no"}, times=2)
    code, out, err = bench("webhook", "register", URL)
    assert code == 1
    assert hooks(bench)[0]["secret"] in out
    assert "Done: the webhook 'agentctl beispiel/production' is there; the store knows it." in err
    assert "Not done: failed deliveries are repeated" in err
    code, out, _ = bench("webhook", "register", URL.replace("door", "other"), "--json")
    assert code == 1
    assert json.loads(out)["ok"] is False
    assert json.loads(out)["secret"] == hooks(bench)[1]["secret"]
    assert bench("webhook", "register", URL.replace("door", "other"))[0] == 0
    assert hooks(bench)[1]["retry_enabled"] is True


def killed_before_it_printed(bench: Bench, phase: Phase) -> dict[str, Any]:
    """The webhook of a run that was killed at the third of its writes: it is made, it is on, the agent is bound."""
    register = ["-C", str(bench.root), "webhook", "register", URL, "--json"]
    assert in_a_process(register, 3, phase, WRITES) == signal.SIGKILL
    (lost,) = hooks(bench)
    out = bench("webhook", "status")[1]
    assert f"nobody was shown the secret of webhook {lost['webhook_id']}: agentctl webhook rotate" in out
    return lost


@pytest.mark.parametrize("known", ["", "wsec_of_another"])
def test_a_secret_that_a_killed_run_showed_nobody_is_replaced(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, known: str
) -> None:
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", known)
    lost = killed_before_it_printed(bench, "before")
    code, out, err = bench("webhook", "register", URL)
    assert code == 0, err
    (hook,) = hooks(bench)
    assert (hook["webhook_id"] != lost["webhook_id"], hook["secret"] in out) == (True, True)
    assert "nobody was shown" not in bench("webhook", "status")[1]


def test_where_something_delivers_to_it_already_a_rotation_is_the_way(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "wsec_of_another")
    lost = killed_before_it_printed(bench, "applied")
    for _ in range(2):
        code, _, err = bench("webhook", "register", URL)
        assert (code, "agent empfang delivers to it already" in err, "agentctl webhook rotate" in err) == (
            1,
            True,
            True,
        )
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", lost["secret"])  # somebody has it all the same
    assert bench("webhook", "register", URL)[0] == 0
    monkeypatch.delenv("ELEVENLABS_WEBHOOK_SECRET")
    assert bench("webhook", "status")[0] == 0
    assert bench("webhook", "rotate", "--yes")[0] == 3
    assert len(hooks(bench)) == 2


def test_a_secret_that_was_shown_is_no_riddle_to_the_next_run(bench: Bench) -> None:
    made = bench.json("webhook", "register", URL)
    assert bench.json("webhook", "register", URL)["webhook_id"] == made["webhook_id"]
    assert bench.json("webhook", "status")["problems"] == []


def test_another_url_is_another_webhook_and_the_former_is_named(bench: Bench) -> None:
    bench("webhook", "register", URL)
    first = hooks(bench)[0]["webhook_id"]
    code, _, err = bench("webhook", "register", URL.replace("door", "new"))
    assert code == 0
    assert f"{first} ({URL}) is no longer used" in err
    assert delivery(bench)["post_call_webhook_id"] == hooks(bench)[1]["webhook_id"]


@pytest.mark.parametrize(
    "url",
    ["http://door.example.org/x", "door.example.org", "https://", "ftp://door.example.org", "https://u:pw@example.org/",
     "https://door.example.org/#a"],
)  # fmt: skip
def test_a_url_that_cannot_be_delivered_to_is_refused(bench: Bench, url: str) -> None:
    with bench.writes() as writes:
        code, _, err = bench("webhook", "register", url, "--yes")
    assert code == 2
    assert "URL" in err
    assert "pw" not in err
    assert writes == []


def test_this_machine_is_no_address_for_the_real_platform(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_BASE_URL", "https://api.elevenlabs.io")
    code, _, err = bench("webhook", "register", "http://127.0.0.1:8000/webhooks/elevenlabs")
    assert code == 2
    assert "cannot reach 127.0.0.1" in err


def test_a_url_that_does_not_end_like_the_door_is_remarked(bench: Bench) -> None:
    code, _, err = bench("webhook", "register", "https://door.example.org/")
    assert code == 0
    assert "/webhooks/elevenlabs" in err


def test_somebody_elses_workspace_webhook_is_not_replaced_without_a_yes(bench: Bench) -> None:
    theirs = api(bench, "post", "/v1/workspace/webhooks", OTHERS)["webhook_id"]
    bound = {"webhooks": {"post_call_webhook_id": theirs, "events": ["transcript", "answering_machine_detection"]}}
    api(bench, "patch", "/v1/convai/settings", bound)
    with bench.writes() as writes:
        code, _, err = bench("webhook", "register", URL, "--workspace")
    assert code == 2
    assert (
        f"the workspace delivers to somebody else's webhook now: {theirs} (CRM, https://crm.example.org/calls)" in err
    )
    assert writes == []
    assert bench("webhook", "register", URL)[0] == 0
    assert bench.sandbox.state()["settings"]["webhooks"]["post_call_webhook_id"] == theirs
    assert bench("webhook", "register", URL, "--workspace", "--yes")[0] == 0
    now = bench.sandbox.state()["settings"]["webhooks"]
    assert now["post_call_webhook_id"] == hooks(bench)[1]["webhook_id"]
    assert set(now["events"]) == EVENTS | {"answering_machine_detection"}
    with bench.writes() as writes:
        assert bench.json("webhook", "register", URL, "--workspace")["workspace"] is False
    assert [entry["path"] for entry in writes] == [f"/v1/workspace/webhooks/{hooks(bench)[1]['webhook_id']}"]


def test_somebody_elses_webhook_at_an_agent_is_not_replaced_without_a_yes(bench: Bench) -> None:
    theirs = api(bench, "post", "/v1/workspace/webhooks", OTHERS)["webhook_id"]
    place = f"/v1/convai/agents/{bench.agent()['agent_id']}"
    override = {"webhooks": {"post_call_webhook_id": theirs, "events": ["transcript"]}}
    api(bench, "patch", place, {"platform_settings": {"workspace_overrides": override}})
    code, _, err = bench("webhook", "register", URL)
    assert code == 2
    assert f"agent empfang delivers to somebody else's webhook now: {theirs}" in err
    assert len(hooks(bench)) == 1
    assert bench("webhook", "register", URL, "--yes")[0] == 0
    assert delivery(bench)["post_call_webhook_id"] != theirs


def test_a_webhook_that_an_assistant_chooses_itself_stays(bench: Bench) -> None:
    theirs = api(bench, "post", "/v1/workspace/webhooks", OTHERS)["webhook_id"]
    bench.toml.write_text(
        bench.toml.read_text()
        + f'[elevenlabs.platform_settings.workspace_overrides.webhooks]\npost_call_webhook_id = "{theirs}"\n'
    )
    bench("sync", "--yes")
    assert bench("webhook", "register", URL)[0] == 0
    assert delivery(bench)["post_call_webhook_id"] == theirs
    assert bench("plan", "--exit-code")[0] == 0


def test_what_was_last_applied_to_an_agent_stays_known_as_a_whole(bench: Bench) -> None:
    def applied() -> Any:
        scope = {"project": "beispiel", "environment": "production", "workspace": load_settings(bench.root).workspace}
        rows = bench.store("bindings", **scope)
        return next(row["applied"] for row in rows if row["kind"] == "agent")

    before = applied()
    bench("webhook", "register", URL)
    after = applied()
    bound = after["platform_settings"].pop("workspace_overrides")["webhooks"]
    assert bound["post_call_webhook_id"] == hooks(bench)[0]["webhook_id"]
    assert after == before
    assert "conversation_config" in before


def test_the_secret_goes_into_env_beside_those_that_are_there(bench: Bench) -> None:
    env = bench.root / ".env"
    env.write_text("# ours\nELEVENLABS_WEBHOOK_SECRET=wsec_old\nMAIL_FROM=a@example.org")
    env.chmod(0o644)
    code, _, err = bench("webhook", "register", URL, "--write-env")
    assert code == 0, err
    secret = hooks(bench)[0]["secret"]
    assert env.read_text() == f"# ours\nELEVENLABS_WEBHOOK_SECRET={secret},wsec_old\nMAIL_FROM=a@example.org"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    known = [one.get_secret_value() for one in load_settings(bench.root).elevenlabs_webhook_secret]
    assert known == [secret, "wsec_old"]
    assert str(env) in err


def test_a_new_env_file_is_for_its_owner_alone(bench: Bench) -> None:
    made = bench.json("webhook", "register", URL, "--write-env")
    assert made["env_file"] == str(bench.root / ".env")
    assert (bench.root / ".env").read_text() == f"ELEVENLABS_WEBHOOK_SECRET={made['secret']}\n"
    assert stat.S_IMODE(os.stat(bench.root / ".env").st_mode) == 0o600
    assert "wrote nothing" in bench("webhook", "register", URL, "--write-env")[2]


def test_status_without_a_webhook_fails(bench: Bench) -> None:
    code, out, _ = bench("webhook", "status")
    assert code == 1
    assert "agentctl webhook register URL" in out


def test_status_tells_of_an_automatic_disabling_and_registering_ends_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(bench.root, load_settings(bench.root)) as url:
        bench("webhook", "register", url)
        agent_id = bench.agent()["agent_id"]
        for _ in range(2):
            assert bench.sandbox.call(agent_id=agent_id, audio=False)["deliveries"][0]["status"] == 503
        code, out, _ = bench("webhook", "status", "--json")
        assert code == 1
        status = json.loads(out)
        assert status["auto_disabled"] is True
        assert status["last_failure"]["code"] == 503
        assert "switched the webhook off" in bench("webhook", "status")[1]
        assert bench("webhook", "register", url)[0] == 0
        assert bench("webhook", "status")[0] == 0


def test_status_tells_which_agents_do_not_deliver(bench: Bench) -> None:
    bench("webhook", "register", URL)
    bench.declare("notdienst")
    bench("sync", "--yes")
    assert bench("webhook", "status")[0] == 0
    place = f"/v1/convai/agents/{bench.agent()['agent_id']}"
    unbound: dict[str, Any] = {"webhooks": {"post_call_webhook_id": None, "events": []}}
    api(bench, "patch", place, {"platform_settings": {"workspace_overrides": unbound}})
    code, out, _ = bench("webhook", "status")
    assert code == 1
    remedy = "agentctl sync --only empfang --take-ours"
    assert f"agent empfang delivers to no webhook, not to ours: {remedy}\n" in out
    assert "notdienst: bound" in out
    assert bench("sync", "--yes", "--only", "empfang")[0] == 3, "it is held back"
    assert bench(*remedy.split()[1:], "--yes")[0] == 0
    assert bench("webhook", "status")[0] == 0
    api(bench, "patch", place, {"platform_settings": {"workspace_overrides": {"webhooks": {"events": ["audio"]}}}})
    out = bench("webhook", "status")[1]
    assert f"agent empfang does not deliver transcript, call_initiation_failure: {remedy}\n" in out
    bench("webhook", "register", URL, "--workspace")
    api(bench, "patch", place, {"platform_settings": {"workspace_overrides": unbound}})
    assert bench.json("webhook", "status")["agents"][0]["through"] == "workspace"


def test_a_webhook_that_is_gone_is_a_problem_and_is_made_anew(bench: Bench) -> None:
    bench("webhook", "register", URL)
    place = f"/v1/convai/agents/{bench.agent()['agent_id']}"
    unbound: dict[str, Any] = {
        "platform_settings": {"workspace_overrides": {"webhooks": {"post_call_webhook_id": None, "events": []}}}
    }
    api(bench, "patch", place, unbound)
    gone = hooks(bench)[0]["webhook_id"]
    bench.control(lambda control: control.api.delete("/v1/workspace/webhooks/{one}", one=gone))
    code, out, _ = bench("webhook", "status")
    assert code == 1
    assert f"webhook {gone} is gone" in out
    assert bench("webhook", "register", URL)[0] == 0
    assert bench("webhook", "status")[0] == 0


def test_a_key_without_the_right_cannot_register(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", bench.sandbox.options.read_only_key)
    code, _, err = bench("webhook", "register", URL)
    assert code == 1
    assert "webhooks_write" in err


@pytest.mark.parametrize(
    ("kind", "type_"),
    [
        ("transcript", "post_call_transcription"),
        ("audio", "post_call_audio"),
        ("failure", "call_initiation_failure"),
        ("unknown", "agentctl_smoke_test"),
    ],
)
def test_a_sample_reaches_a_real_door(bench: Bench, monkeypatch: pytest.MonkeyPatch, kind: str, type_: str) -> None:
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "wsec_one,wsec_two")
    with served(bench.root, load_settings(bench.root)) as url:
        sent = bench.json("webhook", "send", url, "--type", kind)
    assert sent["status"] == 200
    (event,) = bench.store("list_events", states=None, limit=10)
    assert event["type"] == sent["type"] == type_
    assert event["conversation_id"] == sent["conversation_id"]
    assert bench("calls", "process")[0] == 0
    if kind == "transcript":
        shown = bench.json("calls", "show", sent["conversation_id"])
        assert shown["status"] == "done"
        assert shown["duration_secs"] == 47
        assert [item["what"] for item in shown["action_items"]] == [
            "Rückruf zum Angebot",
            "Preisliste an Erika Muster senden",
        ]


def test_each_sample_is_a_new_call(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "wsec_one")
    with served(bench.root, load_settings(bench.root)) as url:
        ids = {bench.json("webhook", "send", url)["conversation_id"] for _ in range(2)}
    assert len(ids) == 2


def test_a_file_is_sent_as_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "wsec_one")
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_bytes(b'{"type": "post_call_audio", "data": {"conversation_id": "conv_1"}}')
    bad.write_bytes(b"\xff not json")
    with served(bench.root, load_settings(bench.root)) as url:
        assert bench.json("webhook", "send", url, "--file", str(good))["conversation_id"] == "conv_1"
        code, out, err = bench("webhook", "send", url, "--file", str(bad))
    assert (code, "400" in out, "JSON" in err) == (1, True, True)
    assert bench("webhook", "send", "https://x.example/", "--file", str(good), "--type", "audio")[0] == 2
    assert bench("webhook", "send", "https://x.example/", "--file", str(tmp_path / "none"))[0] == 2


def test_a_door_with_another_secret_refuses_and_the_command_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench("webhook", "send", "https://door.example.org/")[0] == 2
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "wsec_theirs")
    with served(bench.root, load_settings(bench.root)) as url:
        monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", "wsec_ours")
        code, out, err = bench("webhook", "send", url)
        assert code == 1
        assert "401" in out
        assert "another secret" in err
        assert bench("webhook", "send", url + "/nowhere")[0] == 1
    code, _, err = bench("webhook", "send", url)
    assert code == 1
    assert "no answer from the door" in err
    assert "wsec" not in out + err


def test_calls_arrive_at_the_door_that_knows_the_secret_that_was_shown(bench: Bench) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/webhooks/elevenlabs"
    bench.json("webhook", "register", url, "--write-env")
    with served(bench.root, load_settings(bench.root), port=port):
        called = bench.sandbox.call(agent_id=bench.agent()["agent_id"], audio=True)
    assert {item["type"]: item["status"] for item in called["deliveries"]} == {
        "post_call_audio": 200,
        "post_call_transcription": 200,
    }
    assert bench.store("list_events", states=None, limit=1)[0]["conversation_id"] == called["conversation_id"]
