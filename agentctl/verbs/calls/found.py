"""Calls that are looked for: listed page by page, exported one after another, counted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from agentctl.calls.selection import Selection
from agentctl.calls.tenant import OPERATOR
from agentctl.wiring import Control

EXPORTED_AT_ONCE = 50  # calls; an answer holds so many transcripts in memory
_COUNTING_SECONDS = 120.0  # all calls of years take a while


async def find(
    control: Control, selection: Selection | None = None, *, limit: int = 20, before: str | None = None
) -> list[dict[str, Any]]:
    """The newest calls that `selection` means, each with its summary and action items; with a search also `snippet`,
    the words around the hits, and `hits`, their places in it as [begin, end].

    `before`: only calls older than the one with this id, to go on where another list ended. Calls of agents that are
    not ours are in it, with assistant null; where an environment was named, only its own are. Raises UsageError,
    StoreError.
    """
    store = await control.store_of_calls()
    asked = {**await _asked(control, selection), "limit": limit, "before_id": before}
    return [_with_hits(call) for call in await store.call("list_calls", asked)]


async def other_tenants(control: Control) -> list[str]:
    """Who has calls, where the one whose calls are asked for has none. Raises StoreError."""
    known = await (await control.store()).call("tenants", {})
    having = [row["tenant"] for row in known if row["has_calls"]]
    return [] if (control.tenant or OPERATOR) in having else having


async def export(control: Control, selection: Selection | None = None) -> AsyncIterator[dict[str, Any]]:
    """Every call that `selection` means, newest first, each with its turns and digest; few of them in memory at a time.

    What is stored meanwhile and is newer is not in it. Raises UsageError, StoreError.
    """
    store = await control.store_of_calls()
    asked = {**await _asked(control, selection), "limit": EXPORTED_AT_ONCE}
    while True:
        page: list[dict[str, Any]] = await store.call("export_calls", asked, timeout=60.0)
        for call in page:
            yield call
        if len(page) < EXPORTED_AT_ONCE:
            return
        asked |= {"before": page[-1]["started_at"], "before_id": page[-1]["conversation_id"]}


async def count(control: Control, selection: Selection | None = None) -> dict[str, Any]:
    """What those calls come to: `all` and, in `assistants`, each; see the README. Raises UsageError, StoreError."""
    store = await control.store_of_calls()
    counted: dict[str, Any] = await store.call(
        "count_calls", await _asked(control, selection), timeout=_COUNTING_SECONDS
    )
    return counted


async def _asked(control: Control, selection: Selection | None) -> dict[str, Any]:
    asked = (selection or Selection()).record()
    if control.environment is not None:
        scope = await asyncio.to_thread(lambda: control.scope)
        asked |= {"project": scope.project, "environment": scope.environment}
    return asked


def _with_hits(call: dict[str, Any]) -> dict[str, Any]:
    """The store puts each hit between U+0001 and U+0002; here they become places in the text."""
    if (marked := call.get("snippet")) is None:
        return call
    said, *others = marked.replace("\n", " ").split("\x01")
    hits = []
    for part in others:
        hit, _, rest = part.partition("\x02")
        hits.append([len(said), len(said) + len(hit)])
        said += hit + rest
    return {**call, "snippet": said, "hits": hits}
