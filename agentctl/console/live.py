"""What happens while a page is open: one hub per process hears of it from the store and tells the pages of a tenant.

A page is told that something is new, and asks for it as the person it belongs to; so nothing of a call is in the hub.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from agentctl.calls.inbox import Store
from agentctl.errors import StoreError

CHANNEL = "agentctl_changed"  # on which the store says whose calls, items or assistants are others now
_LOOK_SECONDS = 2.0  # between two looks at a store that tells nothing by itself
_PAUSE_SECONDS = 1.0  # between two words to one page: a busy minute is not a page loaded sixty times


@runtime_checkable
class Telling(Protocol):
    """A store that tells of changes by itself."""

    async def listen(self, channel: str, heard: Callable[[str], None]) -> None:
        """Until cancelled, call `heard` with each word on `channel`, and with none when some may have been missed."""


@dataclass(eq=False)
class Listener:
    """One open page. `events`: what is new since it was told last."""

    tenant: str
    events: set[str] = field(default_factory=set)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, events: set[str]) -> None:
        """Have it know, soon."""
        self.events |= events
        self.woken.set()


@dataclass
class Hub:
    """`ended`: set when the server stops, so that no open page holds it up."""

    ended: asyncio.Event
    listeners: dict[str, set[Listener]] = field(default_factory=dict)

    def heard(self, word: str) -> None:
        """One word of the store; an empty one: anything may have happened to anybody."""
        try:
            told = json.loads(word) if word else {}
            tenant, what = told.get("tenant"), {str(told["what"])} if told.get("what") else {"calls", "assistants"}
        except (ValueError, AttributeError):
            tenant, what = None, {"calls", "assistants"}
        for one in [tenant] if tenant else list(self.listeners):
            for listener in self.listeners.get(str(one), ()):
                listener.tell(what)

    async def changes(self, tenant: str, *, beat_seconds: float = 20.0) -> AsyncIterator[frozenset[str]]:
        """What is new in that tenant, each time something is; nothing, once per `beat_seconds` in which nothing was.

        It ends with the server.
        """
        listener = Listener(tenant)
        self.listeners.setdefault(tenant, set()).add(listener)
        ended = asyncio.ensure_future(self.ended.wait())
        try:
            while not self.ended.is_set():
                woken = asyncio.ensure_future(listener.woken.wait())
                await asyncio.wait({woken, ended}, timeout=beat_seconds, return_when=asyncio.FIRST_COMPLETED)
                woken.cancel()
                if self.ended.is_set():
                    return
                listener.woken.clear()
                told, listener.events = frozenset(listener.events), set()
                yield told
                if told:
                    await asyncio.wait({ended}, timeout=_PAUSE_SECONDS)
        finally:
            ended.cancel()
            self.listeners[tenant].discard(listener)
            if not self.listeners[tenant]:
                del self.listeners[tenant]


@asynccontextmanager
async def hearing(hub: Hub, store: Store) -> AsyncIterator[None]:
    """In the block the hub hears what the store tells; of one that tells nothing, what a look every 2 s shows."""
    how = store.listen(CHANNEL, hub.heard) if isinstance(store, Telling) else _looking(hub, store)
    task = asyncio.create_task(how)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def _looking(hub: Hub, store: Store) -> None:
    seen: dict[tuple[str, str], object] = {}
    while True:
        for tenant in list(hub.listeners):
            with suppress(StoreError):
                marks = await store.call("my_changes", {"tenant": tenant})
                for what, mark in marks.items():
                    if seen.setdefault((tenant, what), mark) != mark:
                        seen[tenant, what] = mark
                        hub.heard(json.dumps({"tenant": tenant, "what": what}))
        await asyncio.sleep(_LOOK_SECONDS)
