"""Digest stored calls again: after the prompt, the settings or the model changed, or after an outage of the model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from agentctl.calls.event import SavedAssistant
from agentctl.calls.inbox import Store
from agentctl.calls.language_model import LanguageModel
from agentctl.calls.process import in_its_zone, wanted_of
from agentctl.calls.stored import call_of
from agentctl.errors import AgentctlError, BudgetSpent, DigestError
from agentctl.settings import Settings, require
from agentctl.wiring import Control

_AT_ONCE = 4
_PAGE = 100


@dataclass(frozen=True)
class Redigested:
    """What became of one call.

    made: it has a new digest. unchanged: the same was asked before, so nothing was. silent: there are no words in it.
    superseded: it was stored anew meanwhile, with a digest of its own. failed: its old digest stays; `reason` says why.
    spent: likewise, since the day's budget allows no further request. `cost`: of a new digest, where it is known.
    """

    conversation_id: str
    state: Literal["made", "unchanged", "silent", "superseded", "failed", "spent"]
    reason: str = ""
    cost: float | None = None


async def digest(control: Control, conversation_id: str, *, force: bool = False) -> Redigested:
    """Digest one call again, if anything that the model would be asked is other than last time, or with `force`.

    Nobody is mailed, and what was ticked off stays so. Raises ConfigurationError without a language model,
    AgentctlError if there is no such call, StoreError.
    """
    store, model = await _prepared(control)
    made = await _again(store, model, conversation_id, force=force)
    if made is None:
        raise AgentctlError(f"there is no call {conversation_id!r}", "`agentctl calls list` shows the calls.")
    return made


async def digest_since(control: Control, since: datetime, *, force: bool = False) -> AsyncIterator[Redigested]:
    """Likewise every call that began at `since` or later, newest first; of one environment, where one was named.

    Ends with the first that the day's budget does not allow: those that come after it are not asked, nor told of.
    """
    store, model = await _prepared(control)
    page: dict[str, Any] = {"limit": _PAGE}
    if control.environment is not None:
        scope = await asyncio.to_thread(lambda: control.scope)
        page |= {"project": scope.project, "environment": scope.environment}
    room, ended = asyncio.Semaphore(_AT_ONCE), asyncio.Event()

    async def one(conversation_id: str) -> Redigested | None:
        async with room:
            if ended.is_set():
                return None
            made = await _again(store, model, conversation_id, force=force)
            if made is not None and made.state == "spent":
                ended.set()
            return made

    while rows := await store.call("list_calls", page):
        recent = [row for row in rows if datetime.fromisoformat(row["started_at"]) >= since]
        found = await asyncio.gather(*(one(row["conversation_id"]) for row in recent))
        for made in found:
            if made is not None:  # one that was erased meanwhile is nobody's
                yield made
        if len(recent) < len(rows) or ended.is_set():
            return
        page |= {"before": rows[-1]["started_at"], "before_id": rows[-1]["conversation_id"]}


def is_possible(settings: Settings) -> bool:
    """Whether there is a language model that could be asked."""
    return None not in (settings.llm_base_url, settings.llm_model)


async def _prepared(control: Control) -> tuple[Store, LanguageModel]:
    require(control.settings, "llm_base_url", "llm_model")
    completions = control.workshop.completions(await control.store())  # the budget is the operator's
    assert completions is not None
    return await control.store_of_calls(), LanguageModel(completions)


async def _again(store: Store, model: LanguageModel, conversation_id: str, *, force: bool) -> Redigested | None:
    row = await store.call("digestible", {"conversation_id": conversation_id})
    if row is None:
        return None
    assistant = SavedAssistant.from_row(row["settings"]) if row["settings"] else None
    call = in_its_zone(call_of(row), assistant)
    if call.silent:
        return Redigested(conversation_id, "silent")
    wanted = wanted_of(call, assistant)
    try:
        if not force and (row["digest"] or {}).get("asked_sha256") == model.asks(call, wanted):
            return Redigested(conversation_id, "unchanged")
        made = await model.digest(call, wanted)
    except BudgetSpent as error:
        return Redigested(conversation_id, "spent", error.message)
    except DigestError as error:
        return Redigested(conversation_id, "failed", error.message)
    items = made.item_records()
    fence = {"conversation_id": conversation_id, "updated_at": row["updated_at"]}
    answer = await store.call("store_digest", {**fence, "digest": made.record(), "action_items": items})
    return Redigested(conversation_id, "made" if answer["stored"] else "superseded", cost=made.cost)
