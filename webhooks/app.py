"""The door: bytes in, status out. A verified event is committed before the 200; everything after belongs to a worker.

ElevenLabs counts only 200 as success and repeats only 408, 429 and 5xx, transcripts only, five times in 40 minutes
(https://elevenlabs.io/docs/agents-platform/workflows/post-call-webhooks). So what is our fault, a missing secret
included, must be 503, and what no repetition can cure 4xx.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from agentctl.calls import inbox
from agentctl.calls.inbox import Accepted, Store
from agentctl.calls.intake import Intake
from agentctl.errors import AgentctlError, BadSignature, Malformed, StoreBehind, StoreError, StoreUnavailable
from webhooks import source
from webhooks.address import PATH
from webhooks.body import Bodies, Refused
from webhooks.delivery import Delivery
from webhooks.receipt import Identified, Receipt
from webhooks.signature import HEADER, Verifier, precheck
from webhooks.source import Sources
from webhooks.spool import Spool

logger = logging.getLogger(__name__)

RETRY_AFTER = "30"  # seconds; ElevenLabs keeps a timetable of its own, other senders may listen

_ANSWERS = {True: b'{"new":true}', False: b'{"new":false}'}

T = TypeVar("T")


async def _renewed() -> bool:
    return True


def door(
    store: Store,
    *,
    secrets: Sequence[SecretStr],
    signers: Callable[[Sequence[SecretStr]], Sequence[str]] = lambda signed: (),
    renew: Callable[[], Awaitable[bool]] = _renewed,
    tolerance_seconds: float = 2700,
    max_bytes: int = 64 * 1024 * 1024,
    accept_timeout: float = 2.5,
    body_timeout: float = 8.0,
    ready: Callable[[], Awaitable[object]] | None = None,
    on_accepted: Callable[[], None] | None = None,
    sources: Sources | None = None,
    extra_routes: Sequence[BaseRoute] = (),
    clock: Callable[[], float] = time.time,
) -> Starlette:
    """An ASGI application with POST /webhooks/elevenlabs, GET /healthz and GET /readyz.

    `secrets`: the webhook's, several while it is rotated or where several workspaces deliver; looked at with each
    delivery, since they may change. With none, every delivery is answered 503.
    `signers`: the tenants who are meant by the secrets that a delivery was signed with, as `inbox.accept` has them.
    `renew`: awaited before a signature is refused; it looks whether the secrets have changed, and tells whether these
    are all. If not, what is signed with another is answered 503, too.
    `tolerance_seconds`: how old a signature may be (the sender's last repetition comes after 40 minutes).
    `accept_timeout`: seconds for the store to take an event, or a part of a large one.
    `body_timeout`: seconds for a body to come, and one more for each 256 KiB of it.
    `ready`: raises an AgentctlError while the store cannot serve; without it, the store is asked for its status.
    `sources`: who may deliver, everybody unless given.
    `on_accepted`: called after the commit of a new event, to wake a worker in this process.
    The store is opened and closed by whoever passes it.
    """
    bodies = Bodies(max_bytes=max_bytes, deadline=body_timeout)
    intake = Intake(store, timeout=accept_timeout)
    every = (store, intake, secrets, signers, renew, tolerance_seconds, accept_timeout, bodies, sources or Sources())
    part = _Door(*every, ready, on_accepted, clock)
    app = Starlette(routes=[*part.routes(), *extra_routes], middleware=[Middleware(Identified)])
    # A redirect is no 200: a wrong path must look wrong at once.
    app.router.redirect_slashes = False
    return app


@dataclass(frozen=True)
class _Door:
    store: Store
    intake: Intake
    secrets: Sequence[SecretStr]
    signers: Callable[[Sequence[SecretStr]], Sequence[str]]
    renew: Callable[[], Awaitable[bool]]
    tolerance: float
    accept_timeout: float
    bodies: Bodies
    sources: Sources
    ready: Callable[[], Awaitable[object]] | None
    on_accepted: Callable[[], None] | None
    clock: Callable[[], float]
    abandoned: set[asyncio.Future[Any]] = field(default_factory=set)

    @property
    def _usable(self) -> list[SecretStr]:
        return [secret for secret in self.secrets if secret.get_secret_value()]

    def routes(self) -> list[BaseRoute]:
        return [
            Route(PATH, self.deliver, methods=["POST"]),
            Route("/healthz", self.alive, methods=["GET"]),
            Route("/readyz", self.is_ready, methods=["GET"]),
        ]

    async def deliver(self, request: Request) -> Response:
        with Receipt() as receipt:
            answer = await self._received(request, receipt)
            receipt.answered(answer.status_code)
            return answer

    async def _received(self, request: Request, receipt: Receipt) -> Response:
        now = self.clock()
        header = ",".join(request.headers.getlist(HEADER))
        try:
            self._precheck(request, header, now)
            async with self.bodies.read(request, lambda: Spool(self._verifier(header, now))) as body:
                return self._answer(await self._accepted(header, body, now, receipt))
        except Refused as refused:
            return _Refusal(refused.status, refused.message, refused.linger)
        except BadSignature as error:
            return _Refusal(401, error.message)
        except Malformed as error:
            return _Refusal(400, error.message)
        except StoreError as error:
            logger.error("an event could not be stored: %s", error.message)
            return _Refusal(503, _outage(error))

    def _precheck(self, request: Request, header: str, now: float) -> None:
        # Before the body is read: what is refused anyway costs no memory.
        peer = request.client.host if request.client else None
        if not self.sources.admit(peer, request.headers.getlist(source.HEADER)):
            logger.warning("a delivery was refused: WEBHOOK_SOURCES does not allow its address")
            raise Refused(403, "deliveries are not taken from this address")
        if any(coding.strip().lower() not in ("", "identity") for coding in _codings(request)):
            raise Refused(415, "send the body without a Content-Encoding")
        if not self._usable:
            raise Refused(503, "no webhook secret is configured")
        try:
            precheck(header, now=now, tolerance=self.tolerance)
        except BadSignature as error:
            raise Refused(401, error.message) from None

    def _verifier(self, header: str, now: float) -> Verifier:
        return Verifier(header, secrets=self._usable, now=now, tolerance=self.tolerance)

    async def _accepted(self, header: str, body: bytes | Spool, now: float, receipt: Receipt) -> Accepted:
        if isinstance(body, Spool):
            signers = self.signers(await self._signed(header, body, now))
            receipt.of(body.heading.conversation_id)
            terms = (body.parts(), body.heading, body.sha256, body.size)
            return await inbox.accept_large(self.store, *terms, signers=signers, timeout=self.accept_timeout)
        delivery = await self._delivery(header, body, now)
        signers = self.signers(delivery.signed)
        receipt.of(delivery.heading.conversation_id)
        try:
            async with asyncio.timeout(self.accept_timeout):
                return await self.intake.accept(delivery.payload, delivery.heading, "webhook", signers=signers)
        except TimeoutError:
            raise StoreUnavailable(f"no answer within {self.accept_timeout:g} s") from None

    async def _signed(self, header: str, body: Spool, now: float) -> tuple[SecretStr, ...]:
        try:
            return body.signed()
        except BadSignature:
            await self._look_again()
        return await body.signed_with(self._verifier(header, now))

    async def _delivery(self, header: str, body: bytes, now: float) -> Delivery:
        try:
            return Delivery.from_http(header, body, secrets=self._usable, now=now, tolerance=self.tolerance)
        except BadSignature:
            await self._look_again()
        return Delivery.from_http(header, body, secrets=self._usable, now=now, tolerance=self.tolerance)

    async def _look_again(self) -> None:
        # What is answered 401 is never sent again: it must not meet what was known a moment ago.
        if not await self._within(self.renew(), self.accept_timeout):
            raise Refused(503, "not every webhook secret is known yet", linger=0)

    def _answer(self, accepted: Accepted) -> Response:
        if accepted.new and self.on_accepted is not None:
            self.on_accepted()
        return Response(_ANSWERS[accepted.new], media_type="application/json")

    async def alive(self, _: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def is_ready(self, _: Request) -> Response:
        try:
            await self._within(self._check_store(), self.accept_timeout)
        except AgentctlError as error:
            return _unready(_outage(error))
        if not self._usable:
            return _unready("no webhook secret is configured")
        return JSONResponse({"status": "ready"})

    async def _check_store(self) -> None:
        if self.ready is not None:
            await self.ready()
        else:
            await self.store.call("status", {}, timeout=self.accept_timeout)

    async def _within(self, work: Awaitable[T], seconds: float) -> T:
        """The result of `work`, or StoreError after `seconds` at the latest.

        A hung server can make even a driver's cancellation hang, so the answer waits for neither.
        """
        task = asyncio.ensure_future(work)
        try:
            await asyncio.wait({task}, timeout=seconds)
        finally:
            if not task.done():
                self._abandon(task)
        if not task.done() or task.cancelled():
            raise StoreUnavailable(f"no answer within {seconds:g} s")
        return task.result()

    def _abandon(self, task: asyncio.Future[Any]) -> None:
        self.abandoned.add(task)  # the event loop alone would let it be collected
        task.add_done_callback(self.abandoned.discard)
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        task.cancel()


class _Refusal(JSONResponse):
    """An error, sent before the sender has finished; then up to `linger` seconds of the rest are read and dropped.

    Closing at once would reset the connection, and the sender would see a broken pipe instead of the status.
    """

    def __init__(self, status: int, reason: str, linger: float = 0) -> None:
        # What comes on this connection next may be the rest of a body that nobody reads.
        headers = {"connection": "close"} | ({"retry-after": RETRY_AFTER} if status == 503 else {})
        super().__init__({"error": reason}, status, headers)
        self.linger = linger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        if self.linger:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.linger):
                    while (await receive()).get("more_body"):
                        pass
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _codings(request: Request) -> list[str]:
    return [coding for value in request.headers.getlist("content-encoding") for coding in value.split(",")]


def _unready(reason: str) -> Response:
    return JSONResponse({"status": "not ready", "reason": reason}, 503, {"retry-after": RETRY_AFTER})


def _outage(error: AgentctlError) -> str:
    # Fixed words: whoever asks from outside learns no host, user or table name.
    if isinstance(error, StoreBehind):
        return "the store lacks migrations: run agentctl db migrate"
    if isinstance(error, StoreUnavailable):
        return "the store cannot be reached"
    return "the store refused"
