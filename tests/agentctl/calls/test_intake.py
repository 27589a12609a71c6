import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from agentctl.calls.inbox import Accepted, Heading, peek
from agentctl.calls.intake import Intake
from agentctl.errors import StoreBehind, StoreError, StoreUnavailable

pytestmark = pytest.mark.anyio
HEADING = Heading("post_call_transcription", "conv_1", "agent_1", 1)


class Ledger:
    """A store whose commits end when they are let; `poison` is a body that it refuses."""

    def __init__(self, *, poison: bytes = b"", failure: Exception | None = None) -> None:
        self.batches: list[list[bytes]] = []
        self.committed: list[bytes] = []
        self.go = asyncio.Event()
        self.poison = poison
        self.failure = failure

    async def call(self, function: str, args: Mapping[str, Any], *, timeout: float = 10.0) -> Any:
        bodies = [event["payload"] for event in (args["events"] if function == "accept_many" else [args])]
        self.batches.append(bodies)
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        if self.poison in bodies:
            raise StoreError("refused")
        answers = [{"id": len(self.committed) + at, "new": True} for at in range(len(bodies))]
        self.committed += bodies
        return answers if function == "accept_many" else answers[0]


def sending(intake: Intake, *bodies: bytes) -> list[asyncio.Task[Accepted]]:
    return [asyncio.create_task(intake.accept(body, HEADING, "webhook")) for body in bodies]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_lone_delivery_goes_at_once_and_what_comes_meanwhile_goes_together() -> None:
    ledger = Ledger()
    intake = Intake(ledger, commits=1)
    first = sending(intake, b"1")
    await settle()
    assert ledger.batches == [[b"1"]]
    others = sending(intake, b"2", b"3", b"4")
    await settle()
    assert ledger.batches == [[b"1"]]
    ledger.go.set()
    assert [accepted.id for accepted in await asyncio.gather(*first, *others)] == [0, 1, 2, 3]
    assert ledger.batches == [[b"1"], [b"2", b"3", b"4"]]


async def test_nobody_is_answered_before_the_commit() -> None:
    ledger = Ledger()
    tasks = sending(Intake(ledger), b"1", b"2", b"3")
    await settle()
    assert not any(task.done() for task in tasks)
    ledger.go.set()
    await asyncio.gather(*tasks)
    assert sorted(ledger.committed) == [b"1", b"2", b"3"]


async def test_a_transaction_has_its_limits() -> None:
    ledger = Ledger()
    intake = Intake(ledger, commits=1, most=3, most_bytes=10)
    tasks = sending(intake, b"x" * 20, *[b"%d" % number for number in range(5)], b"y" * 9, b"zz")
    ledger.go.set()
    await asyncio.gather(*tasks)
    assert [[len(body) for body in batch] for batch in ledger.batches] == [[20], [1, 1, 1], [1, 1], [9], [2]]


async def test_one_that_the_store_refuses_harms_nobody_else() -> None:
    ledger = Ledger(poison=b"bad")
    ledger.go.set()
    answers = await asyncio.gather(*sending(Intake(ledger), b"1", b"bad", b"2"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Accepted, StoreError, Accepted]
    assert ledger.committed == [b"1", b"2"]


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), StoreBehind("old"), KeyError("what was said")])
async def test_a_store_that_is_away_is_an_error_for_all_of_them_and_not_asked_for_each(failure: Exception) -> None:
    ledger = Ledger(failure=failure)
    ledger.go.set()
    answers = await asyncio.gather(*sending(Intake(ledger), b"1", b"2", b"3"), return_exceptions=True)
    assert all(isinstance(answer, StoreError) and "what was said" not in str(answer) for answer in answers)
    assert len(ledger.batches) == 1
    ledger.failure = None
    assert (await sending(Intake(ledger), b"4")[0]).new


async def test_what_its_sender_has_given_up_is_not_stored_later() -> None:
    ledger = Ledger()
    intake = Intake(ledger, commits=1)
    first = sending(intake, b"1")
    await settle()
    given_up, patient = sending(intake, b"2", b"3")
    await settle()
    given_up.cancel()
    ledger.go.set()
    await asyncio.gather(*first, patient)
    assert ledger.committed == [b"1", b"3"]


async def test_many_at_once_are_stored_once_each(postgres_store: Any) -> None:
    intake = Intake(postgres_store)
    bodies = [b'{"type":"t","data":{"conversation_id":"c%d"}}' % (number % 100) for number in range(300)]
    start = time.monotonic()
    answers = await asyncio.gather(*(intake.accept(body, peek(body), "webhook") for body in bodies))
    assert time.monotonic() - start < 5
    assert sum(answer.new for answer in answers) == 100
    assert len({answer.id for answer in answers}) == 100
    assert len(await postgres_store.call("list_events", {"states": None, "limit": 500})) == 100


async def test_what_is_accepted_is_logged_without_a_word_of_a_caller(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger()
    ledger.go.set()
    with caplog.at_level("INFO"):
        await Intake(ledger).accept(b"1", Heading("Hans Wurzel", "conv_1\nHans", "agent_1", 1), "webhook")
        await Intake(ledger).accept(b"2", HEADING, "webhook")
    assert "Hans" not in caplog.text
    assert "accepted: [('post_call_transcription', 'conv_1')]" in caplog.text
