"""What happened on the phone: the newest calls, and one of them."""

from __future__ import annotations

from typing import Any

from agentctl.calls.selection import Selection
from agentctl.errors import AgentctlError
from agentctl.verbs.calls.found import find
from agentctl.wiring import Control


async def calls(control: Control, *, limit: int = 20, assistant: str | None = None) -> list[dict[str, Any]]:
    """The newest calls first, each with its summary and action items. `assistant`: only those of this key.

    Calls of agents that are not ours are in it, with assistant null; where an environment was named, only its own are.
    Raises StoreError.
    """
    return await find(control, Selection(assistant=assistant), limit=limit)


async def call(control: Control, conversation_id: str) -> dict[str, Any]:
    """One call with its turns, digest, mails, recording and events.

    Raises AgentctlError if there is none, StoreError.
    """
    store = await control.store_of_calls()
    found: dict[str, Any] | None = await store.call("show_call", {"conversation_id": conversation_id})
    if found is None:
        raise AgentctlError(
            f"there is no call {conversation_id!r}",
            "`agentctl calls list` shows the calls, `agentctl calls events` what could not become one.",
        )
    return found
