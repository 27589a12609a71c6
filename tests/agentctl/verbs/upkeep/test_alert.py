"""agentctl.verbs.upkeep: who is told of what, once; over a real store and a sandbox."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from agentctl.calls.event import Event
from agentctl.calls.jobs import EventJob
from agentctl.errors import Malformed, Unreachable
from agentctl.settings import Settings
from agentctl.verbs import door
from agentctl.verbs.post_call import webhook
from agentctl.verbs.upkeep import alert, dead_letters, delivery, duties
from agentctl.verbs.work import once
from agentctl.wiring import Control, connect
from tests.answering import answering
from tests.telephony import Bench, bench

__all__ = ["bench"]
URL = "https://door.example.org/webhooks/elevenlabs"
TEAM = ("technik@example.org",)
SAID = "Mein Kontostand ist geheim"


def queued(bench: Bench) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = bench.store("claim_mails", worker="w", limit=50, lease_seconds=600)
    return rows


def die(bench: Bench, *conversation_ids: str) -> list[str]:
    async def accept_and_fail(control: Control) -> list[str]:
        store, dead = await control.store(), []
        for name in conversation_ids:
            payload = base64.b64encode(SAID.encode() + name.encode()).decode()
            content = {"type": SAID, "agent_id": None, "event_timestamp": None, "payload": payload}
            await store.call("accept", {"conversation_id": name, "source": "webhook", **content})
            (event,) = await store.call("claim_events", {"worker": "w", "limit": 1, "lease_seconds": 60})
            job = EventJob(store, control.workshop.digester(store), control.workshop.recordings, max_attempts=1)
            await job.fail(Event.from_row(event), Malformed(f"it choked on: {SAID}"), 0)
            dead.append(event["id"])
        return dead

    return bench.control(accept_and_fail)


def test_an_event_that_was_given_up_is_mailed_once_by_its_ids(bench: Bench) -> None:
    with (bench.root / "agentctl.toml").open("a") as project:
        project.write('[digest]\nlanguage = "de"\n')
    (dead,) = die(bench, "conv_poison")
    assert bench.control(lambda control: dead_letters.tell(control, TEAM)) == 1
    assert bench.control(lambda control: dead_letters.tell(control, TEAM)) == 0
    (mail,) = queued(bench)
    assert (mail["recipient"], mail["message"]["subject"]) == (TEAM[0], "beispiel/production: Events given up: 1")
    for part in ("text", "html"):
        assert dead in mail["message"][part]
        assert "conv_poison" in mail["message"][part]
        assert "1 attempts, Malformed" in mail["message"][part]
        assert "Projekt" not in mail["message"][part]  # in one language, which is that of what it has to say
        assert "agentctl calls retry --all" in mail["message"][part]
    assert "geheim" not in str(mail)

    assert bench.json("calls", "retry", dead) == {"events": 1, "mails": 0, "rows": 0, "syncs": 0}
    assert bench.store("queue")["events"]["pending"] == 1
    # The one that was queued again is claimed first, and given up again.
    die(bench, *(f"conv_{number}" for number in range(45)))
    assert bench.control(lambda control: dead_letters.tell(control, TEAM)) == 45
    (mail,) = queued(bench)
    assert "And 5 more" in mail["message"]["text"]
    assert bench.json("calls", "retry", "--all")["events"] == 45


def test_what_the_platform_thinks_of_the_webhook_is_told_when_it_changes(bench: Bench) -> None:
    def looked() -> list[str]:
        new = bench.control(lambda control: delivery.watch(control, TEAM))
        subjects = [mail["message"]["subject"].partition(": ")[2] for mail in queued(bench)]
        assert len(subjects) == new
        return subjects

    assert looked() == []  # without a webhook calls are fetched, which is no trouble
    hook = bench.json("webhook", "register", URL)["webhook_id"]
    assert looked() == []
    bench.sandbox.ail(hook, is_auto_disabled=True)
    assert (looked(), looked()) == (["Calls no longer arrive"], [])
    assert bench("webhook", "enable")[0] == 1, "nobody is there where it leads"
    assert (looked(), looked()) == (["Calls arrive again"], [])
    now = int(time.time())
    bench.sandbox.ail(hook, most_recent_failure_error_code=503, most_recent_failure_timestamp=now)
    assert (looked(), looked()) == (["Calls no longer arrive"], [])
    code, out, _ = bench("doctor")
    assert (code, "the last delivery failed (503)" in out) == (1, True)
    # Whatever arrives after it says that the way is free again.
    bench.sandbox.ail(hook, most_recent_failure_timestamp=now - 60)
    payload = base64.b64encode(webhook.sample("transcript", now=now)).decode()
    row = {"type": "x", "conversation_id": None, "agent_id": None, "event_timestamp": None, "source": "webhook"}
    bench.store("accept", **row, payload=payload)
    assert looked() == ["Calls arrive again"]
    unbound = {"platform_settings": {"workspace_overrides": {"webhooks": {"post_call_webhook_id": None}}}}
    agent = bench.agent()["agent_id"]
    bench.control(lambda control: control.api.patch("/v1/convai/agents/{agent_id}", json=unbound, agent_id=agent))
    assert looked() == ["Calls no longer arrive"]


def test_enabling_fetches_what_the_webhook_did_not_bring(bench: Bench) -> None:
    assert bench("webhook", "enable")[0] == 2
    hook = bench.json("webhook", "register", URL)["webhook_id"]
    bench.sandbox.ail(hook, is_auto_disabled=True)
    missed = bench.sandbox.call(agent_id=bench.agent()["agent_id"], audio=False)
    assert missed["deliveries"] == []
    done = bench.json("webhook", "enable", code=1)
    assert (done["was_off"], done["fetched"]["entered"]) == (True, [missed["conversation_id"]])
    row = bench.sandbox.state()["webhooks"][hook]
    assert (row["is_auto_disabled"], row["is_disabled"], row["retry_enabled"]) == (False, False, True)
    assert bench.json("webhook", "enable", code=1)["was_off"] is False


def test_a_failure_is_past_once_it_is_switched_on_and_the_door_answers(bench: Bench) -> None:
    page = "/webhooks/elevenlabs"
    with answering({page: (404, "text/plain", "")}) as elsewhere, answering({page: (401, "text/plain", "")}) as door:
        for url, code, said in (
            (elsewhere, 1, "Its door does not take deliveries: it answers 404."),
            (door, 0, "Its door answers."),
        ):
            hook = bench.json("webhook", "register", f"{url}{page}", "--yes")["webhook_id"]
            now = int(time.time())
            bench.sandbox.ail(hook, most_recent_failure_error_code=503, most_recent_failure_timestamp=now)
            assert bench("webhook", "status")[0] == 1
            ended, out, _ = bench("webhook", "enable")
            assert (ended, said in out) == (code, True)
            assert bench("webhook", "status")[0] == code
            assert ("the last delivery failed" in bench("doctor")[1]) is bool(code)
    bench.sandbox.ail(hook, most_recent_failure_timestamp=now + 1)
    assert "the last delivery failed (503)" in bench("webhook", "status")[1]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Hc.example.org/ping/geheim", "hc.example.org"),
        ("http://[::1]:8080/geheim?x=1", "[::1]"),
        ("https://geheim@example.org/1", None),
        ("https://user:ge/heim@example.org/1", None),
    ],
)
def test_a_secret_url_is_told_by_its_host_where_that_is_certain(url: str, host: str | None) -> None:
    told = duties.told(SecretStr(url))
    assert re.fullmatch((re.escape(host) + " " if host else "") + "[0-9a-f]{8}", told)


async def test_whom_and_what_by_what_is_configured(tmp_path: Path, dsn: str) -> None:
    async def names(control: Control) -> list[str]:
        return [duty.name for duty in duties.duties(control) if await duty.able()]

    database = {"database_url": SecretStr(dsn)}
    async with connect(tmp_path, settings=Settings(**database)) as control:
        assert (alert.recipients(control), await names(control)) == ((), ["rights", "retention", "recordings"])
        assert any("ALERT_MAIL_TO" in caution for caution in await door.cautions(control))
    key = {"elevenlabs_api_key": SecretStr("sk_1"), "heartbeat_url": SecretStr("https://ping.example.org/1")}
    async with connect(tmp_path, settings=Settings(**database, **key)) as control:
        assert await names(control) == ["backfill", "rights", "heartbeat", "retention", "recordings"]
    (tmp_path / "agentctl.toml").write_text('project = "probe"\n[mail]\nto = ["buero@example.org"]\n')
    async with connect(tmp_path, settings=Settings(**database, **key)) as control:
        assert alert.recipients(control) == ("buero@example.org",)
        assert await names(control) == [
            "backfill",
            "delivery",
            "alert",
            "rights",
            "heartbeat",
            "retention",
            "recordings",
        ]
    async with connect(tmp_path, settings=Settings(**database, alert_mail_to=TEAM)) as control:
        assert (alert.recipients(control), await names(control)) == (
            TEAM,
            ["alert", "rights", "retention", "recordings"],
        )


async def test_a_pass_sends_a_sign_of_life_once_a_minute_and_says_what_it_could_not_do(
    tmp_path: Path, dsn: str
) -> None:
    from agentctl.clients.heartbeat import beat

    with answering({"/alive": (200, "text/plain", "")}, otherwise=(404, "text/plain", "")) as url:
        for path, failed in (("/alive", 0), ("/alive", 0), ("/secret-of-mine", 1)):
            given = Settings(database_url=SecretStr(dsn), heartbeat_url=SecretStr(f"{url}{path}"))
            async with connect(tmp_path, settings=given) as control:
                drained = await once(control)
                assert (drained.done, drained.duties_failed) == (0, failed)
                queue = await (await control.store()).call("queue", {})
        assert [duty["name"] for duty in queue["duties"] if duty["name"] == "heartbeat"] == ["heartbeat"] * 2
        assert "secret-of-mine" not in str(queue)
        assert all(duty["place"].startswith("127.0.0.1 ") for duty in queue["duties"] if duty["name"] == "heartbeat")
        with pytest.raises(Unreachable, match="404"):
            await beat(SecretStr(f"{url}/secret-of-mine"))


pytestmark = pytest.mark.anyio
