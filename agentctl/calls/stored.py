"""A stored call -> Call, to be digested again: what the store shows of it, without the analysis that came with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from agentctl.calls.call import Call, Turn

_APART = {"started_at", "timezone", "summary", "title", "collected", "turns"}


def call_of(row: Mapping[str, Any]) -> Call:
    """Of one row of `show_call` or `digestible`."""
    same = {field.name: row[field.name] for field in fields(Call) if field.name not in _APART}
    return Call(
        **same,
        started_at=datetime.fromisoformat(row["started_at"]),
        timezone=row["detail"].get("timezone"),
        turns=tuple(_turn(turn) for turn in row["turns"]),
    )


def _turn(row: Mapping[str, Any]) -> Turn:
    given: dict[str, Any] = {field.name: row[field.name] for field in fields(Turn)}
    return Turn(**given | {name: tuple(given[name]) for name in ("tool_calls", "tool_results")})
