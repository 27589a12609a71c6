"""The webhook door as an ASGI app, and as a server with a worker beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Route

from agentctl import metrics, trigger
from agentctl.errors import StoreBehind, StoreError
from agentctl.verbs.calls.queue import queue
from agentctl.verbs.signatures import Signatures
from agentctl.verbs.unattended.triggered import Syncs
from agentctl.verbs.upkeep import alert
from agentctl.verbs.work import work
from agentctl.wiring import Control
from webhooks import app as webhook
from webhooks.server import Server, listening
from webhooks.source import Sources

_READY_SECONDS = 3.0


async def door(
    control: Control, *, on_accepted: Callable[[], None] | None = None, extra_routes: Sequence[BaseRoute] = ()
) -> Starlette:
    """The door of a project as an ASGI app, for any server: POST /webhooks/elevenlabs, GET /healthz, GET /readyz.

    Serve it while `control` is open. `on_accepted` is called after each new event; `extra_routes` are served beside.
    Deliveries of tenants' own workspaces come in by it, too. Without a webhook secret, and while the store is away,
    they are answered 503 and the sender repeats them.
    Raises ConfigurationError where no store can be had at all.
    """
    settings, signatures = control.settings, Signatures(control)
    store = await control.store(waiting=True)
    await signatures.begin()
    return webhook.door(
        store,
        secrets=signatures,
        signers=signatures.signers,
        renew=signatures.renewed,
        tolerance_seconds=settings.webhook_tolerance_seconds,
        max_bytes=settings.webhook_max_bytes,
        ready=lambda: check_store(control),
        on_accepted=on_accepted,
        sources=Sources(settings.webhook_sources, settings.trusted_proxies),
        extra_routes=extra_routes,
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
    """What will not work until somebody sees to it, though serving is possible; each with its remedy.

    Raises ConfigurationError where no store can be had at all.
    """
    settings = control.settings
    found = []
    await control.store(waiting=True)
    if not settings.elevenlabs_webhook_secret and not await _is_signed(control):
        found.append(
            f"{settings.variable('elevenlabs_webhook_secret')} is not set: "
            "every delivery is refused with 503 until it is.\n"
            "  `agentctl webhook register URL` shows the secret once."
        )
    if settings.smtp_url is None and settings.resend_api_key is None:
        found.append("neither SMTP_URL nor RESEND_API_KEY is set: mails wait in the outbox.")
    if not alert.recipients(control):
        found.append("nobody is told of events that are given up: set ALERT_MAIL_TO, or [mail] to in agentctl.toml.")
    try:
        await check_store(control)
    except StoreError as error:
        found.append(f"deliveries are refused with 503 for now: {error}")
    return found


async def _is_signed(control: Control) -> bool:
    """Whether a tenant's workspace signs deliveries."""
    with suppress(StoreError):
        return any((await control.tenants()).signatures.values())
    return False


async def serve(
    control: Control,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    worker: bool = True,
    beside: Sequence[BaseRoute] = (),
    ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve the door, and with `worker` work off what it takes in, until `stop` is set; then finish what runs.

    `beside`: what is served besides, as the console's pages.

    `ready` is called with the webhook's URL once requests are taken; port 0 means any free one. A store that is away
    is waited for. Raises AgentctlError if the address cannot be had, ConfigurationError.
    """
    wake, syncs = asyncio.Event(), Syncs(control)
    asked = trigger.route(control.settings.sync_trigger_secret, syncs.start)
    told = metrics.route(control.settings.metrics_token, lambda: queue(control))
    app = await door(control, on_accepted=wake.set, extra_routes=[asked, told, *beside])
    with listening(host, port) as listener:
        server = Server(app, listener, ready)
        try:
            await _run(server, control if worker else None, syncs, wake, stop or asyncio.Event())
        finally:
            await syncs.end()


@asynccontextmanager
async def figures(
    control: Control, host: str, port: int, *, ready: Callable[[str], None] | None = None
) -> AsyncIterator[None]:
    """In the block, /metrics and /healthz are served there, for a worker without a door; port 0 means any free one.

    `ready` is called with the address of the figures. Raises AgentctlError if the place cannot be had.
    """
    told = metrics.route(control.settings.metrics_token, lambda: queue(control))
    app = Starlette(routes=[told, Route("/healthz", _alive, methods=["GET"])])
    with listening(host, port) as listener:
        server = Server(app, listener, ready, path=metrics.PATH)
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield
        finally:
            server.should_exit = True
            await serving


async def _alive(_: Request) -> JSONResponse:
    return JSONResponse({"status": "alive"})


async def _run(server: Server, working: Control | None, syncs: Syncs, wake: asyncio.Event, stop: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        running: set[asyncio.Task[Any]] = {
            group.create_task(server.serve([server.listener])),
            group.create_task(stop.wait()),
        }
        if working is not None:
            running.add(group.create_task(work(working, stop=stop, wake=wake)))
        # Whichever ends first, an end that nobody asked for included, ends the others in order.
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        stop.set()
        await syncs.end()
