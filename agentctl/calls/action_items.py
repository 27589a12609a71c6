"""Action items out of what a model wrote in the agreed form, `what | who | when` per line, or in any near it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from agentctl.calls import wire
from agentctl.calls.call import ActionItem

MAX_ITEMS = 50
MAX_LENGTH = 500  # characters of one part

_BULLET = re.compile(r"^\s*(?:[-*•–—·▪]+|\(?\d{1,2}[.)]|\[[ xX]?\])\s+")
# How models say that there is nothing to do, although asked for an empty value.
_NOTHING = frozenset(
    {
        "",
        "-",
        "--",
        "–",
        "—",
        "none",
        "no action items",
        "no tasks",
        "nothing",
        "n/a",
        "na",
        "null",
        "empty",
        "[]",
        "{}",
    }
    | {"keine", "keine aufgaben", "nichts", "nichts zu tun", "leer", "entfällt", "keine offenen aufgaben"}
)


def action_items(value: Any) -> tuple[ActionItem, ...]:
    """Read the collected value: lines, bullets, a JSON array (as text or not), or nothing. Never raises."""
    found = (item for entry in _entries(value) if (item := _item(entry)))
    return tuple(dict.fromkeys(found))[:MAX_ITEMS]


def _entries(value: Any) -> Iterable[Any]:
    if isinstance(value, str):
        parsed = _json_list(value)
        return value.splitlines() if parsed is None else parsed
    if isinstance(value, dict):
        return [value]
    return value if isinstance(value, list) else []


def _json_list(value: str) -> list[Any] | None:
    stripped = value.strip()
    if not stripped.startswith(("[", "{")):
        return None
    try:
        parsed = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    if isinstance(parsed, dict):
        return [parsed]
    return parsed if isinstance(parsed, list) else None


def _item(entry: Any) -> ActionItem | None:
    if isinstance(entry, dict):
        what = _part(entry.get("what") or entry.get("task") or entry.get("description"))
        who, due = _part(entry.get("who")), _part(entry.get("when") or entry.get("due"))
    elif isinstance(entry, str):
        parts = [_part(part) for part in _BULLET.sub("", entry).strip().strip("|").split("|")]
        what, who = parts[0], parts[1] if len(parts) > 1 else None
        due = _part(" ".join(part for part in parts[2:] if part))
    else:
        return None
    return ActionItem(what, who, due) if what else None


def _part(value: Any) -> str | None:
    found = " ".join((wire.text(value) or "").split())[:MAX_LENGTH]
    return None if found.strip(" .").lower() in _NOTHING else wire.clean_text(found)
