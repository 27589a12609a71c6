"""Calls that were looked for, and what they left to do, as text for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentctl.cli.render import paint, plain
from agentctl.cli.render_call import about, clock, line, table, when

_HIT = (1, 33)


def list_text(calls: Sequence[Mapping[str, Any]]) -> str:
    """A table, one line per call; under each that was searched for, the words around the hits."""
    head = ("CONVERSATION", "WHEN", "ASSISTANT", "NUMBER", "LENGTH", "ABOUT")
    rows = [
        (
            line(call["conversation_id"]),
            when(call["started_at"]),
            line(call["assistant"] or "-"),
            line(call["external_number"] or call["channel"] or "-"),
            clock(call["duration_secs"]),
            about(call),
        )
        for call in calls
    ]
    first, *others = table(head, rows).split("\n")
    lines = [first]
    for row, call in zip(others, calls, strict=True):
        lines.append(row)
        if call.get("snippet"):
            lines.append(f"    {snippet_text(call['snippet'], call['hits'])}")
    return "\n".join(lines)


def snippet_text(said: str, hits: Sequence[Sequence[int]]) -> str:
    """One line with the hits in colour."""
    parts, at = [], 0
    for begin, end in hits:
        parts += [plain(said[at:begin]), paint(plain(said[begin:end]), *_HIT)]
        at = end
    return "".join([*parts, plain(said[at:])])


def items_text(items: Sequence[Mapping[str, Any]]) -> str:
    """A table, one line per action item."""
    head = ("ITEM", "WHEN", "ASSISTANT", "NUMBER", "WHAT")
    rows = []
    for item in items:
        details = ", ".join(line(part) for part in (item["who"], item["due_date"] or item["due"]) if part)
        rows.append(
            (
                line(item["id"]),
                when(item["started_at"]),
                line(item["assistant"] or "-"),
                line(item["external_number"] or "-"),
                f"[{'x' if item['done'] else ' '}] {line(item['what'])}{f' ({details})' if details else ''}",
            )
        )
    return table(head, rows)
