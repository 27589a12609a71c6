"""The loop alone with made-up work, then with the real jobs over the real store, killed workers included."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from agentctl import worker
from agentctl.calls import inbox
from agentctl.calls.digest import digester
from agentctl.calls.jobs import EventJob, MailJob
from agentctl.calls.missing_sound import as_event
from agentctl.calls.outbox import Mail
from agentctl.errors import MailError, StoreError, StoreUnavailable
from agentctl.worker import Tally
from tests.agentctl.calls.fakes import SAMPLES, FakeRecordings

pytestmark = pytest.mark.anyio
CONVERSATION = "conv_7401k5m9x2p8ec3rqv6dtnhb0fzw"


@dataclass(frozen=True)
class Piece:
    id: int
    attempt: int = 1
    marks: Mapping[str, str | int | None] = field(default_factory=dict)


@dataclass
class Job:
    """Hands out `due`, does with each what `does` says."""

    due: list[Any]
    does: Callable[[Piece], Any] = lambda _piece: True
    holds: Callable[[Piece], Any] = lambda _piece: True
    at_once: int = 4
    lease_seconds: float = 15.0
    deadline_seconds: float = 5.0
    grace_seconds: float = 5.0
    name: str = "pieces"
    done: list[int] = field(default_factory=list)
    failed: list[tuple[int, str, float]] = field(default_factory=list)
    released: list[int] = field(default_factory=list)
    renewed: int = 0
    claims: int = 0
    claimed: asyncio.Event = field(default_factory=asyncio.Event)

    async def claim(self, limit: int) -> list[Piece]:
        self.claims += 1
        self.claimed.set()
        if self.due and isinstance(self.due[0], Exception):
            raise self.due.pop(0)
        taken = [piece for piece in self.due[:limit] if isinstance(piece, Piece)]
        del self.due[: len(taken)]
        return taken

    async def run(self, work: Piece) -> bool:
        answer = self.does(work)
        if asyncio.iscoroutine(answer):
            answer = await answer
        self.done.append(work.id)
        return bool(answer)

    async def renew(self, work: Piece) -> bool:
        self.renewed += 1
        answer = self.holds(work)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    async def fail(self, work: Piece, error: Exception, delay_seconds: float) -> None:
        self.failed.append((work.id, type(error).__name__, delay_seconds))

    async def release(self, work: Piece) -> None:
        self.released.append(work.id)


@asynccontextmanager
async def running(*jobs: Job, **options: Any) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(jobs, stop=stop, **options))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  (what is awaited tells nobody)
            await asyncio.sleep(0.005)


def fail(error: Exception) -> Callable[[Piece], Any]:
    def does(_piece: Piece) -> Any:
        raise error

    return does


async def test_once_drains_everything_that_is_due_and_counts() -> None:
    job = Job([Piece(n) for n in range(10)], lambda piece: piece.id != 3, at_once=2)
    assert await worker.run([job], once=True) == Tally(done=9, failed=0, lost=1)
    assert sorted(job.done) == list(range(10))


async def test_once_goes_round_again_when_one_job_made_work_for_the_one_before() -> None:
    first, second = Job([]), Job([Piece(1)])
    second.does = lambda _piece: first.due.append(Piece(2)) or True  # type: ignore[func-returns-value]
    assert (await worker.run([first, second], once=True)).done == 2


async def test_once_raises_an_outage_since_somebody_waits_for_it() -> None:
    with pytest.raises(StoreUnavailable):
        await worker.run([Job([StoreUnavailable("down")])], once=True)


async def test_one_that_fails_is_given_back_and_the_others_are_done(caplog: pytest.LogCaptureFixture) -> None:
    def does(piece: Piece) -> bool:
        if piece.id == 1:
            raise KeyError("was die Anruferin sagte")
        return True

    job = Job([Piece(0), Piece(1, attempt=3), Piece(2)], does)
    tally = await worker.run([job], once=True, backoff=lambda attempt: float(attempt))
    assert tally == Tally(done=2, failed=1)
    assert job.failed == [(1, "KeyError", 3.0)]
    assert "Anruferin" not in caplog.text


async def test_what_takes_too_long_is_stopped_and_failed() -> None:
    job = Job([Piece(1)], lambda _piece: asyncio.sleep(60), deadline_seconds=0.05)
    assert await worker.run([job], once=True) == Tally(failed=1)
    assert job.failed[0][1] == "TimeoutError"
    assert job.done == []


async def test_a_lease_is_renewed_while_the_work_runs() -> None:
    job = Job([Piece(1)], lease_seconds=0.03)
    enough = asyncio.Event()

    def holds(_piece: Piece) -> Any:
        if job.renewed >= 3:
            enough.set()
        return StoreUnavailable("down") if job.renewed == 1 else True

    job.holds = holds
    job.does = lambda _piece: enough.wait()
    assert (await worker.run([job], once=True)).done == 1


async def test_who_lost_the_lease_stops_and_writes_nothing() -> None:
    job = Job([Piece(1)], lambda _piece: asyncio.sleep(60), holds=lambda _piece: False, lease_seconds=0.03)
    assert await worker.run([job], once=True) == Tally(lost=1)
    assert (job.done, job.failed) == ([], [])


async def test_stop_finishes_what_runs_and_takes_nothing_new() -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def does(_piece: Piece) -> bool:
        started.set()
        return await release.wait()

    def work(piece: Piece) -> Any:
        return does(piece)

    job = Job([Piece(1)], work)
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run([job], stop=stop))
    await started.wait()
    stop.set()
    job.due.append(Piece(2))
    await asyncio.wait({task}, timeout=0.1)
    assert not task.done()
    release.set()
    assert await asyncio.wait_for(task, 5) == Tally(done=1)
    assert job.done == [1]


async def test_what_takes_longer_than_its_grace_is_given_back_at_the_end() -> None:
    started = asyncio.Event()

    async def does(piece: Piece) -> bool:
        started.set()
        return piece.id == 1 or await asyncio.Event().wait()

    job = Job([Piece(1), Piece(2)], lambda piece: does(piece), grace_seconds=0.05)
    async with running(job, idle_seconds=3600):
        await started.wait()
    assert (job.done, job.released, job.failed) == ([1], [2], [])


@pytest.mark.parametrize("once", [True, False])
async def test_who_is_cancelled_leaves_nothing_running(once: bool) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def does() -> bool:
        started.set()
        try:
            return await asyncio.Event().wait()
        finally:
            ended.set()

    job, others = Job([Piece(1)], lambda _piece: does()), asyncio.all_tasks()
    task = asyncio.create_task(worker.run([job], once=once))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert asyncio.all_tasks() <= others
    assert (job.done, job.failed, job.released) == ([], [], [1])


async def test_wake_spares_the_wait() -> None:
    job, wake = Job([]), asyncio.Event()
    async with running(job, wake=wake, idle_seconds=3600):
        await job.claimed.wait()
        for n in range(3):
            job.due.append(Piece(n))
            wake.set()
            await until(lambda n=n: job.done == list(range(n + 1)))  # type: ignore[misc]


async def test_finished_work_wakes_the_other_job() -> None:
    mails = Job([])
    events = Job([Piece(1)], lambda _piece: mails.due.append(Piece(2)) or True)  # type: ignore[func-returns-value]
    async with running(events, mails, idle_seconds=3600):
        await until(lambda: mails.done == [2])


async def test_never_more_at_once_than_asked_for() -> None:
    now, most = 0, 0

    async def count() -> bool:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.002)
        now -= 1
        return True

    job = Job([Piece(n) for n in range(20)], lambda _piece: count(), at_once=3)
    async with running(job, idle_seconds=3600):
        await until(lambda: len(job.done) == 20)
    assert most == 3


async def test_an_outage_is_survived_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    outage: list[Any] = [StoreUnavailable("the database is down"), StoreError("still"), RuntimeError("odd: geheim")]
    job = Job([*outage, Piece(1)])
    with caplog.at_level(logging.WARNING):
        async with running(job, idle_seconds=0.01):
            await until(lambda: job.done == [1])
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        "pieces: cannot ask for work, will keep trying: the database is down"
    ]
    assert "succeeds again" in caplog.text
    assert "geheim" not in caplog.text


def test_backoff_grows_to_an_hour_and_spreads() -> None:
    assert 10 <= worker.backoff(1) <= 15
    assert 30 <= worker.backoff(2) <= 45
    assert worker.backoff(1000) <= 3600
    assert len({worker.backoff(4) for _ in range(20)}) > 1


# From here on the real jobs over the real store.


class Route:
    name = "test"

    def __init__(self, *errors: MailError) -> None:
        self.errors = list(errors)
        self.sent: list[Mail] = []

    async def send(self, mail: Mail) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(mail)
        return "r"


async def accepted(store: inbox.Store) -> None:
    """One call of an assistant of ours, waiting to be processed."""
    raw = (SAMPLES / "post_call_transcription.json").read_bytes()
    await store.call(
        "save_assistant",
        {
            "project": "praxis",
            "environment": "production",
            "workspace": "w",
            "key": "empfang",
            "name": "Empfang",
            "language": "de",
            "agent_id": "agent_7101k5zvyjhmfg983brhmhkd98n6",
            "post_call": {"mail_to": ["team@example.org"], "summary_language": None, "action_items": True},
        },
    )
    await inbox.accept(store, raw, inbox.peek(raw), "webhook")


def jobs(store: inbox.Store, route: Route) -> list[Any]:
    return [EventJob(store, digester(), FakeRecordings(), worker="w"), MailJob(store, route, worker="w")]


async def test_from_accepted_to_sent_once(store: inbox.Store) -> None:
    await accepted(store)
    route = Route()
    assert await worker.run(jobs(store, route), once=True) == Tally(done=2)
    assert await worker.run(jobs(store, route), once=True) == Tally()
    assert [mail.recipient for mail in route.sent] == ["team@example.org"]
    await store.call("requeue_events", {"conversation_id": CONVERSATION})
    assert await worker.run(jobs(store, route), once=True) == Tally(done=1)
    assert len(route.sent) == 1
    shown = await store.call("show_call", {"conversation_id": CONVERSATION})
    assert (shown["assistant"], shown["mails"][0]["status"], len(shown["turns"])) == ("empfang", "sent", 6)


async def test_two_workers_at_once_send_one_mail(postgres_store: inbox.Store) -> None:
    await accepted(postgres_store)
    route = Route()
    tallies = await asyncio.gather(*(worker.run(jobs(postgres_store, route), once=True) for _ in range(4)))
    assert sum(tally.done for tally in tallies) == 2
    assert len(route.sent) == 1


async def test_a_mail_that_fails_for_now_is_sent_later_and_a_refused_one_is_dead(postgres_store: inbox.Store) -> None:
    await accepted(postgres_store)
    route = Route(MailError("greylisted"))
    tally = await worker.run(jobs(postgres_store, route), once=True, backoff=lambda _attempt: 0.0)
    assert tally == Tally(done=2, failed=1)
    assert len(route.sent) == 1
    await postgres_store.call("requeue_events", {"conversation_id": CONVERSATION})


async def test_a_refused_recipient_is_dead_at_once(postgres_store: inbox.Store) -> None:
    await accepted(postgres_store)
    route = Route(MailError("no such user", permanent=True))
    assert await worker.run(jobs(postgres_store, route), once=True, backoff=lambda _attempt: 0.0) == Tally(1, 1)
    status = await postgres_store.call("status", {})
    assert status["mails"]["dead"] == 1


async def test_an_outage_however_long_uses_up_no_attempt_and_ends_in_a_call(postgres_store: inbox.Store) -> None:
    await accepted(postgres_store)

    class Shelf(FakeRecordings):
        left = 9

        async def digest(self, *call: Any, **options: Any) -> Any:
            self.left -= 1
            if self.left >= 0:
                raise StoreUnavailable("Supabase Storage cannot be reached")
            return await digester().digest(*call, **options)

    route = Route(*(MailError("no answer", outage=True) for _ in range(15)))
    both = [EventJob(postgres_store, Shelf(), Shelf(), worker="w"), MailJob(postgres_store, route, worker="w")]
    tally = await worker.run(both, once=True, backoff=lambda _attempt: 0.0)
    assert (tally, len(route.sent)) == (Tally(done=2, failed=9 + 15), 1)


async def test_a_place_of_recordings_that_hangs_holds_up_no_call(postgres_store: inbox.Store) -> None:
    for number in range(6):
        sound = as_event(f"conv_{number}", "agent_1", b"sound")
        await inbox.accept(postgres_store, sound, inbox.peek(sound), "webhook")
    stop, answers, hanging = asyncio.Event(), asyncio.Event(), asyncio.Semaphore(0)

    class Hangs(FakeRecordings):
        async def save(self, *recording: Any) -> None:
            hanging.release()
            await answers.wait()
            await super().save(*recording)

    class Passes(Route):
        async def send(self, mail: Mail) -> str:
            stop.set()
            return await super().send(mail)

    shelf, route = Hangs(), Passes()
    apart = [EventJob(postgres_store, digester(), shelf, worker="w", sound=sound) for sound in (True, False)]
    mails = MailJob(postgres_store, route, worker="w")
    working = asyncio.create_task(worker.run([*apart, mails], stop=stop, idle_seconds=0.05))
    async with asyncio.timeout(20):
        for _ in range(4):
            await hanging.acquire()
        await accepted(postgres_store)
        await stop.wait()  # its mail is sent
    assert shelf.saved == {}
    answers.set()
    assert (await working).done == 2 + 4
    assert len(shelf.saved) == 4


async def test_what_is_given_back_is_due_at_once_and_has_not_failed(postgres_store: inbox.Store) -> None:
    await accepted(postgres_store)
    first = EventJob(postgres_store, digester(), FakeRecordings(), worker="first")
    (given_back,) = await first.claim(1)
    await first.release(given_back)
    (taken,) = await EventJob(postgres_store, digester(), FakeRecordings(), worker="second").claim(1)
    assert taken.attempt == 2
    await first.release(given_back)  # too late to take it away from the second
    assert await first.claim(1) == []
    (row,) = await postgres_store.call("list_events", {"states": ["running"], "limit": 5})
    assert row["failures"] == 0


async def test_an_event_that_always_fails_is_dead_after_five(postgres_store: inbox.Store) -> None:
    await accepted(postgres_store)

    class Broken:
        async def digest(self, *_call: Any, **_options: Any) -> Any:
            raise ZeroDivisionError

    job = EventJob(postgres_store, Broken(), FakeRecordings(), worker="w")
    assert await worker.run([job], once=True, backoff=lambda _attempt: 0.0) == Tally(failed=5)
    (row,) = await postgres_store.call("list_events", {"states": ["dead"], "limit": 5})
    assert row["error"].startswith("ZeroDivisionError at test_worker.py:")


KILLED = """
import asyncio, sys
from agentctl import worker
from agentctl.calls.jobs import EventJob
from agentctl.clients.store.postgres import PostgresStore

class Hangs:
    async def digest(self, call, wanted):
        print("claimed", flush=True)
        await asyncio.sleep(600)

async def main():
    store = await PostgresStore.open(sys.argv[1])
    await worker.run([EventJob(store, Hangs(), None, worker="killed", lease_seconds=0.5)])

asyncio.run(main())
"""


async def test_a_killed_worker_loses_its_lease_and_another_takes_over(dsn: str, postgres_store: inbox.Store) -> None:
    await accepted(postgres_store)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, dsn, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    )
    assert process.stdout
    assert await asyncio.wait_for(process.stdout.readline(), 20) == b"claimed\n"
    await asyncio.sleep(0.8)  # longer than the lease: it is held by renewing
    route = Route()
    assert await worker.run(jobs(postgres_store, route), once=True) == Tally()
    process.send_signal(signal.SIGKILL)
    await process.wait()

    async def taken_over() -> bool:
        return (await worker.run(jobs(postgres_store, route), once=True)).done > 0

    async with asyncio.timeout(10):
        while not await taken_over():  # noqa: ASYNC110  (the lease ends on the database's clock)
            await asyncio.sleep(0.05)
    assert len(route.sent) == 1


async def test_who_was_declared_dead_and_comes_back_writes_nothing(postgres_store: inbox.Store) -> None:
    await accepted(postgres_store)
    slow = EventJob(postgres_store, digester(), FakeRecordings(), worker="slow", lease_seconds=0.05)
    (stale,) = await slow.claim(1)
    await asyncio.sleep(0.1)
    quick = EventJob(postgres_store, digester(), FakeRecordings(), worker="quick")
    (fresh,) = await quick.claim(1)
    assert fresh.attempt == stale.attempt + 1
    assert not await slow.renew(stale)
    assert not await slow.run(stale)
    assert await quick.run(fresh)
