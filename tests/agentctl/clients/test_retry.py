import asyncio
import socket
import ssl
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from agentctl.clients.awaited import watching
from agentctl.clients.retry import Retry, retry_after
from agentctl.errors import AnswerLost, Unreachable

pytestmark = pytest.mark.anyio
REQUEST = httpx.Request("GET", "https://api.example/x", headers={"xi-api-key": "sk_secret"})


class Server:
    """Answers in the given order; the last answer is repeated for ever."""

    def __init__(self, *answers: int | httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self) -> httpx.Response:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(answer)


class Clock:
    """Sleeps in no time and keeps how long it would have been."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


async def run(server: Server, *, repeatable: bool = True, clock: Clock | None = None, **limits: float) -> int:
    retry = Retry(sleep=clock or Clock(), **limits)  # type: ignore[arg-type]
    answer = await retry.run(server, what="GET /x", host="api.example", repeatable=repeatable)
    return answer.status_code


@pytest.mark.parametrize("fault", [429, 500, 502, 503, 504, 520])
async def test_what_may_be_repeated_is_repeated_until_it_works(fault: int) -> None:
    server = Server(fault, fault, 200)
    assert await run(server) == 200
    assert server.asked == 3


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 403, 404, 408, 409, 422])
async def test_an_answer_that_will_not_change_is_taken_at_once(status: int) -> None:
    server = Server(status)
    assert await run(server) == status
    assert server.asked == 1


async def test_five_attempts_and_the_last_answer_counts() -> None:
    clock, server = Clock(), Server(503)
    assert await run(server, clock=clock) == 503
    assert server.asked == 5
    for wait, expected in zip(clock.waits, [0.5, 1, 2, 4], strict=True):
        assert expected <= wait <= expected + 0.25


async def test_retry_can_be_switched_off() -> None:
    server = Server(503)
    assert await run(server, attempts=1) == 503
    assert server.asked == 1


FAULTS = [
    httpx.ConnectError("x"),
    httpx.ConnectTimeout("x"),
    httpx.ReadTimeout("x"),
    httpx.WriteTimeout("x"),
    httpx.PoolTimeout("x"),
    httpx.ReadError("x"),
    httpx.WriteError("x"),
    httpx.RemoteProtocolError("x"),
    httpx.ProxyError("x"),
]
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_every_failed_connection_is_tried_again(fault: Exception) -> None:
    server = Server(fault, 200)
    assert await run(server) == 200
    server = Server(fault)
    with pytest.raises(Unreachable, match=r"api\.example") as caught:
        await run(server)
    assert server.asked == 5
    assert not isinstance(caught.value, AnswerLost)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_a_post_is_repeated_only_if_it_was_certainly_not_sent(fault: Exception) -> None:
    server = Server(fault, 200)
    if isinstance(fault, NOT_SENT):
        assert await run(server, repeatable=False) == 200
        with pytest.raises(Unreachable) as caught:
            await run(Server(fault), repeatable=False)
        assert not isinstance(caught.value, AnswerLost)
    else:
        with pytest.raises(AnswerLost):
            await run(server, repeatable=False)
        assert server.asked == 1


@pytest.mark.parametrize("fault", [500, 502, 503, 504])
async def test_a_post_that_failed_on_the_server_is_not_repeated(fault: int) -> None:
    server = Server(fault, 200)
    assert await run(server, repeatable=False) == fault
    assert server.asked == 1


async def test_a_post_that_was_refused_for_its_rate_is_repeated() -> None:
    server = Server(429, 200)
    assert await run(server, repeatable=False) == 200


async def test_retry_after_is_waited_for() -> None:
    clock = Clock()
    server = Server(httpx.Response(429, headers={"retry-after": "7"}), 200)
    assert await run(server, clock=clock) == 200
    assert clock.waits == [7]


async def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    clock = Clock()
    server = Server(httpx.Response(429, headers={"retry-after": "30"}), 200)
    assert await run(server, clock=clock, deadline_seconds=20) == 429
    assert clock.waits == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("1.5", 1.5),
        ("3600", 60.0),
        ("9" * 400, 60.0),
        ("", 0.0),
        ("-5", 0.0),
        ("soon", 0.0),
        ("²", 0.0),
        ("Wed, 99 Foo 2026 00:00:00 GMT", 0.0),
        ("Sat, 01 Jan 2000 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_in_seconds_and_garbage(value: str, seconds: float) -> None:
    assert retry_after(httpx.Response(429, headers=[(b"retry-after", value.encode())])) == seconds


def test_retry_after_as_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    assert retry_after(httpx.Response(429, headers={"retry-after": date})) == pytest.approx(20, abs=2)


@pytest.mark.parametrize(("repeatable", "kind"), [(True, Unreachable), (False, AnswerLost)])
async def test_an_answer_that_never_ends_is_given_up_at_the_deadline(repeatable: bool, kind: type[Unreachable]) -> None:
    async def never() -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError

    start = time.monotonic()
    with pytest.raises(Unreachable, match="deadline") as caught:
        await Retry(deadline_seconds=0.05).run(never, what="X /x", host="api.example", repeatable=repeatable)
    assert type(caught.value) is kind
    assert time.monotonic() - start < 2


def chained(cause: Exception) -> httpx.ConnectError:
    error = httpx.ConnectError("x", request=REQUEST)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("fault", "attempts", "reason"),
    [
        (chained(socket.gaierror(socket.EAI_NONAME, "x")), 1, "name cannot be resolved"),
        (chained(socket.gaierror(socket.EAI_AGAIN, "x")), 5, "name cannot be resolved"),
        (chained(ssl.SSLCertVerificationError("x")), 1, "certificate is not trusted"),
        (chained(ConnectionRefusedError()), 5, "connection refused"),
        (httpx.UnsupportedProtocol("x"), 1, "http and https"),
        (httpx.ReadTimeout("x"), 5, "timeout"),
    ],
)
async def test_says_why_and_does_not_insist_where_it_is_hopeless(fault: Exception, attempts: int, reason: str) -> None:
    server = Server(fault)
    with pytest.raises(Unreachable, match=reason):
        await run(server)
    assert server.asked == attempts


async def test_the_error_does_not_carry_the_request_with_its_key() -> None:
    with pytest.raises(Unreachable) as caught:
        await run(Server(httpx.ReadTimeout("x", request=REQUEST)))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


async def test_a_bug_of_ours_is_not_hidden() -> None:
    with pytest.raises(KeyError):
        await run(Server(KeyError("x")))


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        (chained(ConnectionRefusedError()), "connection refused"),
        (503, "the answer is 503"),
        (
            httpx.Response(429, headers={"retry-after": "3600"}),
            "the answer is 429 and asks for 3600 s (Retry-After)",
        ),
    ],
)
async def test_who_ends_the_run_during_the_pauses_learns_how_the_last_try_went(
    fault: int | httpx.Response | Exception, last: str
) -> None:
    async def forever(seconds: float) -> None:
        await asyncio.Event().wait()

    server = Server(fault)
    with watching() as cut_off, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await Retry(sleep=forever).run(server, what="GET /x", host="api.example", repeatable=True)
    said = f"GET /x at api.example did not work, tried 1x; the last that came of it: {last}."
    assert cut_off.since(0) == said
