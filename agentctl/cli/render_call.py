"""Calls, events and queues as text for people."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agentctl.calls import wording
from agentctl.calls.call import Turn
from agentctl.calls.tenant import OPERATOR
from agentctl.cli.addressed import addressed
from agentctl.cli.render import paint, plain

if TYPE_CHECKING:
    from agentctl.verbs.work import Drained

_ENGLISH = "en"
_WIDEST = 100  # columns; longer lines are hard to read
_CELL = 60  # columns: room for every id; what is longer was sent by somebody who means no good
_COLOURS = {"dead": 31, "failed": 31, "kept": 33, "pending": 33, "running": 36, "done": 32, "sent": 32}


def call_text(call: Mapping[str, Any]) -> str:
    """One call from its heading to its events."""
    parts = [_heading(call), _digest(call), _items(call), _turns(call), _mails(call), _events(call)]
    return "\n\n".join("\n".join(part) for part in map(list, parts) if part)


def events_text(events: Sequence[Mapping[str, Any]]) -> str:
    """A table, one line per event."""
    head = ("EVENT", "RECEIVED", "STATE", "TRIES", "TYPE", "CONVERSATION", "REASON")
    rows = [
        (
            line(event["id"]),
            when(event["received_at"]),
            line(event["state"]),
            str(event["attempt"]),
            line(event["type"]),
            line(event["conversation_id"] or "-"),
            _told(event),
        )
        for event in events
    ]
    return table_of([event["tenant"] for event in events], head, rows)


def mails_text(mails: Sequence[Mapping[str, Any]]) -> str:
    """A table, one line per mail."""
    head = ("MAIL", "QUEUED", "STATE", "TRIES", "TO", "CONVERSATION", "REASON")
    rows = [
        (
            line(mail["id"]),
            when(mail["created_at"]),
            line(mail["state"]),
            str(mail["attempt"]),
            line(mail["recipient"]),
            line(mail["conversation_id"]),
            line(mail["error"] or ""),
        )
        for mail in mails
    ]
    return table_of([mail["tenant"] for mail in mails], head, rows)


def drained_text(drained: Drained) -> str:
    """What one pass came to, and what waits."""
    lines = [f"{drained.requeued} queued again."] if drained.requeued else []
    lines.append(f"{drained.done} done, {drained.failed} failed.")
    if drained.lost:
        lines.append(f"{drained.lost} taken over by another worker.")
    syncs = max(0, drained.dead_syncs - drained.wrong_rows)
    others = {"mails": drained.dead_mails, "rows": drained.dead_rows, "syncs": syncs}
    if dead := drained.dead - drained.dead_mails - drained.dead_rows - drained.dead_syncs:
        lines.append(paint(f"{dead} given up for good: agentctl calls events --state dead", 31))
    for what, dead in others.items():
        if dead:
            again = "agentctl calls retry --all, once the reason is put right"
            lines.append(paint(f"{dead} {what} given up for good: {again}", 31))
    if drained.kept:
        lines.append(f"{drained.kept} kept, since they were not understood: agentctl calls events --state kept")
    if drained.synced or drained.syncs_failed:
        lines.append(f"{drained.synced} assistants synced, {drained.syncs_failed} failed.")
    if drained.wrong_rows:
        lines.append(f"{drained.wrong_rows} rows are wrong, and say so themselves: their next change is synced")
    if drained.held_up_syncs:
        lines.append(paint(f"{drained.held_up_syncs} syncs are held up, and tried again: agentctl calls status", 31))
    if drained.unread and drained.pending_syncs:
        why = "; ".join(drained.unread)
        lines.append(paint(f"{drained.pending_syncs} syncs wait until agentctl.toml can be read: {why}", 31))
    if drained.duties_failed:
        lines.append(f"{drained.duties_failed} duties could not be done: agentctl calls status")
    queues = {
        "events": drained.pending_events,
        "recordings": drained.pending_recordings,
        "mails": drained.pending_mails,
    }
    if waiting := [f"{count} {queue}" for queue, count in queues.items() if count]:
        lines.append(f"Waiting: {' and '.join(waiting)}.")
    return addressed("\n".join(lines))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell, up to a limit; the last one is cut at the terminal's edge, but never to
    nothing.
    """
    rows = [[*(_cut(cell, _CELL) for cell in row[:-1]), row[-1]] for row in rows]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head) - 1)]
    room = max(shutil.get_terminal_size((160, 24)).columns - sum(widths) - 2 * len(widths), 24)
    first, *others = [
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), _cut(row[-1], room)]
        ).rstrip()
        for row in (head, *rows)
    ]
    return "\n".join([paint(first, 2), *others])


def table_of(tenants: Sequence[str], head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """As `table`, each row with its tenant where there are others than the operator."""
    if set(tenants) <= {OPERATOR}:
        return table(head, rows)
    return table(("TENANT", *head), [(line(one), *row) for one, row in zip(tenants, rows, strict=True)])


def line(text: object) -> str:
    """Anything from outside as one harmless line."""
    return plain(" ".join(str(text).split()))


def when(moment: str | None) -> str:
    """An ISO time of the store in this machine's time zone, to the minute."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}" if moment else "-"


def clock(seconds: float | None) -> str:
    """23 -> 00:23."""
    return "-" if seconds is None else f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"


def answer_ms(turn: Mapping[str, Any]) -> int | None:
    """How long the caller waited for this stored turn; see `Turn.answer_ms`."""
    return Turn(turn["position"], turn["role"], turn["message"], detail=turn["detail"]).answer_ms


def about(call: Mapping[str, Any]) -> str:
    """What a call was about, in a few words; what went wrong and what is left to do come first."""
    said = line(call["title"] or call["summary"] or "")
    if call["status"] != "done":
        said = ": ".join(part for part in (line(call["status"]), _reason(call), said) if part)
    items = sum(not item["done"] for item in call["action_items"])
    return f"({items} to do) {said}" if items else said


def _reason(call: Mapping[str, Any]) -> str:
    return line(wording.reason(call["failure_reason"], _ENGLISH)) if call.get("failure_reason") else ""


def _heading(call: Mapping[str, Any]) -> Iterator[str]:
    words = wording.words(_ENGLISH)
    number = line(call["external_number"] or words["unknown_number"])
    what = "call_to" if call["direction"] == "outbound" else "call_from"
    spoken = words["call"] if call["channel"] == "web" and not call["external_number"] else words[what]
    name = line(call["assistant_name"] or call["agent_id"] or "-")
    yield paint(f"{name}: {spoken.format(number=number)}", 1)
    yield f"{line(call['conversation_id'])}, {when(call['started_at'])}, {clock(call['duration_secs'])}"
    state = paint(line(call["status"]), _COLOURS.get(call["status"], 0))
    yield ": ".join(part for part in (state, _reason(call)) if part)
    yield from _figures(call)
    if call["assistant"] is None:
        yield "The agent is not one of this project's; nobody was mailed."
    if call["recording"]:
        gone = call["recording"]["gone_at"]
        missed = f", and is gone: somebody deleted it there (missed on {when(gone)})" if gone else ""
        yield f"Recording: {line(call['recording']['location'])}{missed}"


def _figures(call: Mapping[str, Any]) -> Iterator[str]:
    """What the platform says of the call as a whole, and how long its answers took."""
    waits = sorted(waited for turn in call["turns"] if (waited := answer_ms(turn)) is not None)
    fiat = "" if call["cost_fiat"] is None else f" ({call['cost_fiat']:g})"
    said = (
        ("language", call["language"]),
        ("judged", call["successful"]),
        ("ended", call["termination_reason"]),
        ("cost", None if call["cost_credits"] is None else f"{call['cost_credits']:g} credits{fiat}"),
        (
            "answers",
            f"{len(waits)}, half of them within {waits[(len(waits) - 1) // 2] / 1000:.2f} s" if waits else None,
        ),
    )
    found = "; ".join(f"{name}: {line(value)}" for name, value in said if value)
    yield from (paint(part, 2) for part in textwrap.wrap(found, _width()))


def _digest(call: Mapping[str, Any]) -> Iterator[str]:
    digest = call["digest"]
    if not digest:
        return
    yield paint(line(digest["title"] or "Summary"), 1)
    for paragraph in (digest["summary"] or "").splitlines():
        # Indented, so that a summary cannot pretend to be a heading.
        yield from textwrap.wrap(line(paragraph), _width(), initial_indent="  ", subsequent_indent="  ")
    yield from (f"  {label}: {line(value)}" for label, value in _found(digest))
    note = wording.digest_note(digest["engine"], digest["model"], digest["detail"], _ENGLISH)
    yield paint(line(" ".join((note, *_price(digest)))), 2)


def _found(digest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    words = wording.words(_ENGLISH)
    if digest["outcome"]:
        yield words["outcome"], wording.outcome(digest["outcome"], _ENGLISH)
    if digest["sentiment"]:
        yield "Mood", digest["sentiment"]
    if digest["follow_up"] is not None:
        yield "Follow-up", "needed" if digest["follow_up"] else "not needed"
    for name in ("caller_name", "caller_number"):
        if digest[name]:
            yield words[name], digest[name]


def _price(digest: Mapping[str, Any]) -> Iterator[str]:
    if digest["tokens_in"] is not None and digest["tokens_out"] is not None:
        cost = "" if digest["cost"] is None else f", {digest['cost']:.6f}".rstrip("0").rstrip(".")
        yield f"{digest['tokens_in']:,} tokens in, {digest['tokens_out']:,} out{cost}."
    if digest["seconds"] is not None:
        yield f"{digest['seconds']:.1f} s."


def _items(call: Mapping[str, Any]) -> Iterator[str]:
    if call["action_items"]:
        yield paint("To do", 1)
    for item in call["action_items"]:
        details = ", ".join(line(part) for part in (item["who"], _due(item)) if part)
        yield f"[{'x' if item['done'] else ' '}] {line(item['what'])}{f' ({details})' if details else ''}"
        if item["quote"]:
            yield paint(f"    turn {item['turn']}: “{line(item['quote'])}”", 2)
    digest = call["digest"] or {"detail": {}}
    if dropped := wording.dropped(digest["detail"], _ENGLISH):
        yield paint(dropped, 33)


def _due(item: Mapping[str, Any]) -> str:
    """As it was said, and as a date: morgen um zehn = 2026-11-21 10:00."""
    meant = " ".join(part for part in (item["due_date"], (item["due_time"] or "")[:5]) if part)
    return " = ".join(part for part in (item["due"], meant) if part)


def _turns(call: Mapping[str, Any]) -> Iterator[str]:
    if call["turns"]:
        yield paint("Conversation", 1)
    for turn in call["turns"]:
        said = [line(turn["message"])] if turn["message"] else []
        said += [f"[tool {line(tool.get('tool_name') or '?')} called]" for tool in turn["tool_calls"]]
        for result in turn["tool_results"]:
            failed = "failed" if result.get("is_error") else "answered"
            said.append(f"[tool {line(result.get('tool_name') or '?')} {failed}]")
        lead = f"{turn['position']:>3}  {clock(turn['at_secs']):>5}  {line(turn['role']):<6}  "
        waited = answer_ms(turn)
        after = (" [interrupted]" if turn["interrupted"] else "") + (f" [{waited / 1000:.2f} s]" if waited else "")
        first, *others = textwrap.wrap(" ".join(said) + after, max(_width() - len(lead), 24)) or [""]
        yield (lead + first).rstrip()
        yield from (" " * len(lead) + other for other in others)


def _mails(call: Mapping[str, Any]) -> Iterator[str]:
    if call["mails"]:
        yield paint("Mails", 1)
    for mail in call["mails"]:
        status = paint(line(mail["status"]), _COLOURS.get(mail["status"], 0))
        more = when(mail["sent_at"]) if mail["sent_at"] else line(mail["error"] or "")
        yield f"{status}  {line(mail['to'])}  {more}".rstrip()


def _events(call: Mapping[str, Any]) -> Iterator[str]:
    if call["events"]:
        yield paint("Events", 1)
    for event in call["events"]:
        state = paint(line(event["state"]), _COLOURS.get(event["state"], 0))
        yield f"{state}  {line(event['type'])}  {when(event['received_at'])}  {_told(event)}".rstrip()


def _told(event: Mapping[str, Any]) -> str:
    return line(event["error"] or "") or ("kept as a recording" if event.get("moved") else "")


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1].rstrip()}…"


def _width() -> int:
    return min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
