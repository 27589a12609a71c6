"""One call: what was said, what it came to, and what has to be done after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeGuard
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response

from agentctl.console import conversation, hits, view
from agentctl.console.acting import acting
from agentctl.console.page import Page
from agentctl.console.pages.beside import SECONDS, beside, within
from agentctl.console.pages.calls import wanted
from agentctl.console.tables import table, whole
from agentctl.console.telling import trouble
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError, NotThere, StoreError
from agentctl.verbs.calls import audit, digest, forget, to_test
from agentctl.verbs.calls.digest import is_possible

DIGESTED = ("made", "unchanged", "silent", "superseded")  # it came to an end, and nothing was wrong
_COLUMNS = ("position", "role", "at_secs", "interrupted", "message", "tools", "citations")


async def call(visit: Visit) -> Response:
    """All that this person may know of it."""
    found = await asked(visit)
    if visit.partial:  # a tick asks for what has it; what was said is shown, and noted, with the page alone
        return visit.show("call_items.html.j2", call=found)
    digested, turn = (visit.request.query_params.get(name, "") for name in ("digested", "tested"))
    async with acting(visit) as control:
        await audit.note(control, "show", call=found["conversation_id"])
        tested = to_test.written(control, found, int(turn)) if _is_turn(turn) else None
    said = visit.words(f"call.digests.{digested}") if digested in DIGESTED else ""
    return await shown(visit, found, said=said, tested=(int(turn), str(tested)) if tested else None)


def _search(visit: Visit) -> str:
    """What was searched for that led here."""
    return visit.request.query_params.get("q", "").strip()[:500]


async def _snippet(visit: Visit, found: Mapping[str, Any]) -> str:
    """What that has hit in it, as the list of calls shows it; empty for nothing, and where the store does not tell in
    time.
    """
    if not (search := _search(visit)):
        return ""
    begun = datetime.fromisoformat(found["started_at"])
    asked = {"since": begun.isoformat(), "until": (begun + timedelta(milliseconds=1)).isoformat()}
    try:
        listed = await visit.ask("calls", {"search": search, **asked, "limit": 50}, timeout=SECONDS)
    except StoreError:
        return ""
    of_it = (one.get("snippet") for one in listed if one["conversation_id"] == found["conversation_id"])
    return next(of_it, None) or ""


def _is_turn(told: object) -> TypeGuard[str]:
    return isinstance(told, str) and told.isascii() and told.isdecimal() and len(told) < 7


async def shown(visit: Visit, found: Mapping[str, Any], **more: Any) -> Response:
    """Its page; `said` or `problem`: what came of something that was asked of it; `tested`: the turn of which a test
    was made, and its file.
    """
    snippet, near = await asyncio.gather(_snippet(visit, found), beside(visit, found["conversation_id"]))
    lit = await visit.desk.aside(hits.lit, found, snippet)
    evaluation = list(_results(found["evaluation"], "result"))
    collected = [one for one in _results(found["collected"], "value") if not _is_listed(one, found)]
    told = {
        "said": "",
        "problem": "",
        "tested": None,
        "digests": is_possible(visit.desk.control.settings),
        **more,
    }
    return visit.show(
        "call.html.j2",
        call=lit,
        rows=conversation.rows(lit["turns"]),
        hit=hits.first(lit),
        beside=near,
        within=within(visit),
        evaluation=evaluation,
        collected=collected,
        **told,
    )


def _is_listed(one: Mapping[str, Any], call: Mapping[str, Any]) -> bool:
    """Whether these are the action items, which have a place of their own."""
    return one["name"] == "action_items" and bool(call["action_items"] or not one["value"])


async def asked(visit: Visit) -> dict[str, Any]:
    """The call that the address names. Raises NotThere where it is none of the tenant's, StoreError."""
    asked = {"conversation_id": visit.request.path_params["conversation_id"]}
    found: dict[str, Any] = await visit.ask("call", asked)
    return found


async def exported(visit: Visit) -> Response:
    """Its turns as a table for a spreadsheet."""
    found = await asked(visit)
    async with acting(visit) as control:
        await audit.note(control, "export", call=found["conversation_id"], what="turns", format="csv")
    return table(visit, "turns", _COLUMNS, whole(found["turns"]), _row)


def _row(turn: Mapping[str, Any]) -> list[object]:
    tools = [str(one.get("tool_name") or "?") for one in turn.get("tool_calls") or ()]
    cited = [str(one.get("document") or one.get("document_id") or "?") for one in turn.get("citations") or ()]
    more = {"tools": "; ".join(tools), "citations": "; ".join(cited)}
    return [{**turn, **more}[name] for name in _COLUMNS]


async def make_test(visit: Visit) -> Response:
    """What was said up to a turn becomes a test in the project's files."""
    found, turn = await asked(visit), visit.form.get("turn")
    if not _is_turn(turn):
        raise Refused(400, "refused.form")
    async with acting(visit) as control:
        try:
            await to_test.to_test(control, found["conversation_id"], int(turn))
            await audit.note(control, "to-test", call=found["conversation_id"], turn=int(turn))
        except AgentctlError as error:
            return await shown(visit, found, problem=trouble(error, control.veil))
    return visit.go(_address(found), f"turn-{turn}", **within(visit), tested=turn)


def _address(found: Mapping[str, Any]) -> str:
    return f"/calls/{quote(found['conversation_id'], safe='')}"


async def redigest(visit: Visit) -> Response:
    """A language model digests it again, if anything that it would be asked is other than last time."""
    found = await asked(visit)
    async with acting(visit) as control:
        try:
            async with audit.noted(control, "digest", call=found["conversation_id"]) as row:
                made = await digest.digest(control, found["conversation_id"], force="force" in visit.form)
                row["state"] = made.state
        except AgentctlError as error:
            return await shown(visit, found, problem=trouble(error, control.veil))
    if made.state in DIGESTED:
        return visit.go(_address(found), **within(visit), digested=made.state)
    return await shown(visit, found, problem=f"{visit.words(f'call.digests.{made.state}')} {made.reason}".strip())


async def confirm(visit: Visit) -> Response:
    """What would be erased, before it is."""
    return _doubting(visit, await asked(visit))


async def erase(visit: Visit) -> Response:
    """Erased everywhere, for good; what is left to do is told."""
    keep = "keep_remote" in visit.form
    try:
        found = await asked(visit)
    except NotThere:
        return visit.go("/calls", **wanted(visit), forgotten="1")  # by whoever was faster
    async with acting(visit) as control:
        try:
            traces = await forget.find(control, found["conversation_id"], keep_remote=keep)
            done = await forget.forget(control, traces, keep_remote=keep)
        except AgentctlError as error:
            return _doubting(visit, found, trouble(error, control.veil))
    reasons = [f"{one}: {error}" for one, error in done.failed]
    if not done.is_whole:
        text = "\n".join([visit.words("forget.left"), *reasons])
        return _doubting(visit, found, visit.desk.control.veil(text))
    return visit.go("/calls", **wanted(visit), forgotten="1")


def _doubting(visit: Visit, found: Mapping[str, Any], problem: str = "") -> Response:
    return visit.show("forget.html.j2", call=found, problem=problem, asked=wanted(visit), within=within(visit))


async def raw(visit: Visit) -> Response:
    """What was delivered, as it came."""
    found = await visit.ask("raw_event", {"id": visit.request.path_params["event"]})
    async with acting(visit) as control:
        await audit.note(control, "raw", event=str(found["id"]))
    cut = f"\n\n{visit.words('call.cut')}" if found["cut"] else ""
    return PlainTextResponse(f"{await visit.desk.aside(_indented, found['text'])}{cut}")


def _indented(text: str) -> str:
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    return view.shown(text)


def _results(told: Mapping[str, Any], field: str) -> Iterator[dict[str, Any]]:
    """Name, value and reason of each result that the platform's analysis gave. A value: text, None or a bool."""
    for name, result in told.items():
        value = result.get(field) if isinstance(result, Mapping) else result
        why = result.get("rationale") if isinstance(result, Mapping) else None
        shown = value if value is None or isinstance(value, str | bool) else json.dumps(value, ensure_ascii=False)
        yield {"name": name, "value": shown, "why": why if isinstance(why, str) else ""}


PAGES = (
    Page("/calls/{conversation_id}", call),
    Page("/calls/{conversation_id}/turns.csv", exported),
    Page("/calls/{conversation_id}/test", make_test, role="editor", writes=True),
    Page("/calls/{conversation_id}/digest", redigest, role="editor", writes=True),
    Page("/calls/{conversation_id}/forget", confirm, role="admin"),
    Page("/calls/{conversation_id}/forget", erase, role="admin", writes=True),
    Page("/events/{event}", raw, role="admin"),
)
