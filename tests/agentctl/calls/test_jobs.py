import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from agentctl import worker
from agentctl.calls.digest import digester
from agentctl.calls.jobs import EventJob, MailJob, describe
from agentctl.calls.outbox import Mail
from agentctl.errors import DigestError, MailError, RateLimited, StoreSilent, StoreUnavailable, Unreachable
from tests.agentctl.calls.fakes import FakeRecordings, FakeStore, encoded, event, sample
from tests.agentctl.calls.test_outbox import MAIL, ROW, Route

pytestmark = pytest.mark.anyio


def events(store: FakeStore) -> EventJob:
    return EventJob(store, digester(), FakeRecordings(), worker="w")


async def test_claims_name_the_worker_and_its_terms() -> None:
    store = FakeStore()
    await events(store).claim(3)
    await MailJob(store, Route(), worker="w").claim(2)
    terms = {"worker": "w", "lease_seconds": 15.0}
    assert store.args("claim_events") == {**terms, "limit": 3, "max_attempts": 5, "sound": None}
    assert store.args("claim_mails") == {**terms, "limit": 2, "max_attempts": 12}


async def test_run_says_whether_it_was_still_ours() -> None:
    assert await events(FakeStore()).run(event(sample("post_call_transcription")))
    assert not await events(FakeStore(store_call={"held": False, "stored": False})).run(
        event(sample("post_call_transcription"))
    )
    assert await MailJob(FakeStore(), Route()).run(MAIL)


async def test_what_is_refused_is_done_with_and_nobody_is_said_to_have_it(caplog: pytest.LogCaptureFixture) -> None:
    refused = FakeStore(store_call={"held": False, "stored": False}, refusal={"reason": "forgotten"})
    with caplog.at_level("INFO"):
        assert await events(refused).run(event(sample("post_call_transcription")))
    assert "event event-1 is refused: its call or its caller was forgotten" in caplog.text


async def test_leases_are_renewed_in_their_own_queue() -> None:
    store = FakeStore()
    assert await events(store).renew(event({}))
    assert store.args("renew") == {"queue": "events", "id": "event-1", "attempt": 1, "lease_seconds": 15.0}
    store = FakeStore(renew={"held": False})
    assert not await MailJob(store, Route()).renew(MAIL)
    assert store.args("renew")["queue"] == "outbox"


async def test_failures_are_given_back_with_a_delay() -> None:
    store = FakeStore()
    await events(store).fail(event({}), DigestError("no model"), 15.0)
    assert store.args("fail_event") == {
        "id": "event-1", "attempt": 1, "error": "no model", "outage": False, "delay_seconds": 15.0, "max_attempts": 5,
        "fault": "DigestError",
    }  # fmt: skip


@pytest.mark.parametrize("error", [StoreUnavailable("down"), Unreachable("down"), RateLimited("429")])
async def test_what_waits_for_something_that_is_away_is_not_to_blame_and_tried_soon(error: Exception) -> None:
    store = FakeStore()
    await events(store).fail(event({}), error, 3600.0)
    await MailJob(store, Route()).fail(MAIL, MailError("no answer", outage=True), 3600.0)
    for function in ("fail_event", "mail_failed"):
        assert (store.args(function)["outage"], store.args(function)["delay_seconds"]) == (True, 300.0)


async def test_a_store_that_was_reached_and_is_silent_may_be_the_events_doing() -> None:
    store = FakeStore()
    await events(store).fail(event({}), StoreSilent("no answer within 10 s"), 3600.0)
    assert (store.args("fail_event")["outage"], store.args("fail_event")["delay_seconds"]) == (False, 3600.0)


async def test_what_is_given_back_names_its_queue() -> None:
    store = FakeStore(release={"held": True})
    await events(store).release(event({}))
    assert store.args("release") == {"queue": "events", "id": "event-1", "attempt": 1}


@pytest.mark.parametrize(
    ("error", "permanent"),
    [(MailError("refused", permanent=True), True), (MailError("later"), False), (TimeoutError(), False)],
)
async def test_only_a_refused_mail_is_permanent(error: Exception, permanent: bool) -> None:
    store = FakeStore()
    await MailJob(store, Route()).fail(MAIL, error, 15.0)
    assert store.args("mail_failed")["permanent"] is permanent


def test_of_an_unforeseen_error_only_type_and_place_are_recorded() -> None:
    try:
        raise KeyError("was die Anruferin sagte")
    except KeyError as error:
        described = describe(error)
    assert described.startswith("KeyError at test_jobs.py:")
    assert "Anruferin" not in described


async def test_each_event_fetches_its_own_payload_and_fails_alone() -> None:
    raw = json.dumps(sample("post_call_transcription")).encode()
    claimed = replace(event(sample("post_call_transcription")), payload=None)

    def found(args: Mapping[str, Any]) -> Any:
        return (
            StoreUnavailable("slow")
            if args["id"] == "large"
            else {"payload": encoded(raw), "size": len(raw), "parts": 0}
        )

    rows = [{**vars(claimed), "id": name, "assistant": None} for name in ("large", "small")]
    handed = iter([rows, []])
    store = FakeStore(claim_events=lambda _args: next(handed, []), find_event=found)
    tally = await worker.run([events(store)], once=True)
    assert (tally.done, tally.failed) == (1, 1)
    assert store.args("fail_event")["id"] == "large"
    assert store.args("store_call")["event_id"] == "small"


async def test_a_killed_worker_leaves_one_mail_at_most_that_is_sent_and_not_recorded() -> None:
    waiting, under_way = [{**ROW, "id": f"m{number}"} for number in range(6)], 0
    most = 0

    def recorded(_args: Mapping[str, Any]) -> dict[str, bool]:
        nonlocal under_way
        under_way -= 1
        return {"held": True}

    class Counting(Route):
        async def send(self, mail: Mail) -> str:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            return await super().send(mail)

    store = FakeStore(
        claim_mails=lambda args: [waiting.pop() for _ in range(min(args["limit"], len(waiting)))], mail_sent=recorded
    )
    assert (await worker.run([MailJob(store, Counting())], once=True)).done == 6
    assert most == 1
