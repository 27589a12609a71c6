"""The webhook door as an ASGI app, and as a server with a worker beside it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from agentctl import worker
from agentctl.calls.jobs import EventJob, MailJob
from agentctl.errors import AgentctlError, StoreBehind, StoreError
from agentctl.wiring import Control
from webhooks import app as webhook

HEADER_SECONDS = 10.0
_HEADER_BYTES = 64 * 1024
# The door's own deadlines are shorter; whoever is still here then is not going to finish.
_GRACE_SECONDS = 35
_READY_SECONDS = 3.0


async def door(control: Control, *, on_accepted: Callable[[], None] | None = None) -> Starlette:
    """The door of a project as an ASGI app, for any server: POST /webhooks/elevenlabs, GET /healthz, GET /readyz.

    Serve it while `control` is open. `on_accepted` is called after each new event. Without a webhook secret, and while
    the store is away, deliveries are answered 503 and the sender repeats them. Raises StoreError, ConfigurationError
    where no store can be had at all.
    """
    settings = control.settings
    return webhook.door(
        await control.store(),
        secrets=settings.elevenlabs_webhook_secret,
        tolerance_seconds=settings.webhook_tolerance_seconds,
        max_bytes=settings.webhook_max_bytes,
        ready=lambda: check_store(control),
        on_accepted=on_accepted,
    )


async def check_store(control: Control) -> None:
    """Raise StoreUnavailable or StoreBehind unless the store answers and has had every migration."""
    from agentctl.clients.store.migrations import behind

    status = await (await control.store()).call("status", {}, timeout=_READY_SECONDS)
    pending = behind(status["migrations"] or [])
    if pending:
        raise StoreBehind(
            f"the database lacks migrations: {', '.join(pending)}",
            "Run `agentctl db migrate`, or `supabase db push`.",
        )


async def cautions(control: Control) -> list[str]:
    """What will not work until somebody sees to it, though serving is possible; each with its remedy."""
    settings = control.settings
    found = []
    if not settings.elevenlabs_webhook_secret:
        found.append(
            "ELEVENLABS_WEBHOOK_SECRET is not set: every delivery is refused with 503 until it is.\n"
            "  `agentctl webhook register URL` shows the secret once."
        )
    if settings.smtp_url is None and settings.resend_api_key is None:
        found.append("neither SMTP_URL nor RESEND_API_KEY is set: mails wait in the outbox.")
    try:
        await check_store(control)
    except StoreError as error:
        found.append(f"deliveries are refused with 503 for now: {error}")
    return found


async def serve(
    control: Control,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    worker: bool = True,
    ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve the door, and with `worker` work off what it takes in, until `stop` is set; then finish what runs.

    `ready` is called with the webhook's URL once requests are taken; port 0 means any free one. A store that is away
    is waited for, but the embedded one must start. Raises AgentctlError if the address cannot be had, StoreError,
    ConfigurationError.
    """
    wake = asyncio.Event()
    app = await door(control, on_accepted=wake.set)
    jobs = await control.jobs() if worker else []
    with _listening(host, port) as listener:
        server = _Server(app, listener, ready)
        await _run(server, jobs, wake, stop or asyncio.Event())


async def _run(server: _Server, jobs: Sequence[EventJob | MailJob], wake: asyncio.Event, stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        running: set[asyncio.Task[Any]] = {
            group.create_task(server.serve([server.listener])),
            group.create_task(stop.wait()),
        }
        if jobs:
            running.add(group.create_task(worker.run(jobs, stop=stop, wake=wake)))
        # Whichever ends first, an end that nobody asked for included, ends the others in order.
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stop.set()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A listening socket, bound before anything else happens, so that a taken port is one clear error."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(address[:2], family=family, backlog=2048)
    except (OSError, UnicodeError) as error:
        # Python adds the address to the system's own words; a name that cannot be resolved has no system error.
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", "this is no address")
        raise AgentctlError(f"cannot listen on {host}:{port}: {reason}", "Choose another --host or --port.") from None
    with listener:
        yield listener


class _Server(uvicorn.Server):
    """Uvicorn without its own handling of signals and its own words."""

    def __init__(self, app: Starlette, listener: socket.socket, ready: Callable[[str], None] | None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=_Prompt,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                h11_max_incomplete_event_size=_HEADER_BYTES,
            )
        )
        self.listener = listener
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever set `stop`: uvicorn would raise them again when all is done."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then tell the address."""
        await super().startup(sockets)
        if self._ready is not None:
            host, port = self.listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            self._ready(f"http://{shown}:{port}{webhook.PATH}")


class _Prompt(H11Protocol):
    """Closes a connection that takes longer than HEADER_SECONDS to say what it wants.

    Uvicorn itself waits for ever, so that a thousand silent connections would use up all file descriptors.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        # A socket bound beforehand has protocol 0, for which asyncio leaves Nagle's algorithm on: 40 ms per answer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._rest()

    def _watch(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._rest()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _rest(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
