"""Each thing broken on purpose is found, named with its remedy, and hides nothing else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from agentctl import metrics
from agentctl.clients.retry import Retry
from agentctl.verbs.calls import queue as standing
from agentctl.verbs.examination import work_side
from agentctl.verbs.examination.doctor import PARTS, examine
from agentctl.verbs.examination.finding import Finding
from agentctl.wiring import Control
from tests.answering import WEB_PAGE, answering, as_json
from tests.cluster import Cluster, free_port
from tests.synced import After
from tests.telephony import NUMBER, Bench, bench

__all__ = ["bench"]

Report = dict[str, list[Finding]]
SECRET = "wsec_only_for_tests"


async def no_wait(_seconds: float) -> None:
    return


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be reached is given up without the pauses between attempts."""
    monkeypatch.setattr("agentctl.clients.elevenlabs.Retry", lambda: Retry(attempts=2, sleep=no_wait))
    monkeypatch.setattr("agentctl.clients.twilio.Retry", lambda: Retry(attempts=2, sleep=no_wait))


def examined(bench: Bench) -> Report:
    async def collect(control: Control) -> Report:
        report: Report = {}
        async for finding in examine(control):
            report.setdefault(finding.subject, []).append(finding)
        return report

    return bench.control(collect)


def only(report: Report, subject: str, state: str) -> Finding:
    (found,) = [finding for finding in report[subject] if finding.state == state]
    return found


def states(report: Report, subject: str) -> set[str]:
    return {finding.state for finding in report[subject]}


@pytest.fixture
def rings(bench: Bench, after: After) -> Bench:
    def steps() -> None:
        assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0

    after(steps)
    return bench


def test_nothing_is_broken_once_all_is_set_up(rings: Bench) -> None:
    report = examined(rings)
    assert [part.subject for part in PARTS] == list(report)
    assert [finding for found in report.values() for finding in found if finding.state == "broken"] == []
    assert only(report, "numbers", "ok").what == f"{NUMBER} rings at empfang"
    assert {finding.what for finding in report["elevenlabs"] if finding.state == "ok"} == {
        "the key may read agents (convai_read)",
        "the key may write agents (convai_write)",
        "the key may list webhooks (workspace_read)",
        "the key may change webhooks (webhooks_write)",
    }


def test_examining_changes_nothing(rings: Bench) -> None:
    before = rings.sandbox.state()
    examined(rings)
    assert rings.sandbox.state() == before


# The key


@pytest.mark.parametrize("key", ["sk_wrong_one", None])
def test_a_wrong_or_missing_key_hides_only_what_needs_it(
    rings: Bench, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", key or "")
    report = examined(rings)
    broken = only(report, "elevenlabs", "broken")
    assert "ELEVENLABS_API_KEY" in broken.what + broken.remedy
    assert "sk_wrong_one" not in repr(report)
    for subject in ("voices", "agents", "webhook", "numbers"):
        assert only(report, subject, "skipped").what == "not examined: it needs elevenlabs"
    for subject in ("project", "store", "queue", "twilio", "digest"):
        assert "ok" in states(report, subject), subject


def test_a_key_that_may_only_read(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_API_KEY", rings.sandbox.options.read_only_key)
    report = examined(rings)
    broken = only(report, "elevenlabs", "broken")
    assert broken.what.startswith("the key may not write agents (convai_write)")
    assert "convai_write" in broken.remedy
    lacking = [finding.what for finding in report["elevenlabs"] if finding.state == "warning"]
    assert any(what.startswith("the key may not change webhooks (webhooks_write)") for what in lacking)
    assert states(report, "agents") == {"ok"}


def test_a_key_that_may_not_even_read_agents(rings: Bench) -> None:
    refusal = {"detail": {"status": "missing_permissions", "message": "missing the permission convai_read"}}
    rings.sandbox.fault(method="GET", path="/v1/convai/agents", status=401, body=refusal)
    report = examined(rings)
    assert only(report, "elevenlabs", "broken").what.startswith("the key may not read agents (convai_read)")
    assert states(report, "agents") == {"skipped"}


def test_a_host_that_is_another(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for otherwise in (WEB_PAGE, as_json({"detail": "Not Found"}, 404), as_json({"hello": "world"}), as_json([1, 2])):
        with answering(otherwise=otherwise) as url:
            monkeypatch.setenv("ELEVENLABS_BASE_URL", url)
            report = examined(rings)
        broken = only(report, "elevenlabs", "broken")
        assert broken.blocks, otherwise
        assert states(report, "agents") == {"skipped"}
        assert "ok" in states(report, "twilio")


def test_no_network(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ELEVENLABS_BASE_URL", "TWILIO_BASE_URL"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    report = examined(rings)
    assert "connection refused" in only(report, "elevenlabs", "broken").what
    assert "connection refused" in only(report, "twilio", "broken").what
    assert states(report, "store") == states(report, "digest") == {"ok"}


def test_the_key_is_not_sent_in_the_clear(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELEVENLABS_BASE_URL", "http://api.example.org")
    monkeypatch.setenv("TWILIO_BASE_URL", "http://twilio.example.org")
    monkeypatch.setattr("httpx.AsyncClient.send", lambda *_, **__: pytest.fail("something was sent"))
    report = examined(rings)
    for subject in ("elevenlabs", "twilio"):
        broken = only(report, subject, "broken")
        assert "in the clear" in broken.what
        assert broken.remedy == "Use https://."


def test_an_answer_of_nonsense_ends_nothing(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {
        "/v1/convai/agents": as_json({"agents": []}),
        "/v1/convai/phone-numbers": as_json([1, 2]),
        "/v1/workspace/webhooks": as_json({"webhooks": [{}]}),
    }
    with answering(pages, otherwise=as_json([])) as url:
        monkeypatch.setenv("ELEVENLABS_BASE_URL", url)
        # Ids belong to a workspace: bound anew there.
        rings.control(bind_an_agent)
        report = examined(rings)
    assert set(report) == {part.subject for part in PARTS}
    assert "is a number, not an object" in only(report, "numbers", "broken").what


async def bind_an_agent(control: Control) -> None:
    from agentctl.sync.kind import Ref

    await (await control.bindings()).bind(Ref("agent", "empfang"), "agent_1")
    await (await control.bindings()).bind(Ref("webhook", "post_call"), "wh_1")


# The project, the settings, the store


def test_a_broken_project_with_every_problem(rings: Bench) -> None:
    rings.toml.write_text('nam = "Empfang"\nlanguage = 3\n')
    report = examined(rings)
    assert len(report["project"]) >= 2
    assert states(report, "project") == {"broken"}
    assert states(report, "agents") == {"skipped"}
    assert "ok" in states(report, "elevenlabs")


def test_outside_a_project(rings: Bench) -> None:
    (rings.root / "agentctl.toml").unlink()
    report = examined(rings)
    assert only(report, "project", "warning").remedy.startswith("agentctl init")
    assert states(report, "store") == {"ok"}
    assert states(report, "numbers") == {"skipped"}


def test_what_is_odd_in_dot_env(rings: Bench) -> None:
    (rings.root / ".env").write_text("ELEVENLABS_APIKEY=x\nSTRIPE_TOKEN=y\nMAIL_FROM=telefon@example.org\n")
    (rings.root / ".env").chmod(0o644)
    warnings = [finding for finding in examined(rings)["settings"] if finding.state == "warning"]
    assert [finding.remedy for finding in warnings] == [
        f"chmod 600 {rings.root / '.env'}",
        "Did you mean ELEVENLABS_API_KEY?",
    ]


def test_a_dot_env_that_is_not_read_is_not_examined(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (rings.root / ".env").write_text("ELEVENLABS_APIKEY=x\n")
    monkeypatch.setenv("AGENTCTL_ENV_FILE", "none")
    (found,) = examined(rings)["settings"]
    assert (found.state, found.what) == ("ok", "all from the environment: AGENTCTL_ENV_FILE=none")


def test_a_store_that_is_down(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://postgres:secret-word@127.0.0.1:{free_port()}/x")
    report = examined(rings)
    assert only(report, "store", "broken").blocks
    assert "secret-word" not in repr(report)
    for subject in ("queue", "agents", "webhook", "numbers"):
        assert only(report, subject, "skipped").what == "not examined: it needs store"
    assert "ok" in states(report, "elevenlabs")


def test_a_store_that_is_behind(rings: Bench, empty_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_dsn)
    report = examined(rings)
    assert "agentctl db migrate" in only(report, "store", "broken").remedy
    assert states(report, "queue") == {"skipped"}


def test_what_was_given_up_and_what_waits(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(examined(rings), "queue", "ok").what == "0 events and 0 mails wait"
    for number, ending in enumerate(("fail_event", "keep_event")):
        content = base64.b64encode(f'{{"n": {number}}}'.encode()).decode()
        rings.store("accept", type="x", conversation_id=None, agent_id=None, event_timestamp=None,
                    source="webhook", payload=content)  # fmt: skip
        (event,) = rings.store("claim_events", worker="w", limit=1, lease_seconds=60)
        more: dict[str, Any] = {"error": "no", "delay_seconds": 0, "max_attempts": 1, "reason": "strange"}
        rings.store(ending, id=event["id"], attempt=event["attempt"], **more)
    report = examined(rings)
    assert only(report, "queue", "broken").what == "1 event was given up"
    assert only(report, "queue", "warning").remedy == "agentctl calls events --state kept"
    rings.store("accept", type="x", conversation_id=None, agent_id=None, event_timestamp=None,
                source="webhook", payload=base64.b64encode(b"{}").decode())  # fmt: skip
    monkeypatch.setattr("agentctl.verbs.examination.work_side.OLD_SECONDS", -1)
    assert "agentctl work" in [finding.remedy for finding in examined(rings)["queue"]][-1]
    rings.store("accept", type="post_call_audio", conversation_id="conv_1", agent_id=None, event_timestamp=None,
                source="webhook", payload=base64.b64encode(b"{}").decode())  # fmt: skip
    late = {one.what.partition(",")[0]: one.state for one in examined(rings)["queue"] if ", the oldest" in one.what}
    assert late == {"1 event waits": "broken", "1 recording waits": "warning"}, "calls go on without their sound"
    for event in rings.store("claim_events", worker="w", limit=9, lease_seconds=60):
        fence = {"id": event["id"], "attempt": event["attempt"], "delay_seconds": 0, "max_attempts": 9}
        if event["type"] == "post_call_audio":
            rings.store("fail_event", **fence, error="Storage is away", outage=True)
        else:
            rings.store("release", queue="events", **fence)
    why = {one.what.partition(", the oldest")[0]: one.remedy for one in examined(rings)["queue"]}
    assert why["1 recording waits"] == "Storage is away"
    assert "agentctl work" in why["1 event waits"]
    rings.store("request_sync", key="empfang", project="p", environment="e")
    assert "project's directory" in [finding.remedy for finding in examined(rings)["queue"]][-1]
    terms = {"project": "p", "environment": "e", "worker": "w", "lease_seconds": 60, "limit": 1}
    (job,) = rings.store("claim_sync_jobs", quiet_seconds=0, longest_seconds=0, **terms)["jobs"]
    waits = {"error": "the key is refused\n  Correct it.", "outage": True, "permanent": False, "delay_seconds": 0}
    rings.store("fail_sync_job", id=job["id"], attempt=job["attempt"], max_attempts=5, **waits)
    assert [finding.remedy for finding in examined(rings)["queue"]][-1] == "the key is refused"
    (job,) = rings.store("claim_sync_jobs", quiet_seconds=0, longest_seconds=0, **terms)["jobs"]
    how = {"error": "no", "outage": False, "permanent": True, "max_attempts": 1, "delay_seconds": 0}
    rings.store("fail_sync_job", **job, **how)
    assert "1 sync was given up" in [finding.what for finding in examined(rings)["queue"]]


def test_a_duty_fails_for_a_place_and_counts_as_long_as_a_worker_has_it(
    rings: Bench, cluster: Cluster, dsn: str
) -> None:
    mistyped, right = {"name": "backfill", "place": "api.elevenlabs.oi"}, {"name": "backfill", "place": "api.right"}
    for _ in range(work_side.OFTEN):
        (duty,) = rings.store("claim_duties", duties=[mistyped], worker="w", limit=1, lease_seconds=60)
        rings.store("fail_duty", id=duty["id"], attempt=duty["attempt"], error="no answer", delay_seconds=0)
    said = "a worker's duty 'backfill' (api.elevenlabs.oi) failed 4 times in a row"
    assert only(examined(rings), "queue", "broken").what == said
    cluster.execute("update agentctl.duties set offered_at = offered_at - interval '6 minutes'", dsn.rpartition("/")[2])
    rings.store("claim_duties", duties=[right], worker="w", limit=1, lease_seconds=60)
    assert states(examined(rings), "queue") == {"ok"}
    assert 'duty_failures{duty="backfill"} 0' in metrics.written(rings.control(standing.queue))
    rows = {line.split()[1]: line for line in rings("calls", "status")[1].splitlines() if line.startswith("backfill")}
    assert rows.keys() == {"api.elevenlabs.oi", "api.right"}
    assert rows["api.elevenlabs.oi"].endswith("no worker has it any more")


# What stands at ElevenLabs


def test_a_voice_that_does_not_exist(rings: Bench) -> None:
    rings.toml.write_text(rings.toml.read_text() + '[voice]\nid = "Nobody00000000000000"\n')
    broken = only(examined(rings), "voices", "broken")
    assert broken.what == "empfang: this workspace has no voice Nobody00000000000000"
    assert "My Voices" in broken.remedy


def test_a_key_without_voices_read(rings: Bench) -> None:
    refusal = {"detail": {"status": "missing_permissions", "message": "missing the permission voices_read"}}
    rings.sandbox.fault(path="/v1/voices/*", status=401, body=refusal)
    assert "voices_read" in only(examined(rings), "voices", "warning").what


def test_agents_that_are_not_there_are_gone_or_archived(rings: Bench) -> None:
    rings.declare("notdienst")
    assert only(examined(rings), "agents", "warning").what == "notdienst is not at ElevenLabs yet"
    agent_id = rings.agent()["agent_id"]
    path = "/v1/convai/agents/{agent_id}"
    archived = {"platform_settings": {"archived": True}}
    rings.control(lambda control: control.api.patch(path, json=archived, agent_id=agent_id))
    assert only(examined(rings), "agents", "broken").what == f"empfang: its agent {agent_id} is archived"
    rings.control(lambda control: control.api.delete(path, agent_id=agent_id))
    gone = only(examined(rings), "agents", "broken")
    assert (gone.what, gone.remedy) == (
        f"empfang: its agent {agent_id} is gone at ElevenLabs",
        "agentctl sync --take-ours --only empfang",
    )


def test_the_webhook_registered_switched_off_and_unbound(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {finding.what for finding in examined(rings)["webhook"] if finding.state == "warning"} >= {
        "none is registered"
    }
    url = "http://127.0.0.1:8080/webhooks/elevenlabs"
    made = rings.json("webhook", "register", url, "--yes")
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", made["secret"])
    assert states(examined(rings), "webhook") == {"ok"}
    change = {"is_disabled": True, "name": "x"}
    path = "/v1/workspace/webhooks/{webhook_id}"
    rings.control(lambda control: control.api.patch(path, json=change, webhook_id=made["webhook_id"]))
    assert "switched off in the dashboard" in only(examined(rings), "webhook", "broken").what
    rings.json("webhook", "register", url, "--yes")
    nobody: Any = {
        "platform_settings": {"workspace_overrides": {"webhooks": {"post_call_webhook_id": None, "events": []}}}
    }
    agent_id = rings.agent()["agent_id"]
    rings.control(lambda control: control.api.patch("/v1/convai/agents/{one}", json=nobody, one=agent_id))
    broken = only(examined(rings), "webhook", "broken")
    assert broken.what == "agent empfang delivers to no webhook, not to ours"
    assert broken.remedy == "agentctl sync --only empfang --take-ours"


def test_a_webhook_that_elevenlabs_switched_off(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    made = rings.json("webhook", "register", "http://127.0.0.1:8080/webhooks/elevenlabs", "--yes")
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", made["secret"])
    listed = rings.control(lambda control: control.api.get("/v1/workspace/webhooks"))
    listed["webhooks"][0] |= {
        "is_auto_disabled": True,
        "most_recent_failure_error_code": 503,
        "most_recent_failure_timestamp": 1760000000,
    }
    rings.sandbox.fault(method="GET", path="/v1/workspace/webhooks", status=200, body=listed, times=5)
    broken = only(examined(rings), "webhook", "broken")
    assert "switched the webhook off after too many failures" in broken.what
    assert broken.remedy == "agentctl webhook enable"


def test_numbers_that_do_not_ring(bench: Bench) -> None:
    bench.toml.write_text(f'name = "Empfang"\nlanguage = "de"\n[phone]\nnumbers = ["{NUMBER}"]\n')
    waiting = only(examined(bench), "numbers", "warning")
    assert waiting.remedy == f"agentctl import-number {NUMBER} --assistant empfang"
    assert bench("import-number", NUMBER, "--assistant", "empfang", "--yes")[0] == 0
    (phone_number_id,) = bench.sandbox.state()["numbers"]
    path = "/v1/convai/phone-numbers/{one}"
    bench.control(lambda control: control.api.patch(path, json={"agent_id": None}, one=phone_number_id))
    broken = only(examined(bench), "numbers", "broken")
    assert broken.what == f"{NUMBER} rings at no agent, not at empfang"
    assert broken.remedy == "Let it ring here again: agentctl sync --take-ours --only empfang"
    assert bench("sync", "--yes")[0] == 3
    assert bench("sync", "--yes", "--take-ours", "--only", "empfang")[0] == 0
    assert "broken" not in states(examined(bench), "numbers")


def test_a_number_that_somebody_moved_is_for_ours_to_take_back_or_for_the_files_to_follow(rings: Bench) -> None:
    rings.declare("nacht")
    assert rings("sync", "--yes")[0] == 0
    agents = {one["name"]: agent_id for agent_id, one in rings.sandbox.state()["agents"].items()}
    (number_id,) = rings.sandbox.state()["numbers"]
    path = "/v1/convai/phone-numbers/{one}"
    rings.control(lambda control: control.api.patch(path, json={"agent_id": agents["Nacht"]}, one=number_id))
    remedy = "agentctl sync --take-ours --only empfang; or take where it rings into the files: agentctl pull empfang"
    assert only(examined(rings), "numbers", "broken").remedy == f"Let it ring here again: {remedy}"
    code, _, err = rings("import-number", NUMBER, "--assistant", "empfang", "--reimport", "--yes")
    assert (code, remedy in err) == (2, True)
    assert "agentctl sync" not in rings("status")[1]
    assert rings("pull", "empfang", "--yes")[0] == 0
    assert only(examined(rings), "numbers", "ok").what == f"{NUMBER} rings at nacht"
    rings.toml.write_text(f'name = "Empfang"\nlanguage = "de"\n[phone]\nnumbers = ["{NUMBER}"]\n')
    (rings.toml.parents[1] / "nacht/assistant.toml").write_text('name = "Nacht"\nlanguage = "de"\n')
    moved = only(examined(rings), "numbers", "broken")
    assert moved.remedy == "agentctl sync", "the files alone have moved it since"
    assert rings("sync", "--yes")[0] == 0


def test_a_number_that_was_led_elsewhere_at_twilio(rings: Bench) -> None:
    (number,) = rings.twilio().incoming_phone_numbers.list(phone_number=NUMBER)
    number.update(voice_url="https://other.example.org/")
    broken = only(examined(rings), "numbers", "broken")
    assert broken.what == f"{NUMBER}: Twilio does not send its calls to ElevenLabs but to https://other.example.org/"
    assert f"agentctl import-number {NUMBER} --assistant empfang" in broken.remedy


def test_a_number_that_left_the_twilio_account(rings: Bench) -> None:
    rings.sandbox.fault(
        method="GET", path="/2010-04-01/*/IncomingPhoneNumbers.json", status=200, body={"incoming_phone_numbers": []}
    )
    broken = only(examined(rings), "numbers", "broken")
    assert broken.what == f"the Twilio account has no number {NUMBER} any more"


def test_wrong_twilio_credentials(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "quite-wrong")
    report = examined(rings)
    assert "TWILIO_AUTH_TOKEN" in only(report, "twilio", "broken").remedy
    assert "quite-wrong" not in repr(report)
    assert "Twilio's side could not be examined" in only(report, "numbers", "warning").what


def test_without_twilio_credentials(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TWILIO_ACCOUNT_SID")
    report = examined(rings)
    assert states(report, "twilio") == {"skipped"}
    assert states(report, "numbers") == {"ok"}


# Mail, digest, door


@contextmanager
def mail_server(password: str = "right") -> Iterator[int]:
    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == password.encode(), handled=False)

    port = free_port()
    controller = Controller(
        object(), hostname="127.0.0.1", port=port, authenticator=authenticate, auth_require_tls=False
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def test_the_mail_route(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    what = {finding.what for finding in examined(rings)["mail"]}
    assert what == {"nobody gets a mail after calls of empfang", "no mail route: mails wait in the outbox"}
    monkeypatch.setenv("MAIL_FROM", "telefon@example.org")
    with mail_server() as port:
        monkeypatch.setenv("SMTP_URL", f"smtp://me:right@127.0.0.1:{port}")
        assert only(examined(rings), "mail", "ok").what == "the smtp route accepts us"
        monkeypatch.setenv("SMTP_URL", f"smtp://me:wrong-word@127.0.0.1:{port}")
        report = examined(rings)
        assert "SMTP_URL" in only(report, "mail", "broken").remedy
        assert "wrong-word" not in repr(report)
    report = examined(rings)
    assert "no answer" in only(report, "mail", "broken").what
    assert states(report, "digest") == {"ok"}
    monkeypatch.setenv("SMTP_URL", "smtp://me:wrong-word@mail.example.org?tls=perhaps")
    report = examined(rings)
    assert "SMTP_URL" in only(report, "mail", "broken").what
    assert "wrong-word" not in repr(report)


def test_resend(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_FROM", "telefon@example.org")
    monkeypatch.setenv("RESEND_API_KEY", "re_wrong_word")
    with answering({"/domains": as_json({"name": "validation_error", "message": "API key re_wrong_word"}, 401)}) as url:
        monkeypatch.setenv("RESEND_BASE_URL", url)
        report = examined(rings)
    assert "RESEND_API_KEY" in only(report, "mail", "broken").remedy
    assert "re_wrong_word" not in repr(report)
    with answering({"/domains": as_json({"data": []})}) as url:
        monkeypatch.setenv("RESEND_BASE_URL", url)
        assert only(examined(rings), "mail", "ok").what == "the resend route accepts us"


@pytest.mark.parametrize(
    ("page", "state", "said"),
    [
        (as_json({"data": [{"id": "klug-1"}]}), "ok", "made by klug-1 at 127.0.0.1"),
        (as_json({"data": [{"id": "klug-2"}]}), "warning", "Did you mean klug-2?"),
        (as_json({"error": {"code": "invalid_api_key"}}, 401), "broken", "LLM_API_KEY"),
        (as_json({"error": "no such path"}, 404), "ok", "made by klug-1 at 127.0.0.1"),
        (WEB_PAGE, "broken", "LLM_BASE_URL"),
    ],
)
def test_the_language_model(
    rings: Bench, monkeypatch: pytest.MonkeyPatch, page: tuple[int, str, str], state: str, said: str
) -> None:
    monkeypatch.setenv("LLM_MODEL", "klug-1")
    monkeypatch.setenv("LLM_API_KEY", "sk-quite-secret")
    with answering({"/v1/models": page}) as url:
        monkeypatch.setenv("LLM_BASE_URL", f"{url}/v1")
        report = examined(rings)
    finding = only(report, "digest", state)
    assert said in finding.what + finding.remedy
    assert "sk-quite-secret" not in repr(report)


def test_a_language_model_that_is_away(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_MODEL", "klug-1")
    monkeypatch.setenv("LLM_BASE_URL", f"http://127.0.0.1:{free_port()}/v1")
    assert "cannot be reached" in only(examined(rings), "digest", "broken").what


ALIVE = as_json({"status": "alive"})
READY = as_json({"status": "ready"})
DELIVERIES = "/webhooks/elevenlabs"


@pytest.mark.parametrize(
    ("pages", "state", "said"),
    [
        ({"/healthz": WEB_PAGE}, "broken", "does not lead to the door"),
        ({"/healthz": as_json({"detail": "Not Found"}, 404)}, "broken", "agentctl serve"),
        (
            {"/healthz": ALIVE, "/readyz": as_json({"reason": "the store cannot be reached"}, 503)},
            "broken",
            "the store cannot be reached",
        ),
        ({"/healthz": ALIVE, "/readyz": READY, DELIVERIES: as_json({}, 401)}, "broken", "knows another secret"),
        ({"/healthz": ALIVE, "/readyz": READY, DELIVERIES: as_json({}, 413)}, "broken", "larger"),
        ({"/healthz": ALIVE, "/readyz": READY, DELIVERIES: as_json({}, 400)}, "ok", "signed with our secret"),
    ],
)
def test_where_the_public_url_leads(
    rings: Bench, monkeypatch: pytest.MonkeyPatch, pages: dict[str, tuple[int, str, str]], state: str, said: str
) -> None:
    monkeypatch.setenv("ELEVENLABS_WEBHOOK_SECRET", SECRET)
    with answering(pages) as url:
        monkeypatch.setenv("PUBLIC_URL", url)
        finding = only(examined(rings), "door", state)
    assert said in finding.what + finding.remedy
    assert SECRET not in repr(finding)


def test_a_public_url_where_nobody_answers_or_everybody_listens(rings: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", f"http://127.0.0.1:{free_port()}")
    assert "no answer from the door" in only(examined(rings), "door", "broken").what
    monkeypatch.setenv("PUBLIC_URL", "http://door.example.invalid")
    assert "in the clear" in examined(rings)["door"][0].what
