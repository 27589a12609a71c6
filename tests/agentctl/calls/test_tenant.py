"""Two tenants and an agent that is nobody's, from one door through one worker: each has its own, and nothing else."""

from __future__ import annotations

import asyncio
import base64
import copy
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from agentctl import worker
from agentctl.calls import erasure, inbox, number
from agentctl.calls.digest import digester
from agentctl.calls.intake import Intake
from agentctl.calls.jobs import EventJob, MailJob
from agentctl.calls.mail import Letterhead
from agentctl.calls.outbox import Mail
from agentctl.calls.retention import Retained, erase_abandoned, retain
from agentctl.calls.tenant import TenantStore, recordings_of, store_of
from agentctl.clients.recordings import Directory
from agentctl.worker import Tally
from tests.agentctl.calls.fakes import FakeRecordings, conversation
from tests.stores import Store

pytestmark = pytest.mark.anyio
NUMBER = "+498999998100"
# Keys that differ only where one has to look twice; the third agent is nobody's.
WHOSE = {"acme": "empfang", "beta": "empfang-2", "default": None}


class Route:
    name = "test"

    def __init__(self) -> None:
        self.sent: list[Mail] = []

    async def send(self, mail: Mail) -> str:
        self.sent.append(mail)
        return "sent"


def called(tenant: str) -> dict[str, Any]:
    data = copy.deepcopy(conversation())
    data |= {"conversation_id": f"conv_{tenant}", "agent_id": f"agent_{tenant}"}
    data["metadata"]["phone_call"]["external_number"] = NUMBER
    return {"type": "post_call_transcription", "event_timestamp": 1_763_600_000, "data": data}


def heard(tenant: str) -> bytes:
    sound = base64.b64encode(f"the sound of {tenant}".encode()).decode()
    data = {"conversation_id": f"conv_{tenant}", "agent_id": f"agent_{tenant}", "full_audio": sound}
    return json.dumps({"type": "post_call_audio", "event_timestamp": 1_763_600_000, "data": data}).encode()


async def delivered(store: Store) -> None:
    """All of it, twice, at once."""
    for tenant, key in WHOSE.items():
        if key is not None:
            row = {"project": "praxis", "environment": "production", "workspace": "w", "key": key, "name": key}
            settings = {"mail_to": ["team@example.org"], "action_items": True}
            row |= {"tenant": tenant, "language": "de", "agent_id": f"agent_{tenant}"}
            await store.call("save_assistant", {**row, "post_call": settings})
    intake = Intake(store)
    bodies = [json.dumps(called(tenant)).encode() for tenant in WHOSE]
    await asyncio.gather(*(intake.accept(body, inbox.peek(body), "webhook") for body in bodies * 2))
    for tenant in WHOSE:
        body = heard(tenant)

        async def parts(body: bytes = body) -> AsyncIterator[bytes]:
            for at in range(0, len(body), 100):
                yield body[at : at + 100]

        await inbox.accept_large(store, parts(), inbox.peek(body), hashlib.sha256(body).hexdigest(), len(body))


async def worked(store: Store, shelf: Path) -> tuple[Tally, list[Mail]]:
    route = Route()
    jobs = [
        EventJob(store, digester(), Directory(shelf), Letterhead("a@example.org"), worker="w", at_once=2),
        MailJob(store, route, worker="w"),
    ]
    return await worker.run(jobs, once=True), route.sent


async def shown(store: Store, tenant: str, conversation: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = await store_of(store, tenant).call(
        "show_call", {"conversation_id": f"conv_{conversation}"}
    )
    return found


async def test_each_has_its_own_calls_mails_and_recordings(store: Store, tmp_path: Path) -> None:
    await delivered(store)
    tally, sent = await worked(store, tmp_path)

    assert tally == Tally(done=3 + 3 + 2)
    for tenant, key in WHOSE.items():
        call = await shown(store, tenant, tenant)
        assert call is not None
        assert (call["assistant"], call["digest"]["engine"], len(call["events"])) == (key, "elevenlabs", 2)
        assert len(call["turns"]) == 6
        assert [mail["status"] for mail in call["mails"]] == (["sent"] if key else [])
        file = Path(urlsplit(call["recording"]["location"]).path)
        assert file.read_text() == f"the sound of {tenant}"
        assert file.parent == tmp_path / tenant
        assert [await shown(store, other, tenant) for other in WHOSE if other != tenant] == [None, None]
    # As receivers know a repetition by it, it is another one for each tenant.
    assert {mail.tenant: mail.message_id for mail in sent} == {
        tenant: Letterhead("a@example.org", tenant).message_id(f"conv_{tenant}", "call", "team@example.org")
        for tenant in ("acme", "beta")
    }


async def test_who_is_forgotten_by_one_tenant_stays_with_the_others(store: Store, tmp_path: Path) -> None:
    await delivered(store)
    await worked(store, tmp_path)
    acme, called_from = store_of(store, "acme"), number.read(NUMBER)
    assert called_from is not None

    traces = await erasure.of_number(acme, called_from)
    assert traces.conversation_ids == ("conv_acme",)
    await erasure.mark(acme, traces, keep_remote=True)
    await erasure.erase(acme, traces.conversation_ids)
    assert await erase_abandoned(acme, recordings_of(Directory(tmp_path), "acme")) == 0, "it is no second one"
    (left,) = await erasure.remains(acme, ["conv_acme"])
    assert await recordings_of(Directory(tmp_path), "acme").erase(left.conversation_id, left.recording)

    assert [await shown(store, tenant, tenant) is None for tenant in WHOSE] == [True, False, False]
    assert sorted(path.parent.name for path in tmp_path.glob("*/*")) == ["beta", "default"]
    body = json.dumps(called("acme")).encode()
    assert (await inbox.accept(store, body, inbox.peek(body), "webhook")).id is None
    late = called("beta")
    late["event_timestamp"] += 9
    body = json.dumps(late).encode()
    assert (await inbox.accept(store, body, inbox.peek(body), "webhook")).new
    assert (await worked(store, tmp_path))[0] == Tally(done=1)


async def test_what_the_project_keeps_for_so_long_goes_of_each_tenant(
    store: Store, tmp_path: Path, cluster: Any, dsn: str
) -> None:
    await delivered(store)
    await worked(store, tmp_path)
    for table, column in (("calls", "started_at"), ("events", "received_at"), ("recordings", "stored_at")):
        cluster.execute(f"update agentctl.{table} set {column} = now() - interval '9 days'", dsn.rpartition("/")[2])
    days = {"transcripts": 7, "audio": 7, "raw_events": 7}
    await store.call("save_retention", {"project": "praxis", "environment": "production", **days})

    found = [row["tenant"] for row in await store.call("tenants", {})]
    assert found == sorted(WHOSE)
    for tenant in found:
        done = await retain(store_of(store, tenant), recordings_of(Directory(tmp_path), tenant))
        assert done == Retained(calls=1, recordings=1, events=2)
    assert list(tmp_path.glob("*/*")) == []
    for tenant in WHOSE:
        body = json.dumps(called(tenant)).encode()
        assert (await inbox.accept(store, body, inbox.peek(body), "webhook")).id is None


async def test_a_tenant_is_named_in_each_step_and_the_operator_in_none(tmp_path: Path) -> None:
    class Heard:
        async def call(self, function: str, args: Any, *, timeout: float = 10.0) -> Any:
            return function, args, timeout

    assert await store_of(Heard(), "acme").call("f", {"x": 1}, timeout=2) == ("f", {"x": 1, "tenant": "acme"}, 2)
    assert await store_of(Heard(), "default").call("f", {}) == ("f", {}, 10)
    assert await TenantStore(Heard(), "default").call("f", {}) == ("f", {"tenant": "default"}, 10)
    operators = FakeRecordings()
    assert recordings_of(operators, "default") is operators  # type: ignore[arg-type,comparison-overlap]
    assert Directory(tmp_path).of("../../etc").path.parent == tmp_path
