"""The first real call: a worker here, and where no public URL leads to a door, asking ElevenLabs what it has.

Polling enters at the same accept function as a webhook does, so that a conversation that arrives both ways is one
call and one mail.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agentctl.calls import backfill
from agentctl.calls.inbox import Store
from agentctl.errors import AgentctlError, ConfigurationError, Problem, StoreError, Unreachable, UsageError
from agentctl.resources.agent import KIND as AGENT
from agentctl.sources.loaded import Loaded
from agentctl.verbs import door
from agentctl.verbs.examination import vendor_side
from agentctl.verbs.examination.finding import Finding
from agentctl.verbs.rows.outside import need_here
from agentctl.verbs.work import work
from agentctl.wiring import Control

log = logging.getLogger(__name__)

POLL_SECONDS = 20.0
_WATCH_SECONDS = 0.5
# How long a call is held back so that it is shown with its mail sent; a mail that takes longer is shown as pending.
_MAIL_SECONDS = 5.0
# A call that ended just before we started to watch still counts as new; clocks may differ a little, too.
_LOOK_BACK = timedelta(minutes=2)

_APART = "agentctl up is for the project's workspace. There: agentctl sync"
_CALLS = "agentctl serve takes the calls"

OnCall = Callable[[dict[str, Any]], None]


async def check_key(control: Control) -> list[Finding]:
    """What the key may do. Raises Unauthorized for a wrong one, Unreachable, ApiError, ConfigurationError."""
    return [finding async for finding in vendor_side.key(control)]


def must_be_here(loaded: Loaded, only: Sequence[str] = ()) -> None:
    """Raise UsageError where those that `only` (globs; none: all) asks for are in workspaces of tenants alone."""
    need_here(loaded, only, f"{_APART} --tenant TENANT --only KEY; {_CALLS}")
    if loaded.elsewhere and not loaded.keys:
        raise UsageError("every assistant is in the workspace of a tenant; nothing was done", f"{_APART}; {_CALLS}")


async def door_answers(control: Control) -> bool:
    """Whether a door of ours answers at PUBLIC_URL."""
    from agentctl.clients.door import look

    if control.settings.public_url is None:
        return False
    try:
        answer = await look(f"{str(control.settings.public_url).rstrip('/')}/healthz")
    except Unreachable:
        return False
    return answer.status == 200 and '"alive"' in answer.text


async def watch(
    control: Control,
    *,
    on_call: OnCall,
    stop: asyncio.Event,
    on_ready: Callable[[], Awaitable[None]] | None = None,
    poll_seconds: float = POLL_SECONDS,
    serve: tuple[str, int] | None = None,
) -> None:
    """Work, and hand each new call to `on_call` until `stop` is set; then finish what runs.

    ElevenLabs is asked every `poll_seconds` for finished conversations of the project's agents. `serve`: also open
    the door at this host and port. `on_ready` is awaited once calls are waited for. Raises ConfigurationError where
    nothing was synced yet, AgentctlError where the address is taken, StoreError.
    """
    agents = list((await control.bindings()).of(AGENT).values())
    if not agents:
        raise ConfigurationError([Problem("project", "no assistant is at ElevenLabs yet")], "Run: agentctl sync")
    run = _Watch(control, await control.store(), agents, on_call, stop)
    await run.begin()
    working = asyncio.create_task(run.work(serve))
    watching = [asyncio.create_task(run.poll(poll_seconds)), asyncio.create_task(run.show())]
    opened, ended = (asyncio.create_task(event.wait()) for event in (run.opened, stop))
    try:
        # Told to call only when somebody listens; a door that cannot open ends `working`.
        await asyncio.wait({opened, working, ended}, return_when=asyncio.FIRST_COMPLETED)
        if on_ready is not None and run.opened.is_set() and not stop.is_set():
            await on_ready()
        await asyncio.wait({working, ended, *watching}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        for task in (*watching, opened, ended):
            task.cancel()
        # What the worker has begun, a mail among it, it finishes.
        results = await asyncio.gather(working, *watching, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


@dataclass
class _Watch:
    """One watch: which calls are old, and the tasks that run beside each other."""

    control: Control
    store: Store
    agents: list[str]
    on_call: OnCall
    stop: asyncio.Event

    def __post_init__(self) -> None:
        self.since = datetime.now(UTC)
        self.wake = asyncio.Event()
        self.opened = asyncio.Event()
        self._seen: set[str] = set()

    async def begin(self) -> None:
        """Note what is stored already, and fetch what ended before anybody was told to call."""
        rows = await self.store.call("list_calls", {"limit": 200})
        self._seen = {row["conversation_id"] for row in rows}
        await self._fetched()

    async def work(self, serve: tuple[str, int] | None) -> None:
        """A worker, beside the door or alone."""
        if serve is None:
            self.opened.set()
            await work(self.control, stop=self.stop, wake=self.wake)
            return
        host, port = serve
        await door.serve(self.control, host=host, port=port, ready=lambda _url: self.opened.set(), stop=self.stop)

    async def poll(self, seconds: float) -> None:
        """Ask ElevenLabs again and again; with a webhook too, since deliveries can fail."""
        while True:
            await asyncio.sleep(seconds)
            if await self._fetched():
                self.wake.set()

    async def _fetched(self) -> Collection[str]:
        try:
            return await backfill.poll(self.control.api, self.store, self.agents, self.since)
        except AgentctlError as error:
            # The next poll looks back over the same time: nothing is lost by waiting for it.
            log.warning("asking ElevenLabs for new conversations failed: %s", error.message)
            return ()

    async def show(self) -> None:
        """Hand over each call that is new."""
        while True:
            try:
                for row in reversed(await self.store.call("list_calls", {"limit": 50})):
                    if self._is_new(row):
                        # Seen only once it can be shown: the store may fail in between.
                        call = await self._settled(row["conversation_id"])
                        self._seen.add(row["conversation_id"])
                        self.on_call(call)
            except StoreError as error:
                log.warning("looking for new calls failed: %s", error.message)
            await asyncio.sleep(_WATCH_SECONDS)

    def _is_new(self, row: dict[str, Any]) -> bool:
        name = row["conversation_id"]
        if row["agent_id"] not in self.agents or name in self._seen:
            return False
        ended = datetime.fromisoformat(row["started_at"]) + timedelta(seconds=float(row["duration_secs"] or 0))
        # What ended before is old news, unless it is delivered only now.
        return row["source"] == "webhook" or ended >= self.since - _LOOK_BACK

    async def _settled(self, conversation_id: str) -> dict[str, Any]:
        end = asyncio.get_running_loop().time() + (_MAIL_SECONDS if self.control.workshop.mail_route else 0)
        while True:
            call: dict[str, Any] = await self.store.call("show_call", {"conversation_id": conversation_id})
            waits = any(mail["status"] in ("pending", "running") for mail in call["mails"])
            if not waits or asyncio.get_running_loop().time() >= end:
                return call
            await asyncio.sleep(_WATCH_SECONDS / 2)
