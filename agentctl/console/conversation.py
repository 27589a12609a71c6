"""A call's turns as they are read: what a tool was asked and answered is one thing, between what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Turn = Mapping[str, Any]


@dataclass
class Use:
    """One use of a tool. None: nothing was asked, or nothing is known of an answer."""

    name: str
    identity: str = ""
    asked: str | None = None
    answer: str | None = None
    failed: bool = False
    is_answered: bool = False


@dataclass
class Row:
    """A turn with what its tools did; `joined`: further turns in which nothing was said, which have no row."""

    turn: Turn
    joined: list[Turn] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)

    @property
    def is_silent(self) -> bool:
        """Whether it is about tools alone."""
        return not self.turn.get("message") and bool(self.uses)

    @property
    def citations(self) -> list[Mapping[str, Any]]:
        """What was looked up, in any of them."""
        return [source for turn in (self.turn, *self.joined) for source in turn.get("citations") or ()]


def rows(turns: Iterable[Turn]) -> list[Row]:
    """In their order; an answer belongs to the row of its question."""
    found: list[Row] = []
    for turn in turns:
        before = found[-1] if found else None
        if before is not None and before.uses and _is_silent(turn):
            before.joined.append(turn)
        else:
            found.append(Row(turn))
        _use(found[-1], turn)
    return found


def _is_silent(turn: Turn) -> bool:
    return not turn.get("message") and bool(turn.get("tool_calls") or turn.get("tool_results"))


def _use(row: Row, turn: Turn) -> None:
    for one in turn.get("tool_calls") or ():
        row.uses.append(Use(_name(one), str(one.get("request_id") or ""), one.get("params_as_json")))
    for one in turn.get("tool_results") or ():
        use = _asked(row, one)
        use.answer, use.failed, use.is_answered = one.get("result_value"), bool(one.get("is_error")), True


def _asked(row: Row, result: Mapping[str, Any]) -> Use:
    """What this answers; the platform does not always name the request."""
    identity, name = str(result.get("request_id") or ""), _name(result)
    waiting = [one for one in row.uses if not one.is_answered]
    fits = [one for one in waiting if identity and one.identity == identity] or [
        one for one in waiting if one.name == name
    ]
    if not fits:
        row.uses.append(Use(name))
        return row.uses[-1]
    return fits[0]


def _name(told: Mapping[str, Any]) -> str:
    return str(told.get("tool_name") or "?")
