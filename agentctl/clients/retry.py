"""When a request is sent again: one policy for every vendor, stated once.

GET, PATCH, PUT and DELETE say what should be, so a second one does no harm: they are repeated after 429, 5xx and
every failure of the connection, unless their caller asks for `once`, since somebody may write the same in between.
A POST makes something (an agent, a number, a call), and no vendor here knows idempotency keys: it is repeated only when
it certainly did not happen, which is a refused connection or a 429 (ElevenLabs: "your request could not be processed",
help.elevenlabs.io, API Error Code 429).
Everything else that may have happened becomes AnswerLost, and the caller looks before it tries again.
"""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    retry_if_result,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)
from tenacity.stop import stop_base

from agentctl.clients.awaited import Answered, awaited
from agentctl.clients.hurry import hurry
from agentctl.clients.pace import Pace, Turn
from agentctl.errors import AnswerLost, Unreachable

Send = Callable[[], Awaitable[httpx.Response]]

LONGEST_WAIT = 60.0  # seconds; a server that asks for more is asked again earlier

# The request never left: no connection, or none free in our own pool.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)
_BACKOFF = wait_exponential(multiplier=0.5, max=30) + wait_random(0, 0.25)


@dataclass(frozen=True)
class Retry:
    """How often and how long one request is tried. `Retry(attempts=1)` is the off-switch.

    `deadline_seconds` bounds everything: attempts, waits and an answer that trickles in; who is `hurried` has less.
    `sleep` is how to wait: a test passes its own and needs no time.
    """

    attempts: int = 5
    deadline_seconds: float = 180.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(
        self, send: Send, *, what: str, host: str, repeatable: bool, turn: Turn | None = None
    ) -> httpx.Response:
        """The last answer that `send` got, whatever its status.

        `what` names the request in errors ("GET /v1/voices"). `turn` is its place in the line of all requests to this
        host; the deadline begins when it may go. Raises Unreachable when no answer came, AnswerLost when none came
        for a request that is not `repeatable` and may have been carried out.
        """
        turn = turn or Pace(sleep=self.sleep).turn()
        waiter, tries = hurry(), _Tries(f"{what} at {host}")
        deadline = _Deadline(self.deadline_seconds, waiter.end)

        async def attempt() -> httpx.Response:
            # The turn ends with the attempt: who waits for the next one keeps nobody from working.
            async with turn:
                with tries.one():
                    async with asyncio.timeout_at(deadline.begun()):
                        answer = await send()
                tries.answered(answer)
                _tell(turn, answer)
                return answer

        retrying = AsyncRetrying(
            sleep=self._pause,
            wait=_wait,
            stop=stop_after_attempt(self.attempts) | deadline,
            retry=retry_if_exception(lambda error: _helps(error, repeatable))
            | retry_if_result(lambda answer: answer.status_code == 429 or (repeatable and answer.status_code >= 500)),
            retry_error_callback=_last,
        )
        try:
            with waiter.waiting(), awaited(tries.said):
                return await retrying(attempt)
        except (httpx.RequestError, TimeoutError) as error:
            # `from None`: the httpx error holds the request, and with it the key.
            failure = error
        if repeatable or isinstance(failure, _NOT_SENT):
            raise Unreachable(f"{what}: no answer from {host} ({_reason(failure)})", _hint(failure)) from None
        raise lost(what, f"no answer from {host} ({_reason(failure)})")

    async def _pause(self, seconds: float) -> None:
        if seconds:
            await self.sleep(seconds)


@dataclass
class _Tries:
    """How far a request has come, for whoever ends the run before it is answered for good."""

    what: str
    count: int = 0
    last: str = ""  # how the last one failed
    asks: bool = False  # it was answered, with a time to stay away for, or that it were too much

    @contextmanager
    def one(self) -> Iterator[None]:
        """In the block it is tried."""
        self.count += 1
        try:
            yield
        except httpx.RequestError as error:
            self.last, self.asks = _reason(error), False
            raise

    def answered(self, answer: httpx.Response) -> None:
        """An answer came."""
        asked = retry_after(answer, math.inf)
        patience = f" and asks for {asked:.0f} s (Retry-After)" if asked else ""
        self.last, self.asks = f"the answer is {answer.status_code}{patience}", bool(asked) or answer.status_code == 429

    def said(self) -> str:
        """A sentence; empty while it has not been sent."""
        if not self.last:
            return f"No answer came to {self.what}." if self.count else ""
        said = f"{self.what} did not work, tried {self.count}x; the last that came of it: {self.last}."
        return Answered(said) if self.asks else said


class _Deadline(stop_base):
    """It begins with the first attempt, and is no later than `latest` is then; a wait that would go beyond it is not
    begun.
    """

    def __init__(self, seconds: float, latest: Callable[[], float]) -> None:
        self._seconds, self._latest = seconds, latest
        self._end: float | None = None

    def begun(self) -> float:
        """When it ends, by the loop's clock."""
        if self._end is None:
            self._end = min(asyncio.get_running_loop().time() + self._seconds, self._latest())
        return self._end

    def __call__(self, state: RetryCallState) -> bool:
        wait = _asked(state) or state.upcoming_sleep
        return asyncio.get_running_loop().time() + wait >= self.begun()


def _tell(turn: Turn, answer: httpx.Response) -> None:
    asked = _asked_by(answer)
    if answer.status_code == 429 or asked:
        turn.refused(asked)
    else:
        turn.went_well()


def _asked_by(answer: httpx.Response) -> float:
    """Seconds that the host asks everybody to stay away."""
    return retry_after(answer) if answer.status_code == 429 or answer.status_code >= 500 else 0.0


def _asked(state: RetryCallState) -> float:
    outcome = state.outcome
    return _asked_by(outcome.result()) if outcome is not None and not outcome.failed else 0.0


def lost(what: str, reason: str) -> AnswerLost:
    """The error for a request that may have been carried out."""
    return AnswerLost(
        f"{what}: {reason}",
        "It may or may not have been carried out, so it was not sent again. Look first, then run the same again.",
    )


def _last(state: RetryCallState) -> httpx.Response:
    assert state.outcome is not None
    answer: httpx.Response = state.outcome.result()
    return answer


def _helps(error: BaseException, repeatable: bool) -> bool:
    if _hopeless(error):
        return False
    if repeatable:
        return isinstance(error, httpx.RequestError)
    return isinstance(error, _NOT_SENT)


def _hopeless(error: BaseException) -> bool:
    # A name that does not exist or a certificate that is not trusted stays so for the next ten seconds.
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return True
    return any(
        isinstance(cause, ssl.SSLCertVerificationError)
        or (isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_NONAME)
        for cause in _causes(error)
    )


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and step not in chain:
        chain.append(step)
        step = step.__cause__ or step.__context__
    return chain


def _wait(state: RetryCallState) -> float:
    # A time that the host named is everybody's, and is waited for at the pace's gate.
    return 0.0 if _asked(state) else _BACKOFF(state)


def retry_after(answer: httpx.Response, longest: float = LONGEST_WAIT) -> float:
    """Seconds to wait that the answer asks for (Retry-After, a number or an HTTP date): `longest` at most, or 0."""
    value = answer.headers.get("retry-after", "").strip()
    if not value:
        return 0.0
    try:
        seconds = float(value) if value.replace(".", "", 1).isdecimal() else _until(value)
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), longest)


def _until(date: str) -> float:
    moment = parsedate_to_datetime(date)
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()


def _reason(error: BaseException) -> str:
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return "the name cannot be resolved"
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its TLS certificate is not trusted here"
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused"
    if isinstance(error, TimeoutError):
        return "the deadline passed"
    known: tuple[tuple[type[BaseException], str], ...] = (
        (httpx.ConnectTimeout, "timeout while connecting"),
        (httpx.TimeoutException, "timeout while waiting"),
        (httpx.ConnectError, "no connection"),
        (httpx.ProxyError, "the proxy refused"),
        (httpx.UnsupportedProtocol, "only http and https addresses work"),
    )
    return next((text for kind, text in known if isinstance(error, kind)), "the connection broke")


def _hint(error: BaseException) -> str:
    if isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol):
        return "Is the address right, and is this machine online? Nothing was changed; run the same again."
    return "Running the same again is safe."
