"""Calls as a table, as JSON lines and as Markdown. Whatever was said on the phone stays text in each of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentctl.calls.spreadsheet import COLUMNS as COLUMNS
from agentctl.calls.spreadsheet import csv_row as csv_row
from agentctl.cli.render_call import clock, line, when

Call = Mapping[str, Any]

# Signs that are markup anywhere, those that begin a heading, a list or a rule where a text begins, and what makes links
# of addresses. For mail addresses and names GitHub's renderer looks in what is shown, when backslashes are gone: there
# an @ makes none with a sign behind it that is not seen.
_NUMBERED = "|".join(rf"(?<=^\d{{{many}}})" for many in range(1, 10))  # of so many digits a list's number is made
_MARKUP = re.compile(
    r"[\\`*_{}\[\]<>|~&$]|^[#+=-]|(?:" + _NUMBERED + r")[.)]"
    r"|(?i:(?<=http)|(?<=https)|(?<=ftp)):(?=//)|(?i:(?<=\bwww))\."
)
_UNSEEN = "\u2060"  # word joiner


@dataclass(frozen=True)
class Form:
    """How an export begins, and how each call follows."""

    head: Callable[[], str]
    body: Callable[[Call], str]


def _csv(call: Call) -> str:
    items = (f"[{'x' if item['done'] else ' '}] {item['what']}" for item in call["action_items"])
    said = (f"{turn['role']}: {line(turn['message'])}" for turn in call["turns"] if turn["message"])
    return csv_row({**call, "action_items": "; ".join(items), "transcript": " / ".join(said)})


def _jsonl(call: Call) -> str:
    return f"{json.dumps(call, ensure_ascii=False)}\n"


def _markdown(call: Call) -> str:
    return "\n".join([*_paragraphs(call), ""])


def _paragraphs(call: Call) -> Iterator[str]:
    who = text(call["assistant_name"] or call["assistant"] or call["agent_id"] or "-")
    title = text(call["title"] or call["status"])
    yield f"## {when(call['started_at'])} {who}, {text(call['external_number'] or call['channel'] or '-')}: {title}\n"
    facts = (call["conversation_id"], clock(call["duration_secs"]), call["status"], call["successful"], call["outcome"])
    yield f"{', '.join(text(fact) for fact in facts if fact)}\n"
    if call["summary"]:
        yield f"> {text(call['summary'])}\n"
    for item in call["action_items"]:
        details = ", ".join(text(part) for part in (item["who"], item["due"]) if part)
        yield f"- [{'x' if item['done'] else ' '}] {text(item['what'])}{f' ({details})' if details else ''}"
    if call["action_items"]:
        yield ""
    for turn in call["turns"]:
        if turn["message"]:
            yield f"**{turn['position']} {clock(turn['at_secs'])} {text(turn['role'])}:** {text(turn['message'])}\n"


def text(value: object) -> str:
    """One line that Markdown shows as it is, wherever it stands: no markup, no HTML, no link."""
    return _MARKUP.sub(lambda match: f"\\{match[0]}", line(value)).replace("@", f"@{_UNSEEN}")


FORMS = {
    "csv": Form(lambda: csv_row({name: name for name in COLUMNS}), _csv),
    "jsonl": Form(lambda: "", _jsonl),
    "md": Form(lambda: "# Calls\n\n", _markdown),
}
