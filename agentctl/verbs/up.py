"""The first real call: a worker here, and where no public URL leads to a door, asking ElevenLabs what it has.

Polling enters at the same accept function as a webhook does, so that a conversation that arrives both ways is one
call and one mail.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from agentctl import worker
from agentctl.calls import backfill
from agentctl.errors import AgentctlError, ConfigurationError, Problem
from agentctl.resources.agent import KIND as AGENT
from agentctl.verbs import door
from agentctl.wiring import Control

log = logging.getLogger(__name__)

POLL_SECONDS = 20.0
_WATCH_SECONDS = 1.0
# A call that began just before we started to watch still counts as new.
_LOOK_BACK = timedelta(minutes=2)


async def check_key(control: Control) -> None:
    """Make sure that the key can read agents. Raises Unauthorized, Unreachable, ConfigurationError."""
    await control.api.get("/v1/convai/agents", params={"page_size": 1})


async def watch(
    control: Control,
    *,
    on_call: Callable[[dict[str, Any]], None],
    stop: asyncio.Event,
    poll_seconds: float = POLL_SECONDS,
    serve: tuple[str, int] | None = None,
) -> None:
    """Work, and hand each new call to `on_call` until `stop` is set.

    ElevenLabs is asked every `poll_seconds` for finished conversations of the project's agents. `serve`: also open
    the door at this host and port. Raises ConfigurationError where nothing was synced yet, StoreError.
    """
    agents = list((await control.bindings()).of(AGENT).values())
    if not agents:
        raise ConfigurationError([Problem("project", "no assistant is at ElevenLabs yet")], "Run: agentctl sync")
    since = datetime.now(UTC) - _LOOK_BACK
    wake = asyncio.Event()
    tasks: set[asyncio.Task[Any]] = {
        asyncio.create_task(_poll(control, agents, since, wake, poll_seconds)),
        asyncio.create_task(_show(control, agents, since, on_call)),
        asyncio.create_task(stop.wait()),
    }
    if serve is None:
        tasks.add(asyncio.create_task(worker.run(await control.jobs(), stop=stop, wake=wake)))
    else:
        tasks.add(asyncio.create_task(door.serve(control, host=serve[0], port=serve[1], stop=stop)))
    done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)
    for task in done:
        task.result()


async def _poll(control: Control, agents: list[str], since: datetime, wake: asyncio.Event, seconds: float) -> None:
    store = await control.store()
    while True:
        try:
            if await backfill.poll(control.api, store, agents, since):
                wake.set()
        except AgentctlError as error:
            # The next poll looks back over the same time: nothing is lost by waiting for it.
            log.warning("asking ElevenLabs for new conversations failed: %s", error.message)
        await asyncio.sleep(seconds)


async def _show(
    control: Control, agents: list[str], since: datetime, on_call: Callable[[dict[str, Any]], None]
) -> None:
    store = await control.store()
    shown: set[str] = set()
    while True:
        for row in reversed(await store.call("list_calls", {"limit": 20})):
            begun = datetime.fromisoformat(row["started_at"])
            name = row["conversation_id"]
            if row["agent_id"] in agents and begun >= since and name not in shown:
                shown.add(name)
                on_call(await store.call("show_call", {"conversation_id": name}))
        await asyncio.sleep(_WATCH_SECONDS)
