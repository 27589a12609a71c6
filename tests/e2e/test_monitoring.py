"""A door and a worker after some traffic, as a monitor sees them: every figure, every span, and nothing of a caller."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from shutil import which
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from agentctl.clients.otlp import trace_id
from agentctl.sandbox.harness import running_thread
from agentctl.settings import Settings
from agentctl.sources.init import write
from agentctl.verbs import door, sync
from agentctl.verbs.calls.queue import queue
from agentctl.wiring import Control, connect
from tests.canaries import CANARIES
from tests.chat import chatting
from tests.cluster import free_port
from tests.collector import Collector, Told, collecting
from webhooks.receipt import HEADER as REQUEST_ID
from webhooks.signature import HEADER, sign

SAMPLE = json.loads((Path(__file__).parents[1] / "samples" / "post_call_transcription.json").read_text("utf-8"))
CONVERSATION = SAMPLE["data"]["conversation_id"]
SECRET = SecretStr("wsec_only_for_tests")
SAID = {"summary": "Rückruf erbeten.", "title": "Rückruf", "outcome": "callback", "action_items": []}
MONITORING = files("agentctl") / "templates" / "monitoring"
NAME = re.compile(r"\bagentctl_\w+")


@dataclass
class Seen:
    """What there is to see of the traffic."""

    text: str
    collector: Collector
    answers: list[httpx.Response]

    def value(self, name: str, **labels: str) -> float:
        """One figure."""
        (found,) = (
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == f"agentctl_{name}" and labels.items() <= sample.labels.items()
        )
        return found


async def drifted(control: Control) -> None:
    """A sync, something that somebody changes there, and the plan that finds it."""
    assert not (await sync.apply(control, await sync.plan(control))).failures
    (agent,) = (await control.bindings()).of("agent").values()
    await control.api.patch("/v1/convai/agents/{agent_id}", agent_id=agent, json={"name": "Somebody's"})
    assert (await sync.plan(control)).changes


async def delivered(control: Control, url: str) -> list[httpx.Response]:
    """One that is refused, one that is taken, the same again."""
    (agent,) = (await control.bindings()).of("agent").values()
    body = json.dumps({**SAMPLE, "data": {**SAMPLE["data"], "agent_id": agent}}).encode()
    answers = []
    async with httpx.AsyncClient(timeout=20) as client:
        for secret, given in (("wrong", "not sane!"), (SECRET.get_secret_value(), "proxy-0123456789"), (SECRET, "")):
            key = secret if isinstance(secret, SecretStr) else SecretStr(secret)
            headers = {HEADER: sign(body, key, int(time.time())), REQUEST_ID: given}
            answers.append(await client.post(url, content=body, headers=headers))
    return answers


async def waiting(control: Control) -> int:
    standing = await queue(control)
    return sum(sum(standing[name].values()) for name in ("events", "mails"))


async def traffic(control: Control) -> tuple[str, list[httpx.Response]]:
    """What /metrics of a door with its worker says once everything is done."""
    await drifted(control)
    address, stop = asyncio.get_running_loop().create_future(), asyncio.Event()
    serving = asyncio.create_task(door.serve(control, port=0, ready=address.set_result, stop=stop))
    answers = await delivered(control, url := await address)
    async with asyncio.timeout(30), httpx.AsyncClient() as client:
        while await waiting(control):  # noqa: ASYNC110  (the end is in a database)
            await asyncio.sleep(0.05)
        text = (await client.get(url.replace("/webhooks/elevenlabs", "/metrics"))).text
    stop.set()
    await serving
    return text, answers


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Any:
    lender = request.getfixturevalue("databases")(request.getfixturevalue("clusters")("wheel"))
    dsn, home = lender.lend(), tmp_path_factory.mktemp("monitoring") / "telephone"
    write(home, project="telephone")
    toml = home / "assistants" / "empfang" / "assistant.toml"
    toml.write_text(re.sub(r"^numbers = .*$", "numbers = []", toml.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    with ExitStack() as stack:
        sandbox, model = stack.enter_context(running_thread()), stack.enter_context(chatting(lambda user: SAID))
        collector = stack.enter_context(collecting())
        mailbox = Controller(Sink(), hostname="127.0.0.1", port=free_port())
        mailbox.start()
        stack.callback(mailbox.stop)
        settings = Settings(
            database_url=SecretStr(dsn), elevenlabs_base_url=sandbox.url, elevenlabs_api_key=SecretStr(sandbox.key),
            elevenlabs_webhook_secret=(SECRET,), llm_base_url=model.url, llm_model="m", llm_price_in=1, llm_price_out=2,
            smtp_url=SecretStr(f"smtp://127.0.0.1:{mailbox.port}"), mail_from="telefon@example.org",
            otel_exporter_otlp_endpoint=collector.url,
            otel_exporter_otlp_headers=SecretStr("authorization=Bearer%20only-for-tests"),
        )  # fmt: skip

        async def scene() -> tuple[str, list[httpx.Response]]:
            async with connect(home, settings=settings) as control:
                return await traffic(control)

        text, answers = asyncio.run(scene())
    yield Seen(text, collector, answers)
    lender.give_back(dsn)


def test_every_figure_of_dashboard_and_rules_is_there(seen: Seen) -> None:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text("utf-8"))
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    rules = re.findall(r"^ +expr: (.*)$", (MONITORING / "alerts.yml").read_text("utf-8"), re.MULTILINE)
    assert (len(queries) > 20, len(rules) > 10) == (True, True)
    there = {sample.name for family in text_string_to_metric_families(seen.text) for sample in family.samples}
    wanted = {name for expression in (*queries, *rules) for name in NAME.findall(expression)}
    assert wanted - there == set()
    shown = {name for expression in queries for name in NAME.findall(expression)}
    assert {re.sub(r"_(bucket|sum|count)$", "_bucket", name) for name in there} - shown == set(), "of no use to anybody"


def test_what_happened_was_counted(seen: Seen) -> None:
    assert seen.value("deliveries_total", status="200") >= 2
    assert seen.value("deliveries_total", status="401") >= 1
    assert seen.value("delivery_duration_seconds_count") >= 3
    assert seen.value("events_accepted_total", source="webhook", outcome="new") >= 1
    assert seen.value("events_accepted_total", source="webhook", outcome="again") >= 1
    assert seen.value("events_processed_total", outcome="stored") >= 1
    assert seen.value("work_total", job="mails", outcome="done") >= 1
    assert seen.value("mails_sent_total", route="smtp", outcome="sent") >= 1
    assert seen.value("digests_total", engine="llm") >= 1
    assert seen.value("llm_tokens_total", direction="in") >= 1000
    assert seen.value("llm_cost_total") >= 0.0012
    assert seen.value("elevenlabs_requests_total", method="POST", status="200") >= 1
    assert seen.value("sync_changes_total", kind="agent", action="create", outcome="done") >= 1
    assert seen.value("sync_drift_found_total", kind="agent") >= 1
    assert seen.value("events", state="pending") == 0


def test_each_request_has_an_id(seen: Seen) -> None:
    ids = [answer.headers[REQUEST_ID] for answer in seen.answers]
    assert ids[1] == "proxy-0123456789"
    assert all(re.fullmatch("[0-9a-f]{32}", made) for made in (ids[0], ids[2]))
    assert len(set(ids)) == 3


def test_a_call_is_one_trace_from_its_receipt_to_its_mail(seen: Seen) -> None:
    trace = f"{trace_id(CONVERSATION):032x}"
    ours = [span for span in seen.collector.spans if span.trace == trace]
    by_id = {span.id: span for span in ours}

    def above(span: Told) -> str | None:
        return by_id[span.parent].name if span.parent in by_id else None

    tree = {(span.name, span.kind, above(span)) for span in ours}
    assert {
        ("POST /webhooks/elevenlabs", "server", None),
        ("accept events", "producer", "POST /webhooks/elevenlabs"),
        ("process events", "consumer", None),
        ("digest", "internal", "process events"),
        ("chat m", "client", "digest"),
        ("process mails", "consumer", None),
        ("send smtp", "client", "process mails"),
    } == tree
    (chat,) = seen.collector.named("chat m")
    assert chat.attributes["gen_ai.usage.input_tokens"] == 1000
    accepted = [span.attributes for span in seen.collector.named("accept events")]
    assert {one["agentctl.outcome"] for one in accepted} == {"new", "again"}


def test_a_sync_is_one_too_with_its_requests(seen: Seen) -> None:
    (applied,) = seen.collector.named("sync apply")
    changes = [span for span in seen.collector.named("sync change") if span.parent == applied.id]
    assert {span.attributes["agentctl.kind"] for span in changes} >= {"agent", "knowledge_document"}
    made = [span for span in seen.collector.named("POST /v1/convai/agents/create") if span.trace == applied.trace]
    assert made[0].attributes | {"http.response.status_code": 200, "http.request.method": "POST"} == made[0].attributes
    assert len(seen.collector.named("sync plan")) == 2


def test_a_refusal_says_so_and_the_collector_knows_who_tells(seen: Seen) -> None:
    refused = [s for s in seen.collector.spans if s.attributes.get("http.response.status_code") == 401]
    assert [(span.name, span.failed) for span in refused] == [("POST /webhooks/elevenlabs", False)]
    assert seen.collector.resource["service.name"] == "agentctl"
    assert {headers["authorization"] for headers in seen.collector.headers} == {"Bearer only-for-tests"}


def test_nothing_of_a_caller_and_no_secret_is_told(seen: Seen) -> None:
    told = seen.text + seen.collector.raw.decode("utf-8", "replace")
    words = (*CANARIES, "only_for_tests", "only-for-tests", SAID["summary"], "example.org")
    assert [word for word in words if word.casefold() in told.casefold()] == []
    assert CONVERSATION not in seen.text


@pytest.mark.skipif(which("promtool") is None, reason="promtool is not here")
def test_the_rules_alert_when_they_should(tmp_path: Path) -> None:
    (tmp_path / "alerts.yml").write_bytes((MONITORING / "alerts.yml").read_bytes())
    trial = tmp_path / "trial.yml"
    trial.write_text((Path(__file__).parents[1] / "samples" / "alerts_trial.yml").read_text("utf-8"), "utf-8")
    done = subprocess.run([which("promtool") or "", "test", "rules", str(trial)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
