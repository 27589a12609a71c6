"""The calls: filtered, searched, newest first; as a table of cells, too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import chain, groupby
from typing import Any

from starlette.responses import Response

from agentctl.calls.call import OUTCOMES
from agentctl.calls.selection import numbered
from agentctl.console.acting import acting
from agentctl.console.page import Page
from agentctl.console.tables import table
from agentctl.console.telling import trouble
from agentctl.console.view import day_heading
from agentctl.console.visit import Visit
from agentctl.errors import NotThere, UsageError
from agentctl.verbs.calls import audit

_SHOWN, _AT_ONCE = 50, 500
COLUMNS = (
    "conversation_id", "started_at", "assistant", "status", "direction", "external_number", "agent_number",
    "duration_secs", "language", "successful", "outcome", "title", "summary", "action_items",
)  # fmt: skip
CHOICES = {
    "direction": ("inbound", "outbound"),
    "status": ("done", "failed"),
    "items": ("open", "any"),
}
LIST, NEWEST = "list", "newest"
"""In the address of a call that a list leads to: before which call that page of it began, or that it was the first."""
_TEXTS = {"q": 500, "assistant": 200, "outcome": 200, "number": 40, "since": 10, "until": 10}


async def calls(visit: Visit) -> Response:
    """The list; while the newest are shown, new ones come by themselves."""
    asked = wanted(visit)
    before = visit.request.query_params.get("before")
    problem: str = ""
    chosen = None
    try:
        chosen = {**selection(visit, asked), "before_id": before}
    except UsageError as error:
        problem = trouble(error, visit.desk.control.veil, f"{error.message}. {error.hint}")
    try:
        found, (assistants, outcomes) = await asyncio.gather(_found(visit, chosen), _choices(visit))
    except NotThere:
        if before is None:
            raise
        return visit.go("/calls", **asked)  # the call before was forgotten meanwhile
    shown = found[:_SHOWN]
    older = visit.url("/calls", **asked, before=shown[-1]["conversation_id"]) if len(found) > _SHOWN else None
    return visit.show(
        "calls.html.j2",
        asked=asked,
        within={**asked, LIST: before or NEWEST},
        days=[(*day, list(calls)) for day, calls in _by_day(visit, shown)],
        next=older,
        fresh=before is None,
        problem=problem,
        forgotten="forgotten" in visit.request.query_params,
        more=any(name in asked for name in ("since", "until", "number", *CHOICES)),
        choices=CHOICES,
        assistants=assistants,
        outcomes=sorted({*outcomes, *filter(None, (asked.get("outcome"), *(call["outcome"] for call in shown)))}),
    )


def _by_day(visit: Visit, calls: Sequence[dict[str, Any]]) -> Iterable[tuple[tuple[str, str], Iterable[Any]]]:
    """The id and name of each day, newest first, with its calls."""
    return groupby(calls, lambda call: day_heading(call["started_at"], visit))


async def _found(visit: Visit, chosen: dict[str, Any] | None) -> list[dict[str, Any]]:
    if chosen is None:
        return []
    found: list[dict[str, Any]] = await visit.ask("calls", {**chosen, "limit": _SHOWN + 1})
    await listed(visit, "list", "calls", found, chosen)
    return found


async def listed(visit: Visit, action: str, sort: str, found: Sequence[Any], chosen: Mapping[str, Any]) -> None:
    """Note a list that somebody opened, as the command does; what comes by itself while it is open leaves no row."""
    if not visit.partial:
        async with acting(visit) as control:
            await audit.note(control, action, **{sort: len(found)}, asked=audit.asked(**chosen))


def wanted(visit: Visit) -> dict[str, str]:
    """What the address asks for, by the names of the form; what says nothing is left out."""
    query = visit.request.query_params
    texts = {name: query.get(name, "").strip()[:most] for name, most in _TEXTS.items()}
    chosen = {name: query.get(name, "") for name, choices in CHOICES.items() if query.get(name) in choices}
    return {name: value for name, value in {**texts, **chosen}.items() if value}


def selection(visit: Visit, asked: dict[str, str]) -> dict[str, Any]:
    """The same as the store takes it. Raises UsageError for what is no number or no day."""
    return {
        "search": asked.get("q"),
        "assistant": asked.get("assistant"),
        "outcome": asked.get("outcome"),
        "direction": asked.get("direction"),
        "status": asked.get("status"),
        "items": asked.get("items"),
        "since": _begin(visit, asked.get("since")),
        "until": _begin(visit, asked.get("until"), days=1),
        **(numbered(asked["number"]) if "number" in asked else {}),
    }


async def exported(visit: Visit) -> Response:
    """The same calls as a table for a spreadsheet, all of them."""
    asked = wanted(visit)
    chosen = selection(visit, asked)
    async with acting(visit) as control:
        await audit.note(control, "export", asked=audit.asked(**chosen), format="csv")
    columns = COLUMNS + (("cost_credits", "cost_fiat") if visit.may("admin") else ())
    return table(visit, "calls", columns, _pages(visit, chosen), partial(_cells, columns))


def _cells(columns: Sequence[str], call: Mapping[str, Any]) -> list[object]:
    items = (f"[{'x' if item['done'] else ' '}] {item['what']}" for item in call["action_items"])
    flat = {**call, "action_items": "; ".join(items)}
    return [flat.get(name) for name in columns]


async def _pages(visit: Visit, chosen: dict[str, Any]) -> AsyncIterator[list[dict[str, Any]]]:
    begin: dict[str, Any] = {}
    while True:
        page = await visit.ask("calls", {**chosen, **begin, "limit": _AT_ONCE}, timeout=60.0)
        yield page
        if len(page) < _AT_ONCE:
            return
        begin = {"before": page[-1]["started_at"], "before_id": page[-1]["conversation_id"]}


async def named(visit: Visit) -> list[tuple[str, str]]:
    """Key and name of each assistant, for a choice."""
    return _named(await visit.ask("assistants"))


async def _choices(visit: Visit) -> tuple[list[tuple[str, str]], set[str]]:
    """The same, and what their calls can come to."""
    known = await visit.ask("assistants")
    return _named(known), {*chain.from_iterable(one["outcomes"] or OUTCOMES for one in known)}


def _named(known: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [*{one["key"]: one["name"] or one["key"] for one in known}.items()]


def _begin(visit: Visit, day: str | None, days: int = 0) -> str | None:
    """When that day began, or one so many days later, where the project is."""
    if day is None:
        return None
    try:
        asked = date.fromisoformat(day)
    except ValueError:
        raise UsageError(f"{day!r} is no day", "Write it as 2026-11-01.") from None
    if asked > date.max - timedelta(days=days):
        return None  # there is no day after it, and nothing that would be left out
    return datetime.combine(asked + timedelta(days=days), time(), visit.zone).isoformat()


PAGES = (Page("/calls", calls, menu="calls"), Page("/calls.csv", exported))
