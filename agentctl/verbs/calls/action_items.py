"""What is left to do after calls: over all of them, ticked off, opened again."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Literal

from agentctl.calls.selection import Selection
from agentctl.errors import AgentctlError, UsageError
from agentctl.verbs.calls.found import find
from agentctl.wiring import Control

_LISTED = "`agentctl calls actions list` shows those there are, by their ids"


async def action_items(
    control: Control,
    selection: Selection | None = None,
    *,
    which: Literal["open", "any"] = "open",
    limit: int = 50,
    before: str | None = None,
) -> list[dict[str, Any]]:
    """The items of the newest `limit` calls that have some, each with the call that it is about and its own `id`.

    `before`: as in `find`. Raises UsageError, StoreError.
    """
    found = await find(control, replace(selection or Selection(), items=which), limit=limit, before=before)
    about = ("conversation_id", "assistant", "assistant_name", "started_at", "external_number", "title")
    return [
        {**item, **{name: call[name] for name in about}}
        for call in found
        for item in call["action_items"]
        if which == "any" or not item["done"]
    ]


async def mark(control: Control, item: str, *, done: bool) -> dict[str, Any]:
    """Tick the item with this id off, or open it again; `changed` tells whether it was otherwise before.

    An id stays the same as long as the item rests on the same words, whatever its place. Raises UsageError for what is
    no id, AgentctlError where there is no such item, StoreError.
    """
    if re.fullmatch(r"(?s).+:\d+", item):
        raise UsageError(f"{item!r} is an item's place, which another digest of its call changes", _LISTED)
    match = re.fullmatch(r"(?s)(.+):[a-p]{8}", item)
    if match is None:
        raise UsageError(f"{item!r} is no action item's id", f"{_LISTED}: conv_…:hcafgkbo.")
    store = await control.store_of_calls()
    asked = {"conversation_id": match[1], "id": item, "done": done}
    marked: dict[str, Any] | None = await store.call("mark_action_item", asked)
    if marked is None:
        raise AgentctlError(f"there is no action item {item!r}, or not any more", _LISTED)
    return marked
