"""What has to be done after all calls, and ticking it off."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any

from starlette.datastructures import QueryParams
from starlette.responses import Response

from agentctl.console.acting import acting
from agentctl.console.page import Page
from agentctl.console.pages.calls import listed
from agentctl.console.tables import table
from agentctl.console.visit import Refused, Visit
from agentctl.verbs.calls import audit

_SHOWN, _AT_ONCE = 100, 500
_DIGITS = 9  # of a place that the store can have
_COLUMNS = (
    "id", "what", "who", "due", "due_date", "due_time", "done", "quote", "conversation_id", "started_at", "assistant",
    "external_number", "title",
)  # fmt: skip


async def items(visit: Visit) -> Response:
    """The open ones, or all; of the newest calls first."""
    query = visit.request.query_params
    asked = {"items": "any"} if query.get("items") == "any" else {}
    begin = _begin(query)
    chosen = {"items": "open", **asked, **begin}
    found = await visit.ask("action_items", {**chosen, "limit": _SHOWN + 1})
    await listed(visit, "actions list", "action_items", found, chosen)
    shown = found[:_SHOWN]
    older = visit.url("/items", **asked, **_end(shown[-1])) if len(found) > _SHOWN else None
    return visit.show("items.html.j2", asked=asked, items=shown, next=older, fresh=not begin)


def _begin(query: QueryParams) -> dict[str, Any]:
    """Where another page has ended, as its address has it; the beginning for what is no such address."""
    before, call, position = (query.get(name, "") for name in ("before", "call", "position"))
    try:
        if not (position.isascii() and position.isdecimal() and len(position) < _DIGITS):
            return {}
        return {
            "before": datetime.fromisoformat(before).isoformat(),
            "before_id": call,
            "before_position": int(position),
        }
    except ValueError:
        return {}


def _end(item: Mapping[str, Any]) -> dict[str, Any]:
    return {"before": item["started_at"], "call": item["conversation_id"], "position": item["position"]}


async def exported(visit: Visit) -> Response:
    """The same as a table for a spreadsheet, all of them."""
    items = "any" if visit.request.query_params.get("items") == "any" else "open"
    async with acting(visit) as control:
        await audit.note(control, "export", asked={"items": items}, format="csv")
    return table(visit, "action-items", _COLUMNS, _pages(visit, items), itemgetter(*_COLUMNS))


async def _pages(visit: Visit, items: str) -> AsyncIterator[list[dict[str, Any]]]:
    begin: dict[str, Any] = {}
    while True:
        page = await visit.ask("action_items", {"items": items, **begin, "limit": _AT_ONCE}, timeout=60.0)
        yield page
        if len(page) < _AT_ONCE:
            return
        last = page[-1]
        begin = {
            "before": last["started_at"],
            "before_id": last["conversation_id"],
            "before_position": last["position"],
        }


async def tick(visit: Visit) -> Response:
    """Done, or open again; by this person, so that the store decides whether they may."""
    item, done = visit.form.get("item"), visit.form.get("done")
    if not isinstance(item, str) or done not in ("yes", "no"):
        raise Refused(400, "refused.form")
    await visit.ask("mark", {"item": item, "done": done == "yes"})
    return visit.back()


PAGES = (
    Page("/items", items, menu="items"),
    Page("/items.csv", exported),
    Page("/items", tick, role="editor", writes=True),
)
