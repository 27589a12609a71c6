"""One call: what was said, what it came to, and what has to be done after it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from starlette.responses import PlainTextResponse, Response

from agentctl.console import conversation, view
from agentctl.console.acting import acting
from agentctl.console.page import Page
from agentctl.console.tables import table, whole
from agentctl.console.visit import Refused, Visit
from agentctl.errors import AgentctlError
from agentctl.verbs.calls import audit, digest, forget, to_test
from agentctl.verbs.calls.digest import is_possible

_COLUMNS = ("position", "role", "at_secs", "interrupted", "message", "tools", "citations")


async def call(visit: Visit) -> Response:
    """All that this person may know of it."""
    found = await asked(visit)
    async with acting(visit) as control:
        await audit.note(control, "show", call=found["conversation_id"])
    return shown(visit, found)


def shown(visit: Visit, found: Mapping[str, Any], **more: Any) -> Response:
    """Its page; `said` or `problem`: what came of something that was asked of it."""
    evaluation = list(_results(found["evaluation"], "result"))
    collected = [one for one in _results(found["collected"], "value") if not _is_listed(one, found)]
    told = {"said": "", "problem": "", "digests": is_possible(visit.desk.control.settings), **more}
    return visit.show(
        "call.html.j2",
        call=found,
        rows=conversation.rows(found["turns"]),
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
    if not isinstance(turn, str) or not turn.isdecimal() or len(turn) > 6:
        raise Refused(400, "refused.form")
    async with acting(visit) as control:
        try:
            made = await to_test.to_test(control, found["conversation_id"], int(turn))
            await audit.note(control, "to-test", call=found["conversation_id"], turn=int(turn))
        except AgentctlError as error:
            return shown(visit, found, problem=control.veil(str(error)))
        path = made.path.relative_to(control.directory) if made.path.is_relative_to(control.directory) else made.path
    return shown(visit, found, said=visit.words("call.made_test", path=str(path)))


async def redigest(visit: Visit) -> Response:
    """A language model digests it again, if anything that it would be asked is other than last time."""
    found = await asked(visit)
    async with acting(visit) as control:
        try:
            async with audit.noted(control, "digest", call=found["conversation_id"]) as row:
                made = await digest.digest(control, found["conversation_id"], force="force" in visit.form)
                row["state"] = made.state
        except AgentctlError as error:
            return shown(visit, found, problem=control.veil(str(error)))
    failed = made.state in ("failed", "spent")
    text = visit.words(f"call.digests.{made.state}") + (f" {made.reason}" if made.reason else "")
    return shown(visit, await asked(visit), **{"problem" if failed else "said": text})


async def confirm(visit: Visit) -> Response:
    """What would be erased, before it is."""
    return visit.show("forget.html.j2", call=await asked(visit), problem="")


async def erase(visit: Visit) -> Response:
    """Erased everywhere, for good; what is left to do is told."""
    found, keep = await asked(visit), "keep_remote" in visit.form
    async with acting(visit) as control:
        try:
            wanted = await forget.find(control, found["conversation_id"], keep_remote=keep)
            done = await forget.forget(control, wanted, keep_remote=keep)
        except AgentctlError as error:
            return visit.show("forget.html.j2", call=found, problem=control.veil(str(error)))
    reasons = [f"{one}: {error}" for one, error in done.failed]
    if not done.is_whole:
        text = "\n".join([visit.words("forget.left"), *reasons])
        return visit.show("forget.html.j2", call=found, problem=visit.desk.control.veil(text))
    return visit.go("/calls", forgotten="1")


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
