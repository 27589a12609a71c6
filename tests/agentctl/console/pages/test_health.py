"""agentctl.console.pages.health: what waits, what was given up, and who is told of whose."""

from __future__ import annotations

import asyncio
import csv
import io
import re
from typing import Any

import psycopg
import pytest

from agentctl.errors import AgentctlError
from agentctl.verbs.calls import audit
from tests.console import HERE, Guest, demoted, text, token
from tests.stores import mail, running, stored

pytestmark = pytest.mark.anyio


async def given_up(
    guest: Guest, name: str, tenant: str = "default", error: str = "no turns", fault: str | None = None
) -> str:
    """An event that a worker has given up."""
    store = await guest.control.store()
    fence = await running(store, name)
    failed = {**fence, "error": error, "fault": fault, "max_attempts": 1, "delay_seconds": 0}
    assert (await store.call("fail_event", failed))["state"] == "dead"
    async with await connected(guest) as database:
        await database.execute("update agentctl.events set tenant = %s where id = %s", (tenant, fence["id"]))
    return str(fence["id"])


async def connected(guest: Guest) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(await guest.control.storehouse.dsn(), autocommit=True)


async def state(guest: Guest, event: str) -> str:
    async with await connected(guest) as database:
        found = await (await database.execute("select state from agentctl.events where id = %s", (event,))).fetchone()
    assert found
    return str(found[0])


async def test_nothing_to_do_is_said_so(operator: Guest) -> None:
    page = text(await operator.see("/health"))
    assert "Nothing was given up, and nothing waits for too long." in page
    assert "No worker has done its duties here yet" in page


async def test_one_event_or_all_are_tried_again_by_name(operator: Guest) -> None:
    first, second = await given_up(operator, "conv_1"), await given_up(operator, "conv_2", error="<script>alert(1)")
    page = await operator.see("/health")
    assert "2 given up" in text(page)
    assert "<script>alert" not in page
    assert re.search(rf'href="/events/{first}"', page)

    sent = await operator.send("/health/again", page="/health", event=first)
    assert "1 waits for a worker again." in text(await operator.see(sent.headers["location"]))
    assert [await state(operator, one) for one in (first, second)] == ["pending", "dead"]
    await operator.send("/health/again", page="/health", event="")
    assert await state(operator, second) == "pending"
    assert "there is nothing to process again" in text((await operator.send("/health/again", event="conv_9")).text)
    told = [one["subject"]["event"] for one in await audit.audit(operator.control) if one["action"] == "retry"]
    assert told == ["all", first]


async def test_what_was_stored_in_english_is_told_as_such(operator: Guest) -> None:
    await given_up(operator, "conv_1", error="no answer", fault="StoreSilent")
    await given_up(operator, "conv_2", error="no turns")
    lost = await given_up(operator, "conv_3", error="the worker was lost at each attempt; x", fault="StoreSilent")
    operator.http.headers["accept-language"] = "de"
    page = await operator.see("/health")
    assert page.count("Die Datenbank antwortet nicht") == 1, f"{lost} was given up for another reason"
    assert text(page).index("Die Datenbank antwortet nicht") < text(page).index("Einzelheiten (englisch) no answer")
    assert ('<p class="summary" lang="en">no turns</p>' in page, 'lang="en">no answer</p>' in page) == (True, True)


async def test_a_mail_that_was_given_up_is_there_and_is_tried_again(operator: Guest) -> None:
    store = await operator.control.store()
    fence = await running(store)
    await store.call("store_call", stored(fence, mails=[mail("team@example.org"), mail("other@example.org")]))
    for one in await store.call("claim_mails", {"worker": "w", "limit": 2, "lease_seconds": 60}):
        failed = {"error": "no <such> mailbox", "delay_seconds": 0, "max_attempts": 1}
        await store.call("mail_failed", {"id": one["id"], "attempt": 1, **failed})
    async with await connected(operator) as database:
        await database.execute("update agentctl.outbox set tenant = 'acme' where recipient like 'other%'")
    page = await operator.see("/health")
    assert "no &lt;such&gt; mailbox" in page
    assert "team@example.org" in page
    in_german = (await operator.http.get("/calls/conv_1", headers={"accept-language": "de"})).text
    assert "Einzelheiten (englisch)" in text(in_german).partition("no <such> mailbox")[0], "folded behind German words"
    (failed_one, others) = await store.call("list_mails", {"tenant": None, "states": ["dead"], "limit": 9})
    mine = min(failed_one, others, key=lambda one: one["tenant"] != "default")
    await operator.send("/health/again", page="/health", event=mine["id"])
    page = await operator.see("/health")
    assert ("team@example.org" in page, "other@example.org" in page) == (False, True)
    assert (await operator.http.get("/health?tenant=acme")).headers["location"] == "/health"


async def test_a_recording_that_was_given_up_is_told_and_tried_again_with_all(operator: Guest) -> None:
    sound = await given_up(operator, "conv_1", error="Storage is away")
    async with await connected(operator) as database:
        await database.execute("update agentctl.events set type = 'post_call_audio' where id = %s", (sound,))
    page = text(await operator.see("/health"))
    assert "Recordings 0 waiting nothing to do 1 given up" in page
    assert "Try all again that was given up" in page
    await operator.send("/health/again", page="/health", event="")
    assert await state(operator, sound) == "pending"


async def test_a_tenant_has_what_is_its_own_and_nothing_of_the_operators(operator: Guest) -> None:
    mine, other = await given_up(operator, "conv_1", "praxis"), await given_up(operator, "conv_2", "zahnarzt")
    async with await connected(operator) as database:
        await database.execute("insert into agentctl.tenants (tenant) values ('praxis'), ('zahnarzt')")
    page = await operator.see("/health?tenant=praxis")
    assert "conv_1" in page
    assert "1 given up" in text(page)
    for hidden in ("conv_2", "zahnarzt</a>", "Duties of workers", "Who is told", "Where most waits"):
        assert hidden not in page
    answer = await operator.http.get("/health.csv?tenant=praxis")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [one["id"] for one in rows] == [mine]

    refused = await operator.send("/health/again?tenant=praxis", event=other)
    assert "there is nothing to process again" in text(refused.text)
    form = {"_token": token(page), "event": ""}
    old = await operator.http.post("/health/again", data=form, headers={"origin": HERE})
    assert (old.status_code, await state(operator, mine)) == (403, "dead"), "it was for another tenant"
    await operator.send("/health/again?tenant=praxis", event="")
    assert [await state(operator, one) for one in (mine, other)] == ["pending", "dead"]
    assert "zahnarzt" in text(await operator.see("/health")), "the operator has everybody's"


async def test_syncs_of_a_tenant_are_told_once_and_tried_again(operator: Guest) -> None:
    async with await connected(operator) as database:
        await database.execute(
            "insert into agentctl.assistants (tenant, project, environment, workspace, key, name, agent_id) "
            "select 'praxis', 'p', 'e', 'w' || n, 'empfang', 'Empfang', 'agent_' || n from generate_series(1, 2) n"
        )
        await database.execute(
            "insert into agentctl.sync_jobs (tenant, project, environment, key, state, first_at, changed_at, due_at) "
            "select t, 'p', 'e', k, 'dead', now(), now(), now() "
            "from (values ('praxis', 'empfang'), ('zahnarzt', 'theke')) j (t, k)"
        )
        page = text(await operator.see("/health?tenant=praxis"))
        assert "1 given up" in page
        sent = await operator.send("/health/again?tenant=praxis", event="")
        assert "1 waits for a worker again." in text(await operator.see(sent.headers["location"]))
        jobs = await database.execute("select key, state from agentctl.sync_jobs order by key")
        assert await jobs.fetchall() == [("empfang", "pending"), ("theke", "dead")]


async def test_an_examination_goes_on_in_the_server_and_is_shown(operator: Guest) -> None:
    assert (await operator.send("/health/examination", page="/health")).headers["location"] == "/health?look=1"
    async with asyncio.timeout(30):
        while "Being examined" in (page := text(await operator.see("/health"))):
            pass
    assert "broken." in page
    assert "no agentctl.toml in" in page


async def test_what_elevenlabs_cannot_be_asked_is_told_on_the_page(operator: Guest) -> None:
    page = await operator.see("/health?look=1")
    assert re.search(r'id="webhook".*role="alert"', page, re.DOTALL)


async def test_a_tenants_examination_is_of_its_own_credentials(operator: Guest) -> None:
    store = await operator.control.store()
    for tenant in ("praxis", "zahnarzt"):
        await store.call("save_tenant", {"tenant": tenant, "set": {"elevenlabs_key": f"env:{tenant.upper()}_XI"}})
    await operator.send("/health/examination?tenant=praxis", page="/health")
    async with asyncio.timeout(30):
        while "Being examined" in (page := text(await operator.see("/health?tenant=praxis"))):
            pass
    assert "PRAXIS_XI" in page
    for hidden in ("ZAHNARZT_XI", "agentctl.toml in", "SMTP_URL"):
        assert hidden not in page
    assert "can be looked at" in text(await operator.see("/health?tenant=zahnarzt")), "another tenant's is another's"


async def test_errors_on_a_tenants_page_name_no_other(operator: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    store = await operator.control.store()
    for tenant in ("praxis", "zahnarzt"):
        await store.call("save_tenant", {"tenant": tenant, "set": {"elevenlabs_key": f"env:{tenant.upper()}_XI"}})

    def failing(*_: object) -> Any:
        raise AgentctlError("tenant zahnarzt: its key was refused")

    monkeypatch.setattr("agentctl.console.pages.health.housed", failing)
    monkeypatch.setattr("agentctl.console.checks._examined", failing)
    await operator.send("/health/examination?tenant=praxis", page="/health")
    async with asyncio.timeout(30):
        while "Being examined" in text(page := await operator.see("/health?look=1&tenant=praxis")):
            pass
    assert page.count("whoever runs agentctl is told") == 2, "of deliveries, and of the examination"
    assert "its key was refused" not in page


async def test_it_is_for_admins_alone(operator: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    event = await given_up(operator, "conv_1")
    demoted("editor", monkeypatch)
    page = await operator.see("/calls")
    assert "/health" not in page
    for path in ("/health", "/health?look=1", "/health.csv"):
        assert "Your role does not allow this" in text(await operator.see(path, 403))
    form = {"_token": token(page), "event": event}
    for path in ("/health/again", "/health/examination"):
        assert (await operator.http.post(path, data=form, headers={"origin": HERE})).status_code == 403
    assert await state(operator, event) == "dead"
